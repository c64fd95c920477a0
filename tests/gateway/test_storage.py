import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from gateway.storage.database import Database, DatabaseUnusable
from simulators.demo import HOME


async def test_the_migrations_make_the_tables_the_code_uses(database):
    def reflected(connection):
        inspector = sa.inspect(connection)
        return {
            name: (
                {column["name"]: column["nullable"] for column in inspector.get_columns(name)},
                {index["name"] for index in inspector.get_indexes(name)},
            )
            for name in inspector.get_table_names()
            if name != "alembic_version"
        }

    async with database.reading() as connection:
        found = await connection.run_sync(reflected)

    expected = {
        table.name: (
            {column.name: column.nullable for column in table.columns},
            {index.name for index in table.indexes},
        )
        for table in database.tables.metadata.tables.values()
    }
    assert expected == found


async def test_starting_again_changes_nothing(database, keys):
    again = Database(str(database.engine.url), keys)
    await again.start()
    await again.stop()


async def test_an_upgrade_keeps_the_rows_there_are(tmp_path, keys, clock):
    config = Config()
    config.set_main_option("script_location", str(HOME / "gateway/storage/migrations"))

    def at_first(connection):
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")

    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'rasad.db'}", keys)
    tables, now = database.tables, clock.now()
    phone = {"msisdn_tag": "tag", "language": "ar", "changed_at": now}
    talk = {"channel": "kannel", "msisdn_tag": "tag", "dialogue": b"core", "held": b"", "expires_at": now}
    async with database.writing() as connection:
        await connection.run_sync(at_first)
        assert "menu_version" not in await connection.run_sync(lambda here: sa.inspect(here).get_table_names())
        await connection.execute(tables.phone.insert().values(**phone))
        await connection.execute(tables.conversation.insert().values(**talk))
    await database.start()

    async with database.reading() as connection:
        assert [phone] == [row._asdict() for row in await connection.execute(tables.phone.select())]
        assert [talk] == [row._asdict() for row in await connection.execute(tables.conversation.select())]
        assert [] == (await connection.execute(tables.menu_version.select())).all()
    await database.stop()


async def test_an_error_of_the_database_does_not_quote_its_parameters(database):
    with pytest.raises(sa.exc.IntegrityError) as raised:
        async with database.writing() as connection:
            await connection.execute(database.tables.message_in.insert().values(channel="c", msisdn="+989161234567"))

    assert "9161234567" not in str(raised.value)


@pytest.mark.parametrize("url", ["nonsense", "postgres://x/y", "sqlite:///x.db"])
def test_a_database_we_do_not_serve_is_refused(url, keys):
    with pytest.raises(DatabaseUnusable, match="expected sqlite"):
        Database(url, keys)


async def test_a_database_that_cannot_be_opened_is_named(tmp_path, keys):
    (tmp_path / "file").write_text("")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'file' / 'rasad.db'}", keys)

    with pytest.raises(DatabaseUnusable, match=r"rasad\.db"):
        await database.start()
    await database.stop()


async def test_a_database_of_a_later_release_is_refused_and_left_alone(database, keys):
    async with database.writing() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    again = Database(str(database.engine.url), keys)

    with pytest.raises(DatabaseUnusable, match="not of this release"):
        await again.start()
    await again.stop()


async def test_what_is_followed_is_still_found_by_its_number_after_an_upgrade(tmp_path, keys, clock):
    config = Config()
    config.set_main_option("script_location", str(HOME / "gateway/storage/migrations"))

    def before(connection):
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")

    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'rasad.db'}", keys)
    one, two = "1" * 32, "2" * 32
    insert = sa.text(
        "INSERT INTO follow (follow_tag, number_tags, case_tag, channel, msisdn, msisdn_tag, route, dialogue, seen,"
        " state, notices, created_at, due_at, expires_at) VALUES (:tag, :numbers, '', '', x'', '', '', x'', '',"
        " 'following', 0, '2026-11-22', '2026-11-22', '2026-11-22')"
    )
    async with database.writing() as connection:
        await connection.run_sync(before)
        await connection.execute(insert, [{"tag": "a", "numbers": one}, {"tag": "b", "numbers": f"{one} {two}"}])
    await database.start()

    table = database.tables.follow
    async with database.reading() as connection:
        wanted = sa.select(table.c.follow_tag, table.c.number_tag, table.c.asked_tag).order_by(table.c.id)
        assert [("a", one, one), ("b", one, two)] == [tuple(row) for row in await connection.execute(wanted)]
    await database.stop()
