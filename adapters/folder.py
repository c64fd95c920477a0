"""The files of a folder that others write into: each read once it is still, and again when it changes.

A file is still when two looks in a row see the same size and time. One that cannot be used is set aside with its
reason when it has stayed so for a while: a slow writer may only have paused. Where the folder is not ours to change,
it stays where it is and is remembered. Blocking: look() belongs in a thread.
"""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

ASIDE = "aside"

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class File(Generic[Read]):
    """mtime_ns: when it was last written, by the clock of whoever wrote it."""

    name: str
    mtime_ns: int
    said: Read


@dataclass(frozen=True, slots=True)
class _Seen:
    mtime_ns: int
    octets: int


@dataclass(frozen=True, slots=True)
class _Bad:
    as_seen: _Seen
    reason: str
    since: float


class Folder(Generic[Read]):
    """read turns a file's octets into what it says, and raises ValueError with a reason. bad is told each reason."""

    def __init__(
        self,
        path: Path,
        read: Callable[[bytes], Read],
        bad: Callable[[str], None],
        *,
        suffixes: Collection[str],
        max_file_octets: int,
        max_files: int,
        aside_after_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._path = path
        self._read = read
        self._tell = bad
        self._suffixes = tuple(suffix.lower() for suffix in suffixes)
        self._max_file_octets = max_file_octets
        self._max_files = max_files
        self._aside_after_s = aside_after_s
        self._monotonic = monotonic
        self._last: dict[str, _Seen] = {}
        self._good: dict[str, tuple[_Seen, File[Read]]] = {}
        self._bad: dict[str, _Bad] = {}
        self._over = False

    @property
    def bad(self) -> dict[str, str]:
        """Files of the folder that cannot be used, by name, with the reason."""
        return {name: each.reason for name, each in dict(self._bad).items()}  # a copy: a look may be at work

    @property
    def files(self) -> list[File[Read]]:
        """Those that were read, as they were at the last look."""
        return [file for _, file in list(self._good.values())]  # a copy: a look may be at work

    def look(self, at_most: int) -> tuple[bool, int]:
        """Whether files is another than before; and how many still ones wait beyond the at_most that are read now.

        Raises OSError when the folder cannot be listed.
        """
        now = self._listed()
        changed = bool(self._good.keys() - now.keys())
        self._good = {name: each for name, each in self._good.items() if name in now}
        self._bad = {name: each for name, each in self._bad.items() if name in now}
        still = [name for name, seen in now.items() if self._last.get(name) == seen and not self._knows(name, seen)]
        self._last = now
        for name in still[:at_most]:
            changed |= self._take(name, now[name])
        for name, each in list(self._bad.items()):
            if self._monotonic() - each.since >= self._aside_after_s and self._set_aside(name, each.reason):
                del self._bad[name]
        return changed, max(len(still) - at_most, 0)

    def _listed(self) -> dict[str, _Seen]:
        found: dict[str, _Seen] = {}
        with os.scandir(self._path) as entries:
            for entry in entries:
                # Links are not followed: what stands elsewhere is not this office's.
                if entry.name.lower().endswith(self._suffixes) and entry.is_file(follow_symlinks=False):
                    try:
                        seen = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    found[entry.name] = _Seen(seen.st_mtime_ns, seen.st_size)
        over = len(found) > self._max_files
        if over and not self._over:
            self._tell(f"more than {self._max_files} files; only the newest are read")
        self._over = over
        newest = sorted(found.items(), key=lambda each: (each[1].mtime_ns, each[0]), reverse=True)
        return dict(newest[: self._max_files])

    def _knows(self, name: str, seen: _Seen) -> bool:
        good, bad = self._good.get(name), self._bad.get(name)
        return (good is not None and good[0] == seen) or (bad is not None and bad.as_seen == seen)

    def _take(self, name: str, seen: _Seen) -> bool:
        try:
            self._good[name] = (seen, File(name, seen.mtime_ns, self._read(self._octets(name, seen))))
        except FileNotFoundError:
            return False
        except (OSError, ValueError) as error:
            # An OSError's own words have the name of the file, which may be a letter's number.
            reason = str(error) if isinstance(error, ValueError) else f"cannot be read: {error.strerror}"
            self._bad[name] = _Bad(seen, reason, self._monotonic())
            self._tell(reason)
            return self._good.pop(name, None) is not None
        self._bad.pop(name, None)
        return True

    def _octets(self, name: str, seen: _Seen) -> bytes:
        too_long = ValueError(f"more than {self._max_file_octets} octets")
        if seen.octets > self._max_file_octets:
            raise too_long
        with (self._path / name).open("rb") as file:
            octets = file.read(self._max_file_octets + 1)
        if len(octets) > self._max_file_octets:
            raise too_long
        return octets

    def _set_aside(self, name: str, reason: str) -> bool:
        """False when the folder is not ours to change."""
        aside = self._path / ASIDE
        try:
            aside.mkdir(exist_ok=True)
            place = aside / name
            count = 1
            while place.exists():
                count += 1
                place = aside / f"{name}.{count}"
            # The reason first: a file in aside/ without one would be a riddle, a reason without its file is not.
            place.with_name(f"{place.name}.reason").write_text(f"{reason}\n", encoding="utf-8")
            (self._path / name).rename(place)
        except OSError:
            return False
        return True
