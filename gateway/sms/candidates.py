"""Which rows of a table may be taken in hand, and which first.

The statements are put together once: that costs several times what it takes to run them, and a worker runs them for
every row it does.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CursorResult,
    FromClause,
    Integer,
    Row,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    exists,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.storage.database import Database
from gateway.storage.leases import LEASE_S

Ago = Callable[[float], ColumnElement[datetime]]
"""The moment so many seconds before the look."""

Scope = Callable[[FromClause], ColumnElement[bool]]
Before = Callable[[FromClause, FromClause, Ago], ColumnElement[bool]]


class Candidates:
    """scope: which rows are open. first: the columns by which rows are taken. before(o, t, ago): whether of one phone's
    open rows o goes before t. told: what a claim tells of a row besides its id, fence and cut_off.

    held: ids of rows in hand, which are left out whatever the database's clock says of their leases. suspect: only rows
    whose last attempt ended with its process, or only the others.

    Only by what is not sealed: a row that does not open is its own handler's affair.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        scope: Scope,
        first: tuple[str, ...],
        before: Before | None,
        told: Sequence[ColumnElement[Any]] = (),
    ) -> None:
        self._database, self._table, self._scope, self._first = database, table, scope, first
        self._before, self._told = before or due_longer, told
        self._seconds_ago: dict[str, float] = {}
        self._made: dict[tuple[Callable[[bool | None], Any], bool | None], Any] = {}

    async def any(
        self, connection: AsyncConnection, now: datetime, held: Collection[int], *, suspect: bool | None
    ) -> bool:
        """Whether there is one."""
        return (await self._run(connection, self._look, suspect, now, held, 1)).first() is not None

    async def claim(
        self, connection: AsyncConnection, now: datetime, held: Collection[int], most: int, *, suspect: bool | None
    ) -> Sequence[Row[Any]]:
        """The lease, by the database's clock, a fence that grows, and the attempt counted."""
        return (await self._run(connection, self._claim, suspect, now, held, most)).all()

    async def _run(
        self,
        connection: AsyncConnection,
        make: Callable[[bool | None], Any],
        suspect: bool | None,
        now: datetime,
        held: Collection[int],
        most: int,
    ) -> CursorResult[Any]:
        statement = self._made.get((make, suspect))
        if statement is None:
            statement = self._made[make, suspect] = make(suspect)
        moments = {name: now - timedelta(seconds=seconds) for name, seconds in self._seconds_ago.items()}
        found: CursorResult[Any] = await connection.execute(statement, {**moments, "held": list(held), "most": most})
        return found

    def _look(self, suspect: bool | None) -> Select[tuple[int]]:
        """Ids, in the order they are to be taken."""
        t, o, seconds = self._table.alias("t"), self._table.alias("o"), self._database.seconds
        held = bindparam("held", expanding=True, type_=t.c.id.type)
        due: tuple[ColumnElement[bool], ...] = (
            self._scope(t), t.c.due_at <= self._ago(0), t.c.leased_until <= seconds, t.c.id.not_in(held),
        )  # fmt: skip
        if suspect is not None:
            due = (*due, t.c.cut_off > 0 if suspect else t.c.cut_off == 0)
        in_hand = or_(o.c.leased_until > seconds, self._before(o, t, self._ago))
        hers = (self._scope(o), o.c.msisdn_tag == t.c.msisdn_tag, o.c.id != t.c.id)
        return (
            select(t.c.id)
            .where(*due)
            .where(not_(exists(select(o.c.id).where(*hers, in_hand).correlate(t))))
            .order_by(*(t.c[name] for name in self._first))
            .limit(bindparam("most", type_=Integer))
        )

    def _claim(self, suspect: bool | None) -> Update:
        table, seconds = self._table, self._database.seconds
        # Looked for once: PostgreSQL may else do it again for each row, when it does not know how many there are.
        wanted = self._look(suspect).cte("wanted").prefix_with("MATERIALIZED")
        # Said again of the row itself: a ghost may end it in this very moment.
        free_still = (table.c.id.in_(select(wanted.c.id)), self._scope(table), table.c.leased_until <= seconds)
        taken = {
            "leased_until": seconds + LEASE_S,
            "fence": table.c.fence + 2 - table.c.fence % 2,
            "tries": table.c.tries + 1,
            "cut_off": table.c.cut_off + 1,
        }
        told = (table.c.id, table.c.fence, table.c.cut_off, *self._told)
        return update(table).where(*free_still).values(**taken).returning(*told)

    def _ago(self, seconds: float) -> BindParameter[datetime]:
        name = f"ago_{seconds:g}".replace(".", "_")
        self._seconds_ago[name] = seconds
        return bindparam(name, type_=self._table.c.due_at.type)


def due_longer(o: FromClause, t: FromClause, ago: Ago) -> ColumnElement[bool]:
    """Of one phone's rows the one that was due first goes first; what is not due holds up nothing."""
    return and_(o.c.due_at <= ago(0), tuple_(o.c.due_at, o.c.id) < tuple_(t.c.due_at, t.c.id))
