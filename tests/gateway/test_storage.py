import pytest
import sqlalchemy as sa

from gateway.storage.database import Database, DatabaseUnusable


@pytest.fixture
async def database(tmp_path, keys):
    found = Database(f"sqlite+aiosqlite:///{tmp_path / 'deep' / 'rasad.db'}", keys)
    await found.start()
    yield found
    await found.stop()


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
