"""What is kept no longer than it is needed: class by class, a thousand rows at a time with a pause between, so that
nobody who writes waits longer than for one of these batches.

Messages, receipts and promises are walked by their numbers, which are in the order of their age: that needs no index of
it, finds the oldest at once and stops at the first batch in which nothing is old. The newest row of a table stays
whatever its age, since SQLite would give its number again, and numbers name what is sent.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Table,
    and_,
    delete,
    exists,
    func,
    literal,
    not_,
    select,
    true,
    tuple_,
    type_coerce,
    update,
)

from gateway.clock import Clock
from gateway.crash_points import reached
from gateway.settings import RetentionSettings
from gateway.storage.database import Database
from gateway.storage.tables import is_word

log = structlog.get_logger()

BATCH = 1000
"""Rows of one transaction: some tens of milliseconds."""

PAUSE_S = 0.2

EVERY_S = 3600.0

NOBODYS_AFTER = timedelta(days=1)
"""How long after its own end a row is open still before it is ended here."""

NOTHING = literal(b"", LargeBinary)
"""What a sealed column holds when its text is gone. Nothing sealed is as short."""


class Purge:
    def __init__(self, database: Database, clock: Clock, settings: RetentionSettings) -> None:
        self._database, self._clock, self._settings = database, clock, settings
        self._emptied: dict[str, int] = {}
        """Up to which row texts are gone: as far as this process knows, another walks them once more."""

    async def run(self) -> None:
        """Until cancelled; in one process at a time."""
        while True:
            try:
                await self.once()
            except Exception:
                # The database may be away for a while; what is old stays old.
                log.exception("purge_put_off")
            await asyncio.sleep(EVERY_S)

    async def once(self) -> Mapping[str, int]:
        """What is too old now goes; how many rows of each class. Raises SQLAlchemyError."""
        tables, keep, now = self._database.tables, self._settings, self._clock.now()
        texts, rows = now - timedelta(days=keep.texts_days), now - timedelta(days=keep.rows_days)
        sent, came, receipt, asked = tables.message_out, tables.message_in, tables.receipt, tables.follow_up
        over = now - NOBODYS_AFTER
        gone = {
            "never_sent": await self._nobodys(sent, "waiting", over),
            "never_looked_up": await self._nobodys(tables.follow, "following", over),
        }
        done_sent, done_came = not_(is_word(sent.c.state, "waiting")), not_(is_word(came.c.state, "new"))
        gone |= {
            "sent": await self._walked(sent, sent.c.created_at < rows, done_sent),
            "came": await self._walked(came, came.c.received_at < rows, done_came),
            "receipts": await self._walked(receipt, receipt.c.received_at < rows, true()),
            "promises": await self._walked(asked, asked.c.created_at < texts, not_(is_word(asked.c.state, "waiting"))),
        }
        if keep.texts_days < keep.rows_days:
            columns = {"msisdn": NOTHING, "text": NOTHING}
            gone["texts_came"] = await self._walked(came, came.c.received_at < texts, done_came, columns)
            columns["push_text"] = NOTHING
            gone["texts_sent"] = await self._walked(sent, sent.c.created_at < texts, done_sent, columns)
        follow, spoken, record, draft = tables.follow, tables.conversation, tables.dialogue_record, tables.menu_draft
        ended = and_(not_(is_word(follow.c.state, "following")), follow.c.due_at < texts, self._not_newest(follow))
        gone["follows"] = await self._found(follow, follow.c.due_at, ended)
        gone["conversations"] = await self._found(spoken, spoken.c.expires_at, spoken.c.expires_at < now)
        since = now - timedelta(days=keep.records_days)
        gone["records"] = await self._found(record, record.c.ended_at, record.c.ended_at < since)
        gone["drafts"] = await self._found(draft, draft.c.expires_at, draft.c.expires_at < now)
        menu = tables.menu_version
        unused = and_(
            menu.c.published_at < now - timedelta(days=keep.menus_days),
            not_(exists().where(tables.menu_publication.c.hash == menu.c.hash)),
            not_(exists().where(draft.c.hash == menu.c.hash)),
        )
        gone["menus"] = await self._found(menu, menu.c.published_at, unused)
        gone = {name: count for name, count in gone.items() if count}
        if gone:
            log.info("purged", **gone)
        return gone

    async def _nobodys(self, table: Table, state: str, over: datetime) -> int:
        """What is open long after its end: the channel or the route it waits for is in no settings any more, so no
        worker takes it."""
        open_still = (
            is_word(table.c.state, state),
            table.c.expires_at < over,
            table.c.leased_until <= self._database.seconds,
        )
        batch, count = select(table.c.id).where(*open_still).limit(BATCH), 0
        while True:
            async with self._database.writing() as connection:
                ended = update(table).where(table.c.id.in_(batch), *open_still).values(state="expired")
                done = await connection.execute(ended)
            count += done.rowcount
            if done.rowcount < BATCH:
                return count
            await asyncio.sleep(PAUSE_S)

    async def _walked(
        self,
        table: Table,
        old: ColumnElement[bool],
        over: ColumnElement[bool],
        columns: Mapping[str, Any] | None = None,
    ) -> int:
        """By number, from the oldest to the first batch in which nothing is old: rows that are over, or these columns
        of them."""
        kept = self._emptied.get(table.name, 0) if columns else 0
        count = 0
        while True:
            looked = select(table.c.id, old.label("old")).where(table.c.id > kept).order_by(table.c.id).limit(BATCH)
            async with self._database.reading() as connection:
                batch = (await connection.execute(looked)).all()
            if not any(row.old for row in batch):
                return count
            here = (table.c.id > kept, table.c.id <= batch[-1].id, old, over)
            async with self._database.writing() as connection:
                if columns is None:
                    done = await connection.execute(delete(table).where(*here, self._not_newest(table)))
                else:
                    there = type_coerce(table.c.text, LargeBinary) != NOTHING
                    done = await connection.execute(update(table).where(*here, there).values(**columns))
            count, kept = count + done.rowcount, batch[-1].id
            if columns and all(row.old for row in batch):
                self._emptied[table.name] = kept
            await asyncio.sleep(PAUSE_S if done.rowcount else 0)

    async def _found(self, table: Table, oldest: ColumnElement[Any], due: ColumnElement[bool]) -> int:
        """By an index of their age."""
        key, count = tuple_(*table.primary_key.columns), 0
        wanted = select(oldest, *table.primary_key.columns).where(due).order_by(oldest).limit(BATCH)
        while True:
            async with self._database.reading() as connection:
                batch = (await connection.execute(wanted)).all()
            if not batch:
                return count
            # By their keys, not by that query inside: PostgreSQL may read the whole table for it. And if they are due
            # still, said again as far as they go: SQLite reads whatever is due.
            here = (key.in_([tuple(row[1:]) for row in batch]), oldest <= batch[-1][0], due)
            async with self._database.writing() as connection:
                count += (await connection.execute(delete(table).where(*here))).rowcount
                reached("in_purge_batch")
            await asyncio.sleep(PAUSE_S)

    def _not_newest(self, table: Table) -> ColumnElement[bool]:
        newest = table.alias("newest")
        return table.c.id < select(func.max(newest.c.id)).scalar_subquery()
