"""Messages to citizens: a row written in the transaction that decided it, sent until it is taken, refused or expired.

An attempt ends ok, refused, or unknown: sent and never answered. An unknown one is tried again, but only MAX_DOUBTS
times: a status read twice harms nobody, one read twelve times does. One that was cut off with its process is tried
again too: that is one copy more for each death, if it was sent at all. Taken is not delivered.

Each channel has its own worker and its rate, over all processes. Replies go before answers that were promised, and
these before notices. Of one phone's messages the older goes first; but of replies that had to wait the newest, since it
is what she asked last.

Where the line she called by can show a text by itself, the first attempt does that. Whatever else comes of it than that
it was shown, the message goes as an SMS, as if it had never been tried; only a doubt counts.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Protocol, assert_never

import structlog
from sqlalchemy import ColumnElement, FromClause, Row, and_, or_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.channels.contract import Accepted, NotAccepted, SendResult, Stopped, Unknown
from gateway.channels.documents import whole
from gateway.clock import Clock
from gateway.crash_points import reached
from gateway.privacy import Keys
from gateway.quiet import next_moment
from gateway.settings import SmsSettings
from gateway.sms import receipts
from gateway.sms.candidates import Ago
from gateway.sms.pace import Rate
from gateway.sms.worker import OF_THE_ROW, Held, Worker
from gateway.storage.database import Database, insert_once
from gateway.storage.tables import is_word
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


PROVIDER_ID, REASON = 160, 128
"""Characters kept of what a provider says."""

MAX_DOUBTS = 2
"""Attempts that ended unknown before a message is left at that."""

LATE_S = 60.0
"""A reply that waited so long is late."""

WRITTEN_WITHIN_S = 120.0
"""For how long what came of an attempt is kept in hand while our own database takes nothing: whoever lets go of it
sends the message once more."""

WRITE_AGAIN_S = 1.0

STOP_WITHIN_S = 3.0
"""What is being written when we are told to stop gets."""


class Priority(IntEnum):
    REPLY = 0
    ANSWER = 1
    """Promised, and late already."""
    NOTICE = 2
    """Nobody waits for it, so it goes in the hours in which a phone may ring, and is worth more patience."""


class Outbox:
    def __init__(
        self,
        database: Database,
        senders: Mapping[str, Send],
        rates: Mapping[str, float | None],
        keys: Keys,
        clock: Clock,
        settings: SmsSettings,
        pushers: Mapping[str, Pusher] = MappingProxyType({}),
    ) -> None:
        """rates: parts a second that each channel takes."""
        self._database, self._senders, self._pushers, self._keys = database, senders, pushers, keys
        self._clock, self._settings = clock, settings
        self._table = database.tables.message_out
        self._rates = {name: Rate(database, name, rates.get(name)) for name in senders}

        def worker(name: str) -> Worker:
            return Worker(
                f"outbox {name}", database, self._table,
                lambda t: and_(is_word(t.c.state, "waiting"), t.c.channel == name), self._send,
                clock.now, settings.at_once, within_s=settings.send_within_s + WRITTEN_WITHIN_S,
                again_after_s=settings.again_after_s, first=("priority", "due_at", "id"), before=_goes_first,
                rate=self._rates[name],
            )  # fmt: skip

        # A message by a channel that there is no more waits until it comes back, or until the purge finds it too old.
        self.of_channel = {name: worker(name) for name in senders}
        self.workers = tuple(self.of_channel.values())

    def wake(self) -> None:
        """There may be something to send."""
        for worker in self.workers:
            worker.wake()

    async def add(
        self,
        connection: AsyncConnection,
        cause: str,
        channel: str,
        msisdn: str,
        text: str,
        priority: Priority = Priority.REPLY,
        *,
        push: Push | None = None,
    ) -> None:
        """Into the caller's transaction; wake us after its commit. The same cause again adds nothing.

        push: what may be shown instead of an SMS, where that line can and it is one page.
        """
        if channel not in self._senders:
            log.error("sms_of_no_channel", channel=channel, cause=cause.partition(":")[0])
        pusher = self._pushers.get(push.line) if push else None
        pushed = push if push and pusher and fits(push.text, pusher.capacity) else None
        now, hours, notice = self._clock.now(), self._settings, priority is Priority.NOTICE
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
                parts=segments(text),
                priority=int(priority),
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

    async def _send(self, held: Held) -> None:
        row: Row[Any] = held.row
        if row.cut_off > 1:
            log.warning("sms_cut_off", message=row.id, channel=row.channel, tries=row.tries)
        if row.expires_at <= self._clock.now():
            await self._ended(held, state="expired")
            return
        if row.tries == 1 and row.push_text is not None:
            await self._push(held)
            return
        reached("after_send_claim")
        result = await self._attempt(held)
        reached("after_submit_answer")
        now, reason = self._clock.now(), whole(getattr(result, "reason", ""))[:REASON]
        more: dict[str, Any] = {"reason": reason}
        match result:
            case Accepted(provider_id=provider_id):
                state, attempt = "sent", "ok"
                # A provider that gives no id reports by ours.
                more = {"provider_id": whole(provider_id or "")[:PROVIDER_ID] or _name(row), "sent_at": now}
            case Stopped():
                state, attempt = "waiting", "refused"
                until = now + timedelta(seconds=self._settings.stopped_for_s)
                # No attempt of this message's: it waits with the others.
                more |= {"due_at": until, "tries": row.tries - 1, "rests_until": until}
                log.error("route_stopped", channel=row.channel, reason=reason, until=str(until))
            case NotAccepted(again=again):
                state, attempt = "waiting" if again else "failed", "refused"
                more |= {"due_at": self._again_at(row)}
            case Unknown():
                state, attempt = _left_at(row), "unknown"
                more |= {"due_at": self._again_at(row), "doubts": row.doubts + 1}
            case _:
                assert_never(result)
        await self._ended(held, state=state, attempt=attempt, **more)
        reached("after_mark_sent")
        (log.info if state == "sent" else log.warning)(
            "sms_sent" if state == "sent" else "sms_not_sent",
            message=row.id,
            cause=row.cause.partition(":")[0],
            channel=row.channel,
            to=self._keys.day_tag(row.msisdn, self._clock.today()),
            segments=row.parts,
            tries=row.tries,
            state=state,
            reason=reason,
        )

    async def _push(self, held: Held) -> None:
        """The first attempt of a message that may be shown. The next one is an SMS."""
        row = held.row
        pusher = self._pushers.get(row.push_by)
        result: SendResult = NotAccepted(f"{row.push_by} shows nothing by itself now", again=False)
        if pusher is not None:
            result = await self._within(held, lambda: pusher.send(row.msisdn, row.push_text, _name(row)))
        now, shown, doubt = self._clock.now(), isinstance(result, Accepted), isinstance(result, Unknown)
        reason = whole(getattr(result, "reason", "ussd notify"))[:REASON]
        attempt = "ok" if shown else "unknown" if doubt else "refused"
        values = {"reason": reason, "attempt": attempt, "doubts": row.doubts + doubt, "due_at": now}
        if shown:
            # Nothing more will be heard of it, and no provider of SMS may be asked about it.
            values |= {"state": "sent", "channel": row.push_by, "sent_at": now, "fate": "delivered", "reported_at": now}
        await self._ended(held, **values)
        (log.info if shown else log.warning)(
            "ussd_shown" if shown else "ussd_not_shown",
            message=row.id,
            cause=row.cause.partition(":")[0],
            channel=row.push_by,
            to=self._keys.day_tag(row.msisdn, self._clock.today()),
            reason=reason,
        )
        self.wake()

    async def _attempt(self, held: Held) -> SendResult:
        row = held.row
        send = self._senders[row.channel]
        return await self._within(held, lambda: send(row.msisdn, row.text, _name(row), again=row.tries > 1))

    async def _within(self, held: Held, sending: Callable[[], Awaitable[SendResult]]) -> SendResult:
        within_s = self._settings.send_within_s
        held.must_last(within_s)
        held.handed_over = True
        try:
            async with asyncio.timeout(within_s):
                return await sending()
        except TimeoutError:
            return Unknown(f"no answer within {within_s:g} s")
        except asyncio.CancelledError:
            # We stop, and this one took too long to wait for: whoever has it next must know of the doubt.
            row = held.row
            doubt = {"attempt": "unknown", "doubts": row.doubts + 1, "reason": "no answer before we stopped"}
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_WITHIN_S):
                    await self._ended(held, state=_left_at(row), due_at=self._again_at(row), **doubt)
            raise

    def _again_at(self, row: Row[Any]) -> datetime:
        steps = self._settings.again_after_s
        return self._clock.now() + timedelta(seconds=steps[min(row.tries, len(steps)) - 1])

    async def _ended(self, held: Held, *, rests_until: datetime | None = None, **values: Any) -> None:
        """Write what came of the attempt, with whatever else hangs on it."""

        provider_id = values.get("provider_id")

        async def work(connection: AsyncConnection) -> None:
            if provider_id:
                await self._database.alone(connection, receipts.of(held.row.channel))
            if not await held.write(connection, **values):
                return
            if provider_id:
                await receipts.catch_up(connection, self._database.tables, held.row, provider_id)
            if rests_until is not None:
                await self._rates[held.row.channel].rest(connection, rests_until)

        while True:
            writing = asyncio.ensure_future(self._database.together(work, receipts.of(held.row.channel)))
            try:
                return await asyncio.shield(writing)
            except asyncio.CancelledError:
                # We stop, and the row is given back next: not before what is under way is written.
                held.unwritten = bool((await asyncio.wait({writing}, timeout=STOP_WITHIN_S))[1])
                raise
            except OF_THE_ROW:
                raise  # it would be no other the next time
            except SQLAlchemyError:
                # Where another process has taken the row meanwhile, the next try says so: Stale.
                log.exception("outcome_not_written", message=held.id, channel=held.row.channel)
                await asyncio.sleep(WRITE_AGAIN_S)


def _goes_first(o: FromClause, t: FromClause, ago: Ago) -> ColumnElement[bool]:
    """Of one phone's messages by one channel."""
    late, due = ago(LATE_S), o.c.due_at <= ago(0)
    in_order = or_(t.c.priority == Priority.NOTICE, and_(o.c.created_at >= late, t.c.created_at >= late))
    older = and_(in_order, due, o.c.id < t.c.id)
    newer = and_(t.c.priority != Priority.NOTICE, t.c.created_at < late, o.c.id > t.c.id)
    return or_(and_(o.c.priority < t.c.priority, due), and_(o.c.priority == t.c.priority, or_(older, newer)))


def _left_at(row: Row[Any]) -> str:
    """The state of a message after one attempt more that ended unknown."""
    return "unknown" if row.doubts + 1 >= MAX_DOUBTS else "waiting"


def _name(row: Row[Any]) -> str:
    """Our id of a message, digits alone: providers keep it for longer than a database may live, so it has the time."""
    return f"{int(row.created_at.timestamp())}{row.id:06}"
