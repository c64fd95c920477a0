"""SQLite's driver as we use it: how a connection begins, and that it ends."""

import asyncio
import sqlite3
from collections.abc import Iterable
from functools import partial
from typing import Any
from weakref import WeakSet

from aiosqlite import Connection, Cursor

ENDED_WITHIN_S = 5.0
"""What the threads of connections may still have to do when all is over: a statement, and the file's end."""


class _Cursor(Cursor):
    """A statement and its rows are one errand to the thread, instead of four: each errand costs more than most of our
    statements do."""

    def __init__(self, connection: "_Connection") -> None:
        self._conn = connection
        self._rows: list[Any] = []

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> "_Cursor":
        await self._conn._execute(self._done, sql, parameters or ())  # type: ignore[no-untyped-call]  # the driver's
        return self

    def _done(self, sql: str, parameters: Any) -> None:
        self._cursor = self._conn._conn.execute(sql, parameters)
        self._rows = self._cursor.fetchall()

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> "_Cursor":
        many = self._conn._conn.executemany
        self._cursor = await self._conn._execute(many, sql, parameters)  # type: ignore[no-untyped-call]  # the driver's
        return self

    async def fetchone(self) -> Any:
        return next(iter(await self.fetchmany(1)), None)

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        size = size or self.arraysize
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Its statement ended with the last row."""


class _Connection(Connection):
    """A thread answers the first that asks it to end and nobody after that. The driver waits for its answer, for ever
    when a caller is cancelled twice while it is being left; so nobody does."""

    def cursor(self) -> _Cursor:  # type: ignore[override]  # nothing to wait for
        return _Cursor(self)

    async def rollback(self) -> None:
        """Asked of each connection that is given back; most have only read."""
        if self.in_transaction:
            await super().rollback()

    async def close(self) -> None:
        self._let_go()
        await super().close()

    def stop(self) -> None:
        self._let_go()
        super().stop()

    def _let_go(self) -> None:
        """Of the file, before anything else: a connection that is closed keeps its lock for as long as somebody has a
        cursor of it with rows unread, and a task that was cancelled has one in its traceback, on its whole way out."""
        if self._connection is not None:
            self._tx.put_nowait((None, self._connection.rollback))

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()


class Connections:
    """Those of one engine: `connect_args={"async_creator_fn": connections.opened}`."""

    def __init__(self) -> None:
        self._open: WeakSet[_Connection] = WeakSet()

    def opened(self, *arguments: Any, **options: Any) -> _Connection:
        made = _Connection(partial(sqlite3.connect, *arguments, **options), iter_chunk_size=64)
        made._thread.daemon = True  # as SQLAlchemy does with those it makes
        self._open.add(made)
        return made

    async def stop(self) -> None:
        """Once the engine is disposed of: until those are over too that were left in the middle of a statement. Their
        threads want to tell a loop that is there."""
        try:
            async with asyncio.timeout(ENDED_WITHIN_S):
                while not all(each.ended for each in list(self._open)):  # noqa: ASYNC110  # threads wake nobody
                    await asyncio.sleep(0.005)
        except TimeoutError:
            return


def begun(within_s: float, connection: Any, _: Any) -> None:
    """within_s: how long it waits for programs that are not ours; all of ours wait at the gate."""
    # The driver's own BEGIN comes too late (after the first read) and not at all before a change of the schema.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: an acknowledged message survives the power cut, not only the process.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA busy_timeout={within_s * 1000:.0f}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()
