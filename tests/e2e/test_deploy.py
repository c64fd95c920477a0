"""What stands in deploy/ is what the programs it is for understand."""

import subprocess
from pathlib import Path

import pytest

from simulators.demo import HOME


@pytest.mark.needs("systemd-analyze")
def test_the_unit_is_one(tmp_path):
    unit = Path(tmp_path / "rasad.service")
    text = (HOME / "deploy" / "rasad.service").read_text("utf-8")
    unit.write_text(text.replace("/opt/rasad/.venv/bin/rasad", "/bin/true"), "utf-8")  # it must be there to be sound
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)
