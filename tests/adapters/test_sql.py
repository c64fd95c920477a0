"""The SQL backend against real databases: an SQLite file and a PostgreSQL server of our own."""

import asyncio
import os
import signal
import sqlite3
import threading
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.contract import BackendGarbage, BackendUnreachable
from adapters.guard import Guard
from adapters.sql import END_WITHIN_S, Sql, SqlConfig
from menus.ports import Ask, CaseStep, Found, Late, Missing, State, reference

BY_NUMBER = "SELECT * FROM letters_status WHERE number = :exact"
BY_PARTS = "SELECT * FROM letters_status WHERE parts = :loose"
FILE = {
    "kind": "sql",
    "case_kind": "letter",
    "tries": [{"select": BY_NUMBER}, {"select": BY_PARTS}],
    "fields": {
        "number": "number", "state": "state", "desk": "desk", "due_on": "due", "secrecy": "secrecy", "year": "year",
        "organisation": "organisation",
    },
    "states": {"در حال بررسی": "in_progress"},
}  # fmt: skip
COLUMNS = ("id", "number", "parts", "state", "desk", "due", "secrecy", "year", "organisation", "code", "sender_no")
LETTER = (1, "12345", "12345", "در حال بررسی", "دفتر حقوقی", "1405/09/10", "عادی", 1405, "استانداری", None, None)


def row(**changes):
    return tuple({**dict(zip(COLUMNS, LETTER, strict=True)), **changes}.values())


def ask(number="12345"):
    return Ask("letters", 1, reference(number))


class Database:
    """An office's database: its address, and what its own clerks do to it."""

    def __init__(self, url):
        self.url = url
        self.postgresql = url.startswith("postgresql")
        self._engine = create_async_engine(url)

    async def does(self, *statements):
        async with self._engine.begin() as connection:
            for each in statements:
                found = await connection.execute(text(each))
            return found.all() if found.returns_rows else None

    async def has(self, *rows):
        names = ", ".join(f":{name}" for name in COLUMNS)
        async with self._engine.begin() as connection:
            for each in rows:
                values = dict(zip(COLUMNS, each, strict=True))
                await connection.execute(text(f"INSERT INTO letters_status VALUES ({names})"), values)  # noqa: S608

    async def made(self):
        kinds = ["INTEGER", *["TEXT"] * 6, "INTEGER", *["TEXT"] * 3]
        columns = ", ".join(f"{name} {kind}" for name, kind in zip(COLUMNS, kinds, strict=True))
        await self.does(
            f"CREATE TABLE letters_status ({columns})",
            "CREATE TABLE steps (letter_id INTEGER, place INTEGER, unit TEXT, sent TEXT)",
        )
        await self.has(LETTER)

    async def gone(self):
        await self._engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request, tmp_path):
    if request.param == "sqlite":
        found = Database(f"sqlite+aiosqlite:///{tmp_path / 'دفتر 1.db'}")
    else:
        found = Database(request.getfixturevalue("postgresql_server")[0])
        await found.does("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    await found.made()
    yield found
    await found.gone()


@pytest.fixture
async def described(database):
    """described(tries=[...]) is a backend whose file says something else."""
    async with AsyncExitStack() as stack:

        async def one(unmapped=lambda _: None, **more):
            return await stack.enter_async_context(Sql(SqlConfig(**{"url": database.url, **FILE, **more}), unmapped))

        yield one


# --- what is found ----------------------------------------------------------------------------------------------------


async def test_a_row_becomes_a_case(described):
    found = await (await described()).look_up(ask())

    assert isinstance(found, Found)
    case = found.case
    assert ("letter", "12345", State.IN_PROGRESS, 1405) == (case.kind, case.number, case.state, case.year)
    assert {"fa": "دفتر حقوقی"} == case.desk
    assert date(2026, 12, 1) == case.due_on
    assert found.as_of is None


async def test_the_order_free_form_is_asked_when_the_exact_one_finds_nothing(described, database):
    await database.has(row(id=2, number="220/96", parts="220/96"))

    assert "220/96" == (await (await described()).look_up(ask("96*220"))).case.number


async def test_what_is_not_there_is_missing(described):
    assert Missing() == await (await described()).look_up(ask("99999"))


async def test_several_rows_are_several_cases_and_no_more_than_the_file_says(described, database):
    await database.has(*(row(id=place, year=1300 + place) for place in range(2, 40)))

    assert 25 == len((await (await described()).look_up(ask())).cases)
    assert 3 == len((await (await described(max_rows=3)).look_up(ask())).cases)


async def test_columns_that_hold_nothing_are_left_out(described, database):
    empty = dict.fromkeys(["state", "desk", "due", "year", "organisation"])
    await database.has(row(id=2, number="5", **empty))
    case = (await (await described()).look_up(ask("5"))).case

    assert (State.UNKNOWN, {}, None, None, {}) == (case.state, case.desk, case.due_on, case.year, case.organisation)


STEPS = {
    "steps_select": "SELECT unit, sent FROM steps WHERE letter_id = :id ORDER BY place",
    "steps": {"each": "steps", "desk": "unit", "date": "sent"},
}


async def test_the_steps_of_a_found_case_are_asked_for(described, database):
    await database.does(
        "INSERT INTO steps VALUES (1, 2, 'دفتر حقوقی', NULL), (1, 1, 'دبیرخانه', '1405/08/01'), (2, 1, 'دیگر', NULL)"
    )
    steps = (await (await described(**STEPS)).look_up(ask())).case.steps

    assert (CaseStep({"fa": "دبیرخانه"}, date(2026, 10, 23)), CaseStep({"fa": "دفتر حقوقی"})) == steps


async def test_each_of_several_cases_has_its_own_steps(described, database):
    await database.has(row(id=2, year=1404))
    await database.does("INSERT INTO steps VALUES (1, 1, 'دبیرخانه', NULL), (2, 1, 'دفتر فنی', NULL)")
    found = await (await described(**STEPS)).look_up(ask())

    assert {"دبیرخانه", "دفتر فنی"} == {case.steps[0].desk["fa"] for case in found.cases}


async def test_steps_may_be_asked_for_by_the_number_as_the_office_writes_it(described, database):
    await database.has(row(id=2, number="96-220", parts="220/96"))
    await database.does(
        "ALTER TABLE steps ADD COLUMN letter TEXT", "INSERT INTO steps VALUES (2, 1, 'a', NULL, '96-220')"
    )
    select = "SELECT unit FROM steps WHERE letter = :number"
    found = await (await described(**{**STEPS, "steps_select": select})).look_up(ask("96*220"))

    assert "a" == found.case.steps[0].desk["fa"]


async def test_steps_by_a_column_no_case_has_are_garbage(described):
    backend = await described(**{**STEPS, "steps_select": "SELECT unit FROM steps WHERE letter_id = :letter"})

    with pytest.raises(BackendGarbage, match=":letter"):
        await backend.look_up(ask())


async def test_the_steps_of_a_secret_letter_are_not_asked_for(described, database):
    await database.has(row(id=2, number="777", secrecy="محرمانه"))
    backend = await described(**{**STEPS, "steps_select": "SELECT unit FROM no_such_table WHERE letter_id = :id"})

    assert (await backend.look_up(ask("777"))).case.secret
    with pytest.raises(BackendGarbage):
        await backend.look_up(ask("12345"))


CODE = {"select": "SELECT * FROM letters_status WHERE code = :receipt_code", "echo": "code"}


async def test_a_receipt_code_proves_whose_letter_it_is_and_other_numbers_do_not_ask_for_one(described, database):
    await database.has(row(id=2, number="9/9", code="1040610014"))
    backend = await described(tries=[CODE, {"select": BY_NUMBER}])

    assert (await backend.look_up(ask("1040610014"))).case.proven
    assert not (await backend.look_up(ask("12345"))).case.proven


async def test_a_letter_may_be_found_by_its_senders_number(described, database):
    await database.has(row(id=2, number="9/9", sender_no="600"))
    by_sender = "SELECT * FROM letters_status WHERE sender_no = :exact"

    found = await (await described(tries=[{"select": by_sender, "echo": "sender_no"}])).look_up(ask("600"))
    assert "9/9" == found.case.number
    with pytest.raises(BackendGarbage, match="another number"):
        await (await described(tries=[{"select": by_sender}])).look_up(ask("600"))


@pytest.mark.parametrize(
    "tries", [[BY_NUMBER], [BY_NUMBER, BY_PARTS], [BY_NUMBER, BY_NUMBER.replace("exact", "loose")]]
)
async def test_a_secret_letter_is_found_secret_whichever_try_finds_it(described, database, tries):
    await database.has(row(id=2, number="777", parts="777", secrecy="محرمانه"))
    backend = await described(tries=[{"select": each} for each in tries])

    assert (await backend.look_up(ask("777"))).case.secret


def test_the_very_same_question_is_not_asked_again():
    config = SqlConfig(
        url="sqlite+aiosqlite:///x.db",
        **{**FILE, "tries": [{"select": BY_NUMBER.replace("exact", key)} for key in ("exact", "loose", "running")]},
    )
    asked = {each.asks(reference("12345")) for each in config.tries}
    others = {each.asks(reference("220/96/5")) for each in config.tries}

    assert (1, 3) == (len(asked), len(others))


async def test_a_number_without_digits_is_not_asked_by_its_running_part(described):
    backend = await described(tries=[{"select": "SELECT * FROM no_such_table WHERE number = :running"}])

    assert Missing() == await backend.look_up(ask("ص"))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_days_and_numbers_of_the_database_are_days_and_numbers(described, database):
    select = (
        "SELECT 12345::numeric AS number, 'در حال بررسی' AS state, 'عادی' AS secrecy, 1405::float8 AS year,"
        " timestamptz '2026-11-30 22:00+00' AS due, :exact AS asked"
    )
    case = (await (await described(tries=[{"select": select}])).look_up(ask())).case

    assert ("12345", 1405) == (case.number, case.year)
    assert date(2026, 12, 1) == case.due_on, "half past one in the morning, in Iran"
    assert datetime(2026, 11, 30, 22, tzinfo=UTC).date() != case.due_on


# --- hostile data -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [
        "1' OR '1'='1", "12345'; DROP TABLE letters_status; --", "12345\" OR 1=1", ":exact", "$1", "?", "%", "\\", "{}",
        "12345/**/OR/**/1", "12345' --", "' UNION SELECT * FROM letters_status --", "ʼ OR 1=1", "1" * 4_000,
    ],
)  # fmt: skip
async def test_a_number_is_a_value_and_never_a_part_of_the_statement(described, database, number):
    assert Missing() == await (await described()).look_up(ask(number))
    assert [(1,)] == await database.does("SELECT count(*) FROM letters_status")


async def test_a_zero_in_a_number_is_no_end_of_it(described):
    """PostgreSQL has no such text and says so; SQLite has none of that number."""
    try:
        assert Missing() == await (await described(tries=[{"select": BY_NUMBER}])).look_up(ask("12345\x00"))
    except BackendGarbage as garbage:
        assert "12345" not in str(garbage)  # noqa: PT017  # either is right


async def test_a_row_about_another_number_is_garbage(described, database):
    await database.has(row(id=2, number="54321"))
    backend = await described(
        tries=[{"select": "SELECT * FROM letters_status WHERE number = '54321' OR number = :exact"}]
    )

    with pytest.raises(BackendGarbage) as garbage:
        await backend.look_up(ask("777"))
    assert "54321" not in str(garbage.value)


@pytest.mark.parametrize(("octets", "fits"), [(2_000, True), (40_000, False)])
async def test_a_row_that_is_too_long_is_refused(described, database, octets, fits):
    await database.has(row(id=2, number="5", organisation="ب" * octets))
    backend = await described()

    if fits:
        assert {} == (await backend.look_up(ask("5"))).case.organisation
    else:
        with pytest.raises(BackendGarbage, match="65536 octets"):
            await backend.look_up(ask("5"))


async def test_a_view_without_end_is_read_no_further_than_the_file_says(described):
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    select = f"{rows} SELECT :exact AS number, 'در حال بررسی' AS state, 'عادی' AS secrecy, i AS year FROM n"  # noqa: S608

    assert 25 == len((await (await described(tries=[{"select": select}])).look_up(ask())).cases)


async def test_a_view_that_is_gone_is_garbage_until_it_is_back(described, database):
    backend = await described()
    assert isinstance(await backend.look_up(ask()), Found)
    await database.does("ALTER TABLE letters_status RENAME TO elsewhere")
    with pytest.raises(BackendGarbage) as garbage:
        await backend.look_up(ask())
    await database.does("ALTER TABLE elsewhere RENAME TO letters_status")

    assert isinstance(await backend.look_up(ask()), Found)
    assert not any(word in str(garbage.value) for word in ("letters_status", "SELECT", "12345"))


async def test_a_table_of_other_columns_is_garbage(described, database):
    await database.does("DROP TABLE letters_status", "CREATE TABLE letters_status (number TEXT, parts TEXT)")
    await database.does("INSERT INTO letters_status VALUES ('12345', '12345')")
    case = (await (await described()).look_up(ask())).case

    assert case.secret, "nobody says that it is open"


async def test_the_database_is_not_written_to_whatever_the_select_calls(described, database):
    if database.postgresql:
        await database.does(
            "CREATE FUNCTION wipe() RETURNS text LANGUAGE sql AS $$ DELETE FROM letters_status RETURNING number $$"
        )
        select = "SELECT wipe() AS number, :exact AS asked"
        with pytest.raises(BackendGarbage, match="25006"):  # read_only_sql_transaction
            await (await described(tries=[{"select": select}])).look_up(ask())
    else:
        backend = await described()
        async with backend._engine.connect() as connection:
            with pytest.raises(Exception, match="readonly"):
                await connection.execute(text("DELETE FROM letters_status"))
    assert [(1,)] == await database.does("SELECT count(*) FROM letters_status")


# --- time -------------------------------------------------------------------------------------------------------------

ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS number FROM n WHERE i > :exact"
)
SLEEPS = "SELECT pg_sleep(600) AS number, :exact AS asked"


@pytest.fixture
def guarded(described, clock):
    async def one(**more):
        reports = []
        lookup = await described(**more)
        guard = Guard(
            lookup, deadline_s=30, max_in_flight=32, monotonic=clock.monotonic, lateness_opens=False,
            report=lambda word, reason, took_s: reports.append((word, reason)),
        )  # fmt: skip
        guard.reports, guard.lookup = reports, lookup
        return guard

    return one


def seconds():
    return asyncio.get_running_loop().time()


async def statements(database):
    """How many others the server works for."""
    if not database.postgresql:
        return 0
    found = await database.does(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'"
    )
    return found[0][0]


async def ended(database, lookup, within_s=2.0):
    until = seconds() + within_s
    while lookup._asking or await statements(database):
        assert seconds() < until, "the statement goes on"
        await asyncio.sleep(0.02)


async def test_a_statement_that_takes_too_long_is_late_and_ends_in_the_database_too(guarded, database):
    guard = await guarded(tries=[{"select": SLEEPS if database.postgresql else ENDLESS}], pool_size=1)
    began = seconds()

    assert Late() == await guard.ask(ask(), 0.3)
    assert seconds() - began < 0.6
    await ended(database, guard.lookup)


async def test_a_dropped_question_leaves_its_connection_to_the_next(guarded, database):
    slow = {"select": SLEEPS if database.postgresql else ENDLESS}
    guard = await guarded(tries=[{"select": BY_NUMBER}, slow], pool_size=1)
    for _ in range(5):
        assert Late() == await guard.ask(ask("99999"), 0.1)

    assert isinstance(await guard.ask(ask("12345"), 5.0), Found)


async def test_a_spent_pool_is_waited_for_within_the_questions_own_time(guarded, database):
    slow = {"select": SLEEPS if database.postgresql else ENDLESS}
    guard = await guarded(tries=[{"select": BY_NUMBER}, slow], pool_size=2)
    hanging = [asyncio.create_task(guard.ask(ask("99999"), 1.0)) for _ in range(2)]
    await asyncio.sleep(0.2)
    began = seconds()

    assert Late() == await guard.ask(ask("12345"), 0.2)
    assert seconds() - began < 0.5
    assert [Late(), Late()] == await asyncio.gather(*hanging)
    assert isinstance(await guard.ask(ask("12345"), 5.0), Found)


async def test_twenty_questions_share_two_connections(guarded):
    guard = await guarded(pool_size=2)
    answers = await asyncio.gather(*(guard.ask(ask(), 10.0) for _ in range(20)))

    assert all(isinstance(each, Found) for each in answers)


async def test_the_databases_own_limit_ends_what_nobody_dropped(described, database):
    slow = {"select": SLEEPS if database.postgresql else ENDLESS}
    backend = await described(tries=[slow], deadline_s=0.2)
    with pytest.raises(BackendGarbage) as garbage:
        async with asyncio.timeout(10):
            await backend.look_up(ask())

    assert any(word in str(garbage.value) for word in ("57014", "SQLITE_INTERRUPT")), str(garbage.value)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_server_that_hangs_costs_the_caller_no_more_than_her_time(guarded, database, request):
    pid = request.getfixturevalue("postgresql_server")[1]
    guard = await guarded(pool_size=2)
    assert isinstance(await guard.ask(ask(), 5.0), Found)
    children = [int(each[0]) for each in await database.does("SELECT pid FROM pg_stat_activity")]
    await database.gone()
    for each in (pid, *children):
        try:
            os.kill(each, signal.SIGSTOP)
        except ProcessLookupError:
            children.remove(each)
    try:
        for _ in range(3):
            began = seconds()
            assert Late() == await guard.ask(ask(), 0.3)
            assert seconds() - began < END_WITHIN_S
    finally:
        for each in (*children, pid):
            os.kill(each, signal.SIGCONT)

    until = seconds() + 15
    while not isinstance(await guard.ask(ask(), 3.0), Found):
        assert seconds() < until


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_broken_connection_is_unreachable_and_the_next_question_is_answered(described, database):
    backend = await described(tries=[{"select": BY_NUMBER}, {"select": SLEEPS}], pool_size=1)
    asking = asyncio.create_task(backend.look_up(ask("99999")))
    await asyncio.sleep(0.2)
    await database.does(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
    )
    with pytest.raises(BackendUnreachable):
        await asking

    assert isinstance(await backend.look_up(ask("12345")), Found)


@pytest.mark.parametrize(
    "url",
    ["postgresql+asyncpg://postgres@127.0.0.1:9/postgres", "sqlite+aiosqlite:////no/such/folder/office.db"],
)
async def test_nobody_there_is_unreachable(url):
    async with Sql(SqlConfig(url=url, **FILE)) as backend:
        with pytest.raises(BackendUnreachable):
            await backend.look_up(ask())


async def test_a_wrong_database_is_unreachable(postgresql_server):
    async with Sql(SqlConfig(url=f"{postgresql_server[0]}_elsewhere", **FILE)) as backend:
        with pytest.raises(BackendUnreachable) as refused:
            await backend.look_up(ask())
    assert "BackendUnreachable: no connection: 3D000" == f"{type(refused.value).__name__}: {refused.value}"


async def test_a_file_that_is_not_there_is_not_made(tmp_path):
    async with Sql(SqlConfig(url=f"sqlite+aiosqlite:///{tmp_path}/office.db", **FILE)) as backend:
        with pytest.raises(BackendUnreachable, match="no connection: SQLITE_CANTOPEN"):
            await backend.look_up(ask())
    assert [] == list(tmp_path.iterdir())
    assert [] == [each.name for each in threading.enumerate() if "_connection_worker_thread" in each.name]


async def test_a_file_that_is_no_database_is_garbage(tmp_path):
    (tmp_path / "office.db").write_bytes(b"not a database" * 1000)
    async with Sql(SqlConfig(url=f"sqlite+aiosqlite:///{tmp_path}/office.db", **FILE)) as backend:
        with pytest.raises(BackendGarbage, match="SQLITE_NOTADB"):
            await backend.look_up(ask())


async def test_a_file_somebody_writes_is_unreachable_for_a_moment_and_then_read(tmp_path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/office.db")
    await database.made()
    await database.gone()
    async with Sql(SqlConfig(url=database.url, **FILE)) as backend:
        writer = sqlite3.connect(tmp_path / "office.db", isolation_level=None)
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(BackendUnreachable, match="SQLITE_BUSY"):
            await backend.look_up(ask())
        writer.execute("ROLLBACK")
        writer.close()

        assert isinstance(await backend.look_up(ask()), Found)


# --- files that cannot work -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("select", "told"),
    [
        ("SELECT * FROM v", "does not ask for a number"),
        ("SELECT * FROM v WHERE n = :number", ":number is none of"),
        ("SELECT * FROM v WHERE n = :exact AND y = :year", ":year is none of"),
        ("SELECT * FROM v WHERE n = ':exact'", None),
        ("SELECT * FROM v WHERE n = :exact::int", "written CAST"),
        ("SELECT * FROM v WHERE n = :exact; SELECT 1", "one statement"),
        ("SELECT * FROM v WHERE n = :exact; DROP TABLE v;", "one statement"),
        ("DELETE FROM v WHERE n = :exact", "a SELECT was expected"),
        ("UPDATE v SET n = :exact", "a SELECT was expected"),
        ("PRAGMA table_info(:exact)", "a SELECT was expected"),
        ("EXPLAIN SELECT :exact", "a SELECT was expected"),
        ("", "a SELECT was expected"),
        ("-- SELECT\nDELETE FROM v WHERE n = :exact", "a SELECT was expected"),
        ("WITH gone AS (DELETE FROM v WHERE n = :exact RETURNING *) SELECT * FROM gone", "DELETE would write"),
        ("SELECT * INTO w FROM v WHERE n = :exact", "INTO would write"),
        ("SELECT * FROM v WHERE n = :exact FOR UPDATE", "UPDATE would write"),
        ("SELECT * FROM v WHERE n = :exact OR code = :receipt_code", "stands alone"),
        ("SELECT * FROM v WHERE n = :exact ;\n", None),
        ("(SELECT * FROM v WHERE n = :exact)", None),
        ("/* the view; of 1405 */ SELECT \"update\", ';' AS x FROM v WHERE n = :exact -- ;", None),
        ("WITH w AS (SELECT * FROM v) SELECT * FROM w WHERE p = :loose", None),
        ("SELECT n::text, $q$; DELETE$q$ FROM v WHERE n = :exact", None),
    ],
)
def test_a_try_is_one_select_that_asks_for_a_number(select, told):
    def read():
        return SqlConfig(url="sqlite+aiosqlite:///x.db", **{**FILE, "tries": [{"select": select}]})

    if told is None:
        assert read()
    else:
        with pytest.raises(ValidationError, match=told):
            read()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "no address of a database"),
        ("office.db", "no address of a database"),
        ("sqlite:///office.db", "no address of a database"),
        ("sqlite+aiosqlite://", "no address of a database"),
        ("sqlite+aiosqlite:///:memory:", "no address of a database"),
        ("postgresql+psycopg2://u:secret@h/d", "is not installed"),
        ("postgresql+nothing://u:secret@h/d", "no address of a database"),
        ("mysql+aiomysql://u:secret@h/d", "aiomysql is not installed"),
        ("postgresql+asyncpg://u:secret@h:port/d", "no address of a database"),
    ],
)
def test_an_address_that_cannot_work_is_refused_without_its_password(url, told):
    with pytest.raises(ValidationError, match=told) as refused:
        SqlConfig(url=url, **FILE)
    assert "secret" not in str(refused.value.errors()[0]["ctx"]["error"])


@pytest.mark.parametrize(
    ("key", "value"),
    [("tries", []), ("pool_size", 0), ("max_rows", 0), ("surprise", 1), ("steps_select", "DELETE FROM steps")],
)
def test_a_file_that_cannot_work_is_refused(key, value):
    with pytest.raises(ValidationError):
        SqlConfig(**{"url": "sqlite+aiosqlite:///x.db", **FILE, key: value})
