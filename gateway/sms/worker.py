"""Work that stands in rows: looked for when woken and every so often, a bounded number at once, one at a time for
each phone, no faster than somebody outside allows, and never held up by what goes wrong with one row."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, Table, select, update

from gateway.privacy import Unsealable
from gateway.sms.pace import Pace
from gateway.storage.database import Database

log = structlog.get_logger()

POLL_S = 1.0
"""How long a due row waits when nobody woke us: due times of retries, rows of an earlier run."""

Due = Callable[[datetime], ColumnElement[bool]]


class Worker:
    """table has `id`, `msisdn_tag` and `state`; due(now) says which rows want doing; handle(row) does one and says so
    in the row. A row whose sealed columns do not open is parked: it must not stand in the way of the others. first:
    the column by which the one that waited longest is known; pace: of whoever is asked about each row."""

    def __init__(
        self,
        name: str,
        database: Database,
        table: Table,
        due: Due,
        handle: Callable[[Row[Any]], Awaitable[None]],
        now: Callable[[], datetime],
        at_once: int,
        *,
        first: str = "due_at",
        pace: Pace | None = None,
    ) -> None:
        self._name, self._database, self._table = name, database, table
        self._due, self._handle, self._now, self._at_once = due, handle, now, at_once
        self._order = tuple(dict.fromkeys((table.c[first], table.c.id)))
        self._pace = pace
        self._woken = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled; then what is in hand is cancelled too, and its rows stay as they are."""
        try:
            while True:
                self._woken.clear()
                await self._take()
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            tasks = list(self._busy.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self) -> None:
        free = self._at_once - len(self._busy)
        if self._pace is not None:
            free = min(free, self._pace.allowed())
        if free <= 0:
            return
        table = self._table
        # Only what is not sealed: a row that does not open is its own handler's affair.
        wanted = (
            select(table.c.id, table.c.msisdn_tag)
            .where(self._due(self._now()), table.c.msisdn_tag.not_in(tuple(self._busy)))
            .order_by(*self._order)
            .limit(free)
        )
        try:
            async with self._database.reading() as connection:
                rows = (await connection.execute(wanted)).all()
        except Exception:
            # The database may be away for a while; the rows are not.
            log.exception("worker_cannot_look", worker=self._name)
            return
        for row in rows:
            if row.msisdn_tag not in self._busy:
                task = asyncio.create_task(self._one(row.id, row.msisdn_tag), name=f"{self._name} {row.id}")
                self._busy[row.msisdn_tag] = task
                if self._pace is not None:
                    self._pace.taken()

    async def _one(self, row_id: int, tag: str) -> None:
        table = self._table
        try:
            try:
                async with self._database.reading() as connection:
                    row = (await connection.execute(select(table).where(table.c.id == row_id))).one()
                await self._handle(row)
            except Unsealable as error:
                log.error("row_parked", worker=self._name, row=row_id, why=str(error))
                await self._park(row_id)
        except Exception:
            log.exception("worker_failed", worker=self._name, row=row_id)
            # Left as it is, the row is due again at the next look; not at once, or a broken row spins.
            await asyncio.sleep(POLL_S)
        finally:
            del self._busy[tag]
            self._woken.set()

    async def _park(self, row_id: int) -> None:
        async with self._database.writing() as connection:
            await connection.execute(update(self._table).where(self._table.c.id == row_id).values(state="parked"))
