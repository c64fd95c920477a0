"""The register backend against files as clerks save them: what is served, what is reported, what is refused."""

import asyncio
import csv
import io
import os
import time
import zipfile
from contextlib import asynccontextmanager
from datetime import date

import openpyxl
import pytest
from pydantic import ValidationError

from adapters.contract import BackendUnreachable
from adapters.register import Register, RegisterConfig
from adapters.register_file import columns_of
from menus.ports import Ask, CaseStep, Found, Missing, Several, State, reference

HEADER = ["شماره نامه", "وضعیت", "نزد", "مهلت", "طبقه‌بندی", "سازمان", "سال"]
FILE = {
    "kind": "register",
    "case_kind": "letter",
    "fields": {
        "number": "شماره نامه", "state": "وضعیت", "desk": "نزد", "due_on": "مهلت", "secrecy": "طبقه‌بندی",
        "organisation": "سازمان", "year": "سال",
    },
    "states": {"در حال بررسی": "in_progress", "پاسخ داده شده": "answered"},
    "poll_s": 0.02,
    "still_s": 0.02,
}  # fmt: skip
LETTER = ["12345", "در حال بررسی", "دفتر حقوقی", "1405/09/10", "عادی", "استانداری", "1405"]
ASK = Ask("letters", 1, reference("12345"))
WRITTEN = 1_795_000_000  # 18 November 2026
WITHIN_S = 5.0


def letter(number="12345", **changes):
    names = ("number", "state", "desk", "due", "secrecy", "organisation", "year")
    return list({**dict(zip(names, [number, *LETTER[1:]], strict=True)), **changes}.values())


def ask(number):
    return Ask("letters", 1, reference(number))


def text_of(*rows, header=HEADER, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([header, *rows])
    return out.getvalue()


class Office:
    """A clerk's folder, and what the operators are told about it."""

    def __init__(self, folder):
        self.folder = folder
        self.news = []
        self.today = date(2026, 11, 20)
        self._written = 0

    def saves(self, content, name="letters.csv", *, encoding="utf-8", at=None):
        path = self.folder / name
        new = self.folder / f".{name}"
        new.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        self._written += 1
        when = WRITTEN + self._written if at is None else at
        os.utime(new, (when, when))
        new.rename(path)
        return path

    def saves_xlsx(self, *rows, name="letters.xlsx", header=HEADER, change=None, at=None):
        book = openpyxl.Workbook()
        for row in [header, *rows]:
            book.active.append(row)
        if change:
            change(book.active)
        out = io.BytesIO()
        book.save(out)
        return self.saves(out.getvalue(), name, at=at)

    @asynccontextmanager
    async def register(self, **more):
        register = Register(RegisterConfig(**{"folder": self.folder, **FILE, **more}))
        register.tells(lambda level, event, facts: self.news.append((event, dict(facts))), lambda: self.today)
        async with register:
            yield register

    async def hears(self, event, **facts):
        """Wait for news of this kind; its facts."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                for name, told in self.news:
                    if name == event and facts.items() <= told.items():
                        return told
                await asyncio.sleep(0.01)

    def bad(self, name="letters.bad.csv"):
        with (self.folder / name).open(encoding="utf-8-sig", newline="") as file:
            return [(int(row["row"]), row["reason"], row["value"]) for row in csv.DictReader(file)]


@pytest.fixture
def office(tmp_path):
    return Office(tmp_path)


# --- what is served ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_a_row_becomes_a_case_with_the_day_of_the_file(office, kind):
    if kind == "csv":
        office.saves(text_of(LETTER))
    else:
        office.saves_xlsx(LETTER)
    async with office.register() as register:
        found = await register.look_up(ASK)

    assert isinstance(found, Found)
    assert date(2026, 11, 18) == found.as_of
    case = found.case
    assert ("letter", "12345", State.IN_PROGRESS, 1405) == (case.kind, case.number, case.state, case.year)
    assert ({"fa": "دفتر حقوقی"}, {"fa": "استانداری"}) == (case.desk, case.organisation)
    assert date(2026, 12, 1) == case.due_on


@pytest.mark.parametrize(
    ("asked", "tries", "found"),
    [
        ("220/1396/54321", None, True),
        ("۲۲۰*۱۳۹۶*۵۴۳۲۱", None, True),
        ("54321-1396-220", None, True),
        ("54321-1396-220", ["exact"], False),
        ("54321", None, False),
        ("54321", ["exact", "running"], True),
        ("99999", None, False),
    ],
)
async def test_a_number_is_found_in_the_forms_the_file_names(office, asked, tries, found):
    office.saves(text_of(letter("۲۲۰-۱۳۹۶-۵۴۳۲۱")))
    async with office.register(**({"tries": [{"key": key} for key in tries]} if tries else {})) as register:
        answer = await register.look_up(ask(asked))

    assert ("220/1396/54321" if found else None) == (answer.case.number if isinstance(answer, Found) else None)


async def test_one_number_in_two_organisations_is_several_cases_of_the_files_day(office):
    office.saves(text_of(LETTER, letter(organisation="شهرداری"), letter(year="1404")))
    async with office.register() as register:
        found = await register.look_up(ASK)

    assert isinstance(found, Several)
    assert (3, date(2026, 11, 18)) == (len(found.cases), found.as_of)


async def test_a_secret_row_is_secret_and_so_is_its_number_when_it_stands_twice(office):
    office.saves(text_of(letter("777", secrecy="محرمانه"), letter("5"), letter("5", secrecy="محرمانه")))
    async with office.register() as register:
        for number in ("777", "5"):
            assert (await register.look_up(ask(number))).case.secret


async def test_a_receipt_code_proves_whose_letter_it_is(office):
    office.saves(text_of([*letter("9/9"), "1040610014"], [*LETTER, None], header=[*HEADER, "رسید"]))
    tries = [{"key": "receipt_code", "column": "رسید"}, {"key": "exact"}]
    async with office.register(tries=tries) as register:
        assert (await register.look_up(ask("1040610014"))).case.proven
        assert not (await register.look_up(ASK)).case.proven
        assert Missing() == await register.look_up(ask("104061001"))


async def test_a_letter_may_be_found_by_its_senders_number(office):
    office.saves(text_of([*letter("9/9"), "ص/600"], header=[*HEADER, "شماره فرستنده"]))
    tries = [{"key": "exact"}, {"key": "exact", "column": "شماره فرستنده"}]
    async with office.register(tries=tries) as register:
        assert "9/9" == (await register.look_up(ask("ص-600"))).case.number


STEPS = {
    "each": '[{desk: "واحد 1", date: "تاریخ 1"}, {desk: "واحد 2", date: "تاریخ 2"}][?desk]',
    "desk": "desk",
    "date": "date",
}


async def test_steps_stand_beside_each_other(office):
    header = [*HEADER, "واحد ۱", "تاریخ ۱", "واحد ۲", "تاریخ ۲"]
    rows = [*LETTER, "دبیرخانه", "1405/08/01", "دفتر حقوقی", ""], [*letter("5"), "دبیرخانه", "", "", ""]
    office.saves(text_of(*rows, header=header))
    async with office.register(steps=STEPS) as register:
        first, second = [(await register.look_up(ask(number))).case.steps for number in ("12345", "5")]

    assert (CaseStep({"fa": "دبیرخانه"}, date(2026, 10, 23)), CaseStep({"fa": "دفتر حقوقی"})) == first
    assert (CaseStep({"fa": "دبیرخانه"}),) == second


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ("a", {"a"}), ("a || b", {"a", "b"}), ('"نامه"', {"نامه"}), (STEPS["each"], {"واحد 1", "تاریخ 1", "واحد 2", "تاریخ 2"}),
        ("[a, b][0]", {"a", "b"}), ("join('/', [a, b])", {"a", "b"}), ("[{x: a}] | [0].x", {"a"}), ("`1`", set()),
        ("sort_by([{d: a}], &d)[].d", {"a"}), ("a == 'x' && b", {"a", "b"}),
    ],
)  # fmt: skip
def test_an_expression_speaks_of_these_columns(expression, columns):
    assert columns == columns_of(expression)


# --- files as clerks save them ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", list(",;\t|"), ids=["comma", "semicolon", "tab", "bar"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1256", "utf-16", "utf-16-le", "utf-16-be"])
async def test_encoding_and_delimiter_are_found(office, encoding, delimiter):
    text = text_of(LETTER, letter("5", organisation="استانداری، شهرداری"), delimiter=delimiter)
    if encoding == "cp1256":
        text = text.translate(str.maketrans("ی", "ي"))
    office.saves(text, encoding=encoding)
    async with office.register() as register:
        found = await register.look_up(ASK)

    assert {"fa": "دفتر حقوقی"} == found.case.desk
    assert not found.case.secret


async def test_encoding_and_delimiter_may_be_declared(office):
    office.saves(text_of(LETTER, delimiter="~"), encoding="utf-16-be")
    async with office.register(encoding="utf-16-be", delimiter="~") as register:
        assert isinstance(await register.look_up(ASK), Found)


async def test_a_declared_encoding_that_does_not_hold_is_told(office):
    office.saves(text_of(LETTER).translate(str.maketrans("ی", "ي")), encoding="cp1256")
    async with office.register(encoding="utf-8") as register:
        with pytest.raises(BackendUnreachable):
            await register.look_up(ASK)
        assert (await office.hears("register_file_refused"))["reason"].startswith("not utf-8 at octet")


@pytest.mark.parametrize(
    "header",
    [
        ["شماره نامه", "وضعیت", "نزد", "مهلت", "طبقه‌بندی", "سازمان", "سال"],
        ["شماره  نامه ", "وضعيت", " نزد", "مهلت", "طبقه بندي", "سازمان", "سال"],
        ["شماره\u200cنامه", "وضعیت", "نزد", "مهلت", "طبقه\u200cبندی", "ســـازمان", "سال\u200f"],
    ],
)
async def test_the_spelling_of_a_header_does_not_count(office, header):
    office.saves(text_of(LETTER, header=header))
    async with office.register() as register:
        assert {"fa": "استانداری"} == (await register.look_up(ASK)).case.organisation


async def test_titles_above_the_header_and_a_line_that_names_the_delimiter_are_no_rows(office):
    office.saves("sep=;\n;;\nدفتر ثبت نامه‌ها;;;;;;\n\n" + text_of(LETTER, delimiter=";"))
    async with office.register() as register:
        assert isinstance(await register.look_up(ASK), Found)
    assert not (office.folder / "letters.bad.csv").exists()


async def test_days_numbers_and_merged_cells_of_excel_are_read(office):
    def merged(sheet):
        sheet.insert_rows(1)
        sheet["A1"] = "دفتر"
        sheet.merge_cells("A1:G1")
        sheet.merge_cells("F3:F4")

    office.saves_xlsx(letter(12345, due=date(2026, 12, 1), year=1405), letter(5, organisation="شهرداری"), change=merged)
    async with office.register() as register:
        first, second = [(await register.look_up(ask(number))).case for number in ("12345", "5")]

    assert ("12345", date(2026, 12, 1), 1405) == (first.number, first.due_on, first.year)
    assert ({"fa": "استانداری"}, {}) == (first.organisation, second.organisation), "only the first has the merged value"


async def test_dates_may_be_gregorian(office):
    office.saves(text_of(letter(due="2026-12-01")))
    async with office.register(calendar="gregorian") as register:
        assert date(2026, 12, 1) == (await register.look_up(ASK)).case.due_on


async def test_a_sheet_may_be_named(office):
    def second(sheet):
        sheet.title = "راهنما"
        other = sheet.parent.create_sheet("نامه‌ها")
        other.append(HEADER)
        other.append(letter("5"))

    office.saves_xlsx(LETTER, change=second)
    async with office.register(sheet="نامه ها") as register:
        assert isinstance(await register.look_up(ask("5")), Found)
        assert Missing() == await register.look_up(ASK)


@pytest.mark.parametrize(
    ("as_of", "day"),
    [
        ({"cell": "B1"}, date(2026, 11, 1)),
        ({"column": "به روز"}, date(2026, 11, 15)),
        (None, date(2026, 11, 18)),
    ],
    ids=["a cell", "a column", "the file"],
)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_the_day_of_the_register_is_that_of_the_file_of_a_cell_or_of_a_column(office, kind, as_of, day):
    header = [*HEADER, "به روز"]
    rows = [["تا", "1405/08/10"], header, [*LETTER, "1405/08/20"], [*letter("5"), "1405/08/24"], [*letter("6"), ""]]
    if kind == "csv":
        office.saves("\n".join(",".join(row) for row in rows))
    else:
        office.saves_xlsx(*rows[1:], header=rows[0])
    async with office.register(as_of=as_of) as register:
        assert day == (await register.look_up(ASK)).as_of


async def test_no_day_where_it_should_stand_is_told(office):
    office.saves(text_of(LETTER))
    async with office.register(as_of={"cell": "A1"}):
        assert "A1" in (await office.hears("register_file_refused"))["reason"]


# --- bad rows ---------------------------------------------------------------------------------------------------------


async def test_bad_rows_are_reported_beside_the_file_and_the_good_ones_are_served(office):
    path = office.saves(
        text_of(
            LETTER,
            letter(""),
            letter("6", state="در انتظار"),
            letter("7", due="soon"),
            LETTER,
            [],
            letter("8", due="1405/13/01"),
            [*letter("9"), "", "too", "many"],
            letter("1" * 40),
            letter("---"),
            letter("5"),
        )
    )
    async with office.register() as register:
        assert isinstance(await register.look_up(ASK), Found)
        assert isinstance(await register.look_up(ask("5")), Found)
        for number in "6789":
            assert Missing() == await register.look_up(ask(number))
        told = await office.hears("register_taken")

    assert {"file": path.name, "rows": 2, "bad": 8, "report": "letters.bad.csv", "as_of": "2026-11-18"} == told
    assert [
        (3, "no number", ""),
        (4, "a state without meaning here", "در انتظار"),
        (5, "not a date", "soon"),
        (6, "this number stands in a row above too", "12345"),
        (8, "not a date", "1405/13/01"),
        (9, "more cells than the header has", "too"),
        (10, "the number is none of a letter (too long, or a date)", "1" * 40),
        (11, "no number", "'---"),
    ] == office.bad()


async def test_a_number_that_excel_took_for_a_date_is_bad(office):
    office.saves_xlsx(LETTER, letter(date(2017, 5, 1)), letter(None))
    async with office.register() as register:
        await register.look_up(ASK)
    assert [3, 4] == [place for place, _, _ in office.bad()]


@pytest.mark.parametrize(
    "state", ["=HYPERLINK(\"http://x\")", "+1", "-1", "@x", "\t=1", " =1", "＝1", "'=1", '"=1', "a\n=1", "=1\r\n=2"],
    ids=ascii,
)  # fmt: skip
async def test_no_cell_of_the_report_is_a_formula(office, state):
    office.saves(text_of(LETTER, letter("5", state=state)))
    async with office.register() as register:
        await register.look_up(ASK)
    [(_, _, value)] = office.bad()

    assert value[0] not in "=+-@\t\r\n＝"
    assert (office.folder / "letters.bad.csv").read_text(encoding="utf-8-sig").startswith('"row"')


async def test_a_mended_file_has_an_empty_report(office):
    office.saves(text_of(LETTER, letter("")))
    async with office.register() as register:
        await register.look_up(ASK)
        assert 1 == len(office.bad())
        office.saves(text_of(LETTER, letter("5")))
        await office.hears("register_taken", rows=2)

    assert [] == office.bad()


async def test_quotes_in_the_wrong_place_cost_their_row_only(office):
    lines = text_of(LETTER, letter("6"), letter("7")).splitlines()
    lines[2] = lines[2].replace("دفتر حقوقی", '"دفتر" حقوقی')
    office.saves("\n".join(lines))
    async with office.register() as register:
        assert isinstance(await register.look_up(ask("7")), Found)
        assert isinstance(await register.look_up(ASK), Found)

    assert [(3, "quotes in the wrong place", "")] == office.bad()


async def test_a_report_that_cannot_be_written_costs_nothing_else(office):
    (office.folder / "letters.bad.csv").mkdir()
    office.saves(text_of(LETTER, letter("")))
    async with office.register() as register:
        assert isinstance(await register.look_up(ASK), Found)
        await office.hears("register_report_not_written")


# --- files that cannot be read ----------------------------------------------------------------------------------------


def packed(**parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def far_cell():
    """A sheet of two cells, the second at its far end."""
    book = openpyxl.Workbook()
    book.active.append(HEADER)
    book.active["XFD1048576"] = "x"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


BROKEN = {
    "empty": b"",
    "only a mark": b"\xef\xbb\xbf",
    "only blanks": b"\n\n,,\n",
    "no header": b"12345,a,b\n",
    "a header alone": ",".join(HEADER).encode(),
    "zeros": b"\x00" * 1000,
    "noise": bytes(range(256)) * 40,
    "half of UTF-16": b"\xff\xfea",
    "a quote never closed": (text_of(LETTER) + '"12,x,y\n' + text_of(letter("8")) * 3).encode(),
    "a quote never closed in a large file": (text_of(LETTER) + '"12,x,y\n' + "a,b,c\n" * 60_000).encode(),
    "no XLSX": b"PK\x03\x04 and nothing",
    "an old Excel file": bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600,
    "a zip of something else": packed(a="b"),
    "a zip bomb": packed(xl__worksheets__sheet1="x" * 3_000_000),
    "a cell at the far end": far_cell(),
    "a thousand columns": ",".join([*HEADER, *map(str, range(1000))]).encode(),
    "too many rows": (text_of(*[letter(str(n)) for n in range(300)])).encode(),
    "too many octets": text_of(LETTER).encode() + b"\n" * 2_000_000,
    "no state": text_of(LETTER[:1], header=HEADER[:1]).encode(),
    "bad rows alone": text_of(letter(""), letter("")).encode(),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
async def test_a_file_that_cannot_be_read_leaves_the_last_good_one_serving(office, broken):
    bounds = {"max_rows": 250, "max_octets": 2_000_000, "max_unpacked_octets": 2_000_000}
    office.saves(text_of(LETTER), "1.csv")
    async with office.register(**bounds) as register:
        assert isinstance(await register.look_up(ASK), Found)
        office.saves(broken, "2.csv")
        told = await office.hears("register_file_refused", file="2.csv")
        assert isinstance(await register.look_up(ASK), Found)
        assert not any(word in told["reason"] for word in ("12345", "دفتر حقوقی"))

        office.saves(text_of(letter("5")), "3.csv")
        await office.hears("register_taken", file="3.csv")
        assert isinstance(await register.look_up(ask("5")), Found)
        assert Missing() == await register.look_up(ASK)


async def test_a_column_that_is_missing_is_named(office):
    office.saves(text_of(LETTER[:4], header=HEADER[:4]))
    async with office.register():
        reason = (await office.hears("register_file_refused"))["reason"]

    assert "there is no column سازمان, سال, طبقه‌بندی" in reason


async def test_before_any_file_could_be_read_the_office_is_unreachable(office):
    async with office.register() as register:
        with pytest.raises(BackendUnreachable):
            await register.look_up(ASK)
        office.saves(text_of(LETTER))
        await office.hears("register_taken")
        assert isinstance(await register.look_up(ASK), Found)


async def test_a_folder_that_is_not_there_is_told_and_waited_for(office):
    async with office.register(folder=office.folder / "share") as register:
        with pytest.raises(BackendUnreachable):
            await register.look_up(ASK)
        await office.hears("register_folder_unreadable", reason="FileNotFoundError")
        (office.folder / "share").mkdir()
        (office.folder / "share" / "letters.csv").write_text(text_of(LETTER), encoding="utf-8")
        await office.hears("register_taken")
        assert isinstance(await register.look_up(ASK), Found)


async def test_after_a_restart_the_newest_file_that_can_be_read_counts(office):
    office.saves(text_of(LETTER), "1.csv")
    office.saves(text_of(letter("5")), "2.csv")
    office.saves(b"", "3.csv")
    async with office.register() as register:
        assert isinstance(await register.look_up(ask("5")), Found)


async def test_a_register_that_is_deleted_goes_on_being_served(office):
    path = office.saves(text_of(LETTER))
    async with office.register() as register:
        assert isinstance(await register.look_up(ASK), Found)
        path.unlink()
        await office.hears("register_without_file")
        assert isinstance(await register.look_up(ASK), Found)


# --- time -------------------------------------------------------------------------------------------------------------


async def test_a_file_that_is_still_being_copied_is_not_taken(office):
    office.saves(text_of(LETTER), "1.csv")
    async with office.register(still_s=0.2, poll_s=0.05) as register:
        assert isinstance(await register.look_up(ASK), Found)
        lines = text_of(letter("5"), letter("6")).splitlines(keepends=True)
        with (office.folder / "2.csv").open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(line)
                file.flush()
                await asyncio.sleep(0.08)
                assert ["1.csv"] == [facts["file"] for event, facts in office.news if event == "register_taken"]
        await office.hears("register_taken", file="2.csv", rows=2)


async def test_lock_files_hidden_files_reports_and_files_of_other_names_are_no_registers(office):
    office.saves(text_of(LETTER), "letters-1.csv")
    for name in ("~$letters-1.csv", "letters-1.bad.csv", "other.csv", "letters-1.txt"):
        office.saves(text_of(letter("5")), name)
    (office.folder / "letters-2.csv").mkdir()
    async with office.register(file="letters-*.csv") as register:
        assert isinstance(await register.look_up(ASK), Found)
        assert Missing() == await register.look_up(ask("5"))


async def test_an_old_register_is_told_once_a_day(office):
    office.saves(text_of(LETTER))
    async with office.register(stale_after_days=7) as register:
        await register.look_up(ASK)
        office.today = date(2026, 11, 25)
        await asyncio.sleep(0.1)
        assert "register_stale" not in [event for event, _ in office.news]
        office.today = date(2026, 11, 26)
        assert {"as_of": "2026-11-18", "days": 8} == await office.hears("register_stale")
        await asyncio.sleep(0.1)
        office.today = date(2026, 11, 27)
        await office.hears("register_stale", days=9)

    assert 2 == [event for event, _ in office.news].count("register_stale")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_a_hundred_thousand_rows_are_read_in_seconds_and_found_at_once(office, kind):
    rows = [letter(f"220/1396/{n}", organisation=f"اداره {n % 50}") for n in range(100_000)]
    if kind == "csv":
        office.saves(text_of(*rows))
    else:
        office.saves_xlsx(*rows)
    slowest = 0.0
    async with office.register() as register:
        began = time.perf_counter()
        asking = asyncio.create_task(register.look_up(ask("220/1396/99999")))
        while not asking.done():
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            slowest = max(slowest, time.perf_counter() - before)
        read_s = time.perf_counter() - began
        assert isinstance(await asking, Found)
        began = time.perf_counter()
        for n in range(1000):
            assert isinstance(await register.look_up(ask(f"{n}/1396/220")), Found)
        each_ms = time.perf_counter() - began
    print(f"{kind}: read in {read_s:.1f} s, the loop waited {slowest * 1000:.0f} ms at most, found in {each_ms:.2f} ms")

    assert read_s < 40, "on a machine with much else to do"
    assert each_ms < 5


async def test_a_stop_does_not_wait_for_a_large_file(office):
    office.saves(text_of(*[letter(str(n)) for n in range(60_000)]))
    async with office.register():
        await asyncio.sleep(0.3)
        began = time.perf_counter()

    assert time.perf_counter() - began < 1.5


# --- files that cannot work -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fields", {"number": "a[", "state": "b"}),
        ("tries", []),
        ("tries", [{"key": "number"}]),
        ("as_of", {}),
        ("as_of", {"cell": "B1", "column": "a"}),
        ("as_of", {"cell": "first"}),
        ("file", "../letters.csv"),
        ("encoding", "utf-7"),
        ("delimiter", ",,"),
        ("stale_after_days", 0),
        ("surprise", 1),
    ],
)
def test_a_file_that_cannot_work_is_refused(key, value):
    with pytest.raises(ValidationError):
        RegisterConfig(**{"folder": "/", **FILE, key: value})
