"""Magfa (Iran), HTTP API v2: it is asked for everything and calls nobody. protocols.md F2: movahhedi/magfa-api;
alisharify7/magfa-client, its error_codes.py for the table.

`uids` is ours: mid/{uid} says whether a message was taken, and is asked before one is sent again. A citizen's message
has no id, so its parts make one; whether it is handed out twice is not documented.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from gateway.channels.contract import (
    Accepted,
    DeliveryReceipt,
    Fate,
    Knowing,
    MoSms,
    NotAccepted,
    OutRequest,
    Polled,
    Refusal,
    SendResult,
    SmsDialect,
    SmsRoute,
    Stopped,
    WireReply,
    WireRequest,
    known,
)
from gateway.channels.documents import json_answer, whole

AT_ONCE = 100
"""Messages that one call hands out, and ids that one call takes."""

# 1 recipient, 2 sender, 3 encoding, 4 mclass, 6 UDH, 8 outside the hours of advertising lines, 13 empty, 14 credit,
# 15 busy, 16 disabled, 17 expired, 18 login, 19 login and domain, 20 sender is not ours, 22 service not enabled,
# 23 busy, 24 message id, 25 method, 27 operator's blacklist, 28 prefix blocked, 29 our IP, 30 parts, 31 JSON,
# 33 blocked by the subscriber, 34 nothing confirmed of this number; 101 to 110 sizes of lists.
_CODES: Mapping[int, Literal["retry", "never", "stop"]] = {
    **dict.fromkeys((8, 15, 23), "retry"),
    **dict.fromkeys((2, 14, 16, 17, 18, 19, 20, 22, 25, 29), "stop"),
}
# 1 on the handset, 2 not on the handset, 8 at the operator, 16 not at the operator; 0 nothing yet, -1 unknown.
_FATES: Mapping[int, Fate] = {1: "delivered", 2: "failed", 8: "pending", 16: "failed"}


class Magfa:
    def read(self, request: WireRequest) -> MoSms:
        raise Refusal(404, "this channel's provider is asked for its messages and calls nobody")

    def stored(self) -> WireReply:
        return WireReply(200, "")

    def request(self, route: SmsRoute, msisdn: str, text: str, message_id: str) -> OutRequest:
        message = {
            "senders": [route.sender],
            "recipients": [msisdn],
            "messages": [text],
            "uids": [int(message_id)],
        }
        headers = {**_asking(route), "Content-Type": "application/json"}
        body = json.dumps(message, ensure_ascii=False).encode()
        return OutRequest("POST", _at(route, "send"), headers=headers, body=body)

    def result(self, status: int, body: str) -> SendResult:
        if status in (401, 403):
            return Stopped(f"HTTP {status}")
        found = json_answer(body)
        first = next(iter(_list(found, "messages")), {})
        code = found.get("status") or first.get("status")
        if not isinstance(found.get("status"), int) or not isinstance(code, int | None):
            return NotAccepted(f"HTTP {status}, unreadable", again=True)  # looked up before it is sent again
        if code:
            what = _CODES.get(code, "never")
            reason = f"code {known(code)}"
            return Stopped(reason) if what == "stop" else NotAccepted(reason, again=what == "retry")
        return Accepted(_id(first.get("id")))

    def look_up(self, route: SmsRoute, message_id: str) -> OutRequest:
        return OutRequest("GET", _at(route, f"mid/{message_id}"), headers=_asking(route))

    def known(self, status: int, body: str) -> SendResult | None:
        found = json_answer(body)
        if status != 200 or not isinstance(found.get("status"), int):
            return NotAccepted(f"not looked up: HTTP {status}", again=True)
        mid = found.get("mid")
        return Accepted(str(mid)) if isinstance(mid, int) and mid > 0 else None

    def messages_request(self, route: SmsRoute) -> OutRequest:
        return OutRequest("GET", _at(route, f"messages/{AT_ONCE}"), headers=_asking(route))

    def messages(self, status: int, body: str) -> list[MoSms]:
        found = []
        for each in _list(json_answer(body), "messages") if status == 200 else ():
            parts = [each.get(name) for name in ("senderNumber", "recipientNumber", "body", "date")]
            sender, to, text, at = ("" if part is None else whole(str(part)) for part in parts)
            name = hashlib.sha256("\n".join((sender, to, at, text)).encode()).hexdigest()[:32]
            found.append(MoSms(f"m-{name}", sender, to[:32], text[:4096]))
        return found

    def receipts_request(self, route: SmsRoute, provider_ids: Sequence[str]) -> OutRequest:
        return OutRequest("GET", _at(route, f"statuses/{','.join(provider_ids)}"), headers=_asking(route))

    def receipts(self, status: int, body: str) -> list[DeliveryReceipt]:
        found = []
        for each in _list(json_answer(body), "dlrs") if status == 200 else ():
            mid, code = _id(each.get("mid")), each.get("status")
            if mid is not None and isinstance(code, int) and code in _FATES:
                found.append(DeliveryReceipt(mid, "", _FATES[code], f"status {code}"))
        return found


def _at(route: SmsRoute, what: str) -> str:
    return f"{route.url.rstrip('/')}/api/http/sms/v2/{what}"


def _asking(route: SmsRoute) -> dict[str, str]:
    """username is `user/domain`."""
    account = base64.b64encode(f"{route.username}:{route.password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {account}", "Accept": "application/json"}


def _list(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    several = found.get(name)
    return [each for each in several if isinstance(each, dict)] if isinstance(several, list) else []


def _id(value: object) -> str | None:
    return str(value)[:160] if isinstance(value, int | str) and not isinstance(value, bool) else None


_: type[SmsDialect] = Magfa
_asked: type[Polled] = Magfa
_knows: type[Knowing] = Magfa
