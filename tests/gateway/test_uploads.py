"""A register that is sent to the gateway over a socket: what is taken, what is refused, and what nobody can do with it."""

import asyncio
import csv
import io
import json
import os
import re
import shutil
import zipfile
from dataclasses import replace
from datetime import timedelta

import openpyxl
import pytest
import structlog

from gateway import uploads
from gateway.signed import sign
from simulators.demo import HOME
from simulators.offices import data, spreadsheet
from tests.gateway.test_backend_examples import DOCUMENT, examples

SECRET = "a made-up secret of this test"
URL = re.compile(r"http://HOST:8061/backends/NAME")


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "register"
    found.mkdir()
    return found


@pytest.fixture
def office(desk, tmp_path, folder):
    """office(): a gateway whose secretariat is the register of docs/backends.md, and may be sent."""

    def opened(*, secret=True, file="letters*", **more):
        config = tmp_path / "config"
        if not config.exists():
            shutil.copytree(HOME / "config", config)
        text = examples("A register in a spreadsheet")[0].replace('file: "letters*"', f"file: {json.dumps(file)}")
        text += "still_s: 0.05\npoll_s: 0.05\n" + 'events_secret: "${EVENTS_SECRET}"\n' * secret
        text += "".join(f"{name}: {value}\n" for name, value in more.items())
        (config / "backends" / "secretariat.yaml").write_text(text, encoding="utf-8")
        return desk(config=config, environ={"REGISTER_FOLDER": str(folder), "EVENTS_SECRET": SECRET})

    return opened


def as_csv(letters, path):
    spreadsheet.write_csv(path, letters)
    octets = path.read_bytes()
    path.unlink()
    return octets


def as_xlsx(letters, path):
    spreadsheet.write_xlsx(path, letters)
    octets = path.read_bytes()
    path.unlink()
    return octets


@pytest.fixture
def letters(clock, tmp_path):
    """letters(): octets of a CSV with the handbook's letters; letters(kind=as_xlsx, only=[number])."""

    def octets(kind=as_csv, only=(), more=()):
        rows = [letter for letter in data.letters(clock.today()) if not only or letter.number in only]
        return kind([*rows, *more], tmp_path / "made")

    return octets


async def send(d, clock, octets, *, secret=SECRET, at=0, backend="secretariat", path="register", **headers):
    stamp = str(int(clock.now().timestamp()) + at)
    signed = {"X-Rasad-Timestamp": stamp, "X-Rasad-Signature": sign(secret, stamp, octets).decode(), **headers}
    async with d.http.post(f"{d.url}/backends/{backend}/{path}", data=octets, headers=signed) as response:
        text = await response.text()
        return response.status, json.loads(text) if text.startswith("{") else text


async def dialled(d, number="12345"):
    dialled.count += 1
    return (await d.ussd(code=f"*4*061*{number}#", session_id=f"u{dialled.count}"))[1]


dialled.count = 0


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- what is taken ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), [(as_csv, "letters-uploaded.csv"), (as_xlsx, "letters-uploaded.xlsx")])
async def test_a_register_that_is_sent_is_served_at_once_and_after_a_restart(
    office, folder, clock, letters, kind, name
):
    octets = letters(kind)
    async with office() as d:
        assert (200, {"file": name, "as_of": "2026-11-22", "rows": 13, "bad": 0, "bad_rows": []}) == await send(
            d, clock, octets
        )
        assert "CON نامه 12345\nدر حال بررسی (خبر 09/01)" in await dialled(d)
    assert ([name], octets) == (names(folder), (folder / name).read_bytes())

    async with office() as d:
        assert "CON نامه 12345\nدر حال بررسی (خبر 09/01)" in await dialled(d)


async def test_it_takes_the_place_of_the_one_before(office, folder, clock, letters):
    async with office() as d:
        await send(d, clock, letters(), at=-60)
        assert "نامه 110718" in await dialled(d, "110718")
        status, told = await send(d, clock, letters(only=["12345"]))

        assert (200, 1) == (status, told["rows"])
        assert "نامه 12345" in await dialled(d)
        assert "پیدا نشد" in await dialled(d, "110718")
    assert ["letters-uploaded.csv"] == names(folder)


async def test_rows_that_are_not_served_are_listed_with_row_and_reason(office, folder, clock, letters):
    first = next(data.letters(clock.today()))
    bad = [data.Letter("55555", "نزد کارشناس", first.referrals, clock.today()), first]
    async with office() as d:
        status, told = await send(d, clock, letters(more=bad))

    assert (200, 13, 2) == (status, told["rows"], told["bad"])
    assert [
        {"row": 15, "reason": "a state without meaning here", "reason_fa": "وضعیت شناخته نشد", "value": "نزد کارشناس"},
        {"row": 16, "reason": "this number stands in a row above too",
         "reason_fa": "این شماره در سطر بالاتر هم هست", "value": "12345"},
    ] == told["bad_rows"]  # fmt: skip
    with (folder / "letters-uploaded.bad.csv").open(encoding="utf-8-sig", newline="") as file:
        assert ["15", "16"] == [row["row"] for row in csv.DictReader(file)]


@pytest.mark.needs("curl")
@pytest.mark.needs("openssl")
async def test_the_lines_of_the_document_work(office, folder, clock, letters, tmp_path):
    (tmp_path / "letters.xlsx").write_bytes(letters(as_xlsx))
    lines = re.search(r"### Sending it.*?```\n(.*?)```", DOCUMENT, re.S)[1]
    stamp = int(clock.now().timestamp())
    assert "stamp=$(date +%s)" in lines
    async with office() as d:
        script = URL.sub(f"{d.url}/backends/secretariat", lines).replace("$(date +%s)", str(stamp))
        done = await asyncio.create_subprocess_exec(
            "sh", "-c", script, cwd=tmp_path, env={"PATH": os.environ["PATH"], "SECRET": SECRET},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        told = json.loads((await done.communicate())[0])

    assert ("letters-uploaded.xlsx", 13) == (told["file"], told["rows"])


@pytest.mark.parametrize(
    ("file", "name"),
    [("*", "uploaded.csv"), ("letters.csv", "letters.csv"), ("r-*-x", None), ("letters-*.csv", "letters-uploaded.csv"),
     ("letters-*.xlsx", None), ("letters.[ct]sv", None)],
)  # fmt: skip
async def test_the_pattern_of_the_register_names_it(office, folder, clock, letters, file, name):
    async with office(file=file) as d:
        status, told = await send(d, clock, letters())

    if name is None:
        assert (422, f"a file of this kind cannot have a name that fits `file: {file}`") == (status, told["refused"])
    assert [name] * (name is not None) == names(folder)


# --- what is refused, and the one before goes on ----------------------------------------------------------------------


def an_xlsx(**parts):
    """An XLSX of openpyxl's with some of its parts instead."""
    book = openpyxl.Workbook()
    book.active.append(["شماره نامه"])
    out = io.BytesIO()
    book.save(out)
    made = io.BytesIO()
    with zipfile.ZipFile(out) as there, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in there.namelist():
            new.writestr(name, parts.pop(name, None) or there.read(name))
        for name, octets in parts.items():
            new.writestr(name, octets)
    return made.getvalue()


LAUGHS = (
    '<!DOCTYPE sst [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1 or str()};" * 10}">' for n in range(1, 10))
    + "]>"
)
SHARED = '<?xml version="1.0"?>{0}<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>{1}</t></si></sst>'

FILES = {
    "nothing": (b"", "the file is empty"),
    "no such columns": (b"a,b\n1,2\n", "no header in the first 20 rows"),
    "no rows": (",".join(spreadsheet.HEADER).encode(), "no good row"),
    "only bad rows": (
        ",".join(spreadsheet.HEADER).encode() + b"\n1,5,,1405,,nowhere" + b"," * (len(spreadsheet.HEADER) - 6),
        "no good row",
    ),
    "a web page": (b"<html>", "no header"),
    "JSON": (b'{"numbers": ["12345"]}', "no header"),
    "a broken XLSX": (b"PK\x03\x04 and no more", "no XLSX, or a broken one"),
    "an old Excel file": (bytes.fromhex("d0cf11e0a1b11ae1"), "an Excel file of the old kind"),
    "a quote that never ends": (",".join(spreadsheet.HEADER).encode() + b'\n"' + b"x" * 200_000, "never closed"),
    "a bomb": (an_xlsx(**{"xl/media/x.bin": bytes(3_000_000)}), "octets when unpacked"),
    "a cell at the far end": (
        an_xlsx(**{"xl/worksheets/sheet1.xml": '<worksheet><sheetData><row r="1048576"><c r="XFD1048576"/></row>'
                                               "</sheetData></worksheet>"}),
        "rows, empty ones counted",
    ),
    "entities that multiply": (an_xlsx(**{"xl/sharedStrings.xml": SHARED.format(LAUGHS, "&a9;")}), ""),
    "an entity that is a file": (
        an_xlsx(**{"xl/sharedStrings.xml": SHARED.format(
            '<!DOCTYPE sst [<!ENTITY a SYSTEM "file:///etc/passwd">]>', "&a;")}),
        "",
    ),
    "parts that climb": (
        an_xlsx(**{"../../../evil.csv": b"x", "/tmp/evil.csv": b"x"}), "no header in the first 20 rows"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("octets", "why"), FILES.values(), ids=FILES.keys())
async def test_what_is_no_register_is_refused_and_the_one_before_goes_on(
    office, folder, clock, letters, tmp_path, octets, why
):
    async with office(max_unpacked_octets=2_000_000) as d:
        assert 200 == (await send(d, clock, letters(), at=-60))[0]
        before = (folder / "letters-uploaded.csv").read_bytes()
        status, told = await send(d, clock, octets)

        assert 422 == status
        assert why in told["refused"]
        assert "root:" not in str(told)
        assert "نامه 12345" in await dialled(d)
    assert (["letters-uploaded.csv"], before) == (names(folder), (folder / "letters-uploaded.csv").read_bytes())
    assert [] == list(tmp_path.rglob("evil*"))


async def test_a_file_of_bad_rows_alone_names_each(office, folder, clock):
    async with office() as d:
        status, told = await send(d, clock, FILES["only bad rows"][0])

    assert (422, 1, 2) == (status, told["bad"], told["bad_rows"][0]["row"])
    assert "a state without meaning here" == told["bad_rows"][0]["reason"]
    assert [] == names(folder)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"secret": "another"}, 401),
        ({"at": -301}, 401),
        ({"at": 301}, 401),
        ({"X-Rasad-Timestamp": "now"}, 401),
        ({"X-Rasad-Signature": ""}, 401),
        ({"X-Rasad-Signature": "é" * 64}, 401),
        ({"backend": "services"}, 404),
        ({"backend": "nobody"}, 404),
        ({"backend": "..%2fsecretariat"}, 404),
        ({"backend": "secretariat%2f..%2f.."}, 404),
        ({"path": "register/..%2f..%2fetc%2fcron.d%2fx"}, 404),
        ({"path": "register/letters.csv"}, 404),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ],
    ids=str,
)
async def test_who_may_not_send_changes_nothing(office, folder, clock, letters, more, status):
    async with office() as d:
        assert status == (await send(d, clock, letters(), **more))[0]
        assert [] == names(folder)
        assert (
            200 == (await send(d, clock, letters(), **{"Content-Disposition": 'attachment; filename="../../x.csv"'}))[0]
        )
    assert ["letters-uploaded.csv"] == names(folder)


async def test_without_a_secret_nobody_may_send(office, folder, clock, letters):
    async with office(secret=False) as d:
        assert 404 == (await send(d, clock, letters(), secret=""))[0]
    assert [] == names(folder)


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "in chunks"])
async def test_a_file_that_is_too_long_is_refused_before_it_is_whole(office, folder, clock, letters, declared):
    async with office(max_octets=20_000) as d:
        octets = b"x" * 20_001
        stamp = str(int(clock.now().timestamp()))
        sent = 0

        async def endless():
            nonlocal sent
            while sent < 50_000_000:
                sent += 65_536
                yield b"x" * 65_536

        headers = {"X-Rasad-Timestamp": stamp, "X-Rasad-Signature": sign(SECRET, stamp, octets).decode()}
        url = f"{d.url}/backends/secretariat/register"
        try:
            async with d.http.post(url, data=octets if declared else endless(), headers=headers) as response:
                assert 413 == response.status
        except OSError:  # it hung up on us in the middle, which is as good
            assert not declared
        assert sent < 50_000_000
        assert 200 == (await send(d, clock, letters()))[0]


async def test_a_body_that_drips_is_let_go_and_holds_nobody_up(office, folder, clock, letters, monkeypatch):
    monkeypatch.setattr(uploads, "BODY_WITHIN_S", 0.3)
    monkeypatch.setattr(uploads, "MAX_AT_ONCE", 2)
    async with office() as d:

        async def dripping():
            while True:
                yield b"x"
                await asyncio.sleep(0.05)

        async def slowly():
            headers = {"X-Rasad-Timestamp": str(int(clock.now().timestamp())), "X-Rasad-Signature": "0"}
            url = f"{d.url}/backends/secretariat/register"
            async with d.http.post(url, data=dripping(), headers=headers) as response:
                return response.status

        async with asyncio.timeout(10):
            assert [413, 413, 503] == sorted(await asyncio.gather(slowly(), slowly(), slowly()))
        assert 200 == (await send(d, clock, letters()))[0]


async def test_a_repeated_or_older_file_is_refused_also_after_a_restart(office, folder, clock, letters):
    first, second = letters(), letters(only=["12345"])
    async with office() as d:
        assert 200 == (await send(d, clock, first, at=-60))[0]
        assert 200 == (await send(d, clock, second, at=-30))[0]
        for octets, at in ((first, -60), (second, -30), (first, -45)):
            status, told = await send(d, clock, octets, at=at)
            assert (422, "this file, or one that is newer, is here already") == (status, told["refused"])
    async with office() as d:
        assert 422 == (await send(d, clock, first, at=-60))[0]
        assert "پیدا نشد" in await dialled(d, "110718")
        assert 200 == (await send(d, clock, first, at=-10))[0]
        assert "نامه 110718" in await dialled(d, "110718")


async def test_a_file_a_clerk_put_there_later_is_not_replaced(office, folder, clock, letters):
    (folder / "letters-of-today.csv").write_bytes(letters(only=["110718"]))
    now = clock.now().timestamp()
    os.utime(folder / "letters-of-today.csv", (now, now))
    async with office() as d:
        assert "نامه 110718" in await dialled(d, "110718")
        assert 422 == (await send(d, clock, letters(only=["12345"]), at=-60))[0]
        assert 200 == (await send(d, clock, letters(only=["12345"]), at=60))[0]
        assert "نامه 12345" in await dialled(d)
        assert "پیدا نشد" in await dialled(d, "110718")


async def test_two_at_once_are_taken_one_by_one(office, folder, clock, letters):
    async with office() as d:
        told = await asyncio.gather(
            send(d, clock, letters(), at=-20), send(d, clock, letters(only=["12345"]), at=-10)
        )  # fmt: skip
        statuses = [status for status, _ in told]

        assert 200 in statuses
        assert set(statuses) <= {200, 422, 503}
    assert ["letters-uploaded.csv"] == names(folder)


async def test_a_folder_that_is_not_there_is_a_reason_of_ours(office, folder, clock, letters):
    async with office() as d:
        folder.rmdir()
        status, told = await send(d, clock, letters())

        assert 503 == status
        assert "FileNotFoundError" in told
        folder.mkdir()
        assert 200 == (await send(d, clock, letters()))[0]


async def test_an_empty_file_is_told_as_empty_and_the_log_has_the_reason(office, clock, letters):
    async with office() as d:
        assert (422, "the file is empty") == _refusal(await send(d, clock, b""))
        with structlog.testing.capture_logs() as logs:
            await send(d, clock, b"\n")

    refused = [line for line in logs if line["event"] == "register_upload_refused"]
    assert ["the file is empty"] == [line["reason"] for line in refused]


async def test_the_other_format_that_was_sent_before_goes(office, folder, clock, letters):
    async with office() as d:
        assert 200 == (await send(d, clock, letters(), at=-60))[0]
        assert 200 == (await send(d, clock, letters(as_xlsx), at=-30))[0]
        assert ["letters-uploaded.xlsx"] == names(folder)
        assert 200 == (await send(d, clock, letters()))[0]
    assert ["letters-uploaded.csv"] == names(folder)


async def test_a_register_of_an_older_day_is_refused_and_one_of_a_day_to_come_keeps_nothing_out(office, clock, letters):
    today = clock.today()

    def of(days):
        shift = timedelta(days=days)
        rows = [replace(each, state_date=today + shift) for each in data.letters(today) if each.number == "12345"]
        return letters(only=["-"], more=rows)

    async with office(as_of='{column: "تاریخ وضعیت"}') as d:
        assert 200 == (await send(d, clock, of(-1), at=-60))[0]
        status, why = _refusal(await send(d, clock, of(-2), at=-50))
        assert (422, f"it is of {today - timedelta(days=2)}, and one of {today - timedelta(days=1)} is served") == (
            status,
            why,
        )
        assert 200 == (await send(d, clock, of(-1), at=-40))[0]
        assert 200 == (await send(d, clock, of(30), at=-30))[0]
        assert 200 == (await send(d, clock, of(0), at=-20))[0]


async def test_what_is_told_is_read_on_a_terminal(office, clock):
    async with office() as d:
        octets = "شماره نامه\n1\n".encode()
        stamp = str(int(clock.now().timestamp()))
        signed = {"X-Rasad-Timestamp": stamp, "X-Rasad-Signature": sign(SECRET, stamp, octets).decode()}
        async with d.http.post(f"{d.url}/backends/secretariat/register", data=octets, headers=signed) as response:
            said = await response.read()

    assert 422 == response.status
    assert "وضعیت" in said.decode("utf-8")
    assert b"\\u" not in said


def _refusal(sent):
    status, told = sent
    return status, told["refused"]
