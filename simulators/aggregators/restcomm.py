"""RestComm USSD Gateway: its administration guide, "HTTP Transfer Mechanism"."""

import zlib
from xml.sax.saxutils import quoteattr

from lxml import etree

from simulators.aggregators.session import CallFailed, Request, Response, Session, Shown

GSM7, UCS2 = 15, 72
_QUESTION, _LAST = "unstructuredSSRequest_Request", "processUnstructuredSSRequest_Response"


class RestComm:
    TELLS_REPEATS = False

    def __init__(self, msisdn: str, session_id: str, service_code: str) -> None:
        self._msisdn, self._code = msisdn.removeprefix("+"), service_code
        self._local_id = zlib.crc32(session_id.encode())
        self._given = ""  # what the application said in userObject
        self._invoke_id = 0

    def dialled(self, arguments: str) -> Request:
        code = f"{self._code.rstrip('#')}*{arguments}#" if arguments else self._code
        caller = f'<msisdn nai="international_number" npi="ISDN" number="{self._msisdn}"/>'
        return self._post("Begin", self._message("processUnstructuredSSRequest_Request", code, caller))

    def typed(self, text: str) -> Request:
        return self._post("Continue", self._message("unstructuredSSRequest_Response", text))

    def hung_up(self) -> Request | None:
        return self._post("Unknown", "", ' mapUserAbortChoice="isUserSpecificReason"')

    def _message(self, name: str, text: str, inside: str = "") -> str:
        scheme = GSM7 if text.isascii() else UCS2
        return (
            f'<{name} invokeId="{self._invoke_id}" dataCodingScheme="{scheme}" string={quoteattr(text)}>'
            f"{inside}</{name}>"
        )

    def _post(self, kind: str, message: str, more: str = "") -> Request:
        given = f" userObject={quoteattr(self._given)}" if self._given else ""
        body = (
            f'<?xml version="1.0" encoding="UTF-8" ?>\n'
            f'<dialog type="{kind}" appCntx="networkUnstructuredSsContext_version2" networkId="0" '
            f'localId="{self._local_id}" remoteId="13" mapMessagesSize="{1 if message else 0}" '
            f'returnMessageOnError="false"{given}{more}><errComponents/>{message}</dialog>'
        )
        return Request("POST", headers={"Content-Type": "text/xml"}, body=body.encode())

    def shown(self, response: Response) -> Shown:
        try:
            root = etree.fromstring(response.body.encode())
        except etree.XMLSyntaxError:
            raise CallFailed("the answer is no XML", kind="unreadable") from None
        message = next(iter(root), None)
        ends = root.get("prearrangedEnd") is not None
        if root.get("mapMessagesSize") != "1" or message is None or message.tag != (_LAST if ends else _QUESTION):
            raise CallFailed("the answer is no <dialog> with one message of its kind", kind="unreadable")
        if ends and message.get("invokeId") != "0":
            raise CallFailed("the last answer does not repeat the first invokeId", kind="unreadable")
        text = message.get("string", "")
        scheme = message.get("dataCodingScheme")
        if scheme != str(UCS2) and not all(char.isascii() for char in text):
            raise CallFailed(f"dataCodingScheme {scheme} cannot carry this text", kind="unreadable")
        self._given = root.get("userObject", "")
        self._invoke_id = int(message.get("invokeId", "0"))
        return Shown(text, over=ends)


_: type[Session] = RestComm
