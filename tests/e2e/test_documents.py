"""What the documents promise: the README's transcript is what the demo says, the tables have every setting."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from pydantic import BaseModel

from adapters.ece import EceConfig
from adapters.mapping import Fields
from adapters.register import RegisterConfig
from adapters.rest import RestConfig
from adapters.soap import SoapConfig
from adapters.sql import SqlConfig
from gateway import settings_files
from gateway.channels import listed
from gateway.settings import GatewaySettings
from gateway.settings_channels import SmppChannel, SmppSms, SmppUssd, SmsChannel, UssdChannel
from gateway.settings_offices import HolidaySettings
from menus.ports import State
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

    assert 15 == len(rows)
    assert [] == [row for row in rows if row not in said]


def keys_of(model, prefix=""):
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel) and name not in ("auth", "fields", "steps"):
            yield from keys_of(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize(
    "model",
    [
        GatewaySettings,
        UssdChannel,
        SmsChannel,
        SmppChannel,
        SmppUssd,
        SmppSms,
        HolidaySettings,
        RestConfig,
        SoapConfig,
        EceConfig,
        SqlConfig,
        RegisterConfig,
    ],
    ids=lambda model: model.__name__,
)
def test_every_setting_has_its_row(model):
    rows = set(re.findall(r"`([a-z0-9_.]+)`", (ROOT / "docs/settings.md").read_text(encoding="utf-8")))

    assert [] == [key for key in keys_of(model) if key not in rows]


BACKENDS = (ROOT / "docs/backends.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [Fields.model_fields, list(State)], ids=["fields", "states"])
def test_whoever_connects_an_office_finds_each_field_and_state(words):
    rows = set(re.findall(r"`([a-z_]+)`", " ".join(re.findall(r"^\| (`[^|]*) \|", BACKENDS, re.M))))

    assert [] == [word for word in words if word not in rows]


async def test_the_worked_example_does_what_it_says(aiohttp_server, tmp_path):
    import asyncio

    from aiohttp import web

    answer, backend, routes = re.findall(r"```(?:json|yaml)\n(.*?)```", BACKENDS[BACKENDS.index("## A worked") :], re.S)
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    (config / "backends/roads.yaml").write_text(backend, encoding="utf-8")
    (config / "routes.yaml").write_text(f"{routes}requests: [{{backend: services}}]\n", encoding="utf-8")
    office = web.Application()

    async def one_case(_request):
        return web.Response(text=answer, content_type="application/json")

    office.router.add_get("/v1/case", one_case)
    url = str((await aiohttp_server(office)).make_url("/")).rstrip("/")
    done = await asyncio.to_thread(
        subprocess.run, [RASAD, "backend", "try", "roads", "4471", "--config", str(config), "--lang", "en"],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "ROADS_URL": url},
    )  # fmt: skip

    assert (0, "") == (done.returncode, done.stderr)
    assert "state: 'WORKING' -> in_progress" in done.stdout
    day = date.fromisoformat(re.search(r"due_on: 20 working days after 2026-11-03 -> (\S+)", done.stdout)[1])
    assert f"a due date of {day.day} {day:%B}" in BACKENDS


def test_every_dialect_and_channel_has_its_row():
    channels = {path.stem for path in (ROOT / "config/channels").glob("*.yaml")}

    assert [] == [name for name in {*channels, *listed.USSD, *listed.SMS} if f"| `{name}` |" not in README]


async def test_the_smpp_file_of_the_documents_holds(tmp_path):

    text = (ROOT / "docs/channels.md").read_text(encoding="utf-8")
    written = re.search(r"```yaml\n(.*?)```", text[text.index("## SMPP 3.4") :], re.S)[1]
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    for path in (config / "channels").glob("*.yaml"):
        path.unlink()
    (config / "channels/mci.yaml").write_text(written, encoding="utf-8")
    offices = [f"{path.stem.upper()}_URL" for path in (config / "backends").glob("*.yaml")]
    environ = {**dict.fromkeys(offices, "http://127.0.0.1:9"), "MCI_PASSWORD": "secret08"}

    found = settings_files.read(config, environ)
    assert {"mci"} == set(found.smpp) == set(found.talks) == set(found.texts)
