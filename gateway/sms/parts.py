"""Long SMS that come in parts: each part is stored before it is acknowledged, and with the last one they are one
message, in one transaction. What stays incomplete is taken as far as it came."""

import asyncio
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.channels.contract import MoSms
from gateway.channels.smpp import texts
from gateway.channels.smpp.parts import Part
from gateway.clock import Clock
from gateway.privacy import Keys
from gateway.sms.inbox import Inbox, Stored
from gateway.storage.database import Database

log = structlog.get_logger()

KEPT_S = 600.0
"""How long parts wait for the others, and a finished message's are remembered to know a repeated one by."""

LOOK_EVERY_S = 60.0

MAX_PARTS = 128
"""Of one phone at a time. A citizen's longest letter has a tenth of that."""

GAP = " … "


class TooManyParts(Exception):
    """Of this phone; those that wait have to be finished, or given up, before more are taken."""


class Parts:
    def __init__(self, database: Database, inbox: Inbox, keys: Keys, clock: Clock) -> None:
        self._database, self._inbox, self._keys, self._clock = database, inbox, keys, clock
        self._table = database.tables.message_part

    async def receive(
        self, channel: str, msisdn: str, short_code: str, part: Part, data_coding: int, octets: bytes
    ) -> Stored:
        """Store one part: after this it may be acknowledged. Raises TooManyParts."""
        table, tag = self._table, self._keys.tag(msisdn)
        key = f"{short_code} {part.width} {part.reference} {part.total}"[:64]

        async def work(connection: AsyncConnection) -> Stored:
            # The last two parts may come at once, to two processes: one of them has to see the other's.
            await self._database.alone(connection, f"parts {channel} {tag}")
            hers = (table.c.channel == channel, table.c.msisdn_tag == tag)
            rows = (await connection.execute(select(table).where(*hers).order_by(table.c.id))).all()
            same = [row for row in rows if row.message_key == key]
            here = next((row for row in same if row.number == part.number), None)
            if here is not None and (here.octets, here.data_coding) == (octets, data_coding):
                return Stored(here.id, new=False)
            if here is not None:
                # Another message under an old reference: of 8 bits there are few.
                await self._given_up(connection, channel, same)
                rows, same = [row for row in rows if row not in same], []
            if len(rows) >= MAX_PARTS:
                raise TooManyParts(f"more than {MAX_PARTS} parts of one phone wait for others")
            added = await connection.execute(
                insert(table)
                .returning(table.c.id)
                .values(
                    channel=channel,
                    msisdn=msisdn,
                    msisdn_tag=tag,
                    short_code=short_code,
                    message_key=key,
                    number=part.number,
                    data_coding=data_coding,
                    octets=octets,
                    received_at=self._clock.now(),
                    state="open",
                )
            )
            done: int = added.scalar_one()
            if len(same) + 1 == part.total:
                whole = (await connection.execute(select(table).where(*hers, table.c.message_key == key))).all()
                await self._inbox.store(connection, channel, self._joined(whole))
                ids = [row.id for row in whole]
                await connection.execute(update(table).where(table.c.id.in_(ids)).values(state="done"))
            return Stored(done, new=True)

        stored = await self._database.together(work, f"part {channel} {tag}")
        self._inbox.worker.wake()
        return stored

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.tidy()
            except Exception:
                # The database may be away for a while; the rows are not.
                log.exception("parts_not_looked_at")

    async def tidy(self) -> None:
        """Forget what is finished, and take what is incomplete as far as it came."""
        table = self._table
        async with self._database.writing() as connection:
            before = self._clock.now() - timedelta(seconds=KEPT_S)
            late = (await connection.execute(select(table).where(table.c.received_at < before).limit(1000))).all()
            for channel, tag, key in dict.fromkeys((row.channel, row.msisdn_tag, row.message_key) for row in late):
                its = (table.c.channel == channel, table.c.msisdn_tag == tag, table.c.message_key == key)
                await self._given_up(connection, channel, (await connection.execute(select(table).where(*its))).all())
        if late:
            self._inbox.worker.wake()

    async def _given_up(self, connection: AsyncConnection, channel: str, rows: Any) -> None:
        """These parts are of a message that nothing more comes of."""
        if any(row.state == "open" for row in rows):
            log.warning("sms_incomplete", channel=channel, parts=len(rows), of=rows[0].message_key.split()[-1])
            await self._inbox.store(connection, channel, self._joined(rows))
        await connection.execute(delete(self._table).where(self._table.c.id.in_([row.id for row in rows])))

    def _joined(self, rows: Any) -> MoSms:
        """One message of its parts, by a name of its own: numbers of rows are used again. Octets are joined before they
        are read: a peer may have cut a character in two."""
        rows = sorted(rows, key=lambda row: row.number)
        runs: list[list[Row[Any]]] = []
        for row in rows:
            together = runs and (runs[-1][-1].number, runs[-1][-1].data_coding) == (row.number - 1, row.data_coding)
            if together:
                runs[-1].append(row)
            else:
                runs.append([row])
        text, before = "", 0
        for run in runs:
            text += GAP if run[0].number != before + 1 else ""
            text += texts.decoded(run[0].data_coding, b"".join(row.octets for row in run))
            before = run[-1].number
        first, total = min(rows, key=lambda row: row.id), int(rows[0].message_key.split()[-1])
        text += GAP if before != total else ""
        named = f"p-{self._clock.new_id()}"
        return MoSms(named, first.msisdn, first.short_code, text if len(rows) == total else text.strip())
