"""Kannel: SMS in through an sms-service's get-url, out through smsbox's sendsms. protocols.md F8, Kannel user guide.

What the operator of Kannel enters is in docs/channels.md. The answer to an incoming SMS is empty: our reply goes out by
itself, and whatever stood in the body Kannel would send as a second one.
"""

import hashlib
from collections.abc import Mapping

from gateway.channels.contract import (
    Accepted,
    DeliveryReceipt,
    Fate,
    MoSms,
    NotAccepted,
    OutRequest,
    Refusal,
    Reporting,
    SendResult,
    SmsDialect,
    SmsRoute,
    Stopped,
    WireReply,
    WireRequest,
    fields,
    only,
    text,
)
from menus.alphabet import Alphabet, alphabet_of

# User guide, sendsms: %c is 0 for 7 bit, 1 for 8 bit, 2 for UCS-2; %b is the raw body in the charset of %C.
_UCS2 = "2"
_BINARY = "1"
# User guide, "Delivery reports": the bits of dlr-mask, one of which is %d.
_FATES: Mapping[int, Fate] = {1: "delivered", 2: "failed", 4: "pending", 8: "pending", 16: "failed"}
_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16be": "utf-16-be",
    "utf-16": "utf-16-be",
    "ucs-2": "utf-16-be",
    "iso-8859-1": "latin-1",
    "windows-1252": "cp1252",
    "us-ascii": "ascii",
    "ascii": "ascii",
}


class Kannel:
    def read(self, request: WireRequest) -> MoSms:
        only(request, "GET")
        found = fields(request.query)
        sender, short_code = text(found, "from"), text(found, "to")
        if "text" not in found:
            raise Refusal(400, "the field text is missing (text=%b)")
        message_id = text(found, "id", empty=True, longest=128) if "id" in found else ""
        return MoSms(
            provider_id=message_id or _derived_id(request.query),
            msisdn=sender,
            short_code=short_code,
            text=_body(found),
        )

    def stored(self) -> WireReply:
        return WireReply(200, "")

    def request(self, route: SmsRoute, msisdn: str, text: str, message_id: str) -> OutRequest:
        params = {
            "username": route.username,
            "password": route.password,
            "from": route.sender,
            "to": msisdn,
            "text": text,
            "charset": "UTF-8",
            "coding": "0" if alphabet_of(text) is Alphabet.GSM7 else _UCS2,
        }
        if route.receipts_url:
            params["dlr-mask"] = str(sum(_FATES))
            params["dlr-url"] = f"{route.receipts_url}?id={message_id}&status=%d"
        return OutRequest("GET", route.url, params)

    def result(self, status: int, body: str) -> SendResult:
        # User guide, sendsms: 0 accepted, 3 queued for later; both arrive with 202 (older versions: 200).
        code = body.partition(":")[0].strip()
        if status in (200, 202) and code in ("0", "3"):
            return Accepted()  # without an id: receipts carry ours
        if status == 403:
            return Stopped("HTTP 403")
        if status == 400:
            return NotAccepted("HTTP 400", again=False)  # this message; 404 is our address
        return NotAccepted(f"HTTP {status}", again=True)

    def receipt(self, request: WireRequest) -> DeliveryReceipt:
        only(request, "GET")
        found = fields(request.query)
        status = text(found, "status", longest=8)
        if status not in map(str, _FATES):
            raise Refusal(400, f"status must be one of {', '.join(map(str, _FATES))} (status=%d)")
        return DeliveryReceipt(text(found, "id", longest=32), "", _FATES[int(status)], f"dlr {status}")


def _body(found: dict[str, bytes]) -> str:
    raw = found["text"]
    coding = found.get("coding", b"").decode("ascii", "replace").strip()
    charset = found.get("charset", b"").decode("ascii", "replace").strip().lower()
    if coding == _BINARY:
        return ""  # nothing a citizen typed: stored, and answered like a text we did not understand
    default = "utf-16be" if coding == _UCS2 else "utf-8"
    codec = _CHARSETS.get(charset or default)
    if codec is None:
        raise Refusal(400, "no charset that Kannel sends; expected UTF-8 or UTF-16BE (charset=%C)", quoted=charset)
    decoded = raw.decode(codec, "replace")
    return decoded.removeprefix("\ufeff").replace("\0", "")


def _derived_id(query: str) -> str:
    """Without %I, the request itself is the message's name: Kannel repeats it to the letter."""
    return "q-" + hashlib.sha256(query.encode()).hexdigest()[:32]


_: type[SmsDialect] = Kannel
_reports: type[Reporting] = Kannel
