"""TruRoute: a small `<ussd>` document each way. protocols.md E8 (sms.com.na API specification, p. 7 and 8).

`msg` is the dial string in the first request of a session, and what was typed last in the others. Releases, time-outs
and failed charges are told with the same document.
"""

from lxml import etree

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
from gateway.channels.documents import Element, sound, xml_root, xml_text

_REQUEST, _RESPONSE = "1", "2"
_ENDS = {"3": Why.USER_ABORT, "4": Why.USER_TIMEOUT, "10": Why.GATEWAY_REFUSED}
_KEEP_OPEN, _CLOSE = "2", "3"


class TruRoute:
    def read(self, request: WireRequest) -> UssdInput | UssdEnd:
        only(request, "POST")
        found = _fields(xml_root(request, "ussd"))
        kind, session_id = text(found, "type", longest=8), text(found, "sessionid", longest=128)
        msisdn = text(found, "msisdn")
        if kind in _ENDS:
            return UssdEnd(session_id, msisdn, _ENDS[kind], kind)
        if kind not in (_REQUEST, _RESPONSE):
            raise Refusal(400, f"the field type must be one of 1, 2, {', '.join(_ENDS)}")
        opens = kind == _REQUEST
        message = text(found, "msg", empty=not opens, longest=4096)
        code, typed = (message, "") if opens else ("", message)
        return UssdInput(session_id, msisdn, code, typed, newest=True, opens=opens)

    def write(self, reply: UssdReply, said: UssdInput) -> WireReply:
        root = etree.Element("ussd")
        etree.SubElement(root, "type").text = _CLOSE if reply.end else _KEEP_OPEN
        etree.SubElement(root, "msg").text = sound(reply.text)
        return WireReply(200, xml_text(root), "text/xml")


def _fields(root: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in root.children:
        if child.name in found:
            raise Refusal(400, "a field stands twice", quoted=child.name)
        found[child.name] = child.text
    return found


_: type[UssdDialect] = TruRoute
