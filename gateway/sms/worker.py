"""Work that stands in rows, shared by any number of processes: looked for when woken and every so often, a bounded
number at once, one at a time for each phone, no faster than somebody outside allows, and never held up by what goes
wrong with one row.

A claim is one statement: it gives the row a lease of LEASE_S by the database's clock and a fence that grows to the next
even number, and counts the attempt, so that what kills us is counted too. Who holds a row renews its lease, and ends
the claim with what it writes, which makes the fence odd; where it has grown further, somebody else has the row, and the
whole transaction is rolled back. Of a process that died the rows are claimed again when the lease is over; one that
stops in order finishes what it has handed to somebody outside, and gives back the rest. An attempt that failed because
the database was away is none.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, Table, and_, bindparam, select, tuple_, update
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.privacy import Unsealable
from gateway.sms.candidates import Before, Candidates, Scope
from gateway.sms.pace import Pace, Rate
from gateway.storage.database import Database
from gateway.storage.leases import LEASE_S
from gateway.storage.steady import Steady

log = structlog.get_logger()

POLL_S = 1.0
"""How long a due row waits when nobody woke us: due times of retries, rows of another process or an earlier run."""

MAX_CUT_OFF = 4
"""Claims of a row in a row whose end nobody saw, before it is parked: it kills whoever touches it."""

FINISH_WITHIN_S = 3.0
"""What is in somebody's hands outside when we are told to stop gets to come to its end."""

OF_THE_ROW = (DataError, IntegrityError, ProgrammingError)
"""What a database says of a statement, and would say again; all else it says of itself."""

HELD_BACK_S = 5.0
"""When the database was away, whoever has rows in hand writes first what came of them, also where their leases are over
meanwhile: that long nobody takes them over."""

GIVEN_BACK_WITHIN_S = 120.0
"""For how long a row that failed is kept while the database takes nothing."""


class Stale(Exception):
    """The claim is over: somebody else has the row, or will have it before this is done."""


@dataclass(slots=True, eq=False)
class Held:
    """A row in hand. until: when the lease is over, by the database's monotonic clock; cut_off: claims whose end nobody
    saw, this one among them; handed_over: something was done outside that a second attempt would do again; unwritten:
    what came of it is on its way to the database still."""

    database: Database
    table: Table
    id: int
    fence: int
    until: float
    cut_off: int = 1
    row: Any = None
    handed_over: bool = False
    unwritten: bool = False

    @property
    def suspect(self) -> bool:
        """The attempt before ended with its process."""
        return self.cut_off > 1

    def must_last(self, seconds: float) -> None:
        """Raises Stale when the lease is over before that: whoever takes the row next would do the same again."""
        if self.until - self.database.monotonic() < seconds:
            raise Stale

    async def write(self, connection: AsyncConnection, **values: Any) -> bool:
        """In the caller's transaction, and with its commit the end of the claim. False: we have ended it already, with
        a commit whose answer was lost; then all of this work is done, and what it does once more may undo what came
        after it. Raises Stale: nothing of this transaction may stay."""
        table = self.table
        mine = (table.c.id == self.id, table.c.fence == self.fence)
        ended = {"leased_until": 0.0, "cut_off": 0, "fence": self.fence + 1, **values}
        if (await connection.execute(update(table).where(*mine).values(**ended))).rowcount:
            return True
        by_us = (table.c.id == self.id, table.c.fence == self.fence + 1)
        if (await connection.execute(select(table.c.id).where(*by_us))).first() is None:
            raise Stale
        return False


class Worker:
    """table has `id`, `msisdn_tag`, `state`, `due_at`, `tries` and what a claim writes. scope: which rows are open, and
    this worker's; handle(held) does one and ends its claim, within_s at most. What raises is due again_after_s later,
    by its tries; without them at once. A row that cannot be read is parked: it must not stand in the way of
    the others.

    scope, first, before: see Candidates. pace: of whoever is asked about each row, by this process alone. rate: of a
    channel, over all processes.
    """

    def __init__(
        self,
        name: str,
        database: Database,
        table: Table,
        scope: Scope,
        handle: Callable[[Held], Awaitable[None]],
        now: Callable[[], datetime],
        at_once: int,
        *,
        within_s: float,
        again_after_s: Sequence[float] = (),
        first: tuple[str, ...] = ("due_at", "id"),
        before: Before | None = None,
        pace: Pace | None = None,
        rate: Rate | None = None,
    ) -> None:
        self.name, self._database, self._table = name, database, table
        self._handle, self._now, self._at_once = handle, now, at_once
        self._within_s, self._again_after_s = within_s, again_after_s
        told = rate.columns(table) if rate is not None else ()
        self._candidates = Candidates(database, table, scope, first, before, told)
        self._rows = select(table).where(table.c.id.in_(bindparam("ids", expanding=True)))
        self._pace, self._rate = pace, rate
        self._woken = asyncio.Event()
        self._busy: dict[Held, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[list[Held]] | None = None
        self._look_in_s = POLL_S
        self._found = False
        self._steady = Steady(database, LEASE_S)
        self._suspects_at = 0.0
        """When rows whose last attempt ended with its process are looked for again."""
        self.stale = 0
        """Claims that were over before their work was done."""

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled; then what is in hand is cancelled too, and its rows are given back."""
        try:
            while True:
                self._woken.clear()
                await self._renew()
                await self._take()
                try:
                    async with asyncio.timeout(self._look_in_s):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            await self._stop()

    async def _stop(self) -> None:
        busy = dict(self._busy)
        finishing = {task for held, task in busy.items() if held.handed_over}
        for task in {*busy.values()} - finishing:
            task.cancel()
        if finishing:
            await asyncio.wait(finishing, timeout=FINISH_WITHIN_S)
        for task in finishing:
            task.cancel()
        await asyncio.gather(*busy.values(), return_exceptions=True)
        just_claimed: Sequence[Held] = ()
        if self._looking is not None:
            with suppress(Exception):
                just_claimed = await self._looking
        for held in {*busy, *just_claimed}:
            await self._given_back(held)

    # -- claims

    async def _take(self) -> None:
        self._look_in_s = POLL_S
        free = self._at_once - len(self._busy)
        if self._pace is not None:
            free = min(free, self._pace.allowed())
        if free <= 0:
            return
        # Its own task: when we are stopped in the middle of it, what it claimed is given back.
        self._looking = asyncio.create_task(self._claimed(free))
        try:
            claimed = await asyncio.shield(self._looking)
        except Exception:
            # The database may be away for a while; the rows are not.
            log.exception("worker_cannot_look", worker=self.name)
            self._suspects_at = self._database.monotonic() + HELD_BACK_S
            return
        for held in claimed:
            self._busy[held] = asyncio.create_task(self._one(held), name=f"{self.name} {held.id}")
            if self._pace is not None:
                self._pace.taken()

    async def _claimed(self, free: int) -> list[Held]:
        rate, now, asked_at = self._rate, self._now(), self._database.monotonic()
        held = [each.id for each in self._busy]
        # Whatever killed a process is among the rows it had in hand. One of them at a time, or it takes the others
        # along until all of them are parked.
        others_only = asked_at < self._suspects_at or any(each.suspect for each in self._busy)
        kinds = (False,) if others_only else (True, False)
        if not self._found:
            # Most looks find nothing: they cost no transaction that writes.
            async with self._database.reading() as connection:
                await self._steady.looked(connection)
                if not await self._candidates.any(connection, now, held, suspect=False if others_only else None):
                    return []
        rows: list[Row[Any]] = []
        allowed_at = 0.0
        async with self._database.writing() as connection:
            # Two claims at once would each take a row of one phone.
            await self._database.alone(connection, f"claim {self.name}")
            if rate is not None:
                free = min(free, await rate.allowed(connection, now))
                allowed_at = self._database.monotonic()
            if True in kinds and not await self._steady.now(connection):
                kinds = (False,)
            for suspect in kinds:
                most = min(free - len(rows), 1) if suspect else free - len(rows)
                if most > 0:
                    rows += await self._candidates.claim(connection, now, held, most, suspect=suspect)
            if True in kinds and not any(row.cut_off > 1 for row in rows):
                self._suspects_at = asked_at + POLL_S  # they are rare
            if rate is not None:
                await rate.taken(connection, rows, now)
        whole = await self._whole([row.id for row in rows])
        if rate is not None and len(rows) == free:
            # From the moment the rate was looked at: what the claim took is not to be waited for besides.
            took_s = self._database.monotonic() - allowed_at
            self._look_in_s = min(POLL_S, max(0.0, rate.next_in_s - took_s))
        self._found, until = bool(rows), asked_at + LEASE_S
        return [
            Held(self._database, self._table, row.id, row.fence, until, row.cut_off, whole.get(row.id))
            for row in sorted(rows, key=lambda row: row.id)
        ]

    async def _whole(self, ids: Sequence[int]) -> dict[int, Row[Any]]:
        """These rows, in one statement, once their claims are committed: what kills us here is counted too. None where
        one of them cannot be read: then each is read by itself, and says so."""
        if not ids:
            return {}
        try:
            async with self._database.reading() as connection:
                return {row.id: row for row in await connection.execute(self._rows, {"ids": ids})}
        except Exception:
            return {}

    async def _renew(self) -> None:
        """The leases that are a third over."""
        asked_at, table = self._database.monotonic(), self._table
        old = {(held.id, held.fence): held for held in self._busy if held.until - asked_at < LEASE_S * 2 / 3}
        if not old:
            return
        ours = and_(tuple_(table.c.id, table.c.fence).in_(list(old)), table.c.leased_until > 0)
        lasting = update(table).where(ours).values(leased_until=self._database.seconds + LEASE_S)
        try:
            async with self._database.writing() as connection:
                renewed = (await connection.execute(lasting.returning(table.c.id, table.c.fence))).all()
        except SQLAlchemyError:
            log.exception("worker_cannot_renew", worker=self.name)
            return
        for row in renewed:
            old[row.id, row.fence].until = asked_at + LEASE_S

    # -- a row in hand

    async def _one(self, held: Held) -> None:
        try:
            await self._handled(held)
        except Stale:
            self.stale += 1
            log.error("worker_stale", worker=self.name, row=held.id, stale=self.stale)
            await self._given_back(held)
        except Exception as error:
            log.exception("worker_failed", worker=self.name, row=held.id)
            # Not at once, or a broken row spins; and as long as this is its turn, it is nobody else's.
            await asyncio.sleep(POLL_S)
            await self._again(held, counts=not isinstance(error, SQLAlchemyError) or isinstance(error, OF_THE_ROW))
        finally:
            del self._busy[held]
            self._woken.set()

    async def _handled(self, held: Held) -> None:
        if held.cut_off > MAX_CUT_OFF:
            await self._park(held, f"{MAX_CUT_OFF} attempts ended with their process")
            return
        try:
            if held.row is None:
                async with self._database.reading() as connection:
                    held.row = (await connection.execute(self._rows, {"ids": [held.id]})).one()
        except (Unsealable, TypeError, ValueError) as error:
            # What stands there is not ours, or not any more; it would be no other the next time. Whatever else goes
            # wrong on the way to the database is no fault of the row's, and it is tried again.
            await self._park(held, str(error) if isinstance(error, Unsealable) else type(error).__name__)
            return
        if held.row.fence != held.fence:
            raise Stale
        async with asyncio.timeout(self._within_s):
            await self._handle(held)

    async def _park(self, held: Held, why: str) -> None:
        log.error("row_parked", worker=self.name, row=held.id, why=why)
        async with self._database.writing() as connection:
            await held.write(connection, state="parked")

    async def _again(self, held: Held, *, counts: bool) -> None:
        """Due later. counts: it was an attempt. Where the database takes nothing, that was the trouble, and no fault of
        the row's."""
        if held.unwritten:
            return
        values: dict[str, Any] = {}
        none = {"tries": self._table.c.tries - 1} if not held.handed_over else {}
        if not counts:
            values |= none
        if held.row is not None and self._again_after_s:
            wait_s = self._again_after_s[min(held.row.tries, len(self._again_after_s)) - 1]
            values["due_at"] = self._now() + timedelta(seconds=wait_s)
        until = self._database.monotonic() + GIVEN_BACK_WITHIN_S
        while self._database.monotonic() < until:
            try:
                async with self._database.writing() as connection:
                    await held.write(connection, **values)
                return
            except Stale:
                self.stale += 1
                return
            except SQLAlchemyError:
                log.exception("worker_cannot_write", worker=self.name, row=held.id)
            values |= none
            await asyncio.sleep(POLL_S)

    async def _given_back(self, held: Held) -> None:
        """At once due for whoever looks next. An attempt that did nothing outside was none. What is still being written
        keeps its lease, or the next one would do it once more."""
        if held.unwritten:
            return
        table, none = self._table, 0 if held.handed_over else 1
        ours = (table.c.id == held.id, table.c.fence == held.fence, table.c.leased_until > 0)
        values = {"leased_until": 0.0, "tries": table.c.tries - none, "cut_off": table.c.cut_off - none}
        try:
            async with self._database.writing() as connection:
                await connection.execute(update(table).where(*ours).values(**values))
        except SQLAlchemyError:
            log.exception("worker_cannot_write", worker=self.name, row=held.id)
