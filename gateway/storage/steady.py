"""Whether the database's clock went on beside our own, which never jumps.

Leases last by the database's clock. When that is set ahead, all of them seem to be over at once, though whoever has
them lives; so for a while nobody takes a lease over, until its holder has renewed it.
"""

from collections.abc import Callable

import structlog
from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

log = structlog.get_logger()


class Steady:
    def __init__(self, lease_s: float) -> None:
        """lease_s: what a lease lasts; a holder renews it when a third of it is over."""
        self._ahead_s, self._patience_s = lease_s / 3, lease_s * 2 / 3
        self._difference: float | None = None
        self._until = 0.0

    async def now(
        self, connection: AsyncConnection, seconds: ColumnElement[float], monotonic: Callable[[], float]
    ) -> bool:
        """Whether a lease that seems to be over is. seconds, monotonic: the two clocks."""
        theirs = (await connection.execute(select(seconds))).scalar_one()
        ours = monotonic()
        known, self._difference = self._difference, theirs - ours
        if known is not None and self._difference - known > self._ahead_s:
            log.error("database_clock_jumped", ahead_s=round(self._difference - known))
            self._until = ours + self._patience_s
        return ours >= self._until
