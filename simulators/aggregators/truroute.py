"""TruRoute: sms.com.na API specification, p. 7 and 8."""

from xml.sax.saxutils import escape

from lxml import etree

from simulators.aggregators.session import CallFailed, Request, Response, Session, Shown

DIALLED, TYPED, RELEASED = 1, 2, 3
_KEPT_OPEN, _CLOSED = "2", "3"


class TruRoute:
    TELLS_REPEATS = False

    def __init__(self, msisdn: str, session_id: str, service_code: str) -> None:
        self._msisdn, self._session_id, self._code = msisdn.removeprefix("+"), session_id, service_code

    def dialled(self, arguments: str) -> Request:
        return self._post(DIALLED, f"{self._code.rstrip('#')}*{arguments}#" if arguments else self._code)

    def typed(self, text: str) -> Request:
        return self._post(TYPED, text)

    def _post(self, kind: int, message: str) -> Request:
        body = (
            f"<ussd><msisdn>{self._msisdn}</msisdn><sessionid>{self._session_id}</sessionid>"
            f"<type>{kind}</type><msg>{escape(message)}</msg></ussd>"
        )
        return Request("POST", headers={"Content-Type": "text/xml; charset=utf-8"}, body=body.encode())

    def shown(self, response: Response) -> Shown:
        try:
            root = etree.fromstring(response.body.encode())
        except etree.XMLSyntaxError:
            raise CallFailed("the answer is no XML", kind="unreadable") from None
        kind, message = root.findtext("type"), root.findtext("msg")
        if root.tag != "ussd" or kind not in (_KEPT_OPEN, _CLOSED) or message is None:
            raise CallFailed("the answer is no <ussd> with type 2 or 3 and msg", kind="unreadable")
        return Shown(message, over=kind == _CLOSED)

    def hung_up(self) -> Request | None:
        return self._post(RELEASED, "")


_: type[Session] = TruRoute
