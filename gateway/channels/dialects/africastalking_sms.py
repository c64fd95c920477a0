"""Africa's Talking SMS: a form each way, receipts as a callback. protocols.md F7; nyaruka/courier
handlers/africastalking; status codes of a recipient from their "Sending SMS" page.

There is no key by which a message sent twice would be known, so an answer that does not come leaves it unknown.
"""

from collections.abc import Mapping
from typing import Any, Literal

from gateway.channels.contract import (
    Accepted,
    DeliveryReceipt,
    Fate,
    MoSms,
    NotAccepted,
    OutRequest,
    Reporting,
    SendResult,
    SmsDialect,
    SmsRoute,
    Stopped,
    Unknown,
    WireReply,
    WireRequest,
    form,
    known,
    only,
    text,
)
from gateway.channels.documents import json_answer

# statusCode of a recipient: 100 processed, 101 sent, 102 queued; 401 risk hold, 402 invalid sender id, 403 invalid
# phone number, 404 unsupported number type, 405 insufficient balance, 406 user in blacklist, 407 could not route,
# 409 do not disturb, 500 internal server error, 501 gateway error, 502 rejected by gateway.
_ACCEPTED = frozenset({100, 101, 102})
_CODES: Mapping[int, Literal["retry", "never", "stop"]] = {
    401: "stop",
    402: "stop",
    403: "never",
    404: "never",
    405: "stop",
    406: "never",
    407: "never",
    409: "never",
    500: "retry",
    501: "retry",
    502: "retry",
}
# The same by their words, which are all that courier reads of an answer; one word for all recipients stands in Message.
_WORDS: Mapping[str, int] = {
    "processed": 100,
    "success": 101,
    "sent": 101,
    "queued": 102,
    "riskhold": 401,
    "invalidsenderid": 402,
    "invalidphonenumber": 403,
    "unsupportednumbertype": 404,
    "insufficientbalance": 405,
    "userinblacklist": 406,
    "couldnotroute": 407,
    "donotdisturbrejection": 409,
    "internalservererror": 500,
    "gatewayerror": 501,
    "rejectedbygateway": 502,
}
_FATES: Mapping[str, Fate] = {
    "success": "delivered",
    "sent": "pending",
    "submitted": "pending",
    "buffered": "pending",
    "rejected": "failed",
    "failed": "failed",
    "absentsubscriber": "pending",
    "expired": "expired",
}


class AfricasTalkingSms:
    def read(self, request: WireRequest) -> MoSms:
        only(request, "POST")
        found = form(request)
        return MoSms(
            provider_id=text(found, "id", longest=128),
            msisdn=text(found, "from"),
            short_code=text(found, "to", longest=32),
            text=text(found, "text", empty=True, longest=4096),
        )

    def stored(self) -> WireReply:
        return WireReply(200, "")

    def receipt(self, request: WireRequest) -> DeliveryReceipt:
        only(request, "POST")
        found = form(request)
        status = text(found, "status", longest=32).lower()
        fate = _FATES.get(status, "pending")  # a word we do not know moves nothing
        phone = text(found, "phoneNumber") if "phoneNumber" in found else ""
        return DeliveryReceipt(text(found, "id", longest=128), phone, fate, known(status, _FATES))

    def request(self, route: SmsRoute, msisdn: str, text: str, message_id: str) -> OutRequest:
        params = {"username": route.username, "to": msisdn, "message": text, "from": route.sender}
        headers = {"apikey": route.password, "Accept": "application/json"}
        return OutRequest("POST", route.url, params, headers)

    def result(self, status: int, body: str) -> SendResult:
        if status in (401, 403):
            return Stopped(f"HTTP {status}")
        if status == 429:
            return NotAccepted("HTTP 429", again=True)
        if status >= 500:
            return Unknown(f"HTTP {status}")
        found = json_answer(body).get("SMSMessageData")
        data: dict[str, Any] = found if isinstance(found, dict) else {}
        recipients = data.get("Recipients")
        first = recipients[0] if isinstance(recipients, list) and recipients else None
        if recipients == [] and _code(said := {"status": data.get("Message")}) is not None:
            first = said  # of all of them
        if not isinstance(first, dict):
            return Unknown(f"HTTP {status}, unreadable") if status < 300 else NotAccepted(f"HTTP {status}", again=False)
        code, message_id = _code(first), first.get("messageId")
        if code in _ACCEPTED:
            return Accepted(message_id[:160] if isinstance(message_id, str) and message_id != "None" else None)
        what = _CODES.get(code, "never") if code is not None else "never"
        reason = f"status {known(code)}"
        return Stopped(reason) if what == "stop" else NotAccepted(reason, again=what == "retry")


def _code(recipient: dict[str, Any]) -> int | None:
    code, word = recipient.get("statusCode"), recipient.get("status")
    if isinstance(code, int):
        return code
    return _WORDS.get(word.lower()) if isinstance(word, str) else None


_: type[SmsDialect] = AfricasTalkingSms
_reports: type[Reporting] = AfricasTalkingSms
