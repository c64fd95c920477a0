"""A simulated Magfa (HTTP v2), written from its documents: send, statuses, mid, messages. It calls nobody."""

import itertools
from collections import deque
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
from aiohttp import BasicAuth, web
from yarl import URL

from simulators.phones import Phones

BASE = "/api/http/sms/v2"
UNKNOWN, ON_THE_HANDSET = -1, 1


class Magfa:
    def __init__(self, username: str, password: str, inbox: Phones) -> None:
        self._account, self._inbox = (username, password), inbox
        self._ids = itertools.count(6_300_000_001)
        self._sent: dict[int, int] = {}
        self._uids: dict[int, int] = {}
        self._waiting: deque[dict[str, Any]] = deque()
        self.looked_up = 0

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post(f"{BASE}/send", self._send)
        app.router.add_get(BASE + "/messages/{count}", self._messages)
        app.router.add_get(BASE + "/statuses/{mids}", self._statuses)
        app.router.add_get(BASE + "/mid/{uid}", self._mid)
        return app

    def _refused(self, request: web.Request) -> web.Response | None:
        try:
            login = BasicAuth.decode(request.headers.get("Authorization", ""))
        except ValueError:
            return web.json_response({"status": 18})
        return None if (login.login, login.password) == self._account else web.json_response({"status": 18})

    async def _send(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        asked = await request.json()
        told = []
        for sender, phone, text, uid in zip(
            asked["senders"], asked["recipients"], asked["messages"], asked["uids"], strict=True
        ):
            if not (phone.startswith("98") and len(phone) == 12):
                told.append({"status": 1, "recipient": phone})
                continue
            mid = next(self._ids)
            self._uids[uid], self._sent[mid] = mid, ON_THE_HANDSET
            self._inbox.deliver(f"+{phone}", sender, text)
            told.append({"status": 0, "id": mid, "userId": uid, "parts": 1, "alphabet": "UCS2", "recipient": phone})
        return web.json_response({"status": 0, "messages": told})

    async def _messages(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        count = min(int(request.match_info["count"]), len(self._waiting))
        return web.json_response({"status": 0, "messages": [self._waiting.popleft() for _ in range(count)]})

    async def _statuses(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        mids = [int(each) for each in request.match_info["mids"].split(",")]
        dlrs = [{"mid": mid, "status": self._sent.get(mid, UNKNOWN), "date": _now()} for mid in mids]
        return web.json_response({"status": 0, "dlrs": dlrs})

    async def _mid(self, request: web.Request) -> web.Response:
        if refused := self._refused(request):
            return refused
        self.looked_up += 1
        return web.json_response({"status": 0, "mid": self._uids.get(int(request.match_info["uid"]), -1)})

    async def send(self, _: aiohttp.ClientSession, __: URL, sender: str, to: str, text: str) -> tuple[int, str]:
        """A citizen's SMS waits here until the gateway asks for it."""
        message = {"body": text, "senderNumber": sender.removeprefix("+"), "recipientNumber": to, "date": _now()}
        self._waiting.append(message)
        return 200, ""


def _now() -> str:
    return datetime.now(ZoneInfo("Asia/Tehran")).strftime("%Y-%m-%d %H:%M:%S.%f")
