"""What one process does at a time, whichever it is: a named lease, a row that its holder renews.

    await leases.alone("poll magfa", poller.run)

A lease lasts LEASE_S by the database's clock. Whoever holds it counts from before it asked, by a clock that never
jumps, so its own end of it comes first: it has stopped before another one begins. A process that ends gives it back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from sqlalchemy import case, or_, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.storage.database import Database, insert_once
from gateway.storage.steady import Steady

log = structlog.get_logger()

LEASE_S = 30.0
"""How long a dead process keeps others from its work."""

RENEWED_S = 10.0
"""A third of it: two renewals may fail before it is over."""

STOP_S = 3.0
"""So long before it is over its holder stops."""

LOOK_EVERY_S = 3.0
"""How often it is asked for by those who have it not."""


class Leases:
    def __init__(self, database: Database, owner: str) -> None:
        """owner: of this process alone, and of this start of it."""
        self._database, self._owner, self._table = database, owner, database.tables.lease
        self._steady = Steady(database, LEASE_S)

    async def alone(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Until it ends: do this work as long as no other process does. It is cancelled when the lease is lost, and
        begun anew when it is ours again. Raises what the work raises."""
        while True:
            asked_at = self._database.monotonic()
            try:
                if await self._taken(name) is not None:
                    log.info("lease_taken", lease=name)
                    working = asyncio.ensure_future(work())
                    try:
                        await self._kept(name, asked_at, working)
                        if working.done():
                            return working.result()
                    finally:
                        working.cancel()
                        await asyncio.wait({working})
            finally:
                await self._given_back(name)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _kept(self, name: str, asked_at: float, working: "asyncio.Future[None]") -> None:
        """Renew it until the work is done or the lease is lost."""
        until = asked_at + LEASE_S - STOP_S
        while True:
            await asyncio.wait({working}, timeout=max(0.0, min(RENEWED_S, until - self._database.monotonic())))
            if working.done():
                return
            asked_at = self._database.monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, until - asked_at)):
                    if await self._taken(name) is not None:
                        until = asked_at + LEASE_S - STOP_S
            if self._database.monotonic() >= until:
                log.error("lease_lost", lease=name)
                return

    async def _taken(self, name: str) -> int | None:
        """Take or renew it: its fence, which grows with each new owner. None: somebody else has it, or nobody knows."""
        table, seconds = self._table, self._database.seconds
        fence = table.c.fence + case((table.c.owner == self._owner, 0), else_=1)
        values = {"owner": self._owner, "until": seconds + LEASE_S, "fence": fence}
        take = update(table).where(table.c.name == name).values(**values).returning(table.c.fence)
        first = insert_once(table, name=name, owner=self._owner, until=seconds + LEASE_S, fence=1)
        try:
            async with self._database.writing() as connection:
                steady = await self._steady.now(connection)
                hers = or_(table.c.owner == self._owner, table.c.until <= (seconds if steady else 0.0))
                found: int | None = (await connection.execute(take.where(hers))).scalar_one_or_none()
                if found is None and (await connection.execute(first)).rowcount:
                    return 1
                return found
        except SQLAlchemyError:
            log.exception("lease_not_asked_for", lease=name)
            return None

    async def _given_back(self, name: str) -> None:
        table = self._table
        ours = (table.c.name == name, table.c.owner == self._owner)
        with suppress(SQLAlchemyError):
            async with self._database.writing() as connection:
                await connection.execute(update(table).where(*ours).values(until=0.0))
