"""The examples of docs/backends.md, as they stand there, between a phone and the offices they describe."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from gateway import app, settings_files
from gateway.disclosure import disclosed
from menus.ports import Case, Found, Several, State
from menus.source import Faulty
from simulators.demo import HOME
from simulators.offices import data, database, spreadsheet

DOCUMENT = (HOME / "docs/backends.md").read_text(encoding="utf-8")


def example(section):
    """The first YAML block of a section."""
    return re.search(rf"^## {section}$.*?^```yaml\n(.*?)^```$", DOCUMENT, re.M | re.S)[1]


@pytest.fixture
def config(tmp_path):
    """config(text): the shipped settings with this text as the file of the secretariat."""

    def written(text):
        folder = tmp_path / "config"
        shutil.copytree(HOME / "config", folder)
        (folder / "backends/secretariat.yaml").write_text(text, encoding="utf-8")
        return folder

    return written


async def sqlite(tmp_path, request, today):
    url = f"sqlite+aiosqlite:///{tmp_path / 'office.db'}"
    await database.fill(url, data.letters(today))
    return "A database view", {"OFFICE_DATABASE": url}


async def postgresql(tmp_path, request, today):
    from sqlalchemy import text
    from sqlalchemy.ext.asyncio import create_async_engine

    url = request.getfixturevalue("postgresql_server")[0]
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))
    await engine.dispose()
    await database.fill(url, data.letters(today))
    return "A database view", {"OFFICE_DATABASE": url}


async def csv(tmp_path, request, today):
    spreadsheet.write_csv(folder(tmp_path) / "letters.csv", data.letters(today))
    return "A register in a spreadsheet", {"REGISTER_FOLDER": str(folder(tmp_path))}


async def csv_of_windows(tmp_path, request, today):
    letters = list(data.letters(today))
    path = folder(tmp_path) / "letters.csv"
    spreadsheet.write_csv(path, letters, encoding="utf-8", delimiter=";")
    text = path.read_text(encoding="utf-8").translate(str.maketrans("ی", "ي"))
    path.write_bytes(text.encode("cp1256"))
    return "A register in a spreadsheet", {"REGISTER_FOLDER": str(folder(tmp_path))}


async def xlsx(tmp_path, request, today):
    spreadsheet.write_xlsx(folder(tmp_path) / "letters.xlsx", data.letters(today))
    return "A register in a spreadsheet", {"REGISTER_FOLDER": str(folder(tmp_path))}


def folder(tmp_path):
    found = tmp_path / "register"
    found.mkdir(exist_ok=True)
    return found


@pytest.mark.parametrize("office", [sqlite, postgresql, csv, csv_of_windows, xlsx], ids=lambda office: office.__name__)
async def test_the_example_answers_a_phone_as_the_demos_secretariat_does(
    desk, config, clock, tmp_path, request, office
):
    section, environ = await office(tmp_path, request, clock.today())
    dials = [
        ("12345",), ("110718",), ("12346",), ("12347",), ("22010",), ("22010", "2"), ("22011", "1"), ("777",), ("99999",),
        ("54321*1396*220",), ("12345", "1"), ("12348",), ("12344",),
    ]  # fmt: skip

    async def answers(**how):
        found = {}
        async with desk(**how) as d:
            for place, (number, *replies) in enumerate(dials):
                session = {"session_id": f"{len(how)}-{place}", "code": f"*4*061*{number}#"}
                said = await d.ussd(**session)
                for count in range(len(replies)):
                    said = await d.ussd("*".join(replies[: count + 1]), **session)
                found[number, *replies] = said
        return found

    expected = await answers()
    found = await answers(config=config(example(section)), environ=environ)

    def state_and_number(page):
        """What a register knows is of a day, which it says, and then there may be less room for the rest."""
        return page[0], re.sub(r" \(خبر [0-9/]+\)", "", page[1]).split("\n")[:2]

    assert "CON" in str(expected["12345",])
    assert {dial: state_and_number(page) for dial, page in expected.items()} == {
        dial: state_and_number(page) for dial, page in found.items()
    }


async def test_the_examples_letters_are_without_bad_rows(desk, config, clock, tmp_path):
    spreadsheet.write_csv(folder(tmp_path) / "letters.csv", data.letters(clock.today()))
    environ = {"REGISTER_FOLDER": str(folder(tmp_path))}
    async with desk(config=config(example("A register in a spreadsheet")), environ=environ) as d:
        await d.ussd(code="*4*061*12345#")

    assert ["letters.csv"] == [path.name for path in folder(tmp_path).iterdir()]


@pytest.mark.parametrize("secrets", [0, 1, 2])
def test_what_is_left_of_several_cases_is_of_the_same_day(secrets):
    day = date(2026, 11, 18)
    case = Case("letter", "22010", State.SEEN)
    cases = (case, case, *(Case("letter", "22010", State.SEEN, secret=True),) * secrets)

    assert Several((case, case), day) == disclosed(Several(cases, day), "+989161234567")
    if secrets:
        assert Found(case, day) == disclosed(Several(cases[1:], day), "+989161234567")


FAULTS = [
    ("A database view", "WHERE letter_no = :exact", "WHERE letter_no = :number", 7, ":number is none of"),
    ("A database view", "SELECT * FROM letters_status WHERE letter_no", "DELETE FROM v WHERE n", 7, "a SELECT was"),
    ("A database view", "SELECT receiver_unit, send", "DROP TABLE x; SELECT send", 9, "one statement was expected"),
    ("A database view", "url: ${OFFICE_DATABASE}", "url: office.db", 3, "no address of a database"),
    ("A database view", "pool_size: 4", "pool_size: none", 5, "pool_size"),
    ("A register in a spreadsheet", "- {key: exact}", "- {key: number}", 7, "'number' is none of"),
    ("A register in a spreadsheet", "number: شماره نامه", "number: شماره[", 10, "is no JMESPath expression"),
    (
        "A register in a spreadsheet",
        "stale_after_days: 3",
        "stale_after: 3",
        5,
        "stale_after is not a key we know here",
    ),
]


@pytest.mark.parametrize(("section", "written", "instead", "line", "told"), FAULTS)
def test_what_is_wrong_is_told_with_file_and_line(config, section, written, instead, line, told):
    text = example(section)
    assert written in text
    environ = dict.fromkeys(
        [
            "SLOW_SECRETARIAT_URL",
            "FAILING_SECRETARIAT_URL",
            "DEAD_SECRETARIAT_URL",
            "SERVICES_URL",
            "KANNEL_URL",
            "SMS_PROVIDERS_URL",
        ],
        "http://127.0.0.1:9",
    ) | {
        "KANNEL_PASSWORD": "x",
        "SMS_PROVIDERS_KEY": "x",
        "SMPP_PORT": "9",
        "SMPP_PASSWORD": "x",
        "OFFICE_DATABASE": "sqlite+aiosqlite:////x.db",
        "REGISTER_FOLDER": "/x",
    }
    with pytest.raises(Faulty) as faulty:
        app.check(settings_files.read(config(text.replace(written, instead)), environ))

    [fault] = faulty.value.faults
    assert ("secretariat.yaml", line) == (Path(fault.file).name, fault.line)
    assert told in fault.message
