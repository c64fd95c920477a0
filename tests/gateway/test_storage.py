import asyncio
import shutil
import threading
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError
from typer.testing import CliRunner

from gateway import commands
from gateway.privacy import write_keys
from gateway.storage import sqlite
from gateway.storage.database import Database, DatabaseUnusable, insert_once
from simulators.demo import HOME
from tests.conftest import BOTH_DATABASES
from tests.gateway.conftest import PATIENT

pytestmark = BOTH_DATABASES


@pytest.fixture
async def at(empty_url, keys):
    """A database as an earlier release left it."""
    found = Database(empty_url, keys, PATIENT)

    async def made(revision):
        await found.start(revision)
        return found

    yield made
    await found.stop()


@pytest.fixture
async def opened(database_url, keys):
    """Databases on one address, each as another process with settings of its own has it."""
    async with AsyncExitStack() as stack:

        async def made(**settings):
            found = Database(database_url, keys, PATIENT.model_copy(update=settings))
            stack.push_async_callback(found.stop)
            await found.start()
            return found

        yield made


async def test_the_migrations_make_the_tables_the_code_uses(database):
    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), database.tables.metadata)

    async with database.reading() as connection:
        assert [] == await connection.run_sync(differences)


async def test_starting_again_changes_nothing(database, opened):
    async with database.reading() as connection:
        before = await connection.run_sync(schema)
    await opened()
    async with database.reading() as connection:
        assert before == await connection.run_sync(schema)


async def test_an_upgrade_keeps_the_rows_there_are(at, clock, keys):
    """What 0001 wrote, table by table, is read by this release."""
    database = await at("0001")
    tables, now = database.tables, clock.now()
    came = {"channel": "kannel", "msisdn": "+989161234567", "msisdn_tag": "tag", "state": "new", "tries": 0}
    asked = {"created_at": now, "due_at": now, "expires_at": now}
    rows = {
        "phone": {"msisdn_tag": "tag", "language": "ar", "changed_at": now},
        "conversation": {
            "channel": "kannel", "msisdn_tag": "tag", "dialogue": b"core", "held": b"", "expires_at": now,
        },
        "message_in": {**came, "provider_id": "m-1", "short_code": "4040", "text": "12345", "received_at": now},
        "message_out": {**came, **asked, "cause": "in:1", "text": "نامه", "doubts": 0, "state": "sent", "sent_at": now},
        "follow_up": {**came, **asked, "cause": "d:1", "question_tag": "q", "dialogue": b"core", "state": "waiting"},
    }  # fmt: skip
    async with database.writing() as connection:
        assert "menu_version" not in await connection.run_sync(lambda here: sa.inspect(here).get_table_names())
        for name, row in rows.items():
            table = getattr(tables, name)
            # As the first release wrote it: what was added since is no column yet.
            first = sa.Table(name, sa.MetaData(), *(sa.Column(key, table.c[key].type) for key in row))
            await connection.execute(first.insert().values(**row))
    await database.start()

    async with database.reading() as connection:
        for name, row in rows.items():
            (found,) = (await connection.execute(getattr(tables, name).select())).all()
            assert row == {key: value for key, value in found._asdict().items() if key in row}, name
        assert [] == (await connection.execute(tables.menu_version.select())).all()


REVISIONS = [
    each.revision for each in reversed(list(ScriptDirectory(str(HOME / "gateway/storage/migrations")).walk_revisions()))
]


def schema(connection):
    inspector = sa.inspect(connection)
    return {
        name: (
            {column["name"]: (str(column["type"]), column["nullable"]) for column in inspector.get_columns(name)},
            {index["name"]: index["column_names"] for index in inspector.get_indexes(name)},
        )
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


async def test_up_down_and_up_again(at):
    """Each step down leaves what the step up had found."""
    found = {}
    for revision in REVISIONS:
        database = await at(revision)
        async with database.reading() as connection:
            found[revision] = await connection.run_sync(schema)
    assert len(REVISIONS) == len({str(each) for each in found.values()})
    for revision in reversed(REVISIONS[:-1]):
        await database.go_back(revision)
        async with database.reading() as connection:
            assert found[revision] == await connection.run_sync(schema), revision
            assert revision == await database.revision()
    await database.go_back("base")
    async with database.reading() as connection:
        assert {} == await connection.run_sync(schema)
    await database.start()
    async with database.reading() as connection:
        assert found[REVISIONS[-1]] == await connection.run_sync(schema)


@pytest.mark.parametrize(
    ("since", "written", "back_to", "told"),
    [
        ("0007", "INSERT INTO phone VALUES ('tag', 'ar', '2026-11-22')", "base", "the rows of phone"),
        ("0007", "INSERT INTO menu_version VALUES ('h', '[]', '2026-11-22')", "0001", "the rows of menu_version"),
        (
            "0007",
            "INSERT INTO rating VALUES ('t', 'letter', 'o', 'closed', 5, '2026-11-22')",
            "0002",
            "the rows of rating",
        ),
        (
            "0007",
            (
                "INSERT INTO follow_up (cause, channel, msisdn, msisdn_tag, question_tag, dialogue, created_at, due_at,"
                " expires_at, state, tries, answer) VALUES ('c', 'k', '', '', '', '', '2026-11-22', '2026-11-22',"
                " '2026-11-22', 'answered', 1, 'a')"
            ),
            "0003",
            "follow_up.answer",
        ),
        (
            "0007",
            (
                "INSERT INTO receipt (channel, provider_id, msisdn_tag, fate, reason, received_at)"
                " VALUES ('k', '1', '', 'delivered', '', '2026-11-22')"
            ),
            "0006",
            "the rows of receipt",
        ),
        (
            "0008",
            (
                "INSERT INTO message_out (cause, channel, msisdn, msisdn_tag, text, parts, priority, created_at, due_at,"
                " expires_at, state, tries, doubts, attempt) VALUES ('c', 'k', '', '', '', 1, 0, '2026-11-22',"
                " '2026-11-22', '2026-11-22', 'waiting', 1, 1, 'unknown')"
            ),
            "0007",
            "message_out.attempt",
        ),
        (
            "0009",
            (
                "INSERT INTO follow_up (cause, channel, msisdn, msisdn_tag, question_tag, dialogue, created_at, due_at,"
                " expires_at, state, tries, line) VALUES ('c', 'k', '', '', '', '', '2026-11-22', '2026-11-22',"
                " '2026-11-22', 'waiting', 0, 'smpp')"
            ),
            "0008",
            "follow_up.line",
        ),
        (
            "0010",
            (
                "INSERT INTO dialogue_record VALUES ('d', 'ussd', 'smpp', 't', 'fa', 'm', '2026-11-22', '2026-11-22',"
                " 'completed', '', 1, 'main', 'main', '', 1)"
            ),
            "0009",
            "the rows of dialogue_record",
        ),
    ],
)
async def test_nothing_is_lost_by_going_back(at, since, written, back_to, told):
    database = await at(since)
    async with database.writing() as connection:
        await connection.execute(sa.text(written))
        before = await connection.run_sync(schema)

    with pytest.raises(DatabaseUnusable, match=f"not taken back to {back_to} .*{told}.* would be lost.*nothing was"):
        await database.go_back(back_to)

    async with database.reading() as connection:
        assert before == await connection.run_sync(schema)
    assert since == await database.revision()


async def test_a_schema_there_never_was_is_not_gone_back_to(database):
    with pytest.raises(DatabaseUnusable, match="not taken back to 9999"):
        await database.go_back("9999")


async def test_the_command_line_goes_up_and_back_and_refuses_to_lose(at, empty_url, keys, tmp_path, monkeypatch):
    config = shutil.copytree(HOME / "config", tmp_path / "config")
    write_keys(tmp_path / "keys.yaml", keys)
    (config / "gateway.yaml").write_text(f"database: {empty_url}\nkeys_file: {tmp_path / 'keys.yaml'}\n")
    shutil.rmtree(config / "channels")
    (config / "channels").mkdir()
    channel = "carries: ussd\ndialect: json\nauth: none\nservice_code: '*4*061#'\n"
    (config / "channels" / "json.yaml").write_text(channel)
    for office in ("SECRETARIAT", "SLOW_SECRETARIAT", "FAILING_SECRETARIAT", "DEAD_SECRETARIAT", "SERVICES"):
        monkeypatch.setenv(f"{office}_URL", "http://127.0.0.1:9")

    async def rasad(*words):
        return await asyncio.to_thread(CliRunner().invoke, commands.db, [*words, "--config", str(config)])

    assert (await rasad("upgrade")).output.endswith(f": its schema is {REVISIONS[-1]}\n")
    assert (await rasad("downgrade", "0003")).output.endswith(": its schema is 0003\n")
    database = await at("0003")
    async with database.writing() as connection:
        await connection.execute(sa.text("INSERT INTO phone VALUES ('tag', 'ar', '2026-11-22')"))
    refused = await rasad("downgrade", "base")
    assert 1 == refused.exit_code
    assert "the rows of phone would be lost" in str(refused.exception)
    assert (await rasad("upgrade")).output.endswith(f": its schema is {REVISIONS[-1]}\n")


async def test_an_error_of_the_database_does_not_quote_its_parameters(database):
    with pytest.raises(sa.exc.IntegrityError) as raised:
        async with database.writing() as connection:
            await connection.execute(database.tables.message_in.insert().values(channel="c", msisdn="+989161234567"))

    assert "9161234567" not in str(raised.value)


@pytest.mark.parametrize("url", ["nonsense", "postgres://x/y", "sqlite:///x.db", "sqlite+aiosqlite://"])
def test_a_database_we_do_not_serve_is_refused(url, keys):
    with pytest.raises(DatabaseUnusable, match="expected sqlite"):
        Database(url, keys)


async def test_a_database_that_cannot_be_opened_is_named(tmp_path, keys):
    (tmp_path / "file").write_text("")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'file' / 'rasad.db'}", keys)

    with pytest.raises(DatabaseUnusable, match=r"rasad\.db"):
        await database.start()
    await database.stop()


async def test_a_database_of_a_later_release_is_refused_and_left_alone(database, opened):
    async with database.writing() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(DatabaseUnusable, match="not of this release"):
        await opened()


async def test_what_is_followed_is_still_found_by_its_number_after_an_upgrade(at):
    database = await at("0004")
    one, two = "1" * 32, "2" * 32
    insert = sa.text(
        "INSERT INTO follow (follow_tag, number_tags, case_tag, channel, msisdn, msisdn_tag, route, dialogue, seen,"
        " state, notices, created_at, due_at, expires_at) VALUES (:tag, :numbers, '', '', '', '', '', '', '',"
        " 'following', 0, '2026-11-22', '2026-11-22', '2026-11-22')"
    )
    async with database.writing() as connection:
        await connection.execute(insert, [{"tag": "a", "numbers": one}, {"tag": "b", "numbers": f"{one} {two}"}])
    await database.start()

    table = database.tables.follow
    async with database.reading() as connection:
        wanted = sa.select(table.c.follow_tag, table.c.number_tag, table.c.asked_tag).order_by(table.c.id)
        assert [("a", one, one), ("b", one, two)] == [tuple(row) for row in await connection.execute(wanted)]


async def test_processes_that_start_at_once_make_one_schema(empty_url, keys):
    starting = [Database(empty_url, keys, PATIENT) for _ in range(4)]

    await asyncio.gather(*(each.start() for each in starting))

    assert [True] * 4 == [await each.alive() for each in starting]
    await asyncio.gather(*(each.stop() for each in starting))


async def test_a_row_is_inserted_once_and_its_insert_says_so(database):
    table = database.tables.menu_version
    row = {"hash": "h", "files": "[]", "published_at": datetime(2026, 11, 22, tzinfo=UTC)}
    async with database.writing() as connection:
        first, again = [(await connection.execute(insert_once(table, **row))).rowcount for _ in range(2)]
    assert (1, 0) == (first, again)


async def test_rows_are_numbered_and_their_insert_tells_the_number(database):
    table = database.tables.receipt
    row = {"channel": "c", "provider_id": "1", "msisdn_tag": "", "fate": "pending", "reason": ""}
    row["received_at"] = datetime(2026, 11, 22, tzinfo=UTC)
    async with database.writing() as connection:
        rows = [row | {"provider_id": name} for name in "abc"]
        told = [(await connection.execute(table.insert().values(**each))).inserted_primary_key[0] for each in rows]
        kept = (await connection.execute(sa.select(table.c.id).order_by(table.c.id))).scalars().all()
    assert [1, 2, 3] == told == kept


@pytest.mark.databases("postgresql")
async def test_a_number_of_a_row_outlasts_four_bytes(database):
    table = database.tables.receipt
    async with database.writing() as connection:
        await connection.execute(sa.text("SELECT setval('receipt_id_seq', 5000000000)"))
        row = {"channel": "c", "provider_id": "1", "msisdn_tag": "", "fate": "pending", "reason": ""}
        row["received_at"] = datetime(2026, 11, 22, tzinfo=UTC)
        done = await connection.execute(table.insert().values(**row))
        assert (5_000_000_001,) == done.inserted_primary_key


async def test_who_does_something_alone_is_waited_for(database):
    seen = []

    async def alone(name):
        async with database.writing() as connection:
            await database.alone(connection, "count")
            seen.append(f"{name} begins")
            await asyncio.sleep(0.02)
            seen.append(f"{name} ends")

    await asyncio.gather(alone("a"), alone("b"), alone("c"))

    assert 6 == len(seen)
    assert all(begun.replace("begins", "ends") == ended for begun, ended in zip(seen[::2], seen[1::2], strict=True))


async def test_a_transaction_that_fails_leaves_nothing(database):
    table = database.tables.phone
    row = {"msisdn_tag": "tag", "language": "ar", "changed_at": datetime(2026, 11, 22, tzinfo=UTC)}

    async def failing():
        async with database.writing() as connection:
            await connection.execute(table.insert().values(**row))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await failing()
    async with database.reading() as connection:
        assert [] == (await connection.execute(table.select())).all()


async def look(database):
    async with database.reading() as connection:
        await connection.execute(sa.text("SELECT 1"))


async def test_more_work_than_connections_waits_for_its_turn(opened):
    database = await opened(connections=2)
    await asyncio.gather(*(look(database) for _ in range(20)))


async def test_work_waits_no_longer_for_a_connection_than_it_may(opened):
    database = await opened(connections=2, connection_within_s=0.1)
    async with database.reading(), database.reading():
        with pytest.raises(SQLAlchemyError, match="limit of size 2"):
            await look(database)
    await look(database)


@pytest.mark.databases("postgresql")
async def test_a_row_that_somebody_else_is_changing_is_waited_for_no_longer_than_it_may(opened):
    database = await opened(lock_within_s=0.1)
    async with database.writing() as connection, database.writing() as another:
        await database.alone(connection, "count")
        with pytest.raises(SQLAlchemyError, match="lock timeout"):
            await database.alone(another, "count")


@pytest.mark.databases("postgresql")
async def test_a_statement_that_takes_too_long_ends_in_the_server_too(opened):
    database = await opened(statement_within_s=0.2)
    async with database.reading() as connection:
        with pytest.raises(SQLAlchemyError, match="statement timeout"):
            await connection.execute(sa.text("SELECT pg_sleep(60)"))


@pytest.mark.databases("postgresql")
async def test_a_database_that_cannot_be_reached_is_named_without_its_password(keys):
    database = Database("postgresql+asyncpg://rasad:swordfish@127.0.0.1:9/rasad", keys)
    with pytest.raises(DatabaseUnusable, match=r"127\.0\.0\.1:9/rasad") as raised:
        await database.start()
    assert "swordfish" not in str(raised.value)
    assert not await database.alive()
    with pytest.raises(SQLAlchemyError):
        async with database.writing():
            pass
    await database.stop()


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("rounds", range(6))
def test_who_is_cancelled_in_the_middle_of_a_statement_keeps_nobody_from_ending(database_url, keys, rounds):
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) SELECT max(i) FROM n"

    async def cancelled():
        database = Database(database_url, keys, PATIENT)

        async def read():
            async with database.reading() as connection:
                await connection.execute(sa.text(count))

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.1)
        reading.cancel()
        for _ in range(rounds):  # so far on its way out; the loop's end cancels it once more
            await asyncio.sleep(0)
        leaving = asyncio.create_task(database.stop())
        await asyncio.sleep(0.001 * rounds)
        reading.cancel()
        await leaving

    ending = threading.Thread(target=asyncio.run, args=(cancelled(),), daemon=True)
    ending.start()
    ending.join(60)
    assert not ending.is_alive()


@pytest.mark.databases("sqlite")
async def test_who_is_cancelled_before_its_rows_are_read_holds_up_nobody(database, monkeypatch):
    """Not even itself: on its way out it has the traceback, that has the cursor, and that a transaction."""
    executed, asked = sqlite._Cursor.execute, asyncio.Event()

    async def never_told(cursor, statement, *parameters):
        await executed(cursor, statement, *parameters)
        if statement.startswith("INSERT"):
            asked.set()
            await asyncio.Event().wait()

    lease = database.tables.lease
    row = {"name": "one", "owner": "a", "until": 0.0, "fence": 1}

    async def leaving():
        monkeypatch.setattr(sqlite._Cursor, "execute", never_told)
        try:
            async with database.writing() as connection:
                await connection.execute(lease.insert().values(**row).returning(lease.c.fence))
        finally:
            monkeypatch.undo()
            async with asyncio.timeout(10), database.writing() as connection:
                await connection.execute(lease.insert().values(**row))

    left = asyncio.create_task(leaving())
    await asked.wait()
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    async with database.reading() as connection:
        assert ["a"] == (await connection.execute(sa.select(lease.c.owner))).scalars().all()
