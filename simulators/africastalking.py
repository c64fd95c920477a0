"""A simulated Africa's Talking for SMS, written from its documents: messaging, incoming messages, delivery reports."""

import itertools
from datetime import UTC, datetime

import aiohttp
from aiohttp import web
from yarl import URL

from simulators.phones import Phones
from simulators.reports import Reports


class AfricasTalking:
    def __init__(self, username: str, key: str, inbox: Phones) -> None:
        self._username, self._key, self._inbox = username, key, inbox
        self._reports = Reports(inbox.receipts)
        self._ids = itertools.count(1)
        self.status_url = ""
        """What is entered in the dashboard as the address of delivery reports."""

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/version1/messaging", self._send)
        app.cleanup_ctx.append(self._reports.connected)
        return app

    async def _send(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form.get("username"), request.headers.get("apikey")) != (self._username, self._key):
            return web.Response(status=401, text="The supplied authentication is invalid")
        to = str(form.get("to", ""))
        name = f"ATXid_{next(self._ids):032x}"
        if not (to.startswith("+") and to[1:].isdecimal()):
            recipient = {"statusCode": 403, "number": to, "status": "InvalidPhoneNumber", "messageId": "None"}
            return web.json_response({"SMSMessageData": {"Message": "", "Recipients": [recipient]}}, status=201)
        self._inbox.deliver(to, str(form.get("from", "")), str(form.get("message", "")))
        if self.status_url:
            self._reports.send("POST", self.status_url, {"id": name, "status": "Success", "phoneNumber": to})
        recipient = {"statusCode": 101, "number": to, "status": "Success", "cost": "KES 0.8000", "messageId": name}
        return web.json_response({"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [recipient]}}, status=201)

    async def send(self, http: aiohttp.ClientSession, url: URL, sender: str, to: str, text: str) -> tuple[int, str]:
        """A citizen's SMS as their callback; the status and the body it was answered with."""
        at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        form = {"id": f"in-{next(self._ids)}-{at}", "from": sender, "to": to, "text": text, "date": at, "linkId": ""}
        async with http.post(url, data=form) as response:
            return response.status, (await response.text()).strip()
