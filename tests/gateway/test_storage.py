import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import SQLAlchemyError

from gateway.settings import StorageSettings
from gateway.storage.database import Database, DatabaseUnusable, insert_once
from tests.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES


@pytest.fixture
async def at(empty_url, keys):
    """A database as an earlier release left it."""
    found = Database(empty_url, keys)

    async def made(revision):
        await found.start(revision)
        return found

    yield made
    await found.stop()


async def test_the_migrations_make_the_tables_the_code_uses(database):
    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), database.tables.metadata)

    async with database.reading() as connection:
        assert [] == await connection.run_sync(differences)


async def test_starting_again_changes_nothing(database, database_url, keys):
    again = Database(database_url, keys)
    await again.start()
    await again.stop()


async def test_an_upgrade_keeps_the_rows_there_are(at, clock):
    database = await at("0001")
    tables, now = database.tables, clock.now()
    phone = {"msisdn_tag": "tag", "language": "ar", "changed_at": now}
    talk = {"channel": "kannel", "msisdn_tag": "tag", "dialogue": b"core", "held": b"", "expires_at": now}
    async with database.writing() as connection:
        assert "menu_version" not in await connection.run_sync(lambda here: sa.inspect(here).get_table_names())
        await connection.execute(tables.phone.insert().values(**phone))
        await connection.execute(tables.conversation.insert().values(**talk))
    await database.start()

    async with database.reading() as connection:
        assert [phone] == [row._asdict() for row in await connection.execute(tables.phone.select())]
        assert [talk] == [row._asdict() for row in await connection.execute(tables.conversation.select())]
        assert [] == (await connection.execute(tables.menu_version.select())).all()


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


async def test_a_database_of_a_later_release_is_refused_and_left_alone(database, database_url, keys):
    async with database.writing() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    again = Database(database_url, keys)

    with pytest.raises(DatabaseUnusable, match="not of this release"):
        await again.start()
    await again.stop()


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
    starting = [Database(empty_url, keys) for _ in range(4)]

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


async def test_more_work_than_connections_waits_for_its_turn_and_no_longer_than_it_may(database_url, keys):
    database = Database(database_url, keys, StorageSettings(connections=2, connection_within_s=0.2))
    await database.start()

    async def look():
        async with database.reading() as connection:
            await connection.execute(sa.text("SELECT 1"))

    await asyncio.gather(*(look() for _ in range(20)))
    async with database.reading(), database.reading():
        with pytest.raises(SQLAlchemyError):
            await look()
    await look()
    await database.stop()


@pytest.mark.databases("postgresql")
async def test_a_row_that_somebody_else_is_changing_is_waited_for_no_longer_than_it_may(database_url, keys):
    database = Database(database_url, keys, StorageSettings(lock_within_s=0.2))
    await database.start()
    async with database.writing() as connection:
        await database.alone(connection, "count")
        with pytest.raises(SQLAlchemyError):
            async with database.writing() as another:
                await database.alone(another, "count")
    await database.stop()


@pytest.mark.databases("postgresql")
async def test_a_statement_that_takes_too_long_ends_in_the_server_too(database_url, keys):
    database = Database(database_url, keys, StorageSettings(statement_within_s=0.2))
    await database.start()
    with pytest.raises(SQLAlchemyError, match="statement timeout"):
        async with database.reading() as connection:
            await connection.execute(sa.text("SELECT pg_sleep(30)"))
    await database.stop()


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
