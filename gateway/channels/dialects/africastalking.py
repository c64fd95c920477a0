"""Africa's Talking USSD callbacks, and the panels that copy their form. protocols.md E1.

A POST form; `text` holds all inputs since the service code joined by `*`. The answer is text/plain, `CON ` or `END `
and the screen; anything else ends the session with an error on the phone.
"""

from gateway.channels.contract import (
    UssdDialect,
    UssdInput,
    UssdReply,
    WireReply,
    WireRequest,
    form,
    only,
    text,
)


class AfricasTalking:
    def read(self, request: WireRequest) -> UssdInput:
        only(request, "POST")
        found = form(request)
        return UssdInput(
            session_id=text(found, "sessionId", longest=128),
            msisdn=text(found, "phoneNumber"),
            service_code=text(found, "serviceCode"),
            inputs=text(found, "text", empty=True, longest=4096),
        )

    def write(self, reply: UssdReply) -> WireReply:
        return WireReply(200, f"{'END' if reply.end else 'CON'} {reply.text}")


_: type[UssdDialect] = AfricasTalking
