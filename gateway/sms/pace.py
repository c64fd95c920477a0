"""How often somebody outside may be asked: so many times in any minute, and no more than two seconds' worth at once."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.storage.database import Database, insert_once

MINUTE_S = 60.0

EARLY_S = 0.05
"""How far ahead of its moment a message may go, so that a loop that comes late by as much still keeps the rate. In any
second this is a twentieth more."""

MANY = 1_000_000

MOST_PARTS = 16
"""Twice what one message has: so far ahead at most a claim moves the next moment. One further ahead is of a clock that
was set back since."""


class Pace:
    """Of this process alone."""

    def __init__(self, per_minute: float, monotonic: Callable[[], float]) -> None:
        self._per_s, self._monotonic = per_minute / MINUTE_S, monotonic
        self._left, self._since = 1.0, monotonic()
        # Less than one a minute is kept by what is left alone.
        self._at_most = max(1, int(per_minute))
        self._lately: deque[float] = deque()

    def allowed(self) -> int:
        """How many may be asked now."""
        now = self._monotonic()
        self._left = min(max(1.0, 2 * self._per_s), self._left + (now - self._since) * self._per_s)
        self._since = now
        while self._lately and now - self._lately[0] >= MINUTE_S:
            self._lately.popleft()
        return min(int(self._left), self._at_most - len(self._lately))

    def taken(self) -> None:
        """One of them is."""
        self._left -= 1
        self._lately.append(self._since)


class Rate:
    """How much a channel may send, over all processes: a row with the moment the next part of a message is due, by the
    database's clock, moved on in the transaction that claims the messages (GCRA). And whether the channel rests."""

    def __init__(self, database: Database, name: str, per_s: float | None) -> None:
        """per_s: parts of messages; None: as many as there are."""
        self._table, self._seconds, self._name, self._per_s = database.tables.pace, database.seconds, name, per_s
        self._at = self._next_at = 0.0
        self.next_in_s = 0.0
        """When the next one may go, as seen by the last claim."""

    def columns(self, table: Table) -> Sequence[ColumnElement[Any]]:
        """What `taken` needs of each message."""
        return table.c.parts, table.c.expires_at

    async def allowed(self, connection: AsyncConnection, now: datetime) -> int:
        """How many messages may be claimed in this transaction."""
        table = self._table
        await connection.execute(insert_once(table, name=self._name, next_at=0.0))
        wanted = select(table.c.next_at, table.c.rests_until, self._seconds).where(table.c.name == self._name)
        next_at, rests_until, self._at = (await connection.execute(wanted)).one()
        ahead = MOST_PARTS * (1 / self._per_s + EARLY_S) if self._per_s else 0.0
        self._next_at = next_at if self._at < next_at <= self._at + ahead else self._at
        self.next_in_s = MINUTE_S if rests_until is not None and rests_until > now else self._due_in()
        if self.next_in_s > 0:
            return 0
        return MANY if self._per_s is None else int((self._at + EARLY_S - self._next_at) * self._per_s) + 1

    async def taken(self, connection: AsyncConnection, rows: Sequence[Row[Any]], now: datetime) -> None:
        """These were claimed. What is too old to be sent costs nothing."""
        parts = sum(row.parts for row in rows if row.expires_at > now)
        if self._per_s is None or not parts:
            return
        self._next_at += parts / self._per_s
        self.next_in_s = self._due_in()
        table = self._table
        await connection.execute(update(table).where(table.c.name == self._name).values(next_at=self._next_at))

    async def rest(self, connection: AsyncConnection, until: datetime) -> None:
        """Nothing is claimed before, in any process."""
        table = self._table
        await connection.execute(update(table).where(table.c.name == self._name).values(rests_until=until))

    def _due_in(self) -> float:
        return max(0.0, self._next_at - EARLY_S - self._at)
