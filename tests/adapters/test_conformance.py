"""What every kind of backend does alike, on the simulated office of its kind, described by the file that is shipped for
it or stands in docs/backends.md. What one of them cannot do is in CANNOT, with the reason."""

import asyncio
import os
import re
import socket
import threading
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.contract import ContractBreach, Lookup, Traceable
from adapters.guard import Guard
from gateway.app import BACKEND_KINDS
from gateway.disclosure import disclosed
from gateway.server import listening, serving
from menus.ports import Ask, CaseStep, Found, Late, Missing, Several, State, reference
from simulators.demo import HOME, address
from simulators.offices import data, database, ece_folder, secretariat, services, soap_secretariat, spreadsheet

TODAY = date(2026, 11, 22)
PASSWORD = "p&<w"
SOON_S = 10.0
"""For what a test waits for; none of them is about how long that takes."""

CANNOT = {
    ("ece", "unmapped"): "a file says that a letter was sent and no state; what that means here is in its backend file",
    ("register_csv", "unmapped"): "such a row is not served and stands in the report, with its word: test_register.py",
    ("register_xlsx", "unmapped"): "as register_csv",
    ("ece", "receipt_code"): "an ECE file has no receipt code",
    ("services", "receipt_code"): "a tracking code is what proves whose request it is; none is secret",
    ("services", "secret"): "requests have no secrecy",
    ("services", "several"): "a tracking code is given once",
    ("services", "order"): "a tracking code has one part",
    ("services", "running"): "a tracking code has one part",
    ("rest", "running"): "its simulated office is not asked for the running number; of the kind: test_rest.py",
    ("soap", "running"): "its simulated office is not asked for the running number; of the kind: test_soap.py",
    ("register_csv", "another"): "rows are looked up by the number that stands in them",
    ("register_xlsx", "another"): "as register_csv",
    ("ece", "another"): "files are looked up by the number that stands in them",
}  # fmt: skip


# --- the offices ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Office:
    """file: what describes it, as data. hangs: what is changed in it so that no answer comes."""

    file: dict[str, Any]
    hangs: dict[str, Any]


def described(path: Path, section: str = "", **environ: str) -> dict[str, Any]:
    found = path.read_text(encoding="utf-8")
    if section:
        found = re.search(rf"^## {section}$.*?^```yaml\n(.*?)^```$", found, re.M | re.S)[1]
    return yaml.safe_load(re.sub(r"\$\{(\w+)\}", lambda name: environ.get(name[1], ""), found))


DOCUMENT = HOME / "docs" / "backends.md"


@asynccontextmanager
async def on_a_socket(application: web.Application):
    """Its address, and one where connections are made and nobody ever reads."""
    with listening("127.0.0.1", 0) as on, socket.create_server(("127.0.0.1", 0)) as hole:
        async with serving(application, on, stop_within_s=0.1):
            yield address(on), address(hole)


@asynccontextmanager
async def rest(letters, _folder, _request):
    async with on_a_socket(secretariat.application(letters)) as (url, hole):
        file = described(HOME / "config/backends/secretariat.yaml", SECRETARIAT_URL=url)
        yield Office(file, {"base_url": hole})


@asynccontextmanager
async def of_services(letters, _folder, _request):
    requests = [each for each in letters if isinstance(each, data.Request)] or list(data.requests(TODAY))
    async with on_a_socket(services.application(requests)) as (url, hole):
        yield Office(described(HOME / "config/backends/services.yaml", SERVICES_URL=url), {"base_url": hole})


@asynccontextmanager
async def soap(letters, _folder, _request):
    application = soap_secretariat.application(letters, username="rasad", password=PASSWORD)
    async with on_a_socket(application) as (url, hole):
        file = described(DOCUMENT, "SOAP", SECRETARIAT_URL=url, SECRETARIAT_PASSWORD=PASSWORD)
        envelope = '<FindLetter xmlns="urn:rasad:secretariat"><Receipt>{{receipt_code}}</Receipt></FindLetter>'
        by_code = {"action": soap_secretariat.ACTION, "envelope": envelope, "echo": "Receipt"}
        yield Office({**file, "tries": [by_code, *file["tries"]]}, {"url": f"{hole}/letters.asmx"})


ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    " SELECT max(i) AS letter_no FROM n WHERE i > :exact",
    "postgresql": "SELECT letter_no FROM letters_status WHERE letter_no = :exact AND pg_sleep(3600) IS NOT NULL",
}


@asynccontextmanager
async def sql(letters, folder, request, *, on):
    if on == "sqlite":
        url = f"sqlite+aiosqlite:///{folder / 'office.db'}"
    else:
        url = request.getfixturevalue("postgresql_server")[0]
        engine = create_async_engine(url)
        async with engine.begin() as connection:
            await connection.execute(text("DROP SCHEMA public CASCADE"))
            await connection.execute(text("CREATE SCHEMA public"))
        await engine.dispose()
    await database.fill(url, letters)
    file = described(DOCUMENT, "A database view", OFFICE_DATABASE=url)
    file["fields"]["subject"] = "subject"
    by_code = {"select": "SELECT * FROM letters_status WHERE receipt_code = :receipt_code", "echo": "receipt_code"}
    running = {"select": "SELECT * FROM letters_status WHERE letter_no LIKE '%/' || :running"}
    hangs = {"tries": [{"select": ENDLESS[on]}], "deadline_s": 30}
    yield Office({**file, "tries": [by_code, *file["tries"], running]}, hangs)


@asynccontextmanager
async def register(letters, folder, _request, *, write, name):
    (folder / "register").mkdir()
    write(folder / "register" / name, letters)
    file = described(DOCUMENT, "A register in a spreadsheet", REGISTER_FOLDER=str(folder / "register"))
    file["fields"]["subject"] = "موضوع"
    by_code = {"key": "receipt_code", "column": "کد رسید"}
    tries = [by_code, *file["tries"], {"key": "running"}]
    yield Office({**file, "tries": tries, "still_s": 0.02, "poll_s": 0.05}, {"still_s": 3600, "poll_s": 3600})


@asynccontextmanager
async def ece(letters, folder, _request):
    ece_folder.write(folder / "ece", letters)
    file = described(DOCUMENT, "ECE folder", ECE_FOLDER=str(folder / "ece"))
    yield Office({**file, "refresh_s": 0.02}, {"refresh_s": 3600})


OFFICES = {
    "rest": rest,
    "services": of_services,
    "soap": soap,
    "sql_sqlite": partial(sql, on="sqlite"),
    "sql_postgresql": partial(sql, on="postgresql"),
    "register_csv": partial(register, write=spreadsheet.write_csv, name="letters.csv"),
    "register_xlsx": partial(register, write=spreadsheet.write_xlsx, name="letters.xlsx"),
    "ece": ece,
}
LETTERS = [name for name in OFFICES if name != "services"]


def able(case: str) -> Any:
    """The offices this case is tried on."""
    return pytest.mark.parametrize("name", [name for name in OFFICES if (name, case) not in CANNOT])


def test_what_cannot_be_done_is_of_offices_there_are():
    assert {name for name, _ in CANNOT} <= OFFICES.keys()
    assert {config.model_fields["kind"].annotation.__args__[0] for config, _ in BACKEND_KINDS.values()} == {
        name.partition("_")[0] for name in LETTERS
    }
    assert {"unmapped", "receipt_code", "secret", "several", "order", "running", "another"} == {
        case for _, case in CANNOT
    }


class Opened:
    """A backend at work; its file, and the words it had no meaning for."""

    def __init__(self, lookup: Lookup, config: Any, words: list[str]) -> None:
        self.lookup, self.config, self.words = lookup, config, words

    async def asks(self, number: str):
        async with asyncio.timeout(SOON_S * 3):
            return await self.lookup.look_up(Ask("letters", 1, reference(number)))


@pytest.fixture
def opened(tmp_path, request):
    """`async with opened(name)`: that office with the handbook's letters, or others, and its backend."""

    @asynccontextmanager
    async def at_work(name, letters=None, *, hangs=False):
        letters = list(data.letters(TODAY)) if letters is None else letters
        async with OFFICES[name](letters, tmp_path, request) as office:
            file = {**office.file, **(office.hangs if hangs else {})}
            model, make = BACKEND_KINDS[file["kind"]]
            words: list[str] = []
            config = model.model_validate(file)
            async with make(config, words.append) as lookup:
                yield Opened(lookup, config, words)

    return at_work


# --- found ------------------------------------------------------------------------------------------------------------


def expected(letter: data.Letter, kind: str, config: Any) -> dict[str, Any]:
    """What the fields that its file declares must be."""
    steps = tuple(CaseStep({"fa": desk}, day) for desk, day in letter.referrals)
    known = {
        "number": letter.number,
        "state": config.states.get(letter.state),
        "organisation": {"fa": letter.organisation},
        "year": letter.registered_in,
        "desk": {"fa": letter.referrals[-1][0]},
        "changed_on": letter.state_date,
        "due_on": letter.deadline,
        "answer_number": letter.reply_number,
        "phone": letter.phone,
        "secret": letter.confidentiality != "عادی",
        "subject": letter.subject,
        "sender": letter.sender,
        "steps": steps,
    }
    if kind == "ece":  # the day it was sent, or its answer was; whoever sent it; and no desks in between
        answered = letter.reply_number is not None
        known |= {
            "state": State.ANSWERED if answered else State.REGISTERED,
            "changed_on": letter.state_date if answered else letter.referrals[0][1],
            "sender": ece_folder.CITIZEN,
        }
    declared = {"secret" if name == "secrecy" else name for name in config.fields.model_dump(exclude_none=True)}
    return {name: value for name, value in known.items() if name in declared or (name == "steps" and config.steps)}


def of(case, names):
    """These fields of a case; of names the Persian one."""
    found = {name: getattr(case, name) for name in names}
    for name in {"organisation", "desk"} & found.keys():
        found[name] = {"fa": found[name].get("fa")}
    if "steps" in found:
        found["steps"] = tuple(CaseStep({"fa": step.desk["fa"]}, step.on) for step in found["steps"])
    return found


def cases(answer):
    return answer.cases if isinstance(answer, Several) else (answer.case,)


@pytest.mark.parametrize("name", LETTERS)
async def test_every_field_of_every_letter_is_mapped(opened, name):
    letters = [each for each in data.letters(TODAY) if each.confidentiality == "عادی"]
    async with opened(name) as office:
        for letter in letters:
            wanted = expected(letter, name, office.config)
            answer = await office.asks(letter.number)
            [case] = [
                each
                for each in cases(answer)
                if (each.organisation["fa"], each.year) == (letter.organisation, letter.registered_in)
            ]
            assert wanted == of(case, wanted), letter.number
            assert "letter" == case.kind
            assert not case.proven
        assert 12 == len(letters)
        assert [] == office.words
        assert {"number", "state", "organisation", "year", "desk", "changed_on", "secret", "subject"} <= wanted.keys()


async def test_every_field_of_every_request_is_mapped(opened):
    async with opened("services") as office:
        for request in data.requests(TODAY):
            case = (await office.asks(request.code)).case
            done = [(unit, day) for unit, day in request.steps if day is not None]
            assert ("request", request.code, request.agency) == (case.kind, case.number, case.organisation["fa"])
            assert (office.config.states[request.status], request.status_date) == (case.state, case.changed_on)
            assert (request.expected, request.phone) == (case.due_on, case.phone)
            assert (done[-1][0], len(done), len(request.steps)) == (case.desk["fa"], case.step, case.steps_total)
            assert done == [(step.desk["fa"], step.on) for step in case.steps]
            assert (request.missing_document or None) == case.lacking.get("fa")


KNOWN = {name: "2001000344" if name == "services" else "12345" for name in OFFICES}


@able("missing")
async def test_what_is_not_there_is_missing(opened, name):
    async with opened(name) as office:
        for number in ("99999", "2001000352", "1/2/3", "x", "9" * 30):
            assert Missing() == await office.asks(number), number
        assert not isinstance(await office.asks(KNOWN[name]), Missing)


@able("several")
async def test_one_number_in_two_organisations_and_in_two_years_is_several(opened, name):
    this, before = [letter.registered_in for letter in data.letters(TODAY) if letter.number == "22011"]
    async with opened(name) as office:
        found = {
            number: sorted((case.organisation["fa"], case.year) for case in (await office.asks(number)).cases)
            for number in ("22010", "22011")
        }

    assert [("استانداری", this), ("شهرداری", this)] == found["22010"]
    assert [("استانداری", before), ("استانداری", this)] == found["22011"]


SPELLINGS = ["220/1396/54321", "220*1396*54321", "220-1396-54321", "۲۲۰/۱۳۹۶/۵۴۳۲۱", "٢٢٠/١٣٩٦/٥٤٣٢١",
             "0220/1396/054321", " 220 1396 54321 "]  # fmt: skip


@pytest.mark.parametrize("name", LETTERS)
async def test_a_number_is_found_however_it_is_spelled(opened, name):
    async with opened(name) as office:
        assert ["220/1396/54321"] * 7 == [(await office.asks(number)).case.number for number in SPELLINGS]


async def test_a_code_is_found_however_it_is_spelled(opened):
    async with opened("services") as office:
        spelled = ("2001000344", "۲۰۰۱۰۰۰۳۴۴", "٢٠٠١٠٠٠٣٤٤", " 2001000344 ")
        assert ["2001000344"] * 4 == [(await office.asks(number)).case.number for number in spelled]


@able("order")
async def test_its_parts_may_stand_in_any_order(opened, name):
    async with opened(name) as office:
        for number in ("54321*1396*220", "1396/54321/220", "۵۴۳۲۱/۱۳۹۶/۲۲۰"):
            assert "220/1396/54321" == (await office.asks(number)).case.number


@able("running")
async def test_the_running_number_alone_finds_it(opened, name):
    async with opened(name) as office:
        for number in ("54321", "۵۴۳۲۱", "054321"):
            assert "220/1396/54321" == (await office.asks(number)).case.number


# --- not for everybody ------------------------------------------------------------------------------------------------


@able("secret")
async def test_a_confidential_letter_reads_as_missing_by_its_number(opened, name):
    async with opened(name) as office:
        answer = await office.asks("777")
        assert isinstance(answer, Found)
        assert answer.case.secret
        assert not answer.case.proven
        for phone in ("", "+989161234567"):
            assert Missing() == disclosed(answer, phone)


@able("receipt_code")
async def test_with_its_receipt_code_it_reads_as_what_it_is(opened, name):
    async with opened(name) as office:
        answer = await office.asks("1040610014")
        assert isinstance(answer, Found)
        shown = disclosed(answer, "")
        assert isinstance(shown, Found)
        assert ("777", "گزارش تخلف", True) == (shown.case.number, shown.case.subject, shown.case.proven)
        for other in ("1040610022", "1040610015"):  # of another letter, and with a wrong check digit
            assert Missing() == await office.asks(other)


class Alike(str):
    """A number that an office takes for every other."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, _):
        return True


@able("another")
async def test_an_answer_about_another_number_is_a_breach_and_shows_nothing(opened, name, monkeypatch):
    if name == "services":
        monkeypatch.setattr(services, "_row", lambda each: {**ROW(each), "tracking_code": "2001000377"})
        letters = None
    elif name in ("rest", "soap"):
        letters = [replace(next(data.letters(TODAY)), number=Alike("110718"))]
    else:
        letters = None
    async with opened(name, letters) as office:
        lookup = office.lookup
        if name.startswith("sql"):
            everything = [{"select": "SELECT * FROM letters_status WHERE :exact = :exact"}]
            config = office.config.model_validate({**office.config.model_dump(exclude_none=True), "tries": everything})
            lookup = type(lookup)(config)
        async with lookup if lookup is not office.lookup else _as_it_is():
            with pytest.raises(ContractBreach) as breach:
                await lookup.look_up(Ask("letters", 1, reference(KNOWN[name])))

    assert "110718" not in str(breach.value)


ROW = services._row


@asynccontextmanager
async def _as_it_is():
    yield


@able("unmapped")
async def test_a_state_nobody_mapped_is_under_review_and_counted(opened, name):
    first = next(data.letters(TODAY))
    letters: list[Any] = [replace(first, number="55555", state="نزد کارشناس")]
    number, word = "55555", "نزد کارشناس"
    if name == "services":
        letters = [replace(next(data.requests(TODAY)), status="PONDERED")]
        number, word = letters[0].code, "PONDERED"
    async with opened(name, letters) as office:
        assert State.UNKNOWN is (await office.asks(number)).case.state
        assert [word] == office.words
        await office.asks(number)
        assert [word] * 2 == office.words


# --- at its end -------------------------------------------------------------------------------------------------------


@able("deadline")
async def test_a_source_that_hangs_is_not_waited_for(opened, name):
    reports: list[tuple[str, str]] = []
    loop = asyncio.get_running_loop()
    async with opened(name, hangs=True) as office:
        guard = Guard(
            office.lookup, deadline_s=30, max_in_flight=2, monotonic=loop.time,
            report=lambda word, reason, _: reports.append((word, reason)),
        )  # fmt: skip
        question = Ask("letters", 1, reference(KNOWN[name]))
        async with asyncio.timeout(SOON_S):
            assert [Late()] * 3 == await asyncio.gather(*(guard.ask(question, 0.5) for _ in range(3)))

    assert ["late"] * 3 == [word for word, _ in reports]


def open_here():
    """What this process holds: tasks, threads but for the loop's own pool, and sockets."""
    sockets = 0
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            sockets += os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
    threads = {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}
    return len(asyncio.all_tasks()), len(threads), sockets


@able("closed")
@pytest.mark.parametrize("hangs", [False, True], ids=["answering", "hanging"])
async def test_nothing_of_it_is_left_when_it_is_closed(opened, name, hangs):
    await asyncio.to_thread(lambda: None)
    before = open_here()
    async with opened(name, hangs=hangs) as office:
        asking = [asyncio.create_task(office.asks(KNOWN[name])) for _ in range(3)]
        if hangs:
            await asyncio.sleep(0.1)
            for task in asking:
                task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    async with asyncio.timeout(SOON_S):
        while any(now > then for now, then in zip(open_here(), before, strict=True)):
            await asyncio.sleep(0.05)


@able("entered")
async def test_it_may_be_entered_again_and_an_answer_is_the_same(opened, name):
    async with opened(name) as office:
        first = await office.asks(KNOWN[name])
        assert first == await office.asks(KNOWN[name])
        again = type(office.lookup)(office.config)
        async with again:
            assert first == await again.look_up(Ask("letters", 7, reference(KNOWN[name]), "another dialogue"))


@able("frozen")
async def test_an_answer_cannot_be_changed(opened, name):
    async with opened(name) as office:
        answer = await office.asks(KNOWN[name])
        for value, field in ((answer, "case"), (answer.case, "number"), (answer.case, "state")):
            with pytest.raises(AttributeError):
                setattr(value, field, None)
        for step in answer.case.steps:
            with pytest.raises(AttributeError):
                step.on = None


@able("traced")
async def test_it_can_be_listened_to_and_answers_the_same(opened, name):
    told: list[tuple[str, str]] = []
    async with opened(name) as office:
        assert isinstance(office.lookup, Traceable)
        answer = await office.asks(KNOWN[name])
        async with office.lookup.traced(lambda what, said: told.append((what, said))) as traced:
            assert answer == await traced.look_up(Ask("letters", 1, reference(KNOWN[name])))
    heard = {what for what, _ in told}

    assert {"request", "answer", "record", "field"} <= heard
    assert "fault" not in heard
    assert KNOWN[name] in next(said for what, said in told if what == "request" and KNOWN[name] in said)
    assert PASSWORD not in str(told)


@able("without a number")
async def test_a_question_without_a_number_is_a_failure_and_no_answer(opened, name):
    async with opened(name) as office:
        with pytest.raises(Exception, match="without a number"):
            await office.lookup.look_up(Ask("letters", 1))
