"""A long SMS in parts, both ways: a user data header with 8 or 16 bit references, SAR parameters, or one
message_payload. SMPP v3.4 cl. 5.2.12, 5.3.2.22 to 5.3.2.24 and 5.3.2.32; 3GPP TS 23.040 cl. 9.2.3.24."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from gateway.channels.smpp import texts
from gateway.channels.smpp.pdu import Body, Message, Tlvs, integer
from gateway.channels.smpp.tables import ESM_UDHI, Status, Tag
from menus.alphabet import Alphabet, cost

Way = Literal["udh8", "udh16", "sar", "payload"]

# TS 23.040 cl. 9.2.3.24: the elements' identifiers and lengths.
_CONCAT_8, _CONCAT_16 = (0x00, 3), (0x08, 4)

SINGLE: Mapping[Alphabet, int] = {Alphabet.GSM7: 160, Alphabet.UCS2: 70}
PART: Mapping[Way, Mapping[Alphabet, int]] = {
    "udh8": {Alphabet.GSM7: 153, Alphabet.UCS2: 67},
    "udh16": {Alphabet.GSM7: 152, Alphabet.UCS2: 66},
    "sar": {Alphabet.GSM7: 152, Alphabet.UCS2: 66},  # the SMSC makes a header of them, with a 16 bit reference
}


class Part(msgspec.Struct, frozen=True):
    """Which part of which message. width: bits of the reference; 17 in 8 bits is another message than 17 in 16."""

    reference: int
    total: int
    number: int
    width: int


class Content(msgspec.Struct, frozen=True):
    """What a message carries: its octets without any header, and the part they are, when they are one."""

    octets: bytes
    part: Part | None


class BadHeader(Exception):
    """The user data header goes past the text it stands before. Refused with `status`."""

    status = Status.ESME_RX_P_APPN


def content(message: Message) -> Content:
    """Raises BadHeader."""
    octets = message.octets
    if not message.esm_class & ESM_UDHI:
        return Content(octets, _sar(message))
    if not octets or octets[0] >= len(octets):
        raise BadHeader("the user data header goes past the message's end")
    header, text = octets[1 : octets[0] + 1], octets[octets[0] + 1 :]
    return Content(text, _concatenation(header))


def _concatenation(header: bytes) -> Part | None:
    at, found = 0, None
    while at + 2 <= len(header):
        name, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        if len(value) < length:
            raise BadHeader("an element goes past the user data header's end")
        if (name, length) == _CONCAT_8:
            found = _part(value[0], value[1], value[2], 8)
        elif (name, length) == _CONCAT_16:
            found = _part(int.from_bytes(value[:2], "big"), value[2], value[3], 16)
        at += 2 + length
    return found  # the last one holds: cl. 9.2.3.24, of elements that exclude each other


def _sar(message: Body) -> Part | None:
    reference, total, number = (
        integer(message, tag) for tag in (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)
    )
    if reference is None or total is None or number is None:
        return None
    return _part(reference, total, number, 16)


def _part(reference: int, total: int, number: int, width: int) -> Part | None:
    # cl. 9.2.3.24.1: with a number of 0, or past the total, the element counts as not there. Of one is no part.
    return Part(reference, total, number, width) if 1 <= number <= total and total > 1 else None


class Piece(msgspec.Struct, frozen=True):
    """What one submit_sm has to say of a text."""

    data_coding: int
    esm_class: int
    short_message: bytes
    tlvs: Tlvs


def pieces(text: str, way: Way, reference: int, default: texts.Default = "gsm7") -> list[Piece]:
    """A text as one submit_sm or as many as it takes. The same reference for the same text: a phone that gets it twice
    then knows."""
    alphabet = texts.alphabet_for(text, default)
    coding = texts.GSM7_CODING if alphabet is Alphabet.GSM7 else texts.UCS2_CODING
    if cost(text, alphabet) <= SINGLE[alphabet]:
        return [Piece(coding, 0, texts.encoded(text, alphabet, default), {})]
    if way == "payload":
        return [Piece(coding, 0, b"", {Tag.MESSAGE_PAYLOAD: texts.encoded(text, alphabet, default)})]
    cuts = texts.cut(text, alphabet, PART[way][alphabet])
    return [
        _piece(coding, texts.encoded(each, alphabet, default), way, reference, len(cuts), number)
        for number, each in enumerate(cuts, 1)
    ]


def _piece(coding: int, octets: bytes, way: Way, reference: int, total: int, number: int) -> Piece:
    if way == "sar":
        tlvs: dict[int, bytes] = {
            Tag.SAR_MSG_REF_NUM: (reference & 0xFFFF).to_bytes(2, "big"),
            Tag.SAR_TOTAL_SEGMENTS: bytes([total]),
            Tag.SAR_SEGMENT_SEQNUM: bytes([number]),
        }
        return Piece(coding, 0, octets, tlvs)
    if way == "udh8":
        header = bytes([5, *_CONCAT_8, reference & 0xFF, total, number])
    else:
        header = bytes([6, *_CONCAT_16, *(reference & 0xFFFF).to_bytes(2, "big"), total, number])
    return Piece(coding, ESM_UDHI, header + octets, {})
