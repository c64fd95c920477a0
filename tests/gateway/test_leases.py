"""What one process does at a time: processes here are databases of their own on one file, the clock is the test's."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa

from gateway.storage import leases
from gateway.storage.database import Database
from gateway.storage.leases import LEASE_S, STOP_S, Leases
from tests.gateway.conftest import PATIENT


@pytest.fixture
def process(database, keys, clock, monkeypatch):
    """`async with process("a") as leases`: one of several."""
    monkeypatch.setattr(leases, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(leases, "RENEWED_S", 0.05)

    @asynccontextmanager
    async def entered(owner):
        own = Database(str(database.engine.url), keys, PATIENT)
        own.seconds = sa.bindparam(None, callable_=lambda: clock.seconds, type_=sa.Double())
        own.monotonic = clock.monotonic
        yield Leases(own, owner)
        await own.stop()

    return entered


class Work:
    """Notes who does it, and when it is stopped."""

    def __init__(self):
        self.doing, self.begun = [], []

    def of(self, owner):
        async def work():
            self.doing.append(owner)
            self.begun.append(owner)
            try:
                await asyncio.Event().wait()
            finally:
                self.doing.remove(owner)

        return work


async def stopped(*tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_of_them_does_it_and_another_as_soon_as_it_ends(process, eventually):
    work = Work()
    async with process("a") as a, process("b") as b:
        first = asyncio.create_task(a.alone("purge", work.of("a")))

        async def begun():
            return work.doing == ["a"]

        await eventually(begun)
        second = asyncio.create_task(b.alone("purge", work.of("b")))
        await asyncio.sleep(0.1)
        assert ["a"] == work.begun
        await stopped(first)

        async def taken_over():
            return work.doing == ["b"]

        await eventually(taken_over)
        await stopped(second)
    assert ["a", "b"] == work.begun


async def test_each_name_is_a_lease_of_its_own(process, eventually):
    work = Work()
    async with process("a") as a, process("b") as b:
        tasks = [asyncio.create_task(each.alone(name, work.of(name))) for each, name in ((a, "one"), (b, "two"))]

        async def both():
            return sorted(work.doing) == ["one", "two"]

        await eventually(both)
        await stopped(*tasks)


async def test_it_is_renewed_for_as_long_as_its_holder_lives(process, eventually, clock, database):
    work = Work()
    async with process("a") as a, process("b") as b:
        tasks = [asyncio.create_task(each.alone("purge", work.of(name))) for each, name in ((a, "a"), (b, "b"))]

        async def begun():
            return work.doing

        await eventually(begun)

        async def renewed():
            async def as_of_now():
                async with database.reading() as connection:
                    until = (await connection.execute(sa.select(database.tables.lease.c.until))).scalar_one()
                return until if until == clock.seconds + LEASE_S else None

            return await eventually(as_of_now)

        for _ in range(10):
            clock.advance(LEASE_S / 3)
            await renewed()
        assert 1 == len(work.begun)
        await stopped(*tasks)


async def test_who_cannot_renew_has_stopped_before_another_begins(process, eventually, clock, database):
    """It is taken from a dead process after 30 s, and from one that cannot reach the database likewise."""
    work = Work()
    async with process("a") as a, process("b") as b:
        first = asyncio.create_task(a.alone("purge", work.of("a")))

        async def begun():
            return work.doing == ["a"]

        await eventually(begun)

        def away():
            raise sa.exc.OperationalError("", None, Exception("away"))

        a._database.writing = away
        second = asyncio.create_task(b.alone("purge", work.of("b")))
        clock.advance(LEASE_S - STOP_S)

        async def over():
            return not work.doing

        await eventually(over)
        assert ["a"] == work.begun
        clock.advance(STOP_S)

        async def taken_over():
            return work.doing == ["b"]

        await eventually(taken_over)
        async with database.reading() as connection:
            (row,) = (await connection.execute(database.tables.lease.select())).all()
        assert ("purge", "b", 2) == (row.name, row.owner, row.fence)
        await stopped(first, second)


async def test_what_the_work_raises_is_raised_and_the_lease_given_back(process):
    async def broken():
        raise ValueError("boom")

    async def done():
        return None

    async with process("a") as a, process("b") as b:
        with pytest.raises(ValueError, match="boom"):
            await a.alone("purge", broken)
        await asyncio.wait_for(b.alone("purge", done), 5)


async def test_the_clock_is_the_databases_own(database):
    async with database.reading() as connection:
        first = (await connection.execute(sa.select(database.seconds))).scalar_one()
        await asyncio.sleep(0.05)
        then = (await connection.execute(sa.select(database.seconds))).scalar_one()
    assert 1.7e9 < first < then < first + 60


async def test_a_database_clock_that_is_set_ahead_ends_no_lease(process, clock, eventually):
    """For as long as its holder needs to renew it; one whose holder is dead is over after that."""
    work = Work()
    async with process("a") as a, process("b") as b:
        first = asyncio.create_task(a.alone("purge", work.of("a")))
        await eventually(lambda: _is(work.doing, ["a"]))
        second = asyncio.create_task(b.alone("purge", work.of("b")))
        await asyncio.sleep(0.2)
        first.cancel()  # so that it does not renew, as between two renewals
        a._given_back = _nothing
        for each in (a, b):
            each._database.seconds = sa.bindparam(None, callable_=lambda: clock.seconds + 3600, type_=sa.Double())
        clock.advance(1)
        await asyncio.sleep(0.3)
        assert ["a"] == work.begun

        clock.advance(LEASE_S * 2 / 3)
        await eventually(lambda: _is(work.doing, ["b"]))
        await stopped(first, second)


async def _is(found, expected):
    return found == expected


async def _nothing(_):
    pass
