"""A simulated Kannel with the phones behind it: `sendsms` as smsbox serves it, get-url calls as its sms-service makes
them, and an inbox for each phone. Written from Kannel's user guide, not from the gateway's dialect."""

import itertools
from datetime import UTC, datetime

import aiohttp
from aiohttp import web
from yarl import URL

from menus.alphabet import Alphabet, alphabet_of
from simulators.phones import Delivered, Phones
from simulators.reports import Reports


class Kannel:
    def __init__(self, username: str, password: str, inbox: Phones | None = None) -> None:
        """inbox: of the phones behind it, shared with other providers."""
        self._account = (username, password)
        self._message_ids = itertools.count(1)
        self.inbox = inbox or Phones()
        self._reports = Reports(self.inbox.receipts)

    # -- smsbox: what the gateway calls

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/cgi-bin/sendsms", self._sendsms)
        app.cleanup_ctx.append(self._reports.connected)
        return app

    async def _sendsms(self, request: web.Request) -> web.Response:
        query = request.query
        if (query.get("username"), query.get("password")) != self._account:
            return web.Response(status=403, text="Authorization failed for sendsms")
        if not query.get("to"):
            return web.Response(status=400, text="Missing receiver number, rejected")
        text = query.get("text", "")
        # User guide: without coding=2, characters outside the default alphabet arrive as question marks.
        if query.get("coding") != "2" and alphabet_of(text) is not Alphabet.GSM7:
            text = "".join(char if alphabet_of(char) is Alphabet.GSM7 else "?" for char in text)
        self.inbox.deliver(query["to"], query.get("from", ""), text)
        # User guide: %d is one of the bits of dlr-mask; 1 is delivered.
        if "dlr-url" in query and int(query.get("dlr-mask", "0")) & 1:
            self._reports.send("GET", query["dlr-url"].replace("%d", "1"))
        return web.Response(status=202, text="0: Accepted for delivery")

    # -- the phones

    def received(self, msisdn: str | None, after: int = 0) -> list[Delivered]:
        return self.inbox.received(msisdn, after)

    @property
    def messages(self) -> list[Delivered]:
        return self.inbox.messages

    @property
    def last_id(self) -> int:
        return self.inbox.last_id

    async def send(self, http: aiohttp.ClientSession, get_url: URL, sender: str, to: str, text: str) -> tuple[int, str]:
        """A citizen's SMS as an sms-service's get-url call; the status and the body the gateway answered with.

        get_url is the gateway's channel without a query. Text outside GSM 7 bit goes as UTF-16BE with coding 2.
        """
        gsm = alphabet_of(text) is Alphabet.GSM7
        raw = text.encode("utf-8") if gsm else text.encode("utf-16-be")
        fields = {
            "from": sender.encode(),
            "to": to.encode(),
            "text": raw,
            "coding": b"0" if gsm else b"2",
            "charset": b"UTF-8" if gsm else b"UTF-16BE",
            "smsc": b"sim",
            "id": f"sim-{next(self._message_ids)}-{datetime.now(UTC).timestamp()}".encode(),
            "at": str(int(datetime.now(UTC).timestamp())).encode(),
        }
        encoded = "&".join(f"{name}={''.join(f'%{octet:02X}' for octet in value)}" for name, value in fields.items())
        async with http.get(URL(f"{get_url}?{encoded}", encoded=True)) as response:
            return response.status, (await response.text()).strip()
