"""Messages to citizens: a row written in the transaction that decided it, sent until it is taken, refused or expired.

An attempt ends accepted, not accepted, or unknown: sent and never answered. An unknown one is tried again, but only
MAX_DOUBTS times: a status read twice harms nobody, one read twelve times does. Accepted is not delivered.

Where the line she called by can show a text by itself, the first attempt does that. Whatever else comes of it than that
it was shown, the message goes as an SMS, as if it had never been tried; only a doubt counts.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol, assert_never

import structlog
from sqlalchemy import ColumnElement, Row, and_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.channels.contract import Accepted, NotAccepted, SendResult, Stopped, Unknown
from gateway.clock import Clock
from gateway.crash_points import reached
from gateway.privacy import Keys
from gateway.quiet import next_moment
from gateway.settings import SmsSettings
from gateway.sms import receipts
from gateway.sms.worker import Worker
from gateway.storage.database import Database, insert_once
from menus.alphabet import Capacity, fits, segments

log = structlog.get_logger()


class Send(Protocol):
    """Channel's way out: MSISDN, text and our message id to what the provider said. again: it may have it already, from
    an attempt whose end nobody saw. Does not raise for what the provider does."""

    def __call__(self, to: str, text: str, message_id: str, *, again: bool = False) -> Awaitable[SendResult]: ...


@dataclass(frozen=True, slots=True)
class Push:
    """What a message would be on the USSD channel its reader called by: nothing to answer, read and gone."""

    line: str
    text: str


@dataclass(frozen=True, slots=True)
class Pusher:
    """A USSD channel that shows a text on a phone that is in no call: what fits, and how. Accepted: it was shown."""

    capacity: Capacity
    send: Send


MAX_DOUBTS = 2
"""Attempts that ended unknown before a message is left at that."""


class Outbox:
    def __init__(
        self,
        database: Database,
        senders: Mapping[str, Send],
        keys: Keys,
        clock: Clock,
        settings: SmsSettings,
        pushers: Mapping[str, Pusher] = MappingProxyType({}),
    ) -> None:
        self._database, self._senders, self._pushers, self._keys = database, senders, pushers, keys
        self._clock, self._settings = clock, settings
        self._table = database.tables.message_out
        self._stopped: dict[str, datetime] = {}
        self.worker = Worker("outbox", database, self._table, self._due, self._send, clock.now, settings.at_once)

    async def add(
        self,
        connection: AsyncConnection,
        cause: str,
        channel: str,
        msisdn: str,
        text: str,
        *,
        notice: bool = False,
        push: Push | None = None,
    ) -> None:
        """Into the caller's transaction; wake the worker after its commit. The same cause again adds nothing.

        notice: nobody waits for it, so it goes in the hours in which a phone may ring, and is worth more patience.
        push: what may be shown instead of an SMS, where that line can and it is one page.
        """
        pusher = self._pushers.get(push.line) if push else None
        pushed = push if push and pusher and fits(push.text, pusher.capacity) else None
        now, hours = self._clock.now(), self._settings
        due_at = next_moment(now, hours.notices_from, hours.notices_until) if notice else now
        patience_s = hours.notices_expire_after_s if notice else hours.expires_after_s
        await connection.execute(
            insert_once(
                self._table,
                cause=cause,
                channel=channel,
                msisdn=msisdn,
                msisdn_tag=self._keys.tag(msisdn),
                text=text,
                push_by=pushed.line if pushed else None,
                push_text=pushed.text if pushed else None,
                created_at=now,
                due_at=due_at,
                expires_at=now + timedelta(seconds=patience_s),
                state="waiting",
                tries=0,
                doubts=0,
            )
        )

    def _due(self, now: datetime) -> ColumnElement[bool]:
        stopped = [channel for channel, until in self._stopped.items() if until > now]
        return and_(
            self._table.c.state == "waiting", self._table.c.due_at <= now, self._table.c.channel.not_in(stopped)
        )

    async def _send(self, row: Row[Any]) -> None:
        now = self._clock.now()
        if row.expires_at <= now:
            await self._note(row, state="expired")
            return
        steps = self._settings.again_after_s
        again_at = now + timedelta(seconds=steps[min(row.tries, len(steps) - 1)] + self._settings.send_within_s)
        # Before the attempt: whoever dies in the middle of it finds the row due again. And only if it still is as we
        # read it: somebody else who has it in hand must not send it too.
        if not await self._note(row, tries=row.tries + 1, due_at=again_at):
            return
        if row.tries == 0 and row.push_text is not None:
            await self._push(row)
            return
        reached("after_send_claim")
        result = await self._attempt(row)
        reached("after_submit_answer")
        reason = getattr(result, "reason", "")[:128]
        doubts = row.doubts + isinstance(result, Unknown)
        more: dict[str, Any] = {"reason": reason, "doubts": doubts}
        match result:
            case Accepted(provider_id=provider_id):
                state = "sent"
                # A provider that gives no id reports by ours.
                more = {"provider_id": provider_id or _name(row), "sent_at": self._clock.now()}
            case Stopped():
                state = "waiting"
                until = self._clock.now() + timedelta(seconds=self._settings.stopped_for_s)
                self._stopped[row.channel] = until
                more |= {"due_at": until, "tries": row.tries}  # no attempt of this message's: it waits with the others
                log.error("route_stopped", channel=row.channel, reason=reason, until=str(until))
            case NotAccepted(again=again):
                state = "waiting" if again else "failed"
            case Unknown():
                state = "unknown" if doubts >= MAX_DOUBTS else "waiting"
            case _:
                assert_never(result)
        await self._note(row, expected_tries=row.tries + 1, state=state, **more)
        reached("after_mark_sent")
        (log.info if state == "sent" else log.warning)(
            "sms_sent" if state == "sent" else "sms_not_sent",
            message=row.id,
            cause=row.cause.partition(":")[0],
            channel=row.channel,
            to=self._keys.day_tag(row.msisdn, self._clock.today()),
            segments=segments(row.text),
            tries=row.tries + 1,
            state=state,
            reason=reason,
        )

    async def _push(self, row: Row[Any]) -> None:
        """The first attempt of a message that may be shown. The next one is an SMS."""
        pusher = self._pushers.get(row.push_by)
        result: SendResult = NotAccepted(f"{row.push_by} shows nothing by itself now", again=False)
        if pusher is not None:
            result = await self._within(pusher.send(row.msisdn, row.push_text, _name(row)))
        now = self._clock.now()
        shown = isinstance(result, Accepted)
        reason = getattr(result, "reason", "ussd notify")[:128]
        values: dict[str, Any] = {"reason": reason, "doubts": row.doubts + isinstance(result, Unknown), "due_at": now}
        if shown:
            # Nothing more will be heard of it, and no provider of SMS may be asked about it.
            values |= {"state": "sent", "channel": row.push_by, "sent_at": now, "fate": "delivered", "reported_at": now}
        await self._note(row, expected_tries=1, **values)
        (log.info if shown else log.warning)(
            "ussd_shown" if shown else "ussd_not_shown",
            message=row.id,
            cause=row.cause.partition(":")[0],
            channel=row.push_by,
            to=self._keys.day_tag(row.msisdn, self._clock.today()),
            reason=reason,
        )
        self.worker.wake()

    async def _attempt(self, row: Row[Any]) -> SendResult:
        send = self._senders.get(row.channel)
        if send is None:
            return NotAccepted(f"there is no SMS channel {row.channel} now", again=True)
        return await self._within(send(row.msisdn, row.text, _name(row), again=row.tries > 0))

    async def _within(self, sending: Awaitable[SendResult]) -> SendResult:
        try:
            async with asyncio.timeout(self._settings.send_within_s):
                return await sending
        except TimeoutError:
            return Unknown(f"no answer within {self._settings.send_within_s:g} s")

    async def _note(self, row: Row[Any], *, expected_tries: int | None = None, **values: Any) -> bool:
        """Write to the row if it is still as we know it; False when somebody else was here."""
        table = self._table
        tries = row.tries if expected_tries is None else expected_tries
        ours = and_(table.c.id == row.id, table.c.state == "waiting", table.c.tries == tries)
        async with self._database.writing() as connection:
            done = await connection.execute(update(table).where(ours).values(**values))
            if provider_id := values.get("provider_id"):
                await receipts.catch_up(connection, self._database.tables, row, provider_id)
        return bool(done.rowcount)


def _name(row: Row[Any]) -> str:
    """Our id of a message, digits alone: providers keep it for longer than a database may live, so it has the time."""
    return f"{int(row.created_at.timestamp())}{row.id:06}"
