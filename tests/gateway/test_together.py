"""Works of one moment in one transaction: how many commits they take, and what becomes of one that breaks."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from gateway.storage.together import AT_ONCE, Together
from tests.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def commits(database):
    found = []
    sa.event.listen(database.engine.sync_engine, "commit", lambda connection: found.append(connection))
    return found


def note(database, name, language="fa"):
    """A work that stores one row."""

    async def work(connection):
        row = {"msisdn_tag": name, "language": language, "changed_at": NOW}
        await connection.execute(database.tables.phone.insert().values(**row))
        return name

    return work


async def stored(database):
    async with database.reading() as connection:
        return {row.msisdn_tag for row in await connection.execute(database.tables.phone.select())}


async def test_works_of_one_moment_share_a_commit(database, commits):
    names = [f"p{count}" for count in range(3 * AT_ONCE)]

    assert names == await asyncio.gather(*(database.together(note(database, name)) for name in names))
    assert set(names) == await stored(database)
    assert 3 <= len(commits) <= 4


async def test_one_that_comes_alone_waits_for_nobody(database, commits):
    for name in ("a", "b", "c"):
        assert name == await database.together(note(database, name))
    assert 3 == len(commits)


async def test_nothing_is_told_before_it_is_committed(database, commits):
    told = []

    async def one(name):
        await database.together(note(database, name))
        told.append(len(commits))

    await asyncio.gather(*(one(f"p{count}") for count in range(10)))
    assert min(told) >= 1


async def test_one_that_breaks_fails_alone_and_leaves_nothing(database):
    async def broken(connection):
        await note(database, "half")(connection)
        raise ValueError("boom")

    works = [note(database, "a"), broken, note(database, "b"), note(database, "a"), note(database, "c")]
    a, failed, b, twice, c = await asyncio.gather(*map(database.together, works), return_exceptions=True)

    assert ("a", "b", "c") == (a, b, c)
    assert isinstance(failed, ValueError)
    assert isinstance(twice, IntegrityError)
    assert {"a", "b", "c"} == await stored(database)


async def test_who_no_longer_waits_is_not_worked_for(database):
    first, second = (asyncio.create_task(database.together(note(database, name))) for name in "ab")
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert "c" == await database.together(note(database, "c"))
    assert {"a", "c"} == await stored(database)


class Lossy:
    """The way to a database on which the answers to these commits are lost."""

    def __init__(self, database, lost):
        self.database, self.lost, self.commits = database, set(lost), 0

    @asynccontextmanager
    async def writing(self):
        async with self.database.writing() as connection:
            yield connection
        self.commits += 1
        if self.commits in self.lost:
            raise OperationalError("COMMIT", None, Exception("the connection is gone"))


async def test_a_commit_whose_answer_is_lost_is_looked_after(database):
    """What was committed is found by the second try: it looks before it writes."""
    lossy = Lossy(database, lost={1})
    together = Together(lossy.writing)

    def once(name):
        async def work(connection):
            table = database.tables.phone
            known = (await connection.execute(table.select().where(table.c.msisdn_tag == name))).first()
            if known is None:
                await note(database, name)(connection)
            return known is None

        return work

    assert [False] * 5 == await asyncio.gather(*(together(once(f"p{count}")) for count in range(5)))
    assert 5 == len(await stored(database))
    assert 2 == lossy.commits


async def test_a_database_that_stays_away_is_told_to_all_who_wait(database):
    lossy = Lossy(database, lost=range(1, 100))
    together = Together(lossy.writing)

    async def nothing(connection):
        return None

    found = await asyncio.gather(*(together(nothing) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(each, SQLAlchemyError) for each in found)
    assert 2 == lossy.commits


@pytest.mark.databases("sqlite")
async def test_nothing_is_told_that_a_full_disk_has_undone(database):
    """It ends the whole transaction, not the statement that it had no room for."""

    async def too_much(connection):
        await connection.exec_driver_sql("CREATE TABLE much (octets)")
        await connection.exec_driver_sql("INSERT INTO much VALUES (zeroblob(1000000))")

    async with database.reading() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar_one()

    def no_more(connection):
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA max_page_count={pages + 3}")
        cursor.close()

    sa.event.listen(database.engine.sync_engine, "begin", no_more)
    works = [note(database, "a"), too_much, note(database, "c")]
    told = await asyncio.gather(*map(database.together, works), return_exceptions=True)
    assert {each for each in told if isinstance(each, str)} == await stored(database)
    assert isinstance(told[1], SQLAlchemyError)
