"""RestComm USSD Gateway: a MAP dialogue as a `<dialog>` document. protocols.md E10, RestComm's administration guide,
"HTTP Transfer Mechanism".

The last answer must repeat the invokeId of the first request, and later requests need not say who calls. The gateway
gives back in each of them what we put into `userObject`; so both travel there, and nothing is remembered here.

The other way round, "USSD Push", we are the client. The answer to our text comes when the phone has confirmed it, or
when it will not; then the dialogue is ended with an empty one, tied to the first by the session's cookie.
"""

import base64
import re
from collections.abc import Mapping

from lxml import etree

from gateway.channels.contract import (
    Accepted,
    NotAccepted,
    OutRequest,
    PushRoute,
    Refusal,
    SendResult,
    Showing,
    Unknown,
    UssdDialect,
    UssdEnd,
    UssdInput,
    UssdReply,
    Why,
    WireReply,
    WireRequest,
    known,
    only,
    text,
)
from gateway.channels.documents import Element, sound, xml_answer, xml_root, xml_text
from menus.alphabet import Alphabet, alphabet_of

_BEGIN, _ANSWER = "processUnstructuredSSRequest_Request", "unstructuredSSRequest_Response"
_NOTICE, _SHOWN = "unstructuredSSNotify_Request", "unstructuredSSNotify_Response"
_GSM7, _UCS2 = "15", "72"
"""dataCodingScheme, 3GPP TS 23.038, 5: 72 for whatever is not the default alphabet ("Using non-Latin menu")."""

# The attributes by which a dialogue that is over says so.
_ENDS = {
    "mapUserAbortChoice": Why.NETWORK_ABORT,
    "mapAbortProviderReason": Why.NETWORK_ABORT,
    "mapRefuseReason": Why.GATEWAY_REFUSED,
    "dialogTimedOut": Why.USER_TIMEOUT,
    "invokeTimedOut": Why.USER_TIMEOUT,
}
_HUNG_UP = "isUserSpecificReason"
# What they say, in jSS7's spelling (protocols.md A7).
_REASONS = frozenset(
    {
        "true",
        *(f"isProcedureCancellationReason_{each}" for each in (
            "handoverCancellation", "radioChannelRelease", "networkPathRelease", "callRelease",
            "associatedProcedureFailure", "tandemDialogueRelease", "remoteOperationsFailure",
        )),
        "isResourceUnavailableReason_shortTermResourceLimitation",
        "isResourceUnavailableReason_longTermResourceLimitation",
        "isUserResourceLimitation", _HUNG_UP,
        "ProviderMalfunction", "SupportingDialogueTransactionReleased", "ResourceLimitation", "MaintenanceActivity",
        "VersionIncompatibility", "AbnormalMAPDialogueLocal", "AbnormalMAPDialogueFromPeer", "InvalidPDU",
        "ApplicationContextNotSupported", "InvalidDestinationReference", "InvalidOriginatingReference", "NoReasonGiven",
        "RemoteNodeNotReachable", "PotentialVersionIncompatibility",
    }
)  # fmt: skip
# MAP error codes (protocols.md A7).
_ERRORS = {"6": Why.ABSENT, "27": Why.ABSENT, "71": Why.BAD_ALPHABET, "72": Why.BUSY, "34": Why.NETWORK_ABORT}

_ID = re.compile(r"[1-9][0-9]{0,19}")
_INVOKE_ID = re.compile(r"-?[0-9]{1,3}")

_COOKIE = "JSESSIONID"
_COOKIE_VALUE = re.compile(r"[A-Za-z0-9._!+/=~-]{1,200}")


class RestComm:
    def read(self, request: WireRequest) -> UssdInput | UssdEnd:
        only(request, "POST")
        dialog = xml_root(request, "dialog")
        session_id = text(dialog.attributes, "localId", longest=64)
        ids = _ids(dialog)
        caller, begun_by = _echoed(dialog)
        if (end := _end(dialog)) is not None:
            return UssdEnd(session_id, caller, *end, ids=ids)
        message = dialog.child(_BEGIN) or dialog.child(_ANSWER)
        if message is None and dialog.attributes.get("type") == "End":
            return UssdEnd(session_id, caller, Why.UNKNOWN, "type End", ids=ids)
        if message is None:
            raise Refusal(400, f"expected {_BEGIN} or {_ANSWER} in the dialog")
        invoke_id = _invoke_id(message)
        opens = message.name == _BEGIN
        if opens:
            caller, begun_by = _caller(dialog, message), invoke_id
        string = text(message.attributes, "string", empty=not opens, longest=4096)
        code, typed = (string, "") if opens else ("", string)
        echo = f"{caller}/{begun_by}/{invoke_id}"
        return UssdInput(session_id, caller, code, typed, newest=True, opens=opens, echo=echo, ids=ids)

    def write(self, reply: UssdReply, said: UssdInput) -> WireReply:
        caller, begun_by, last = said.echo.rsplit("/", 2)
        dialog = etree.Element("dialog", mapMessagesSize="1", userObject=f"{caller}/{begun_by}")
        if reply.end:
            dialog.set("prearrangedEnd", "false")  # show it, then end the dialogue
            name, invoke_id = "processUnstructuredSSRequest_Response", begun_by
        else:
            name, invoke_id = "unstructuredSSRequest_Request", str(int(last) + 1)
        etree.SubElement(dialog, name, _string(reply.text), invokeId=invoke_id)
        return WireReply(200, _document(dialog), "text/xml")

    def notice(self, route: PushRoute, msisdn: str, text: str, within_s: float) -> OutRequest:
        dialog = etree.Element("dialog", mapMessagesSize="1", customInvokeTimeout=str(round(within_s * 1000)))
        message = etree.SubElement(dialog, _NOTICE, _string(text))
        etree.SubElement(message, "msisdn", nai="international_number", npi="ISDN", number=msisdn)
        return _posted(route, dialog)

    def shown(self, status: int, body: str) -> SendResult:
        if status != 200:
            return Unknown(f"HTTP {status}") if status >= 500 else NotAccepted(f"HTTP {status}", again=False)
        dialog = xml_answer(body, "dialog")
        if dialog is None:
            return Unknown("no dialog in the answer")
        if (end := _end(dialog)) is not None:
            why, raw = end
            # It was on its way to the phone, and nobody saw what became of it there.
            return Unknown(raw) if why is Why.USER_TIMEOUT else NotAccepted(raw, again=False)
        return Accepted() if dialog.child(_SHOWN) else Unknown("a dialog that says neither shown nor refused")

    def end(self, route: PushRoute, cookies: Mapping[str, str]) -> OutRequest | None:
        session = cookies.get(_COOKIE, "")
        if not _COOKIE_VALUE.fullmatch(session):
            return None
        empty = etree.Element("dialog", mapMessagesSize="0", prearrangedEnd="false")
        return _posted(route, empty, Cookie=f"{_COOKIE}={session}")


def _string(text: str) -> dict[str, str]:
    scheme = _GSM7 if alphabet_of(text) is Alphabet.GSM7 else _UCS2
    return {"dataCodingScheme": scheme, "string": sound(text)}


def _document(dialog: etree._Element) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml_text(dialog)}'


def _posted(route: PushRoute, dialog: etree._Element, **headers: str) -> OutRequest:
    headers["Content-Type"] = "text/xml"  # and nothing behind it: HttpServerSbb compares the whole
    if route.username:
        account = base64.b64encode(f"{route.username}:{route.password}".encode()).decode("ascii")
        headers["Authorization"] = f"Basic {account}"
    return OutRequest("POST", route.url, headers=headers, body=_document(dialog).encode())


def _end(dialog: Element) -> tuple[Why, str] | None:
    for name, why in _ENDS.items():
        if (value := dialog.attributes.get(name, "false")) != "false":
            return (Why.USER_ABORT if value == _HUNG_UP else why), f"{name} {_logged(value)}"
    errors = dialog.child("errComponents")
    error = errors.child("errorComponent") if errors else None
    if error is not None:
        code = error.attributes.get("errorCode", "")
        return _ERRORS.get(code, Why.UNKNOWN), f"error {known(code)}"
    if dialog.child("rejectComponents") is not None:  # XmlMAPDialog: only when there is one
        return Why.NETWORK_ABORT, "rejected"
    return None


def _logged(value: str) -> str:
    """A reason, or the invokeId that has timed out."""
    return value if _INVOKE_ID.fullmatch(value) else known(value, _REASONS)


def _caller(dialog: Element, message: Element) -> str:
    """In the message, or else in the dialogue ("If <msisdn> is not included", processUnstructuredSSRequest_Request)."""
    found = message.child("msisdn") or dialog.child("originationReference")
    if found is None:
        raise Refusal(400, "expected msisdn in the message or originationReference in the dialog")
    return text(found.attributes, "number", longest=32)


def _ids(dialog: Element) -> str:
    """What TCAP calls the dialogue on either side. One alone is too little: two gateways count alike, and again."""
    found = [dialog.attributes.get(name, "") for name in ("localId", "remoteId")]
    return "/".join(found) if all(map(_ID.fullmatch, found)) else ""


def _echoed(dialog: Element) -> tuple[str, str]:
    """What we said in userObject: the caller, and the invokeId that began the dialogue."""
    caller, _, begun_by = dialog.attributes.get("userObject", "").rpartition("/")
    return (caller, begun_by) if _INVOKE_ID.fullmatch(begun_by) else ("", "0")


def _invoke_id(message: Element) -> str:
    found = text(message.attributes, "invokeId")
    if not _INVOKE_ID.fullmatch(found):
        raise Refusal(400, "invokeId must be a whole number")
    return found


_: type[UssdDialect] = RestComm
_shows: type[Showing] = RestComm
