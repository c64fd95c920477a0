"""What the documents promise: the README's transcript is what the demo says, the tables have every setting."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel

from adapters.rest import RestConfig
from gateway.channels import listed
from gateway.settings import GatewaySettings, SmsChannel, UssdChannel
from simulators import demo
from simulators.rehearsal import read

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RASAD = str(Path(sys.executable).parent / "rasad")
DAY = re.compile(r"\d\d/\d\d(?!\d)")


def transcript():
    """(command, what it prints) pairs of the README's console block."""
    block = re.search(r"```console\n(.*?)```", README, re.S)[1]
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed


async def test_the_readmes_transcript_is_what_the_demo_prints(tmp_path):
    import asyncio

    async with demo.running(ROOT / "config", "127.0.0.1", 0, tmp_path) as url:
        for command, printed in transcript():
            name, *arguments = shlex.split(command)
            assert "rasad" == name
            done = await asyncio.to_thread(
                subprocess.run, [RASAD, *arguments, "--url", url], capture_output=True, text=True, check=False,
                stdin=subprocess.DEVNULL, timeout=30,
            )  # fmt: skip

            assert 0 == done.returncode, command
            assert DAY.sub("<day>", printed) == DAY.sub("<day>", done.stdout), command


def test_every_row_of_the_readmes_table_is_in_a_conversation():
    rows = re.findall(r"^\| (?:service request )?`([0-9*]+)`", README, re.M)
    said = " ".join(step.value for path in (ROOT / "tests/conversations").glob("*.yaml") for step in read(path).steps)

    assert 11 == len(rows)
    assert [] == [row for row in rows if row not in said]


def keys_of(model, prefix=""):
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and name not in ("auth", "fields", "steps"):
            yield from keys_of(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize(
    "model", [GatewaySettings, UssdChannel, SmsChannel, RestConfig], ids=lambda model: model.__name__
)
def test_every_setting_has_its_row(model):
    rows = set(re.findall(r"`([a-z_.]+)`", (ROOT / "docs/settings.md").read_text(encoding="utf-8")))

    assert [] == [key for key in keys_of(model) if key not in rows]


def test_every_dialect_and_channel_has_its_row():
    channels = {path.stem for path in (ROOT / "config/channels").glob("*.yaml")}

    assert [] == [name for name in {*channels, *listed.USSD, *listed.SMS} if f"| `{name}` |" not in README]
