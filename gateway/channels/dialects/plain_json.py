"""Our own USSD dialect, for whoever builds a gateway and may choose: JSON each way. docs/channels.md describes it.

Each request says what it is: a session begins, something was typed, the caller is gone, or was silent for too long.
"""

import json
from typing import Any

from gateway.channels.contract import (
    Refusal,
    UssdDialect,
    UssdEnd,
    UssdInput,
    UssdReply,
    Why,
    WireReply,
    WireRequest,
    only,
    text,
)
from gateway.channels.documents import json_object

_BEGIN, _INPUT = "begin", "input"
_ENDS = {"end": Why.USER_ABORT, "timeout": Why.USER_TIMEOUT}
MAX_SEQUENCE = 2**31 - 1


class PlainJson:
    def read(self, request: WireRequest) -> UssdInput | UssdEnd:
        only(request, "POST")
        found = json_object(request)
        kind, session_id = text(found, "type"), text(found, "session", longest=128)
        msisdn = text(found, "msisdn")
        if kind in _ENDS:
            return UssdEnd(session_id, msisdn, _ENDS[kind], kind, WireReply(200, "{}", "application/json"))
        if kind not in (_BEGIN, _INPUT):
            raise Refusal(400, f"the field type must be one of {_BEGIN}, {_INPUT}, {', '.join(_ENDS)}")
        opens = kind == _BEGIN
        code = text(found, "code", longest=4096) if opens else ""
        typed = "" if opens else text(found, "text", empty=True, longest=4096)
        return UssdInput(session_id, msisdn, code, typed, newest=True, opens=opens, sequence=_sequence(found))

    def write(self, reply: UssdReply, said: UssdInput) -> WireReply:
        body = json.dumps({"text": reply.text, "end": reply.end}, ensure_ascii=False)
        return WireReply(200, body, "application/json")


def _sequence(found: dict[str, Any]) -> int | None:
    number = found.get("sequence")
    if number is None:
        return None
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MAX_SEQUENCE:
        raise Refusal(400, "the field sequence must be a whole number from 1")
    return number


_: type[UssdDialect] = PlainJson
