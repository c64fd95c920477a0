"""One bind from its first octet to its last, as a value: octets and the time go in, events, octets to write and the
next deadline come out. Nothing here waits, draws lots or knows a socket.

What is submitted has a ticket, each greater than those before. Every ticket ends once: Answered, Undone (never written,
so it may be sent again without harm) or Unanswered (written, and nobody knows).
"""

import bisect
from collections import deque
from collections.abc import Iterable
from typing import Literal

import msgspec

from gateway.channels.smpp.pdu import (
    Bind,
    Body,
    Frames,
    Lost,
    Malformed,
    Message,
    MessageResp,
    Nothing,
    Pdu,
    encode,
)
from gateway.channels.smpp.submit import SLOWER
from gateway.channels.smpp.tables import INTERFACE_VERSION, MAX_SEQUENCE, RESPONSE, Command, Status

MAX_BAD = 100
"""PDUs of one bind that could not be read, before it is given up: some peers answer an answer for ever."""

KEPT_OUT = frozenset({Status.ESME_RBINDFAIL, Status.ESME_RINVPASWD, Status.ESME_RINVSYSID, Status.ESME_RINVSYSTYP})
"""Refusals that trying again does not mend: somebody must, here or there (protocols.md C6)."""

NOT_BOUND = "the SMSC says that we are not bound"
"""Then we bind anew: what it has of us is not what we have of it."""

KEPT_OUT_S = 300.0
FIRST_RETRY_S = 1.0
LAST_RETRY_S = 60.0

PAUSE_S = 1.0
"""What a throttled bind waits before its next PDU; within it further refusals are of the same moment."""

RECOVERY_PER_S = 0.05
"""How much of the full rate comes back each second without a refusal."""

LEAST = 1 / 64
"""Of the full rate: below it a bind would never find out that it is wanted again."""


class Terms(msgspec.Struct, frozen=True):
    """What was agreed with whoever runs the SMSC; times in seconds."""

    command: Literal[Command.BIND_TRANSCEIVER, Command.BIND_TRANSMITTER, Command.BIND_RECEIVER]
    system_id: str
    password: str
    system_type: str = ""
    address_range: str = ""
    window: int = 10
    bind_s: float = 10.0
    response_s: float = 5.0
    enquire_link_s: float = 30.0
    inactivity_s: float = 0.0

    def __repr__(self) -> str:
        return f"Terms({self.command.name}, {self.system_id!r})"  # a password stands in no log


class Bound(msgspec.Struct, frozen=True):
    """The SMSC lets us in."""


class Heard(msgspec.Struct, frozen=True):
    """A message that wants an answer: `answer` it once."""

    sequence: int
    command: Literal[Command.DELIVER_SM, Command.DATA_SM]
    message: Message


class Answered(msgspec.Struct, frozen=True):
    ticket: int
    status: int
    message_id: str


class Undone(msgspec.Struct, frozen=True):
    ticket: int


class Unanswered(msgspec.Struct, frozen=True):
    ticket: int


class Noted(msgspec.Struct, frozen=True):
    """For the log: what the peer did that it should not have."""

    what: str


WE_UNBOUND, SMSC_UNBOUND = "unbound", "the SMSC unbound"


class Ended(msgspec.Struct, frozen=True):
    """Close the connection once what is to be written has been. kept_out: the SMSC does not want this account."""

    why: str
    kept_out: bool = False

    @property
    def in_order(self) -> bool:
        """The SMSC has taken leave, after all that we had answered."""
        return self.why in (WE_UNBOUND, SMSC_UNBOUND)


Event = Bound | Heard | Answered | Undone | Unanswered | Noted | Ended


class Pace:
    """How fast a bind may submit: never over the agreed rate, half of it after a refusal, and slowly back."""

    def __init__(self, per_s: float) -> None:
        self._full = self._low = per_s
        self._slowed_at = -PAUSE_S
        self.next_at = float("-inf")

    def per_s(self, now: float) -> float:
        return min(self._full, self._low + self._full * RECOVERY_PER_S * max(0.0, now - self._slowed_at))

    def took(self, now: float) -> None:
        """One went. A loop that came late may catch up by one, no more."""
        gap = 1 / self.per_s(now)
        self.next_at = max(self.next_at, now - gap) + gap

    def slower(self, now: float) -> None:
        if now - self._slowed_at >= PAUSE_S:
            self._low = max(self.per_s(now) / 2, self._full * LEAST)
            self._slowed_at = now
            self.next_at = max(self.next_at, now + PAUSE_S)


class _Queued(msgspec.Struct, frozen=True):
    ticket: int
    octets: bytes
    before: float
    urgent: bool


class _Sent(msgspec.Struct, frozen=True):
    queued: _Queued
    until: float


class Link:
    """One connection. After Ended it takes whatever comes and says nothing."""

    def __init__(self, terms: Terms, pace: Pace, now: float) -> None:
        self._terms, self._pace = terms, pace
        self._state: Literal["open", "bound", "closing", "unbinding", "closed"] = "open"
        self._frames = Frames()
        self._out = bytearray()
        self._sequence = 0
        self._urgent: deque[_Queued] = deque()
        self._queue: deque[_Queued] = deque()
        self._sent: dict[int, _Sent] = {}
        self._owed = 0
        self._bad = 0
        self._asked: int | None = None
        self._until = now + terms.bind_s
        self._heard_at = self._used_at = self._whole_at = now
        self._binding = self._write(
            terms.command,
            Bind(
                system_id=terms.system_id,
                password=terms.password,
                system_type=terms.system_type,
                interface_version=INTERFACE_VERSION,
                address_range=terms.address_range,
            ),
        )

    # -- what the shell asks

    @property
    def bound(self) -> bool:
        return self._state == "bound"

    @property
    def over(self) -> bool:
        return self._state == "closed"

    @property
    def heard_at(self) -> float:
        """When the SMSC last said anything."""
        return self._heard_at

    @property
    def owed(self) -> int:
        """Messages heard and not yet answered."""
        return self._owed

    def to_write(self) -> bytes:
        """What is to go out now; the next call has only what came after."""
        out = bytes(self._out)
        self._out.clear()
        return out

    def deadline(self) -> float | None:
        """When `tick` is due, unless something happens before."""
        return min(self._deadlines(), default=None)

    def _deadlines(self) -> Iterable[float]:
        if self._state == "closed":
            return
        if self._state != "bound":
            yield self._until
        else:
            yield self._until if self._asked is not None else self._heard_at + self._terms.enquire_link_s
            if self._terms.inactivity_s:
                yield self._used_at + self._terms.inactivity_s
        if self._frames.begun:
            yield self._whole_at + self._terms.response_s
        for sent in self._sent.values():
            yield sent.until
            break  # the others went later
        for queue in (self._urgent, self._queue):
            for queued in queue:
                yield queued.before
        if self._may_submit():
            yield self._pace.next_at

    # -- what the shell does

    def submit(self, ticket: int, message: Message, *, before: float, urgent: bool, now: float) -> list[Event]:
        """Send it when window and rate allow, but not later than `before`. urgent: ahead of the others, and never a
        second time. Raises Unencodable."""
        octets = encode(Pdu(Command.SUBMIT_SM, Status.ESME_ROK, 0, message))
        if self._state not in ("open", "bound"):
            return [Undone(ticket)]
        (self._urgent if urgent else self._queue).append(_Queued(ticket, octets, before, urgent))
        self._submit_due(now)
        return []

    def answer(self, heard: Heard, status: int) -> None:
        if self._state in ("bound", "closing"):
            self._owed -= 1
            self._put(Pdu(Command(heard.command | RESPONSE), status, heard.sequence, MessageResp()))

    def unbind(self, now: float, within_s: float) -> list[Event]:
        """Submit no more; unbind once everything has its answer, at the latest in half of within_s."""
        if self._state != "bound":
            return self._end("ended before it was bound", now)
        self._state, self._until = "closing", now + within_s / 2
        events: list[Event] = [Undone(each.ticket) for each in (*self._urgent, *self._queue)]
        self._urgent.clear()
        self._queue.clear()
        return events + self.tick(now)

    def lost(self, now: float) -> list[Event]:
        """The connection is gone."""
        return self._end("the connection ended", now)

    def tick(self, now: float) -> list[Event]:
        """Whatever is due now."""
        events: list[Event] = []
        for sequence, sent in list(self._sent.items()):
            if sent.until > now:
                break
            del self._sent[sequence]
            events.append(Unanswered(sent.queued.ticket))
            if self._state == "bound" and self._asked is None and self._heard_at <= sent.until - self._terms.response_s:
                self._enquire(now)  # nothing came since: is anybody there, before more goes the same way?
        for queue in (self._urgent, self._queue):
            late = [each for each in queue if each.before <= now]
            for each in late:
                queue.remove(each)
                events.append(Undone(each.ticket))
        if self._frames.begun and now >= self._whole_at + self._terms.response_s:
            return events + self._end("a PDU that was begun did not come to its end", now)
        events += self._tick_state(now)
        self._submit_due(now)
        return events

    def _tick_state(self, now: float) -> list[Event]:
        terms = self._terms
        match self._state:
            case "open" if now >= self._until:
                return self._end(f"no answer to the bind within {terms.bind_s:g} s", now)
            case "bound" if self._asked is not None and now >= self._until:
                return self._end(f"no answer to enquire_link within {terms.response_s:g} s", now)
            case "bound" if terms.inactivity_s and now >= self._used_at + terms.inactivity_s:
                return self.unbind(now, 2 * terms.response_s)
            case "bound" if self._asked is None and now >= self._heard_at + terms.enquire_link_s:
                self._enquire(now)
            case "closing" if now >= self._until or not (self._sent or self._owed):
                self._state, self._until = "unbinding", now + terms.response_s
                self._asked = self._write(Command.UNBIND, Nothing())
            case "unbinding" if now >= self._until:
                return self._end("no answer to the unbind", now)
        return []

    def _enquire(self, now: float) -> None:
        self._asked = self._write(Command.ENQUIRE_LINK, Nothing())
        self._until = now + self._terms.response_s

    def take(self, data: bytes, now: float) -> list[Event]:
        """What came from the SMSC."""
        if self.over:
            return []
        events: list[Event] = []
        if not self._frames.begun:
            self._whole_at = now
        for found in self._frames.take(data):
            self._heard_at = self._whole_at = now
            events += self._malformed(found, now) if isinstance(found, Malformed) else self._take(found, now)
            if self.over:
                return events
        if self._state == "closing":
            events += self._tick_state(now)
        self._submit_due(now)
        return events

    # -- inside

    def _malformed(self, error: Malformed, now: float) -> list[Event]:
        self._bad += 1
        if error.answer is not None:
            self._put(Pdu(error.answer, error.status, error.sequence))
        if isinstance(error, Lost):
            return [Noted(str(error)), *self._end("the stream is lost", now)]
        if self._bad >= MAX_BAD:
            return [Noted(str(error)), *self._end(f"{MAX_BAD} PDUs that could not be read", now)]
        return [Noted(str(error))]

    def _take(self, pdu: Pdu, now: float) -> list[Event]:
        match pdu.command:
            case Command.ENQUIRE_LINK:
                self._put(Pdu(Command.ENQUIRE_LINK_RESP, Status.ESME_ROK, pdu.sequence))
            case Command.UNBIND:
                self._put(Pdu(Command.UNBIND_RESP, Status.ESME_ROK, pdu.sequence))
                return self._end(SMSC_UNBOUND, now)
            case Command.DELIVER_SM | Command.DATA_SM if isinstance(pdu.body, Message):
                return self._heard(Heard(pdu.sequence, pdu.command, pdu.body), now)
            case Command.ALERT_NOTIFICATION:
                pass  # cl. 4.12: it has no answer, and we wait for no phone
            case _ if pdu.command & RESPONSE:
                return self._answered(pdu, now)
            case _:
                self._put(Pdu(Command.GENERIC_NACK, Status.ESME_RINVCMDID, pdu.sequence))
                return [Noted(f"{pdu.command.name.lower()}, which is an ESME's to send")]
        return []

    def _heard(self, heard: Heard, now: float) -> list[Event]:
        self._used_at = now
        if self._state == "bound":
            self._owed += 1
            return [heard]
        # Before the bind nothing may come; behind our unbind nobody is there any more: again later.
        status = Status.ESME_RINVBNDSTS if self._state == "open" else Status.ESME_RX_T_APPN
        self._put(Pdu(Command(heard.command | RESPONSE), status, heard.sequence, MessageResp()))
        return []

    def _answered(self, pdu: Pdu, now: float) -> list[Event]:
        if self._state == "open" and pdu.sequence == self._binding:
            return self._bound(pdu, now)
        if pdu.sequence == self._asked and self._asked is not None:
            self._asked = None
            if self._state == "unbinding":
                return self._end(WE_UNBOUND, now)
            return self._end(NOT_BOUND, now) if pdu.status == Status.ESME_RINVBNDSTS else []
        sent = self._sent.get(pdu.sequence)
        if sent is None or pdu.command not in (Command.SUBMIT_SM_RESP, Command.GENERIC_NACK):
            return [Noted(f"{pdu.command.name.lower()} to nothing that was asked")]
        del self._sent[pdu.sequence]
        self._used_at = now
        queued = sent.queued
        if pdu.status in SLOWER:
            self._pace.slower(now)
            if not queued.urgent and self._state == "bound" and now < queued.before:
                bisect.insort(self._queue, queued, key=lambda each: each.ticket)  # before what came after it
                return [Noted(f"the SMSC wants less: command_status 0x{pdu.status:02X}")]
        message_id = pdu.body.message_id if isinstance(pdu.body, MessageResp) else ""
        events: list[Event] = [Answered(queued.ticket, pdu.status or _nacked(pdu), message_id)]
        if pdu.status == Status.ESME_RINVBNDSTS and self._state == "bound":
            events += [Noted(NOT_BOUND), *self.unbind(now, 2 * self._terms.response_s)]
        return events

    def _bound(self, pdu: Pdu, now: float) -> list[Event]:
        if pdu.status != Status.ESME_ROK or pdu.command != self._terms.command | RESPONSE:
            why = f"the bind was refused with {pdu.command.name.lower()}, command_status 0x{pdu.status:02X}"
            return self._end(why, now, kept_out=pdu.status in KEPT_OUT)
        self._state = "bound"
        self._used_at = now
        return [Bound()]

    def _may_submit(self) -> bool:
        waits = bool(self._urgent or self._queue)
        return waits and self._state == "bound" and len(self._sent) < self._terms.window

    def _submit_due(self, now: float) -> None:
        while self._may_submit() and self._pace.next_at <= now:
            queued = (self._urgent or self._queue).popleft()
            sequence = self._next_sequence()
            self._out += queued.octets[:12] + sequence.to_bytes(4, "big") + queued.octets[16:]
            self._sent[sequence] = _Sent(queued, now + self._terms.response_s)
            self._pace.took(now)
            self._used_at = now

    def _end(self, why: str, now: float, *, kept_out: bool = False) -> list[Event]:
        if self._state == "closed":
            return []
        self._state = "closed"
        events: list[Event] = [Unanswered(each.queued.ticket) for each in self._sent.values()]
        events += [Undone(each.ticket) for each in (*self._urgent, *self._queue)]
        self._sent.clear()
        self._urgent.clear()
        self._queue.clear()
        self._owed = 0
        return [*events, Ended(why, kept_out)]

    def _write(self, command: Command, body: Body) -> int:
        sequence = self._next_sequence()
        self._put(Pdu(command, Status.ESME_ROK, sequence, body))
        return sequence

    def _put(self, pdu: Pdu) -> None:
        self._out += encode(pdu)

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % MAX_SEQUENCE + 1
        return self._sequence


def _nacked(pdu: Pdu) -> int:
    """A generic_nack without a status refuses all the same."""
    return Status.ESME_RUNKNOWNERR if pdu.command is Command.GENERIC_NACK else Status.ESME_ROK


def retry_s(failures: int, chance: float, *, kept_out: bool) -> float:
    """How long to stay away after so many failures in a row, the first is 1. chance: from 0 to 1; without it all who
    lost one SMSC come back to it in the same moment."""
    longest = KEPT_OUT_S if kept_out else min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(failures - 1, 10))
    return longest * (1 + chance) / 2
