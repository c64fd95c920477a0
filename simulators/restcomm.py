"""A simulated RestComm USSD Gateway where an application pushes: a text to a phone that is in no call, and what the
phone makes of it. From its administration guide, "USSD Push", and its HttpServerSbb, not from the gateway's dialect.
Calls the other way are made by aggregators/restcomm.py."""

import asyncio
import itertools
from typing import Literal

from aiohttp import web
from lxml import etree

from simulators.aggregators.restcomm import GSM7, UCS2
from simulators.phones import Phones

Notices = Literal["shown", "busy", "rejected", "aborted", "refused", "unseen", "silent", "empty"]
"""What becomes of a text: the phone shows and confirms it; an error, a reject or an abort comes back from the network,
or the network refuses the dialogue; the phone confirms nothing within the invoke's time; the gateway says nothing at
all, or answers with nothing in it."""

_COOKIE = "JSESSIONID"
_FAILED = ' mapUserAbortChoice="isProcedureCancellationReason_associatedProcedureFailure"'
_ENDS = {
    "busy": ("End", "", '<errComponents><invokeId value="0"/><errorComponent errorCode="72"/></errComponents>'),
    "rejected": ("End", "", '<rejectComponents><invokeId value="0"/><rejectComponent/></rejectComponents>'),
    "aborted": ("Abort", _FAILED, ""),
    "refused": ("Abort", ' mapRefuseReason="NoReasonGiven"', ""),
    "unseen": ("Abort", ' invokeTimedOut="0"', ""),
}  # fmt: skip


class RestComm:
    def __init__(self, inbox: Phones) -> None:
        self._inbox, self._sessions, self._local_ids = inbox, itertools.count(1), itertools.count(1)
        self.notices: Notices = "shown"
        self.pushed: list[str] = []
        """The phones of every text that came."""
        self.open: dict[str, str] = {}
        """Dialogues that the application has not ended yet: session to phone."""
        self.loses_ends = False

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/restcomm", self._post)
        return app

    async def _post(self, request: web.Request) -> web.Response:
        if request.headers.get("Content-Type") != "text/xml":
            return web.Response()  # HttpServerSbb: an exception in its log, and an answer without a word
        try:
            dialog = etree.fromstring(await request.read())
        except etree.XMLSyntaxError:
            return web.Response()
        if (session := request.cookies.get(_COOKIE)) is not None:
            return self._goes_on(session, dialog)
        return await self._begins(dialog)

    def _goes_on(self, session: str, dialog: etree._Element) -> web.Response:
        if self.loses_ends:
            return web.Response(status=503)
        wanted = {"mapMessagesSize": "0", "prearrangedEnd": "false"}
        if session not in self.open or dict(dialog.attrib) != wanted or len(dialog):
            return self._said("Abort", _FAILED)
        del self.open[session]
        return web.Response()

    async def _begins(self, dialog: etree._Element) -> web.Response:
        message, phone = dialog.find("unstructuredSSNotify_Request"), dialog.find("*/msisdn")
        if message is None or phone is None or dialog.get("mapMessagesSize") != "1":
            return self._said("Abort", _FAILED)
        to, text = f"+{phone.get('number')}", message.get("string", "")
        scheme = int(message.get("dataCodingScheme", "-1"))
        if phone.get("nai") != "international_number" or not _fits(text, scheme):
            return self._said("Abort", _FAILED)
        self.pushed.append(to)
        if self.notices == "silent":
            await asyncio.sleep(3600)
        if self.notices == "empty":
            return web.Response()
        if to in self.open.values():
            return self._said(*_ENDS["busy"])  # it is in a dialogue still
        if self.notices == "unseen":
            await asyncio.sleep(int(dialog.get("customInvokeTimeout", "600000")) / 1000)
        if self.notices != "shown":
            return self._said(*_ENDS[self.notices])
        self._inbox.deliver(to, "USSD", text)
        session = f"{next(self._sessions):032X}.node1"
        self.open[session] = to
        answer = self._said("Continue", "", '<unstructuredSSNotify_Response invokeId="0"/>')
        answer.set_cookie(_COOKIE, session, path="/restcomm")
        return answer

    def _said(self, kind: str, more: str = "", inside: str = "") -> web.Response:
        size = int("Notify_Response" in inside)
        body = (
            '<?xml version="1.0" encoding="UTF-8" ?>\n'
            f'<dialog type="{kind}" appCntx="networkUnstructuredSsContext_version2" networkId="0" '
            f'localId="{next(self._local_ids)}" remoteId="13" mapMessagesSize="{size}"{more} '
            f'returnMessageOnError="false">{inside}</dialog>'
        )
        return web.Response(body=body.encode())  # it names no content type


def _fits(text: str, scheme: int) -> bool:
    return (scheme == GSM7 and text.isascii() and len(text) <= 182) or (scheme == UCS2 and len(text) <= 80)
