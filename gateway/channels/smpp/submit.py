"""One SMS as submit_sm PDUs, and what an SMSC's answer to one means for it (protocols.md C6)."""

from typing import Literal

import msgspec

from gateway.channels.contract import Accepted, NotAccepted, SendResult, Unknown
from gateway.channels.smpp.parts import Way, pieces
from gateway.channels.smpp.pdu import Message
from gateway.channels.smpp.tables import NPI_ISDN, TON_INTERNATIONAL, Status
from gateway.channels.smpp.texts import Default

SUCCESS_AND_FAILURE = 1
"""5.2.17 registered_delivery."""

# Anything else, a vendor's own codes too, is this message's or our settings' fault: the same again would be in vain.
_LATER = {
    Status.ESME_RINVBNDSTS, Status.ESME_RSYSERR, Status.ESME_RMSGQFUL, Status.ESME_RTHROTTLED, Status.ESME_RX_T_APPN,
}  # fmt: skip
_AMBIGUOUS = {Status.ESME_RSUBMITFAIL, Status.ESME_RUNKNOWNERR}

SLOWER = {Status.ESME_RMSGQFUL, Status.ESME_RTHROTTLED}
"""Too much for the SMSC just now."""


class Sender(msgspec.Struct, frozen=True):
    """As whom we send, and how numbers, letters and long texts are written there."""

    address: str
    ton: int
    npi: int
    number_form: Literal["international", "national"] = "international"
    long: Way = "udh8"
    alphabet: Default = "gsm7"


def messages(sender: Sender, msisdn: str, text: str, reference: int) -> list[Message]:
    """msisdn in E.164. A receipt is asked for the last part: it stands for all of them, they go in order."""
    found = pieces(text, sender.long, reference, sender.alphabet)
    abroad = sender.number_form == "international" or not msisdn.startswith("+98")
    return [
        Message(
            source_addr_ton=sender.ton,
            source_addr_npi=sender.npi,
            source_addr=sender.address,
            dest_addr_ton=TON_INTERNATIONAL if abroad else 0,
            dest_addr_npi=NPI_ISDN,
            destination_addr=msisdn[1:] if abroad else "0" + msisdn[3:],
            esm_class=piece.esm_class,
            registered_delivery=SUCCESS_AND_FAILURE if place == len(found) else 0,
            data_coding=piece.data_coding,
            short_message=piece.short_message,
            tlvs=piece.tlvs,
        )
        for place, piece in enumerate(found, 1)
    ]


def verdict(status: int, message_id: str) -> SendResult:
    if status == Status.ESME_ROK:
        return Accepted(message_id or None)
    reason = f"command_status 0x{status:02X}"
    if status in _AMBIGUOUS:
        return Unknown(reason)
    return NotAccepted(reason, again=status in _LATER)


def as_far(last: SendResult, taken: int, parts: int, *, anew: bool) -> SendResult:
    """What became of a text of which so many parts were taken: of its last part, which the receipt will name. anew: it
    was begun a second time. Another process may have sent these parts too, so to stop short once more is a doubt."""
    if taken in (0, parts):
        return last
    reason = f"{taken} of {parts} parts taken, then: {getattr(last, 'reason', 'no time')}"
    match last:
        case Unknown():
            return Unknown(reason)
        case NotAccepted(again=False):
            return NotAccepted(reason, again=False)
        case _:
            return Unknown(reason) if anew else NotAccepted(reason, again=True)


def spelled(address: str, ton: int) -> str:
    """An address as a phone number is written: an international one begins with a plus."""
    return f"+{address}" if ton == TON_INTERNATIONAL and not address.startswith("+") else address
