"""SQLite with several processes: each writes in its turn, and whoever hangs, dies or fills the disk holds up nobody for
good. A second Database on the same file is to the gate what a second process is."""

import asyncio
import io
import logging
import os
import resource
import signal
import sqlite3
import sys
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from gateway import logs
from gateway.settings import StorageSettings
from gateway.storage.database import Database
from tests.gateway.conftest import PATIENT
from tests.gateway.test_logs import FullDisk


@pytest.fixture
async def opened(database_url, keys):
    async with AsyncExitStack() as stack:

        async def made(**settings):
            found = Database(database_url, keys, PATIENT.model_copy(update=settings))
            stack.push_async_callback(found.stop)
            await found.start()
            return found

        yield made


async def write(database, version):
    table = database.tables.menu_version
    async with database.writing() as connection:
        row = {"hash": version, "files": "[]", "published_at": datetime(2026, 11, 22, tzinfo=UTC)}
        await connection.execute(table.insert().values(**row))


async def written(database):
    async with database.reading() as connection:
        return (await connection.execute(sa.select(sa.func.count()).select_from(database.tables.menu_version))).scalar()


async def test_all_that_many_write_is_there_and_nobody_is_told_to_come_again(opened):
    databases = [await opened() for _ in range(4)]
    await asyncio.gather(
        *(write(database, f"{name} {number}") for name, database in enumerate(databases) for number in range(100))
    )
    assert 400 == await written(databases[0])


async def test_who_writes_once_has_its_turn_soon_beside_one_that_writes_all_the_time(opened):
    greedy, modest = await opened(), await opened()
    count, over = 0, asyncio.Event()

    async def hammer(name):
        nonlocal count
        while not over.is_set():
            await write(greedy, f"{name} {count}")
            count += 1

    hammering = [asyncio.create_task(hammer(name)) for name in range(8)]
    between = []
    for number in range(20):
        before = count
        await write(modest, f"modest {number}")
        between.append(count - before)
    over.set()
    await asyncio.gather(*hammering)
    # One commit may be under way, and another begin while the kernel wakes the one that waits.
    assert max(between) < 60, between
    assert sum(between) / len(between) < 10, between


async def test_writers_of_one_process_go_in_order(opened):
    database, seen = await opened(), []

    async def one(number):
        async with database.writing():
            seen.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(one(number) for number in range(50)))
    assert list(range(50)) == seen


async def test_nobody_waits_for_ever_for_one_that_hangs(opened):
    hanging, other = await opened(), await opened(lock_within_s=0.1)
    async with hanging.writing():
        with pytest.raises(SQLAlchemyError):
            await write(other, "a")
        assert 0 == await written(other)  # who only reads waits for nobody
    await write(other, "a")
    assert 1 == await written(other)


async def test_who_gave_up_waiting_does_not_keep_the_gate(opened):
    holding, other = await opened(), await opened()
    async with holding.writing():
        waiting = [asyncio.create_task(write(other, f"given up {number}")) for number in range(3)]
        await asyncio.sleep(0.05)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.gather(write(other, "a"), write(holding, "b"))
    assert 2 == await written(other)


async def test_a_process_that_is_killed_while_it_writes_leaves_the_gate_open(opened, database_url, tmp_path):
    database = await opened()
    path = database_url.removeprefix("sqlite+aiosqlite:///")
    writing = """
import asyncio, sys
from gateway.privacy import Keys
from gateway.storage.database import Database
import sqlalchemy as sa

async def main():
    database = Database(sys.argv[1], Keys(data={1: b"d" * 32}, index=b"i" * 32, log=b"l" * 32))
    async with database.writing() as connection:
        await connection.execute(sa.text("INSERT INTO menu_version VALUES ('torn', '[]', '2026-11-22')"))
        print("writing", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", writing, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert b"writing\n" == await process.stdout.readline()
    waiting = asyncio.create_task(write(database, "whole"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await waiting
    assert 1 == await written(database)
    with sqlite3.connect(path) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()


@contextmanager
def full_disk(path):
    """No file may grow beyond what the largest of the database has now; and the log is on a full disk too."""
    handlers = logging.getLogger().handlers
    size = max(os.path.getsize(each) for each in (path, f"{path}-wal"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        logs.configure(FullDisk())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        logs.configure(io.StringIO())
        logging.getLogger().handlers = handlers


async def stored(desk):
    return [row.provider_id for row in await desk.rows("message_in")]


async def test_a_full_disk_is_told_to_whoever_writes_and_heals_by_itself(desk, eventually, database_url):
    path = database_url.removeprefix("sqlite+aiosqlite:///")
    async with desk() as d:
        acknowledged = []
        assert 200 == (await d.sms("99999", message_id="before"))[0]
        acknowledged.append("before")
        with full_disk(path):
            refused = 0
            for number in range(60):
                status, _ = await d.sms("99999", message_id=f"during-{number}")
                assert status in (200, 503)
                acknowledged += [f"during-{number}"] * (status == 200)
                refused += status == 503
            assert refused >= 10
            assert set(acknowledged) <= set(await stored(d))
        assert 200 == (await d.sms("99999", message_id="after"))[0]
        acknowledged.append("after")

        async def answered():
            rows = await d.rows("message_in")
            return sorted(acknowledged) == sorted(row.provider_id for row in rows if row.state == "done")

        await eventually(answered)
    with sqlite3.connect(path) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()


async def test_a_file_that_another_program_locked_is_told_to_whoever_writes(desk, database_url):
    path = database_url.removeprefix("sqlite+aiosqlite:///")
    async with desk(storage=StorageSettings(lock_within_s=0.2)) as d:
        backup = sqlite3.connect(path, isolation_level=None)
        backup.execute("BEGIN EXCLUSIVE")
        assert 503 == (await d.sms("99999", message_id="during"))[0]
        backup.execute("COMMIT")
        backup.close()
        assert 200 == (await d.sms("99999", message_id="after"))[0]
        assert ["after"] == await stored(d)
