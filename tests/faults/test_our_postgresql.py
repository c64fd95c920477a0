"""Our own storage on a PostgreSQL that is killed, or hangs: whoever asks is told soon, and it heals by itself."""

import asyncio
import os
import signal
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from sqlalchemy.exc import SQLAlchemyError

from gateway.settings import StorageSettings
from gateway.storage.database import Database, DatabaseUnusable
from gateway.storage.kept import KeptAnswers
from gateway.storage.languages import Languages
from tests import postgresql
from tests.faults.proxy import Manner, Proxy

SOON_S = 60.0
"""For ever, to whoever would hang: each of these waits is half a second or less, on a machine that has nothing else to do."""


@pytest.fixture
def server():
    found = postgresql.Server(durable=True)
    try:
        found.start()
        yield found
    finally:
        found.remove()


@asynccontextmanager
async def opened(server, keys, **settings):
    database = Database(server.url, keys, StorageSettings(**settings))
    await database.start()
    try:
        yield database
    finally:
        await database.stop()


async def write(database, tag):
    async with database.writing() as connection:
        await connection.execute(sa.text("INSERT INTO phone VALUES (:tag, 'ar', '2026-11-22')"), {"tag": tag})


async def read(database):
    async with database.reading() as connection:
        return (await connection.execute(sa.text("SELECT count(*) FROM phone"))).scalar()


async def test_a_killed_server_is_found_again_by_every_connection_at_once(server, keys):
    async with opened(server, keys, connections=8) as database:
        await asyncio.gather(*(write(database, f"before {number}") for number in range(30)))
        for again in range(3):
            server.kill()
            assert not await database.alive()
            for ask in (write(database, "lost"), read(database)):
                with pytest.raises(SQLAlchemyError):
                    await ask
            await asyncio.to_thread(server.start)
            assert await database.alive()
            # The very first of each connection that was open before, too.
            await asyncio.gather(*(write(database, f"after {again} {number}") for number in range(30)))
        assert 30 * 4 == await read(database)


async def test_a_server_killed_in_the_middle_of_a_transaction_leaves_nothing_of_it(server, keys):
    async with opened(server, keys) as database:

        async def cut_off():
            async with database.writing() as connection:
                await connection.execute(sa.text("INSERT INTO phone VALUES ('torn', 'ar', '2026-11-22')"))
                await asyncio.to_thread(server.kill)

        with pytest.raises(SQLAlchemyError):
            await cut_off()
        await asyncio.to_thread(server.start)
        assert 0 == await read(database)


@contextmanager
def hanging(server):
    """Neither it nor those who serve its connections do anything, while the kernel takes whatever is sent."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    pids = [server.pid, *map(int, children)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_a_server_that_hangs_is_waited_for_no_longer_than_it_may(server, keys, clock):
    limits = {"connect_within_s": 0.5, "statement_within_s": 0.5, "connection_within_s": 0.5}
    async with opened(server, keys, **limits) as database:
        languages, kept = Languages(database, clock), KeptAnswers(database, keys, clock)
        await asyncio.gather(*(write(database, f"before {number}") for number in range(5)))
        with hanging(server):
            async with asyncio.timeout(SOON_S):
                for ask in (write(database, "a"), read(database)):
                    with pytest.raises(SQLAlchemyError):
                        await ask
                assert await languages.of("tag") is None
                assert await kept.unseen("tag") is None
                assert not await database.alive()
                # Also when more want something than there are connections.
                ended = await asyncio.gather(*(read(database) for _ in range(30)), return_exceptions=True)
                assert [True] * 30 == [isinstance(each, SQLAlchemyError) for each in ended]
        await write(database, "after")
        assert await database.alive()


async def test_a_server_that_says_nothing_keeps_no_start_waiting(server, keys, monkeypatch):
    """It lets us in, and falls silent with the first question. Who waits for ever serves nobody, however well it is
    later on."""
    async with opened(server, keys):
        pass
    settings, asked = StorageSettings(connect_within_s=5, statement_within_s=0.3), MigrationContext.get_current_heads
    async with Proxy(server.port) as proxy:

        def and_nothing_comes(context):
            proxy.manner = Manner(blackhole=True)
            return asked(context)

        monkeypatch.setattr(MigrationContext, "get_current_heads", and_nothing_comes)
        late = Database(server.url.replace(str(server.port), str(proxy.port)), keys, settings)
        async with asyncio.timeout(SOON_S):
            with pytest.raises(DatabaseUnusable):
                await late.start()
        monkeypatch.undo()
        proxy.manner = Manner()
        await late.start()
        await late.stop()
