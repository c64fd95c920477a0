"""PDUs as data, and as the octets of gateway/channels/smpp/tables.py.

What may go wrong in reading is kept apart: a stream that is lost (its length cannot be), a PDU that is not understood
but can be answered (its header survives), and a response, of which the header is enough.
"""

import struct
from collections.abc import Iterator, Mapping

import msgspec

from gateway.channels.smpp.tables import (
    HEADER_OCTETS,
    LAYOUTS,
    MAX_PDU_OCTETS,
    RESPONSE,
    TLV_OCTETS,
    Command,
    CString,
    Field,
    Octet,
    ShortMessage,
    Status,
    Tag,
)

_HEADER = struct.Struct(">IIII")
_LENGTH = struct.Struct(">I")
_TLV = struct.Struct(">HH")

Tlvs = Mapping[int, bytes]


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The mandatory fields of a PDU by their names; what stands behind them by tag. Of a tag sent twice the first."""

    tlvs: Tlvs = {}


class Nothing(Body, frozen=True, kw_only=True):
    pass


class Bind(Body, frozen=True, kw_only=True):
    system_id: str
    password: str
    system_type: str = ""
    interface_version: int
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""

    def __repr__(self) -> str:
        return f"Bind(system_id={self.system_id!r})"  # a password stands in no log


class BindResp(Body, frozen=True, kw_only=True):
    system_id: str = ""


class Message(Body, frozen=True, kw_only=True):
    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""

    @property
    def octets(self) -> bytes:
        """The text as it was sent, in whichever of the two places."""
        return self.short_message or self.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")


class MessageResp(Body, frozen=True, kw_only=True):
    message_id: str = ""


class Alert(Body, frozen=True, kw_only=True):
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    esme_addr_ton: int = 0
    esme_addr_npi: int = 0
    esme_addr: str = ""


_BODIES: Mapping[Command, type[Body]] = {
    Command.BIND_RECEIVER: Bind,
    Command.BIND_RECEIVER_RESP: BindResp,
    Command.BIND_TRANSMITTER: Bind,
    Command.BIND_TRANSMITTER_RESP: BindResp,
    Command.SUBMIT_SM: Message,
    Command.SUBMIT_SM_RESP: MessageResp,
    Command.DELIVER_SM: Message,
    Command.DELIVER_SM_RESP: MessageResp,
    Command.BIND_TRANSCEIVER: Bind,
    Command.BIND_TRANSCEIVER_RESP: BindResp,
    Command.ALERT_NOTIFICATION: Alert,
    Command.DATA_SM: Message,
    Command.DATA_SM_RESP: MessageResp,
}


class Pdu(msgspec.Struct, frozen=True):
    command: Command
    status: int
    sequence: int
    body: Body = Nothing()


class Malformed(Exception):
    """A PDU that cannot be read. answer: the response it is due, or generic_nack; None for an unknown response."""

    def __init__(self, status: int, why: str, sequence: int, answer: Command | None) -> None:
        self.status, self.why, self.sequence, self.answer = status, why, sequence, answer
        super().__init__(f"{why} (0x{status:02X})")


class Lost(Malformed):
    """The length itself cannot be, so nothing behind it can be found: 4.3.1, generic_nack and the end of the link."""


class Unencodable(ValueError):
    """A value that does not fit its field. Ours to mend: settings and texts are checked before they come here."""


class _Bad(Exception):
    def __init__(self, status: Status, why: str) -> None:
        self.status, self.why = status, why


def encode(pdu: Pdu) -> bytes:
    """Raises Unencodable."""
    out = bytearray(HEADER_OCTETS)
    for field in LAYOUTS[pdu.command] if not _bodiless(pdu.command, pdu.status) else ():
        _write(out, field, getattr(pdu.body, field.name))
    for tag, value in pdu.body.tlvs.items():
        if len(value) > 0xFFFF:
            raise Unencodable(f"the optional parameter 0x{tag:04X} takes no {len(value)} octets")
        out += _TLV.pack(tag, len(value)) + value
    if len(out) > MAX_PDU_OCTETS:
        raise Unencodable(f"a PDU of {len(out)} octets")
    _HEADER.pack_into(out, 0, len(out), pdu.command, pdu.status, pdu.sequence)
    return bytes(out)


def _bodiless(command: int, status: int) -> bool:
    """4.1.2, 4.4.2 and the like: a response that refuses has no body."""
    return bool(command & RESPONSE) and status != Status.ESME_ROK


def _write(out: bytearray, field: Field, value: str | int | bytes) -> None:
    match field, value:
        case Octet(), int() if 0 <= value <= 0xFF:
            out.append(value)
        case CString(), str():
            octets = value.encode("latin-1", "replace")
            if len(octets) >= field.max_octets or 0 in octets:
                raise Unencodable(f"{field.name}: at most {field.max_octets - 1} octets, and no NUL")
            out += octets + b"\0"
        case ShortMessage(), bytes() if len(value) <= field.max_octets:
            out.append(len(value))
            out += value
        case _:
            raise Unencodable(f"{field.name} takes no such value")


class Frames:
    """Octets as they come, PDUs as they are whole. What is kept is less than one PDU and one read."""

    def __init__(self, max_octets: int = MAX_PDU_OCTETS) -> None:
        self._kept = bytearray()
        self._max_octets = max_octets

    @property
    def begun(self) -> bool:
        """Whether a PDU is in the middle."""
        return bool(self._kept)

    def take(self, data: bytes) -> Iterator[Pdu | Malformed]:
        """The PDUs that are whole now. After Lost there are no more."""
        kept = self._kept
        kept += data
        at = 0
        try:
            while len(kept) - at >= _LENGTH.size:
                length = _LENGTH.unpack_from(kept, at)[0]
                if not HEADER_OCTETS <= length <= self._max_octets:
                    # Its sequence number, when it has come; the answer is for whoever reads a log over there.
                    whole = len(kept) - at >= HEADER_OCTETS
                    sequence = _HEADER.unpack_from(kept, at)[3] if whole else 0
                    at = len(kept)
                    why = f"a command_length of {length}"
                    yield Lost(Status.ESME_RINVCMDLEN, why, sequence, Command.GENERIC_NACK)
                    return
                if len(kept) - at < length:
                    return
                at, start = at + length, at
                try:
                    yield _decoded(kept, start, at)
                except Malformed as error:
                    yield error
        finally:
            del kept[:at]


def _decoded(data: bytearray, start: int, end: int) -> Pdu:
    _, command_id, status, sequence = _HEADER.unpack_from(data, start)
    answered = bool(command_id & RESPONSE)
    try:
        command = Command(command_id)
    except ValueError:
        answer = None if answered else Command.GENERIC_NACK
        raise Malformed(Status.ESME_RINVCMDID, f"a command_id 0x{command_id:08X}", sequence, answer) from None
    start += HEADER_OCTETS
    # Practice: a refusal may carry the body all the same, or nothing at all. Its status is all that is wanted of it.
    if _bodiless(command_id, status) or (answered and start == end):
        return Pdu(command, status, sequence, _BODIES.get(command, Nothing)())
    try:
        return Pdu(command, status, sequence, _body(command, data, start, end))
    except _Bad as bad:
        if answered:
            return Pdu(
                command, status, sequence, _BODIES.get(command, Nothing)()
            )  # its status, again, is what is wanted
        # 4.3.1: a length its fields do not fill, generic_nack; anything else, the refusal of what was asked.
        nack = bad.status is Status.ESME_RINVCMDLEN or command is Command.ALERT_NOTIFICATION
        answer = Command.GENERIC_NACK if nack else Command(command | RESPONSE)
        raise Malformed(bad.status, f"{command.name.lower()}: {bad.why}", sequence, answer) from None


def _body(command: Command, data: bytearray, at: int, end: int) -> Body:
    values: dict[str, str | int | bytes] = {}
    for field in LAYOUTS[command]:
        if at >= end:
            raise _Bad(Status.ESME_RINVCMDLEN, f"it ends before {field.name}")
        match field:
            case Octet():
                values[field.name] = data[at]
                at += 1
            case CString():
                nul = data.find(0, at, min(end, at + field.max_octets))
                if nul < 0:
                    status = field.status if end - at >= field.max_octets else Status.ESME_RINVCMDLEN
                    raise _Bad(status, f"{field.name} has no NUL within {field.max_octets} octets")
                values[field.name] = data[at:nul].decode("latin-1")
                at = nul + 1
            case ShortMessage():
                length, at = data[at], at + 1
                if length > field.max_octets:
                    raise _Bad(Status.ESME_RINVMSGLEN, f"a sm_length of {length}")
                if at + length > end:
                    raise _Bad(Status.ESME_RINVCMDLEN, "sm_length goes past its end")
                values[field.name] = bytes(data[at : at + length])
                at += length
    tlvs = _tlvs(data, at, end)
    if values.get("short_message") and tlvs.get(Tag.MESSAGE_PAYLOAD):
        # 5.3.2.32: either the one or the other.
        raise _Bad(Status.ESME_RINVMSGLEN, "a short_message and a message_payload")
    return _BODIES.get(command, Nothing)(**values, tlvs=tlvs)


def _tlvs(data: bytearray, at: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at < end:
        if end - at < _TLV.size:
            raise _Bad(Status.ESME_RINVOPTPARSTREAM, "octets behind its last field that are no optional parameter")
        tag, length = _TLV.unpack_from(data, at)
        at += _TLV.size
        if at + length > end:
            raise _Bad(Status.ESME_RINVOPTPARSTREAM, f"the optional parameter 0x{tag:04X} goes past its end")
        value = bytes(data[at : at + length])
        least, most = TLV_OCTETS.get(tag, (0, length))
        if not least <= length <= most:
            raise _Bad(Status.ESME_RINVPARLEN, f"the optional parameter 0x{tag:04X} has {length} octets")
        found.setdefault(tag, value)
        at += length
    return found


def integer(body: Body, tag: Tag) -> int | None:
    """An optional parameter as the integer it is."""
    value = body.tlvs.get(tag)
    return None if value is None else int.from_bytes(value, "big")
