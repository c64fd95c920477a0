"""USSD over SMPP: which operation means what, by vendor (protocols.md B1 to B4). A profile is data, of the settings;
nothing here knows a vendor."""

from typing import Any, Literal

import msgspec

from gateway.channels.smpp import texts
from gateway.channels.smpp.pdu import Message, integer
from gateway.channels.smpp.tables import NPI_ISDN, TON_INTERNATIONAL, Status, Tag
from gateway.settings_channels import UssdProfile
from menus.alphabet import Alphabet, alphabet_of

SERVICE_TYPE = "USSD"
MOST_DIALLED = 20
"""Characters of an address, but for those of a data_sm."""

SESSION_ENDS = 0x01
"""Bit 0 of the second octet of its_session_info (5.3.2.43)."""

_TAGS = {"its_session_info": Tag.ITS_SESSION_INFO, "user_message_reference": Tag.USER_MESSAGE_REFERENCE}


class Codings(msgspec.Struct, frozen=True):
    """data_coding of our screens: SMPP's own, or those of TS 23.038 that some gateways want (15 and 72)."""

    gsm7: int = texts.GSM7_CODING
    ucs2: int = texts.UCS2_CODING
    alphabet: texts.Default = "gsm7"
    """What 0 means there."""

    @property
    def default(self) -> texts.Default:
        return self.alphabet if self.gsm7 == texts.GSM7_CODING else "gsm7"


class Said(msgspec.Struct, frozen=True):
    """One operation of a caller: `dial` with the dial string, `reply` with what was typed, `released`; or of a phone
    that was shown a notice: `notified`."""

    kind: Literal["dial", "reply", "released", "notified"]
    session_id: str
    text: str


class Refused(Exception):
    """Not an operation a caller may begin with. status: what the peer is told."""

    def __init__(self, why: str, status: Status = Status.ESME_RX_R_APPN) -> None:
        self.status = status
        super().__init__(why)


def is_ussd(message: Message) -> bool:
    return Tag.USSD_SERVICE_OP in message.tlvs or message.service_type.upper() == SERVICE_TYPE


def read(profile: UssdProfile, message: Message) -> Said:
    """Raises Refused."""
    operation = integer(message, Tag.USSD_SERVICE_OP)
    session = message.tlvs.get(_TAGS[profile.session], b"")
    if profile.session == "its_session_info":
        # The second octet counts the dialogue's units, or has seven bits more of the name.
        more = () if profile.session_bits == 8 else (each & ~SESSION_ENDS & 0xFF for each in session[1:2])
        session = session[:1] + bytes(more)
    ended = profile.end_bit and (integer(message, Tag.ITS_SESSION_INFO) or 0) & SESSION_ENDS
    text = texts.decoded(message.data_coding, message.octets).rstrip("\r\n")  # TS 23.038 cl. 6.1.2.3.1 pads with CR
    if operation in profile.notified:  # whatever it says of the session: that was over with the notice
        return Said("notified", session.hex(), "")
    if ended or operation in profile.released:
        return Said("released", session.hex(), "")
    if operation in profile.begin:
        # destination_addr holds 20 characters: a longer dial string comes in the text, whatever the vendor.
        first, second = message.destination_addr, text
        return Said(
            "dial", session.hex(), (first or second) if profile.dialled == "destination_addr" else (second or first)
        )
    if operation in profile.reply:
        return Said("reply", session.hex(), text)
    raise Refused(f"a ussd_service_op of {operation}")


def answer(profile: UssdProfile, heard: Message, text: str, *, end: bool, codings: Codings, code: str) -> Message:
    """The submit_sm that shows a screen to whoever sent `heard`: as what she dialled, or where that is too long for a
    submit_sm (a data_sm has room for more) as our service code."""
    tlvs: dict[int, bytes] = {Tag.USSD_SERVICE_OP: bytes([profile.end if end else profile.ask])}
    if reference := heard.tlvs.get(Tag.USER_MESSAGE_REFERENCE):
        tlvs[Tag.USER_MESSAGE_REFERENCE] = reference
    if session := heard.tlvs.get(Tag.ITS_SESSION_INFO):
        last = (session[1] & ~SESSION_ENDS & 0xFF) | (SESSION_ENDS if end and profile.end_bit else 0)
        tlvs[Tag.ITS_SESSION_INFO] = bytes([session[0], last])
    return Message(
        service_type=heard.service_type or SERVICE_TYPE,
        source_addr_ton=heard.dest_addr_ton,
        source_addr_npi=heard.dest_addr_npi,
        source_addr=heard.destination_addr if len(heard.destination_addr) <= MOST_DIALLED else code,
        dest_addr_ton=heard.source_addr_ton,
        dest_addr_npi=heard.source_addr_npi,
        destination_addr=heard.source_addr,
        tlvs=tlvs,
        **_written(text, codings),
    )


def notice(
    profile: UssdProfile, code: str, msisdn: str, text: str, reference: int, *, codings: Codings
) -> tuple[str, Message]:
    """The submit_sm that shows a text on a phone that is in no call, and the session it will be confirmed in: ours to
    choose (protocols.md B3). msisdn in E.164; code: ours, as a caller would dial it."""
    ends = bytes([SESSION_ENDS if profile.end_bit else 0])
    if profile.session == "user_message_reference":
        session = value = (reference % 0x10000).to_bytes(2, "big")
    elif profile.session_bits == 8:
        session = bytes([reference % 0x100])
        value = session + ends
    else:
        session = (reference % 0x8000 << 1).to_bytes(2, "big")
        value = session[:1] + bytes([session[1] | ends[0]])
    return session.hex(), Message(
        service_type=SERVICE_TYPE,
        source_addr=code,
        dest_addr_ton=TON_INTERNATIONAL,
        dest_addr_npi=NPI_ISDN,
        destination_addr=msisdn.removeprefix("+"),
        tlvs={Tag.USSD_SERVICE_OP: bytes([profile.notify]), _TAGS[profile.session]: value},
        **_written(text, codings),
    )


def _written(text: str, codings: Codings) -> dict[str, Any]:
    # Never the other one: the screen fits in this one.
    alphabet = alphabet_of(text)
    coding = codings.gsm7 if alphabet is Alphabet.GSM7 else codings.ucs2
    return {"data_coding": coding, "short_message": texts.encoded(text, alphabet, codings.default)}
