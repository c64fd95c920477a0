"""An SMSC and USSD gateway with the phones behind it, written from SMPP v3.4 and protocols.md B, not from the gateway's
codec: a mistake the two shared would not be seen. It may be told to misbehave."""

import asyncio
import itertools
import re
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from menus.alphabet import GSM7, GSM7_EXTENSION
from simulators.aggregator import ANSWER_WITHIN_S, CallFailed, Shown

Profile = Literal["spec", "mica", "tata", "sixdee"]
Mode = Literal[
    "none", "throttle", "full", "system_error", "refuse", "silent", "deaf", "refuse_binds", "no_binds", "twice",
    "stray", "reversed",
]  # fmt: skip
"""What is wrong with it: submit_sm answered with 0x58, 0x14, 0x08 or, for good, 0x0B; nothing answered at all, or only
no enquire_link; binds refused, or hung up on; each submit_sm answered twice, or after an answer to nothing, or all that
are on their way in the reverse order."""

BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x1, 0x2, 0x9
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK, NACK = 0x4, 0x5, 0x6, 0x15, 0x80000000
RESP = 0x80000000

Notices = Literal["shown", "refused", "released", "unseen"]
"""What becomes of a USSD text that nobody asked for: the phone shows and confirms it, submit_sm is answered with 0x0B,
its session is released, or nothing more is heard of it."""

DELIVERED_AFTER_S = 0.05


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submit_sm as it came."""

    service_type: str
    source: str
    destination: str
    esm_class: int
    registered: int
    data_coding: int
    octets: bytes
    tlvs: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a vendor's USSD gateway speaks. tag: of the parameter with the session, of whose bits so many are its number;
    left: the operation and the end bit by which it tells that she hung up."""

    tag: int = 0x1383
    bits: int = 8
    dials_in_text: bool = False
    reply: int = 0x12
    end: int = 0x11
    end_bit: bool = True
    left: tuple[int, int] = (0x12, 1)
    released: int = 0x81

    def session(self, number: int, end: int) -> bytes:
        return struct.pack(">H", {8: number << 8 | end, 15: number << 1 | end, 16: number}[self.bits])

    def number(self, value: bytes) -> int:
        return int.from_bytes(value, "big") >> 16 - self.bits


_MANNERS: Mapping[Profile, _Manner] = {
    "spec": _Manner(),
    "mica": _Manner(tag=0x0204, bits=16, dials_in_text=True, end_bit=False, left=(0x81, 0)),
    "tata": _Manner(bits=15, reply=0x02, end=0x02, left=(0x11, 0), released=0x11),
    "sixdee": _Manner(bits=15, dials_in_text=True, left=(0x81, 0)),
}


class NotTaken(Exception):
    """The gateway refused a deliver_sm, or said nothing; status is None then."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        super().__init__("no deliver_sm_resp" if status is None else f"deliver_sm_resp 0x{status:02X}")


@dataclass(slots=True)
class _Bind:
    """One connection of an ESME."""

    writer: asyncio.StreamWriter
    kind: int = 0
    unanswered: int = 0
    held: list[tuple[int, bytes]] = field(default_factory=list)
    """Answers that wait for those behind them."""
    sequences: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    waiting: dict[int, "asyncio.Future[int]"] = field(default_factory=dict)

    def put(self, command: int, status: int, sequence: int, body: bytes = b"") -> None:
        if not self.writer.is_closing():
            self.writer.write(struct.pack(">IIII", 16 + len(body), command, status, sequence) + body)


@dataclass(slots=True)
class _Session:
    msisdn: str
    number: int
    screens: "asyncio.Queue[Shown]" = field(default_factory=asyncio.Queue)


class Smsc:
    def __init__(
        self,
        system_id: str,
        password: str,
        delivered: Callable[[str, str, str], object],
        *,
        profile: Profile = "spec",
        per_s: int = 0,
        window: int = 10,
        receipts: Literal["text", "tlv", "each", "none"] = "text",
        alphabet: Literal["gsm7", "latin-1", "ascii"] = "gsm7",
    ) -> None:
        """delivered: told recipient, sender and text of an SMS that reached a phone. per_s, and window of each
        bind: more is throttled. alphabet: of data_coding 0. receipts: by text or parameters; `each`: of every
        submit_sm, whoever asked."""
        self._account = (system_id, password)
        self._delivered, self._manner, self._receipts = delivered, _MANNERS[profile], receipts
        self._per_s, self._window = per_s, window
        self._alphabet = alphabet
        self.mode: Mode = "none"
        self.notices: Notices = "shown"
        self.delay_s = 0.0
        self.submitted: list[Submitted] = []
        self.seen: list[tuple[float, int]] = []
        """When each PDU came, and which; of all binds."""
        self.most_unanswered = 0
        self._binds: list[_Bind] = []
        self._sessions: dict[tuple[str, int], _Session] = {}
        self._numbers, self._ids, self._references = itertools.count(1), itertools.count(0xA1), itertools.count(1)
        self._parts: dict[tuple[str, str, int, int], dict[int, bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        """The port it listens on, on this machine."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            self.drop()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def binds(self) -> list[int]:
        """command_ids of the binds that stand."""
        return [each.kind for each in self._binds if each.kind]

    def drop(self) -> None:
        """Every connection is gone, without a word."""
        for bind in self._binds:
            bind.writer.transport.abort()

    def unbind(self) -> None:
        for bind in self._binds:
            bind.put(UNBIND, 0, next(bind.sequences))

    # -- phones

    async def dial(self, msisdn: str, code: str) -> tuple[int, Shown]:
        """A USSD session's number, and what it shows first. Raises CallFailed."""
        number = next(self._numbers) % 256
        self._sessions[msisdn, number] = _Session(msisdn, number)
        text = b""
        if self._manner.dials_in_text or len(code) > 20:
            text, code = code.encode("ascii"), ""
        return number, await self._asked(msisdn, number, 0x01, code, text, 0)

    async def type(self, msisdn: str, number: int, text: str, *, data_coding: int | None = None) -> Shown:
        """Raises CallFailed."""
        octets, coding = _encoded(text, self._alphabet)
        return await self._asked(
            msisdn, number, self._manner.reply, "", octets, coding if data_coding is None else data_coding
        )

    async def hang_up(self, msisdn: str, number: int) -> None:
        self._sessions.pop((msisdn, number), None)
        op, end = self._manner.left
        with suppress(NotTaken):
            await self._deliver(_message(msisdn, "", b"", 0, 0, "USSD", self._ussd(op, number, end)))

    async def _asked(self, msisdn: str, number: int, op: int, code: str, text: bytes, coding: int) -> Shown:
        session = self._sessions[msisdn, number]
        body = _message(msisdn, code, text, coding, 0, "USSD", self._ussd(op, number, 0))
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._deliver(body)
                return await session.screens.get()
        except TimeoutError:
            raise CallFailed(f"no answer within {ANSWER_WITHIN_S:.0f} s", kind="no answer") from None
        except NotTaken as error:
            raise CallFailed(str(error)) from None

    def _ussd(self, op: int, number: int, end: int) -> bytes:
        return _tlv(0x0501, bytes([op])) + _tlv(self._manner.tag, self._manner.session(number, end))

    async def text(
        self, sender: str, to: str, text: str, *, way: Literal["udh8", "udh16", "sar", "payload"] = "udh8"
    ) -> None:
        """A citizen's SMS, in as many parts as it takes. Raises NotTaken."""
        octets, coding = _encoded(text, self._alphabet)
        limit, each = (160, 153) if coding == 0 else (140, 134)
        if way != "udh8":
            each = 152 if coding == 0 else 132
        if len(octets) <= limit:
            await self._deliver(_message(sender, to, octets, coding, 0))
        elif way == "payload":
            await self._deliver(_message(sender, to, b"", coding, 0, tlvs=_tlv(0x0424, octets)))
        else:
            cuts = [octets[at : at + each] for at in range(0, len(octets), each)]
            reference = next(self._references)
            for number, cut in enumerate(cuts, 1):
                await self._deliver(_part(sender, to, cut, coding, way, reference, len(cuts), number))

    async def send(self, _http: object, _url: object, sender: str, to: str, text: str) -> tuple[int, str]:
        """The same for the demo's desk, in the manner of the providers over HTTP."""
        try:
            await self.text(sender, to, text)
        except NotTaken as error:
            return 503, str(error)
        return 200, ""

    async def _deliver(self, body: bytes) -> None:
        """Raises NotTaken."""
        bind = next((each for each in self._binds if each.kind in (BIND_RECEIVER, BIND_TRANSCEIVER)), None)
        if bind is None:
            raise NotTaken(None)
        sequence = next(bind.sequences)
        waiting = bind.waiting[sequence] = asyncio.get_running_loop().create_future()
        bind.put(DELIVER_SM, 0, sequence, body)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                status = await waiting
        except TimeoutError:
            raise NotTaken(None) from None
        finally:
            bind.waiting.pop(sequence, None)
        if status:
            raise NotTaken(status if status > 0 else None)

    # -- the wire

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bind = _Bind(writer)
        self._binds.append(bind)
        try:
            while True:
                (length,) = struct.unpack(">I", await reader.readexactly(4))
                if not 16 <= length <= 70_000:
                    bind.put(NACK, 0x02, 0)
                    return
                command, _, sequence = struct.unpack_from(">III", rest := await reader.readexactly(length - 4))
                self.seen.append((asyncio.get_running_loop().time(), command))
                status = struct.unpack_from(">I", rest, 4)[0]
                if self.mode != "silent" and not self._take(bind, command, status, sequence, rest[12:]):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._binds.remove(bind)
            for waiting in bind.waiting.values():
                if not waiting.done():
                    waiting.set_result(-1)
            writer.close()

    def _take(self, bind: _Bind, command: int, status: int, sequence: int, body: bytes) -> bool:
        """Whether the connection goes on."""
        match command:
            case 0x1 | 0x2 | 0x9:
                return self.mode != "no_binds" and self._bind(bind, command, sequence, body)
            case 0x4 if bind.kind in (BIND_TRANSMITTER, BIND_TRANSCEIVER):
                self._submit(bind, sequence, body)
            case 0x4:
                bind.put(SUBMIT_SM | RESP, 0x04, sequence)
            case 0x6:
                bind.put(UNBIND | RESP, 0, sequence)
                return False
            case 0x15 if self.mode != "deaf":
                bind.put(ENQUIRE_LINK | RESP, 0, sequence)
            case 0x15:
                pass
            case 0x80000006:
                return False
            case _ if command & RESP:
                waiting = bind.waiting.get(sequence)
                if waiting is not None and not waiting.done():
                    waiting.set_result(status)
            case _:
                bind.put(NACK, 0x03, sequence)
        return True

    def _bind(self, bind: _Bind, command: int, sequence: int, body: bytes) -> bool:
        system_id, password, _ = (each.decode("latin-1") for each in body.split(b"\0", 2))
        refusal = 0x0F if system_id != self._account[0] else 0x0E if password != self._account[1] else 0
        if self.mode == "refuse_binds":
            refusal = 0x0D
        if refusal:
            bind.put(command | RESP, refusal, sequence)
            return False
        bind.kind = command
        bind.put(command | RESP, 0, sequence, b"SMSC\0" + _tlv(0x0210, b"\x34"))
        return True

    def _submit(self, bind: _Bind, sequence: int, body: bytes) -> None:
        found = _read(body)
        self.submitted.append(found)
        refusal = {"throttle": 0x58, "full": 0x14, "system_error": 0x08, "refuse": 0x0B}.get(self.mode, 0)
        if found.tlvs.get(0x0501) == b"\x03" and self.notices == "refused":
            refusal = 0x0B
        now = asyncio.get_running_loop().time()
        if self._per_s and sum(1 for at, command in self.seen if command == SUBMIT_SM and at > now - 1) > self._per_s:
            refusal = 0x58
        self.most_unanswered = max(self.most_unanswered, bind.unanswered + 1)
        if bind.unanswered >= self._window:
            refusal = refusal or 0x58
        if refusal:
            bind.put(SUBMIT_SM | RESP, refusal, sequence)
            return
        message_id = next(self._ids)
        bind.unanswered += 1
        task = asyncio.create_task(self._accept(bind, sequence, found, message_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, bind: _Bind, sequence: int, found: Submitted, message_id: int) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        bind.unanswered -= 1
        answer = f"{message_id:x}".encode() + b"\0"
        if self.mode == "stray":
            bind.put(SUBMIT_SM | RESP, 0, sequence + 1_000_000, answer)
        if self.mode == "reversed":
            bind.held.append((sequence, answer))
            if bind.unanswered == 0:
                while bind.held:
                    bind.put(SUBMIT_SM | RESP, 0, *bind.held.pop())
        else:
            bind.put(SUBMIT_SM | RESP, 0, sequence, answer)
        if self.mode == "twice":
            bind.put(SUBMIT_SM | RESP, 0, sequence, answer)
        if found.tlvs.get(0x0501) == b"\x03":
            await self._notify(found)
            return
        if 0x0501 in found.tlvs:
            self._show(found)
            return
        text = self._whole(found)
        if text is not None:
            self._delivered(f"+{found.destination}" if found.destination[0] != "0" else found.destination,
                            found.source, text)  # fmt: skip
        if (found.registered & 0x01 and self._receipts != "none") or self._receipts == "each":
            await asyncio.sleep(DELIVERED_AFTER_S)
            with suppress(NotTaken):
                await self._deliver(self._receipt(found, message_id))

    def _receipt(self, found: Submitted, message_id: int) -> bytes:
        """By text, with the number in decimal though it was given in hex; or by parameters."""
        if self._receipts == "tlv":
            tlvs = _tlv(0x001E, f"{message_id:x}".encode() + b"\0") + _tlv(0x0427, b"\2")
            return _message(found.destination, found.source, b"", 0, 0x04, tlvs=tlvs)
        text = (
            f"id:{message_id} sub:001 dlvrd:001 submit date:2611220900 done date:2611220901 stat:DELIVRD err:000 text:"
        )
        return _message(found.destination, found.source, text.encode(), 0, 0x04)

    async def _notify(self, found: Submitted) -> None:
        """On a phone that is in no call: it shows the text, from whoever sent it, and confirms by itself."""
        phone = f"+{found.destination}"
        tag = self._manner.tag
        if self.notices == "shown":
            self._delivered(phone, found.source, _decoded(found.octets, found.data_coding, self._alphabet))
        if self.notices != "unseen":
            session = _tlv(tag, found.tlvs[tag])
            op = 0x13 if self.notices == "shown" else self._manner.released
            with suppress(NotTaken):
                await self._deliver(_message(phone, "", b"", 0, 0, "USSD", _tlv(0x0501, bytes([op])) + session))

    def _show(self, found: Submitted) -> None:
        """A screen in the session its parameters name; in none when they name none."""
        manner, op = self._manner, found.tlvs[0x0501][0]
        value = found.tlvs.get(manner.tag, b"")
        over = op == manner.end and (not manner.end_bit or bool(value and value[1] & 1))
        session = self._sessions.get((f"+{found.destination}", manner.number(value)))
        if session is None or not (over or op == 0x02):
            return
        session.screens.put_nowait(Shown(_decoded(found.octets, found.data_coding, self._alphabet), over))

    def _whole(self, found: Submitted) -> str | None:
        """The text, once its last part is here."""
        octets, part = found.octets, None
        if found.esm_class & 0x40:
            header, octets = octets[1 : octets[0] + 1], octets[octets[0] + 1 :]
            if header[0] == 0x00:
                part = header[2], header[3], header[4]
            elif header[0] == 0x08:
                part = struct.unpack(">HBB", header[2:6])
        elif 0x020C in found.tlvs:
            part = (
                int.from_bytes(found.tlvs[0x020C], "big"),
                found.tlvs[0x020E][0],
                found.tlvs[0x020F][0],
            )
        if part is None:
            return _decoded(octets, found.data_coding, self._alphabet)
        reference, total, number = part
        parts = self._parts.setdefault((found.source, found.destination, reference, total), {})
        parts[number] = octets
        if len(parts) < total:
            return None
        del self._parts[found.source, found.destination, reference, total]
        return _decoded(b"".join(parts[each] for each in sorted(parts)), found.data_coding, self._alphabet)


# -- octets


def _tlv(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


def _message(
    source: str, destination: str, text: bytes, coding: int, esm: int, service: str = "", tlvs: bytes = b""
) -> bytes:
    """The body of a deliver_sm."""
    head = service.encode() + b"\0\1\1" + source.lstrip("+").encode() + b"\0\0\0" + destination.encode() + b"\0"
    return head + bytes([esm, 0, 0, 0, 0, 0, 0, coding, 0, len(text)]) + text + tlvs


def _part(sender: str, to: str, cut: bytes, coding: int, way: str, reference: int, total: int, number: int) -> bytes:
    if way == "sar":
        tlvs = _tlv(0x020C, struct.pack(">H", reference)) + _tlv(0x020E, bytes([total])) + _tlv(0x020F, bytes([number]))
        return _message(sender, to, cut, coding, 0, tlvs=tlvs)
    if way == "udh8":
        header = bytes([5, 0, 3, reference % 256, total, number])
    else:
        header = bytes([6, 8, 4]) + struct.pack(">H", reference) + bytes([total, number])
    return _message(sender, to, header + cut, coding, 0x40)


_BODY = re.compile(
    rb"(?s)([^\0]{0,5})\0..([^\0]{0,20})\0..([^\0]{0,20})\0(.)..([^\0]{0,16})\0([^\0]{0,16})\0(.).(.).(.)"
)


def _read(body: bytes) -> Submitted:
    found = _BODY.match(body)
    if found is None:
        raise ConnectionError("a submit_sm that is none")
    service, source, destination, esm, _, _, registered, coding, length = found.groups()
    octets, rest = body[found.end() : found.end() + length[0]], body[found.end() + length[0] :]
    tlvs: dict[int, bytes] = {}
    while rest:
        tag, size = struct.unpack_from(">HH", rest)
        tlvs[tag], rest = rest[4 : 4 + size], rest[4 + size :]
    octets = octets or tlvs.get(0x0424, b"")
    return Submitted(
        service.decode(), source.decode(), destination.decode(), esm[0], registered[0], coding[0], octets, tlvs
    )


_EXTENDED = dict(zip(b"\x0a\x14\x28\x29\x2f\x3c\x3d\x3e\x40\x65", GSM7_EXTENSION, strict=True))


def _decoded(octets: bytes, coding: int, alphabet: str) -> str:
    if coding in (8, 72):
        return octets.decode("utf-16-be")
    if coding == 0 and alphabet != "gsm7":
        return octets.decode(alphabet)
    text, at = "", 0
    while at < len(octets):
        if octets[at] == 0x1B:
            at += 1
            text += _EXTENDED[octets[at]]
        else:
            text += GSM7[octets[at]]
        at += 1
    return text


def _encoded(text: str, alphabet: str) -> tuple[bytes, int]:
    """As a phone writes it, in GSM 7 bit or all of it in UCS-2; the SMSC hands the former over in its own alphabet."""
    if all(char in GSM7 for char in text):
        return bytes(GSM7.index(char) for char in text) if alphabet == "gsm7" else text.encode(alphabet, "replace"), 0
    return text.encode("utf-16-be"), 8
