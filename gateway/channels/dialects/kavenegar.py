"""Kavenegar (Iran): sms/send out, callbacks for messages and receipts. protocols.md F1: their documents as kept in
FardaDev/kavenegar-for-laravel, return codes also as in imaun/Iran.SMS.Kavenegar ReturnCodes.cs.

The API key stands in the path. `localid` is ours: a repeat with one they know is not sent again, and the stored record
comes back. Neither callback is signed, so the channel wants a secret path.
"""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote

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
    form,
    known,
    only,
    text,
)
from gateway.channels.documents import json_answer

# Return codes: 400 parameters, 401 key, 402 failed, 403 key, 404 method, 405 verb, 406 mandatory, 407 access, 409 busy,
# 411 receptor, 412 sender, 413 text, 414 too many, 416 IP, 417 date, 418 credit, 419 sizes, 420 link, 422 characters,
# 424 template, 426-428 plan, 429 IP limit, 431 432 tokens, 451 too many calls, 501 test receiver only, 607 tag.
_CODES: Mapping[int, Literal["retry", "never", "stop"]] = {
    **dict.fromkeys((402, 409, 429, 451), "retry"),
    **dict.fromkeys((400, 406, 411, 413, 414, 415, 417, 419, 420, 422, 424, 431, 432, 607), "never"),
    **dict.fromkeys((401, 403, 404, 405, 407, 412, 416, 418, 426, 427, 428, 501), "stop"),
}
# Message status: 1 queued, 2 scheduled, 4 and 5 given to the operator, 6 failed, 10 delivered, 11 undelivered,
# 13 cancelled, 14 blocked by the receiver, 100 unknown.
_FATES: Mapping[int, Fate] = {
    1: "pending",
    2: "pending",
    4: "pending",
    5: "pending",
    6: "failed",
    10: "delivered",
    11: "failed",
    13: "failed",
    14: "failed",
    100: "pending",
}
_REFUSED = (6, 13, 14)


class Kavenegar:
    def read(self, request: WireRequest) -> MoSms:
        only(request, "POST")
        found = form(request)
        return MoSms(
            provider_id=text(found, "messageid", longest=32),
            msisdn=text(found, "from"),
            short_code=text(found, "to", longest=32),
            text=text(found, "message", empty=True, longest=4096),
        )

    def stored(self) -> WireReply:
        return WireReply(200, "OK")

    def receipt(self, request: WireRequest) -> DeliveryReceipt:
        """A POST; a GET was seen as well."""
        if request.method == "GET":
            only(request, "GET")
            found = fields(request.query)
        else:
            only(request, "POST")
            found = form(request)
        status = text(found, "status", longest=8)
        if not (status.isascii() and status.isdecimal()):
            raise Refusal(400, "the field status must be a number")
        return DeliveryReceipt(
            text(found, "messageid", longest=32), "", _FATES.get(int(status), "pending"), f"status {known(status)}"
        )

    def request(self, route: SmsRoute, msisdn: str, text: str, message_id: str) -> OutRequest:
        url = f"{route.url.rstrip('/')}/v1/{quote(route.password, safe='')}/sms/send.json"
        return OutRequest(
            "POST", url, {"receptor": msisdn, "sender": route.sender, "message": text, "localid": message_id}
        )

    def result(self, status: int, body: str) -> SendResult:
        found = json_answer(body)
        returned = found.get("return")
        code = returned.get("status") if isinstance(returned, dict) else None
        if not isinstance(code, int):
            # The repeat that follows is safe: they know our localid.
            return NotAccepted(f"HTTP {status}, unreadable", again=True)
        if code != 200:
            what = _CODES.get(code, "retry" if code >= 500 else "never")
            reason = f"code {known(code)}"
            return Stopped(reason) if what == "stop" else NotAccepted(reason, again=what == "retry")
        entry = _first(found)
        message_id = entry.get("messageid")
        if entry.get("status") in _REFUSED:
            return NotAccepted(f"status {entry['status']}", again=False)
        return Accepted(str(message_id) if isinstance(message_id, int | str) else None)


def _first(found: dict[str, Any]) -> dict[str, Any]:
    entries = found.get("entries")
    first = entries[0] if isinstance(entries, list) and entries else None
    return first if isinstance(first, dict) else {}


_: type[SmsDialect] = Kavenegar
_reports: type[Reporting] = Kavenegar
