"""Messages to citizens: a row written in the transaction that decided it, sent until it is taken, refused or expired.

An attempt that ends without an answer of the provider is unknown: the message is sent again, since a status read
twice harms nobody and a status never read does. Taken is not delivered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.channels.contract import Accepted, NotAccepted, SendResult
from gateway.clock import Clock
from gateway.privacy import Keys
from gateway.settings import SmsSettings
from gateway.sms.worker import Worker
from gateway.storage.database import Database, insert_once
from menus.alphabet import segments

log = structlog.get_logger()

Send = Callable[[str, str, str], Awaitable[SendResult]]
"""Channel's way out: MSISDN, text and our message id to what the provider said. May raise OSError or TimeoutError."""


class Outbox:
    def __init__(
        self, database: Database, senders: Mapping[str, Send], keys: Keys, clock: Clock, settings: SmsSettings
    ) -> None:
        self._database, self._senders, self._keys = database, senders, keys
        self._clock, self._settings = clock, settings
        self._table = database.tables.message_out
        self.worker = Worker("outbox", self._due, self._send, settings.at_once)

    async def add(self, connection: AsyncConnection, cause: str, channel: str, msisdn: str, text: str) -> None:
        """Into the caller's transaction; wake the worker after its commit. The same cause again adds nothing."""
        now = self._clock.now()
        await connection.execute(
            insert_once(
                self._table,
                cause=cause,
                channel=channel,
                msisdn=msisdn,
                msisdn_tag=self._keys.tag(msisdn),
                text=text,
                created_at=now,
                due_at=now,
                expires_at=now + timedelta(seconds=self._settings.expires_after_s),
                state="waiting",
                tries=0,
            )
        )

    async def _due(self, busy: Collection[str], count: int) -> Sequence[Row[Any]]:
        table = self._table
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(table)
                .where(table.c.state == "waiting", table.c.due_at <= self._clock.now())
                .where(table.c.msisdn_tag.not_in(busy))
                .order_by(table.c.due_at, table.c.id)
                .limit(count)
            )
            return found.all()

    async def _send(self, row: Row[Any]) -> None:
        now = self._clock.now()
        if row.expires_at <= now:
            await self._note(row, state="expired")
            return
        steps = self._settings.again_after_s
        again_at = now + timedelta(seconds=steps[min(row.tries, len(steps) - 1)] + self._settings.send_within_s)
        # Before the attempt: whoever dies in the middle of it finds the row due again.
        await self._note(row, tries=row.tries + 1, due_at=again_at)
        result = await self._attempt(row)
        match result:
            case Accepted(provider_id=provider_id):
                await self._note(row, state="sent", provider_id=provider_id, sent_at=self._clock.now())
            case NotAccepted(reason=reason, again=False):
                await self._note(row, state="failed", reason=reason[:128])
            case NotAccepted(reason=reason):
                await self._note(row, reason=reason[:128])
        log.info(
            "sms_sent" if isinstance(result, Accepted) else "sms_not_sent",
            message=row.id,
            cause=row.cause.partition(":")[0],
            channel=row.channel,
            to=self._keys.day_tag(row.msisdn, self._clock.today()),
            segments=segments(row.text),
            tries=row.tries + 1,
            reason=getattr(result, "reason", ""),
        )

    async def _attempt(self, row: Row[Any]) -> SendResult:
        send = self._senders.get(row.channel)
        if send is None:
            return NotAccepted(f"there is no SMS channel {row.channel} now", again=True)
        try:
            async with asyncio.timeout(self._settings.send_within_s):
                return await send(row.msisdn, row.text, str(row.id))
        except (OSError, TimeoutError) as error:
            return NotAccepted(f"no answer: {type(error).__name__}", again=True)

    async def _note(self, row: Row[Any], **values: Any) -> None:
        async with self._database.writing() as connection:
            await connection.execute(update(self._table).where(self._table.c.id == row.id).values(**values))
