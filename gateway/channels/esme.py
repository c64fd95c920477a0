"""The socket side of SMPP: binds kept up, octets carried, timers set. What a bind does stands in smpp/bind.py, what a
message means in hearing.py."""

import asyncio
import itertools
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

import structlog

from gateway.channels.contract import Accepted, NotAccepted, SendResult, Stopped, Unknown
from gateway.channels.smpp import submit
from gateway.channels.smpp.bind import (
    LAST_RETRY_S,
    Answered,
    Bound,
    Ended,
    Event,
    Heard,
    Link,
    Noted,
    Pace,
    Terms,
    Unanswered,
    Undone,
    retry_s,
)
from gateway.channels.smpp.pdu import Message, Unencodable
from gateway.channels.smpp.tables import Command
from gateway.settings_channels import SmppChannel

log = structlog.get_logger()

CONNECT_WITHIN_S = 10.0
QUEUE_S = 4.0
"""How long an SMS waits for window and rate, before it goes back to its row as not sent. The rest of a begun one waits
for as long as its attempt lasts."""

MOST_BEGUN = 10_000
"""Messages of which only some parts were taken yet."""

STOP_WITHIN_S = 3.0
"""What turns in hand, answers on their way and the unbind get when we stop, each half of it."""

AT_ONCE = 256
"""Messages in hand; beyond them nothing is read until some are done."""

Hear = Callable[[Message, str, "Answer", "Show"], Coroutine[Any, Any, None]]
"""A message and its name on this channel. Answers it once, and may show a screen in return."""

Over = Callable[[str, bool, float], None]
"""A connection is over: the beginning of its messages' names, whether it ended in order, and for how many seconds the
SMSC had been silent by then."""

Answer = Callable[[int], None]
Show = Callable[[Message, float], None]
"""A message to send at once or, after so many seconds, not at all."""


class Esme:
    def __init__(
        self,
        name: str,
        channel: SmppChannel,
        chance: Callable[[], float],
        new_id: Callable[[], str],
        send_within_s: float,
    ) -> None:
        """chance: from 0 to 1, by which those who lost the same SMSC come back at different times. send_within_s: what
        an attempt may take."""
        self._name, self._channel, self._chance, self._new_id = name, channel, chance, new_id
        self._pace = Pace(channel.per_s)
        self._ssl = ssl.create_default_context(cafile=channel.ca_file) if channel.tls else None
        # What sends stands first.
        self._kinds = (
            [Command.BIND_TRANSCEIVER]
            if channel.bind == "transceiver"
            else [Command.BIND_TRANSMITTER, Command.BIND_RECEIVER]
        )
        self._ended = dict.fromkeys(self._kinds, Ended("not bound yet"))
        self._connections: set[_Connection] = set()
        self._begun: dict[str, int] = {}
        """How many parts of a message were taken, until all are: an attempt goes on where the last one stopped."""
        self._begin_within_s = max(QUEUE_S, send_within_s - channel.response_within_s)
        self._sender: submit.Sender | None = None
        if (sms := channel.sms) is not None:
            self._sender = submit.Sender(
                sms.sender, sms.sender_ton, sms.sender_npi, sms.numbers, sms.long, channel.alphabet
            )

    async def run(self, hear: Hear, over: Over = lambda *_: None) -> None:
        """Keeps the binds up until cancelled; then what is in hand is finished, and they are unbound."""
        keepers = [asyncio.create_task(self._keep(self._terms(kind), hear, over), name=f"{kind.name} {self._name}")
                   for kind in self._kinds]  # fmt: skip
        try:
            await asyncio.gather(*keepers)
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            await asyncio.gather(*(each.drained() for each in self._connections))

    async def send(self, to: str, text: str, message_id: str, *, again: bool = False) -> SendResult:
        """The outbox's way out: one SMS, in as many parts as it takes, each once the one before is taken. SMPP has no
        question whether it has one already, but the parts of a repeated one have the same reference, by which a phone
        may know them."""
        link = self._sending()
        if link is None or self._sender is None:
            # Nothing was sent. Where our account is not wanted, that is no message's fault.
            last = self._ended[self._kinds[0]]
            return Stopped(last.why) if last.kept_out else NotAccepted("not bound", again=True)
        try:
            parts = submit.messages(self._sender, to, text, int(message_id))
            return await self._parts(link, parts, message_id, again=again)
        except Unencodable as error:
            return NotAccepted(f"cannot be written: {error}", again=False)

    async def _parts(self, link: "_Connection", parts: list[Message], message_id: str, *, again: bool) -> SendResult:
        first = place = self._begun.pop(message_id, 0)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._begin_within_s
        result: SendResult = NotAccepted("not sent in time", again=True)
        try:
            while place < len(parts) and (place == first or loop.time() < until):
                within_s = until - loop.time() if place else QUEUE_S
                result = await link.submitted(parts[place], within_s, urgent=False)
                if not isinstance(result, Accepted):
                    break
                place += 1
        finally:
            if 0 < place < len(parts):
                self._begun[message_id] = place
                if len(self._begun) > MOST_BEGUN:
                    del self._begun[next(iter(self._begun))]
        return submit.as_far(result, place, len(parts), anew=again and not first)

    async def notify(self, message: Message) -> SendResult:
        """A notice on its way to a phone, as patient as an SMS. Raises Unencodable."""
        link = self._sending()
        return (
            NotAccepted("not bound", again=True)
            if link is None
            else await link.submitted(message, QUEUE_S, urgent=False)
        )

    def states(self) -> dict[str, str]:
        """Each bind by its name in the specification: `bound`, or why it is not."""
        up = {each.command for each in self._connections if each.is_bound}
        return {kind.name.lower(): "bound" if kind in up else self._ended[kind].why for kind in self._kinds}

    def _sending(self) -> "_Connection | None":
        return next((each for each in self._connections if each.may_submit), None)

    def _show(self, message: Message, within_s: float) -> None:
        """A USSD answer: ahead of any SMS, and never again. Its session is over before a second try would come."""
        link = self._sending()
        if link is None:
            log.warning("ussd_answer_not_sent", channel=self._name, reason="not bound")
            return
        task = asyncio.create_task(self._shown(link, message, within_s), name=f"answer {self._name}")
        link.hold(task)

    async def _shown(self, link: "_Connection", message: Message, within_s: float) -> None:
        try:
            result = await link.submitted(message, within_s, urgent=True)
        except Unencodable as error:
            result = NotAccepted(f"cannot be written: {error}", again=False)
        if isinstance(result, NotAccepted | Unknown):
            log.warning("ussd_answer_not_taken", channel=self._name, reason=result.reason)

    def _terms(self, command: Command) -> Terms:
        channel = self._channel
        return Terms(
            command=command,  # type: ignore[arg-type]  # one of the binds, see `run`
            system_id=channel.system_id,
            password=channel.password,
            system_type=channel.system_type,
            address_range=channel.address_range,
            window=channel.window,
            response_s=channel.response_within_s,
            enquire_link_s=channel.enquire_link_s,
            inactivity_s=channel.inactivity_s,
        )

    async def _keep(self, terms: Terms, hear: Hear, over: Over) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            connection = _Connection(self._name, terms, self._pace, hear, self._show, self._new_id()[:12])
            began = loop.time()
            try:
                async with asyncio.timeout(CONNECT_WITHIN_S):
                    await loop.create_connection(
                        lambda here=connection: here, self._channel.host, self._channel.port, ssl=self._ssl
                    )
                self._connections.add(connection)
                try:
                    ended = await asyncio.shield(connection.ended)
                    over(connection.id, ended.in_order, loop.time() - connection.heard_at)
                finally:
                    if connection.ended.done():
                        self._connections.discard(connection)
            # UnicodeError: a host that is no name at all.
            except (OSError, TimeoutError, UnicodeError) as error:
                ended = Ended(f"not reached: {type(error).__name__}")
            self._ended[terms.command] = ended
            # A bind that held for a while was a good one, whatever became of it.
            failures = 1 if connection.was_bound and loop.time() - began > LAST_RETRY_S else failures + 1
            wait_s = retry_s(failures, self._chance(), kept_out=ended.kept_out)
            level = log.error if ended.kept_out else log.warning
            level("smpp_ended", channel=self._name, bind=terms.command.name, why=ended.why, again_in_s=round(wait_s, 1))
            await asyncio.sleep(wait_s)


class _Connection(asyncio.Protocol):
    """A link on a socket. Whatever is to be written in one turn of the loop goes out in one write."""

    def __init__(self, name: str, terms: Terms, pace: Pace, hear: Hear, show: Show, connection_id: str) -> None:
        self._name, self._terms, self._pace, self._hear, self._show = name, terms, pace, hear, show
        self.id = connection_id
        self._arrived = itertools.count(1)
        self._unanswered: dict[int, tuple[Message, str]] = {}
        """By sequence number, which is nobody else's only until our answer: what came, and its name."""
        self._loop = asyncio.get_running_loop()
        self._tickets = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[SendResult]] = {}
        self._hands: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing = False
        self.was_bound = False
        self.ended: asyncio.Future[Ended] = self._loop.create_future()

    @property
    def command(self) -> Command:
        return self._terms.command

    @property
    def is_bound(self) -> bool:
        return self._link.bound

    @property
    def heard_at(self) -> float:
        return self._link.heard_at

    @property
    def may_submit(self) -> bool:
        return self.is_bound and self.command is not Command.BIND_RECEIVER

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "a stream"
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._link = Link(self._terms, self._pace, self._loop.time())
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._handle(self._link.take(data, self._loop.time()))

    def connection_lost(self, exc: Exception | None) -> None:
        self._handle(self._link.lost(self._loop.time()))

    # -- out

    async def submitted(self, message: Message, within_s: float, *, urgent: bool) -> SendResult:
        """Raises Unencodable. Whoever stops waiting leaves the message as it is: it may be on its way."""
        ticket, now = next(self._tickets), self._loop.time()
        waiting: asyncio.Future[SendResult] = self._loop.create_future()
        self._waiting[ticket] = waiting
        try:
            self._handle(self._link.submit(ticket, message, before=now + within_s, urgent=urgent, now=now))
            return await waiting
        finally:
            self._waiting.pop(ticket, None)

    def hold(self, task: asyncio.Task[None]) -> None:
        """Work that is finished before this link is given back."""
        self._hands.add(task)
        task.add_done_callback(self._done)
        if len(self._hands) >= AT_ONCE:
            self._transport.pause_reading()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._hands.discard(task)
        if len(self._hands) < AT_ONCE and not self._transport.is_closing():
            self._transport.resume_reading()

    async def drained(self) -> None:
        """What is in hand is finished, what is on its way answered, the bind given back: each in the time it has."""
        if self._hands:
            await asyncio.wait(self._hands, timeout=STOP_WITHIN_S / 2)
        self._handle(self._link.unbind(self._loop.time(), STOP_WITHIN_S / 2))
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_S / 2):
                await asyncio.shield(self.ended)
        for task in self._hands:
            task.cancel()
        await asyncio.gather(*self._hands, return_exceptions=True)
        self._handle(self._link.lost(self._loop.time()))

    # -- in

    def _handle(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case Bound():
                    self.was_bound = True
                    log.info("smpp_bound", channel=self._name, bind=self._terms.command.name)
                case Heard():
                    work = self._heard(event)
                    self.hold(asyncio.create_task(work, name=f"heard {self._name}"))
                case Answered(ticket, status, message_id):
                    self._settle(ticket, submit.verdict(status, message_id))
                case Undone(ticket):
                    self._settle(ticket, NotAccepted("not sent in time", again=True))
                case Unanswered(ticket):
                    self._settle(ticket, Unknown("no answer"))
                case Noted(what):
                    log.warning("smpp_peer", channel=self._name, what=what)
                case Ended():
                    self._end(event)
        self._flush_soon()

    def _heard(self, heard: Heard) -> Coroutine[Any, Any, None]:
        known, name = self._unanswered.get(heard.sequence, (None, ""))
        if known != heard.message:
            name = f"{self.id}-{next(self._arrived)}"
            self._unanswered[heard.sequence] = heard.message, name

        def answer(status: int) -> None:
            self._unanswered.pop(heard.sequence, None)
            self._link.answer(heard, status)
            self._handle(self._link.tick(self._loop.time()))

        return self._hear(heard.message, name, answer, self._show)

    def _settle(self, ticket: int, result: SendResult) -> None:
        waiting = self._waiting.get(ticket)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)

    def _end(self, event: Ended) -> None:
        self._flush()
        self._transport.close()
        self._loop.call_later(STOP_WITHIN_S, self._transport.abort)  # who does not read is not waited for
        if not self.ended.done():
            self.ended.set_result(event)

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        octets = self._link.to_write()
        if octets and not self._transport.is_closing():
            self._transport.write(octets)
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._link.deadline()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._handle(self._link.tick(self._loop.time()))
