"""Which state of the tree this is, for documents that say what was measured."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

WRITTEN = ("docs/proof.md", "docs/size.md", "docs/speed.md")
"""What a run writes by itself is no change of what was run."""


@dataclass(frozen=True, slots=True)
class Revision:
    commit: str
    changed: bool
    """There is something in the tree that the commit does not have."""

    @property
    def key(self) -> str:
        return f"{self.commit}-changed" if self.changed else self.commit

    def __str__(self) -> str:
        return f"commit `{self.commit}`" + (" with changes on top" if self.changed else "")


def revision(root: Path) -> Revision:
    """Without git, or in a tree that is none of its own, nobody can say what was run."""

    def git(*arguments: str) -> str | None:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "--short=12", "HEAD")
    changes = git("status", "--porcelain", "--", ".", *(f":(exclude){path}" for path in WRITTEN))
    return Revision(commit or "unknown", changed=commit is None or changes != "")
