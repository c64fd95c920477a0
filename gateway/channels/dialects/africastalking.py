"""Africa's Talking USSD callbacks, and the panels that copy their form. protocols.md E1.

A POST form; `text` holds all inputs since the service code joined by `*`. The answer is text/plain, `CON ` or `END `
and the screen; anything else ends the session with an error on the phone. When a session is over, a second address is
told: behind the channel's, /end.
"""

from gateway.channels.contract import (
    UssdDialect,
    UssdEnd,
    UssdInput,
    UssdReply,
    Why,
    WireReply,
    WireRequest,
    form,
    known,
    only,
    text,
)

# Success: the service said END. Incomplete: the caller left or waited too long, which it does not tell apart.
_WHY = {"success": Why.COMPLETED, "incomplete": Why.UNKNOWN, "failed": Why.APP_ERROR}


class AfricasTalking:
    def read(self, request: WireRequest) -> UssdInput | UssdEnd:
        only(request, "POST", "", "end")
        found = form(request)
        session_id = text(found, "sessionId", longest=128)
        if request.tail == "end":
            status = text(found, "status", longest=32)
            return UssdEnd(
                session_id,
                text(found, "phoneNumber"),
                _WHY.get(status.lower(), Why.UNKNOWN),
                known(status.lower(), _WHY),
            )
        return UssdInput(
            session_id=session_id,
            msisdn=text(found, "phoneNumber"),
            service_code=text(found, "serviceCode"),
            inputs=text(found, "text", empty=True, longest=4096),
        )

    def write(self, reply: UssdReply, said: UssdInput) -> WireReply:
        return WireReply(200, f"{'END' if reply.end else 'CON'} {reply.text}")


_: type[UssdDialect] = AfricasTalking
