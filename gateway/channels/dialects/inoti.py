"""inoti, an aggregator in Iran: a GET whose `call` is the dial string with every answer so far behind it. protocols.md
E11.

The answer is the screen and nothing else. That `[end]` behind it closes the session is how inoti's own sample ends a
text; no document says so. No notice of an end is known, so sessions are closed by timer.
"""

from gateway.channels.contract import (
    UssdDialect,
    UssdInput,
    UssdReply,
    WireReply,
    WireRequest,
    fields,
    only,
    text,
)

_END = "[end]"


class Inoti:
    def read(self, request: WireRequest) -> UssdInput:
        only(request, "GET")
        found = fields(request.query)
        return UssdInput(
            session_id=text(found, "sessionid", longest=128),
            msisdn=text(found, "mobile"),
            service_code=text(found, "call", longest=4096),
            inputs="",
        )

    def write(self, reply: UssdReply, said: UssdInput) -> WireReply:
        return WireReply(200, f"{reply.text}{_END if reply.end else ''}")


_: type[UssdDialect] = Inoti
