"""The offices of `rasad offices`, connected by the examples of docs/backends.md and nothing else."""

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

from adapters.ece import Ece, EceConfig
from adapters.register import Register, RegisterConfig
from adapters.rest import Rest, RestConfig
from adapters.soap import Soap, SoapConfig
from adapters.sql import Sql, SqlConfig
from gateway.settings_files import VARIABLE
from menus.ports import Ask, Found, reference
from simulators import every_kind
from simulators.demo import HOME
from tests.gateway.test_backend_examples import examples

TODAY = date(2026, 11, 22)
REST = (HOME / "config/backends/secretariat.yaml").read_text(encoding="utf-8").replace("SECRETARIAT_URL", "REST_URL")
KINDS = {
    "rest": (REST, RestConfig, Rest),
    "soap": (examples("SOAP")[0], SoapConfig, Soap),
    "sql": (examples("A database view")[0], SqlConfig, Sql),
    "register": (examples("A register in a spreadsheet")[0], RegisterConfig, Register),
    "ece": (examples("ECE folder")[0], EceConfig, Ece),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_document_connects_each_of_them(kind, tmp_path):
    text, model, make = KINDS[kind]
    async with every_kind.running(tmp_path, TODAY) as environ:
        file = yaml.safe_load(VARIABLE.sub(lambda name: environ.get(name[1], name[0]), text))
        async with make(model(**file)) as office:
            answer = await office.look_up(Ask("letters", 1, reference("12345")))

    assert isinstance(answer, Found)
    assert ("letter", "12345", False) == (answer.case.kind, answer.case.number, answer.case.secret)


def test_the_command_names_what_the_document_asks_for_and_leaves_nothing_behind(tmp_path):
    rasad = [str(Path(sys.executable).parent / "rasad"), "offices"]
    with subprocess.Popen(
        rasad, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as at_work:
        lines = [at_work.stdout.readline() for _ in range(7)]
        made = list(tmp_path.iterdir())
        at_work.send_signal(signal.SIGINT)

    assert [f"export {name}=" in line for name, line in zip(NAMES, lines, strict=False)] == [True] * 6
    assert lines[-1].startswith("ready: ")
    assert (1, [], 0) == (len(made), list(tmp_path.iterdir()), at_work.returncode)


NAMES = ["REST_URL", "SECRETARIAT_URL", "SECRETARIAT_PASSWORD", "OFFICE_DATABASE", "REGISTER_FOLDER", "ECE_FOLDER"]
