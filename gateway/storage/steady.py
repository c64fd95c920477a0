"""Whether the database's clock went on beside our own, which never jumps.

Leases last by the database's clock. When that is set ahead, all of them seem to be over at once, though whoever has
them lives; so for a while nobody takes a lease over, until its holder has renewed it. Who has just started has nothing
to compare with, and believes it.
"""

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.storage.database import Database

log = structlog.get_logger()

LOOK_EVERY_S = 1.0


class Steady:
    def __init__(self, database: Database, lease_s: float) -> None:
        """lease_s: what a lease lasts; a holder renews it when a third of it is over."""
        self._database = database
        self._ahead_s, self._patience_s = lease_s / 3, lease_s * 2 / 3
        self._difference: float | None = None
        self._looked_at = self._until = 0.0

    async def now(self, connection: AsyncConnection) -> bool:
        """Whether a lease that seems to be over is."""
        # Ours first: a statement that takes long may look like a jump, but hides none.
        ours = self._database.monotonic()
        theirs = (await connection.execute(select(self._database.seconds))).scalar_one()
        known, self._difference, self._looked_at = self._difference, theirs - ours, ours
        if known is not None and self._difference - known > self._ahead_s:
            log.error("database_clock_jumped", ahead_s=round(self._difference - known))
            self._until = ours + self._patience_s
        return ours >= self._until

    async def looked(self, connection: AsyncConnection) -> None:
        """By who finds nothing to do, so that there is something to compare with when there is."""
        if self._difference is None or self._database.monotonic() - self._looked_at >= LOOK_EVERY_S:
            await self.now(connection)
