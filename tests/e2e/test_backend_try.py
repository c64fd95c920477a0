"""`rasad backend try` as a process, against a running office: what an engineer who connects one sees."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from aiohttp import web

from simulators.demo import HOME
from simulators.offices import data, database, ece_folder, secretariat, soap_secretariat, spreadsheet
from tests.gateway.test_backend_examples import examples

RASAD = str(Path(sys.executable).parent / "rasad")
TODAY = date(2026, 11, 22)


@pytest.fixture
async def office(aiohttp_server):
    """The address of a secretariat without its last sign."""
    server = await aiohttp_server(secretariat.application(data.letters(TODAY)))
    return str(server.make_url("/")).rstrip("/")


@pytest.fixture
def config(tmp_path):
    return shutil.copytree(HOME / "config", tmp_path / "config")


async def tried(config, *arguments, **environ):
    """Only this backend's variables are set: the others' secrets need not be at hand."""
    return await asyncio.to_thread(
        subprocess.run,
        [RASAD, "backend", "try", *arguments, "--config", str(config)],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **environ},
    )  # fmt: skip


def parts(done):
    """Heading to what stands below it."""
    return {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in done.stdout.split("\n-- ")[1:]}


async def test_a_letter_is_shown_from_the_request_to_the_screens(config, office):
    done = await tried(config, "secretariat", "12345", SECRETARIAT_URL=office)
    shown = parts(done)

    assert (0, "") == (done.returncode, done.stderr)
    assert f"GET {office}/letters?number=12345" == shown["request"].split("\n")[0]
    assert shown["answer"].startswith('HTTP 200\n{"letters": [{"letter_no": "12345", "organisation": "استانداری"')
    became = shown["what became of it"].splitlines()
    assert "state: 'در حال بررسی' -> in_progress" in became
    assert "desk: 'دفتر حقوقی' -> fa: دفتر حقوقی, ar: القانونية, en: Legal Office" in became
    assert "secrecy: 'عادی' -> no secret" in became
    assert 4 == sum(line.startswith("a step: ") for line in became)
    assert re.fullmatch(r"found \(\d+ ms\)", shown["outcome"])
    assert shown["ussd: letter_status"].startswith("نامه 12345\nدر حال بررسی\nپاسخ تا ")
    assert shown["sms: letter_status"].startswith("رصد: نامه 12345 در حال بررسی")


async def test_the_screens_come_in_the_language_that_is_asked_for(config, office):
    done = await tried(config, "secretariat", "22010", "--lang", "en", SECRETARIAT_URL=office)
    shown = parts(done)

    assert 0 == done.returncode
    assert shown["outcome"].startswith("several: 2 cases")
    assert "1)Governorate 1405" in shown["ussd: which_letter"]
    assert shown["ussd: letter_answered, 2) Municipality 1405"].startswith("Letter 22010\nAnswered on ")


async def test_what_is_typed_otherwise_and_parts_in_another_order_are_asked_as_citizens_ask(config, office):
    done = await tried(config, "secretariat", "۵۴۳۲۱*1396*220", SECRETARIAT_URL=office)

    assert 0 == done.returncode
    assert f"GET {office}/letters?number=54321%2F1396%2F220\n" in done.stdout
    assert f"GET {office}/letters?parts=1396%2F220%2F54321\n" in done.stdout
    assert "\nنامه 220/1396/54321\n" in done.stdout


async def test_a_secret_letter_is_named_so_and_reads_as_missing(config, office):
    done = await tried(config, "secretariat", "777", SECRETARIAT_URL=office)
    shown = parts(done)

    assert 0 == done.returncode
    assert shown["outcome"].startswith("found, and secret: a citizen reads what she reads of a number that is missing")
    assert "ussd: letter_missing" in shown


async def test_a_missing_one_is_an_answer(config, office):
    done = await tried(config, "secretariat", "99999", SECRETARIAT_URL=office)

    assert (0, True) == (done.returncode, parts(done)["outcome"].startswith("missing"))


async def test_a_number_that_is_routed_elsewhere_is_said(config, office):
    done = await tried(config, "secretariat", "31415", SECRETARIAT_URL=office)

    assert f"a citizen's question for this number goes to slow_secretariat: {config}/routes.yaml" in done.stdout


async def test_what_no_citizen_can_ask_is_said(config, office):
    done = await tried(config, "secretariat", "نامه", SECRETARIAT_URL=office)

    assert "a citizen cannot ask this: her phone says that نامه is no such number (malformed)" in done.stdout


async def test_nobody_there_is_told_with_what_to_look_at(config):
    done = await tried(config, "secretariat", "12345", SECRETARIAT_URL="http://127.0.0.1:9")

    assert 1 == done.returncode
    assert parts(done)["outcome"].endswith("NotListening: ClientConnectorError")
    assert "127.0.0.1:9" in parts(done)["fault"]
    assert done.stderr == (
        "no answer: nothing answers there: look at the address and port, and at firewall and VPN between\n"
    )
    assert parts(done)["ussd: unavailable"].startswith("سامانه اداره فعلا قطع است.")


class Strange:
    """An office that answers what the test put here."""

    def __init__(self):
        self.body, self.status, self.delay_s = b"", 200, 0.0

    async def handle(self, _request):
        await asyncio.sleep(self.delay_s)
        return web.Response(body=self.body, status=self.status)


@pytest.fixture
async def strange(aiohttp_server):
    found = Strange()
    app = web.Application()
    app.router.add_get("/letters", found.handle)
    found.url = str((await aiohttp_server(app)).make_url("/")).rstrip("/")
    return found


@pytest.mark.parametrize(
    ("status", "body", "fault", "hint"),
    [
        (200, b"<html>", "markup instead of JSON", "the answer is in another format"),
        (401, b'{"message": "who are you?"}', "who are you?", "the office does not let us in"),
        (500, b"", "HTTP 500", "the office's own system failed"),
        (302, b"", "HTTP 302", "the office sends us elsewhere"),
        (200, b'{"letters": [{"letter_no": "9"}]}', "asked for '12345', answered about '9'", "look at which form"),
    ],
    ids=["no JSON", "not let in", "failed", "sent elsewhere", "another number"],
)
async def test_an_answer_that_cannot_be_used_is_shown_with_what_to_look_at(config, strange, status, body, fault, hint):
    strange.status, strange.body = status, body
    done = await tried(config, "secretariat", "12345", SECRETARIAT_URL=strange.url)

    assert 1 == done.returncode
    assert fault in done.stdout
    assert hint in done.stderr
    assert "Traceback" not in done.stderr


async def test_an_office_that_takes_too_long_is_told(config, strange):
    strange.delay_s = 5
    path = config / "backends" / "secretariat.yaml"
    path.write_text(path.read_text("utf-8").replace("deadline_s: 30", "deadline_s: 0.3"), encoding="utf-8")
    done = await tried(config, "secretariat", "12345", SECRETARIAT_URL=strange.url)

    assert (1, True) == (done.returncode, "no answer within deadline_s (0.3 s)" in done.stderr)
    assert parts(done)["request"].startswith("GET ")


async def test_words_without_a_meaning_are_listed_and_an_answer_steers_no_terminal(config, strange):
    strange.body = (
        '{"letters": [{"letter_no": "12345", "state": "نزد کارشناس", "state_date": "soon\\u001b[2J"}]}'.encode()
    )
    done = await tried(config, "secretariat", "12345", SECRETARIAT_URL=strange.url)
    shown = parts(done)

    assert 0 == done.returncode
    assert "state: 'نزد کارشناس' -> unknown" in shown["what became of it"]
    assert [
        "'نزد کارشناس': add it to states:, or mend its date",
        "'soon\\x1b[2J': add it to states:, or mend its date",
    ] == (shown["without a meaning"].splitlines())
    assert "\x1b" not in done.stdout


async def test_a_long_answer_is_clipped(config, strange):
    strange.body = b'{"letters": [], "more": "' + b"x" * 5000 + b'"}'
    done = await tried(config, "secretariat", "12345", SECRETARIAT_URL=strange.url)

    assert re.search(r"x{1900,2000} \.\.\. and 30\d\d characters more$", parts(done)["answer"])


async def test_what_the_environment_keeps_is_not_shown(config, office):
    path = config / "backends" / "secretariat.yaml"
    shown = 'query: {number: exact, key: {literal: "${OFFICE_KEY}"}}'
    text = path.read_text("utf-8").replace("query: {number: exact}", shown, 1)
    path.write_text(text, encoding="utf-8")
    done = await tried(config, "secretariat", "12345", SECRETARIAT_URL=office, OFFICE_KEY="a key/1")

    assert 0 == done.returncode
    assert f"GET {office}/letters?number=12345&key=***" == parts(done)["request"].split("\n")[0]
    assert not re.search(r"a key|a%20key|a\+key", done.stdout + done.stderr)


async def test_a_due_date_that_was_counted_says_so(config, office):
    path = config / "backends" / "secretariat.yaml"
    text = path.read_text("utf-8").replace("  due_on: deadline\n", "") + "due_in_working_days: 30\n"
    path.write_text(text, encoding="utf-8")
    done = await tried(config, "secretariat", "12345", SECRETARIAT_URL=office)

    assert re.search(r"\ndue_on: 30 working days after 2026-1[01]-\d\d -> 2026-1\d-\d\d\n", done.stdout)


# --- the other kinds --------------------------------------------------------------------------------------------------


@pytest.fixture
def described(config):
    """described(section): the settings with the example of docs/backends.md for the secretariat; edits are (old, new)."""

    def written(section, *edits):
        text = examples(section)[0]
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        (config / "backends" / "secretariat.yaml").write_text(text, encoding="utf-8")
        return config

    return written


PASSWORD = "p&<w 7"


@pytest.fixture
async def soap_office(aiohttp_server):
    app = soap_secretariat.application(data.letters(TODAY), username="rasad", password=PASSWORD)
    return str((await aiohttp_server(app)).make_url("/")).rstrip("/")


async def test_soap_shows_both_envelopes_and_no_password(described, soap_office):
    done = await tried(described("SOAP"), "secretariat", "96*220", SECRETARIAT_URL=soap_office,
                       SECRETARIAT_PASSWORD=PASSWORD)  # fmt: skip
    shown = parts(done)

    assert (0, "") == (done.returncode, done.stderr)
    assert 2 == done.stdout.count(f"POST {soap_office}/letters.asmx\n")
    assert 'SOAPAction: "urn:rasad:secretariat/FindLetter"' in done.stdout
    assert '<FindLetter xmlns="urn:rasad:secretariat"><Number>96/220</Number></FindLetter>' in done.stdout
    assert '<FindLetter xmlns="urn:rasad:secretariat"><Parts>220/96</Parts></FindLetter>' in done.stdout
    assert "<wsse:Username>rasad</wsse:Username>" in done.stdout
    assert re.search(r"<wsse:Password [^>]*>\*\*\*</wsse:Password>", done.stdout)
    assert 2 == done.stdout.count("-- answer\nHTTP 500\n")
    assert "soap:Client.NoSuchLetter" in shown["answer"]
    assert shown["outcome"].startswith("missing")
    assert not re.search(r"p&(amp;)?(<|&lt;)w", done.stdout + done.stderr)


async def test_soap_shows_a_letter_from_its_envelope_to_the_screens(described, soap_office):
    done = await tried(described("SOAP"), "secretariat", "12345", SECRETARIAT_URL=soap_office,
                       SECRETARIAT_PASSWORD=PASSWORD)  # fmt: skip
    shown = parts(done)

    assert 0 == done.returncode
    assert shown["answer"].startswith("HTTP 200\n<?xml")
    assert "<LetterNo>12345</LetterNo>" in shown["answer"]
    assert "state: 'در حال بررسی' -> in_progress" in shown["what became of it"]
    assert shown["ussd: letter_status"].startswith("نامه 12345\nدر حال بررسی\nپاسخ تا ")


async def test_what_echoes_the_password_in_xml_is_masked(described, aiohttp_server):
    async def echo(request):
        return web.Response(status=500, text=(await request.read()).decode())

    app = web.Application()
    app.router.add_post("/letters.asmx", echo)
    url = str((await aiohttp_server(app)).make_url("/")).rstrip("/")
    done = await tried(described("SOAP"), "secretariat", "12345", SECRETARIAT_URL=url, SECRETARIAT_PASSWORD=PASSWORD)

    assert "-- answer\nHTTP 500\n<?xml" in done.stdout
    assert re.search(r"<wsse:Password [^>]*>\*\*\*</wsse:Password>", parts(done)["answer"])
    assert not re.search(r"p&(amp;)?(<|&lt;)w", done.stdout + done.stderr)


async def test_soap_that_is_not_let_in_shows_the_offices_fault(described, soap_office):
    done = await tried(described("SOAP"), "secretariat", "12345", SECRETARIAT_URL=soap_office,
                       SECRETARIAT_PASSWORD="another one")  # fmt: skip

    assert 1 == done.returncode
    assert "soap:Client.Authentication" in parts(done)["answer"]
    assert "BackendGarbage: a SOAP fault: of its own" == parts(done)["fault"]
    assert "look at the fault in its answer" in done.stderr


async def test_sql_shows_each_select_with_its_parameters_and_rows(described, tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'office.db'}"
    await database.fill(url, data.letters(TODAY))
    done = await tried(described("A database view"), "secretariat", "54321*1396*220", OFFICE_DATABASE=url)

    assert (0, "") == (done.returncode, done.stderr)
    assert f"-- request\n{url}\n" in done.stdout
    assert "SELECT * FROM letters_status WHERE letter_no = :exact\n:exact = '54321/1396/220'\n" in done.stdout
    assert "-- answer\n0 rows\n" in done.stdout
    assert "SELECT * FROM letters_status WHERE parts_sorted = :loose\n:loose = '1396/220/54321'\n" in done.stdout
    assert re.search(r'-- answer\n1 row\n\{.*"letter_no": "220/1396/54321".*\}\n', done.stdout)
    assert "ORDER BY refer_order\n:id = 5\n" in done.stdout
    assert '-- answer\n2 rows\n{"receiver_unit": "دبیرخانه", ' in done.stdout
    assert "state: 'ارجاع شده' -> referred" in done.stdout
    assert 2 == done.stdout.count("\na step: ")
    assert parts(done)["ussd: letter_status"].startswith("نامه 220/1396/54321\n")


async def test_sql_that_is_refused_shows_the_databases_own_words(described, tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'office.db'}"
    await database.fill(url, data.letters(TODAY))
    config = described("A database view", ("FROM letters_status WHERE letter_no", "FROM lettres WHERE letter_no"))
    done = await tried(config, "secretariat", "12345", OFFICE_DATABASE=url)

    assert 1 == done.returncode
    assert "no such table: lettres" in parts(done)["fault"]
    assert "look at the database's own words" in done.stderr


async def test_sql_shows_no_password(described, postgresql_server):
    address = postgresql_server[0].replace("postgres@", "postgres:hidden-word@") + "?password=hidden-too"
    done = await tried(described("A database view"), "secretariat", "12345", OFFICE_DATABASE=address)

    assert 1 == done.returncode  # the view is not there
    assert "-- request\npostgresql+asyncpg://127.0.0.1:" in done.stdout
    assert "hidden" not in done.stdout + done.stderr


@pytest.mark.parametrize("write", [spreadsheet.write_csv, spreadsheet.write_xlsx], ids=["csv", "xlsx"])
async def test_a_register_shows_its_file_and_the_row(described, tmp_path, write):
    folder = tmp_path / "register"
    folder.mkdir()
    path = folder / f"letters.{write.__name__[-4:].lstrip('_')}"
    rows = list(data.letters(TODAY))
    write(path, [*rows, data.Letter("55555", "نزد کارشناس", rows[0].referrals, TODAY)])
    done = await tried(described("A register in a spreadsheet"), "secretariat", "12345", REGISTER_FOLDER=str(folder))
    shown = parts(done)
    place = 2 + (path.suffix == ".xlsx")  # below a title

    assert (0, "") == (done.returncode, done.stderr)
    assert f"{path}: exact = '12345', in شماره نامه" == shown["request"].replace('"', "")
    assert re.match(rf"13 good rows as of \d{{4}}-\d\d-\d\d, 1 bad\nrow {place}: {{", shown["answer"])
    assert '"شماره نامه": "12345"' in shown["answer"] or '"شماره نامه": 12345' in shown["answer"]
    assert f"not served, row {place + 13}: a state without meaning here 'نزد کارشناس'" in shown["answer"]
    assert "state: 'در حال بررسی' -> in_progress" in shown["what became of it"]
    assert f"register_taken file={path.name}" in shown["news"]
    assert shown["ussd: letter_status"].startswith("نامه 12345\nدر حال بررسی (خبر ")


async def test_a_register_that_cannot_be_read_says_why(described, tmp_path):
    (tmp_path / "register").mkdir()
    (tmp_path / "register" / "letters.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    config = described("A register in a spreadsheet", ("file:", "deadline_s: 4\nfile:"))
    done = await tried(config, "secretariat", "12345", REGISTER_FOLDER=str(tmp_path / "register"))

    assert 1 == done.returncode
    assert "register_file_refused file=letters.csv reason=no header in the first" in parts(done)["news"]
    assert "look at `folder` and `file`" in done.stderr


async def test_a_folder_of_letters_shows_the_files_it_read(described, tmp_path):
    ece_folder.write(tmp_path / "ece", data.letters(TODAY))
    (tmp_path / "ece" / "bad.xml").write_text("<html/>", encoding="utf-8")
    done = await tried(described("ECE folder"), "secretariat", "110718", ECE_FOLDER=str(tmp_path / "ece"))
    shown = parts(done)

    assert (0, "") == (done.returncode, done.stderr)
    assert f"{tmp_path / 'ece'}: 110718, in any order, named as related, 110718" == shown["request"]
    lines = shown["answer"].splitlines()
    assert re.fullmatch(r"\d+ letters; bad\.xml: its root is no Letter", lines[0])
    assert ["letter-001.xml", "reply-001.xml"] == [line.partition(":")[0] for line in lines[1:]]
    assert '"LetterNo": "110718"' in lines[1]
    assert "Origins" not in done.stdout
    assert "state: 'registered' -> registered" in done.stdout
    assert "state: its answer 5210 is here -> answered" in done.stdout
    assert "letter_file_unusable reason=its root is no Letter" in shown["news"]
    assert shown["ussd: letter_answered"].startswith("نامه 110718\nپاسخ داده شد")


async def test_a_folder_that_is_not_there_is_said(described, tmp_path):
    done = await tried(described("ECE folder"), "secretariat", "110718", ECE_FOLDER=str(tmp_path / "nowhere"))

    assert 1 == done.returncode
    assert "folder_unreadable reason=No such file or directory" in parts(done)["news"]
    assert "cannot be read" in parts(done)["fault"]
    assert "look at `folder`" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["nobody", "1"],
            "there is no backends/nobody.yaml here; there are dead_secretariat, failing_secretariat, secretariat, services, slow_secretariat",
        ),
        (["secretariat", "1", "--lang", "xx"], "xx is none of this menu's languages (fa, ar, en)"),
    ],
    ids=["no such backend", "no such language"],
)
async def test_a_mistake_on_the_command_line_is_said_in_a_sentence(config, arguments, said):
    done = await tried(config, *arguments, SECRETARIAT_URL="http://127.0.0.1:9")

    assert (1, "") == (done.returncode, done.stdout)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_mistake_in_its_file_is_named_with_file_and_line(config):
    path = config / "backends" / "secretariat.yaml"
    path.write_text(path.read_text("utf-8").replace("cases: letters", "cases: letters["), encoding="utf-8")
    done = await tried(config, "secretariat", "1", SECRETARIAT_URL="http://127.0.0.1:9")

    assert (1, True) == (done.returncode, re.match(rf"{re.escape(str(path))}:\d+: cases: ", done.stderr) is not None)
