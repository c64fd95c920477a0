"""A simulated Kavenegar, written from its documents: sms/send with its localid, and the two callbacks of a line."""

import itertools
import time
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from simulators.phones import Phones
from simulators.reports import Reports

MAX_CHARACTERS = 900
QUEUED, DELIVERED = 1, 10


class Kavenegar:
    def __init__(self, key: str, inbox: Phones) -> None:
        self._key, self._inbox, self._reports = key, inbox, Reports(inbox.receipts)
        self._ids = itertools.count(8_792_343)
        self._known: dict[str, dict[str, Any]] = {}
        self.status_url = ""
        """What is entered in the panel as the address of delivery reports."""

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/v1/{key}/sms/send.json", self._send)
        app.cleanup_ctx.append(self._reports.connected)
        return app

    async def _send(self, request: web.Request) -> web.Response:
        if request.match_info["key"] != self._key:
            return _returned(403, "کد شناسائی API-Key معتبر نمی‌باشد")
        form = {**request.query, **await request.post()}
        receptor, text = str(form.get("receptor", "")), str(form.get("message", ""))
        if not 0 < len(text) <= MAX_CHARACTERS:
            return _returned(413, "پیام خالی است و یا طول پیام بیش از حد مجاز می‌باشد")
        if (phone := _phone(receptor)) is None:
            return _returned(411, "دریافت کننده نامعتبر است")
        local = str(form.get("localid", ""))
        if local in self._known:
            return _returned(200, "تایید شد", [self._known[local]])
        entry = {
            "messageid": next(self._ids),
            "message": text,
            "status": QUEUED,
            "statustext": "در صف ارسال",
            "sender": str(form.get("sender", "")),
            "receptor": receptor,
            "date": int(time.time()),
            "cost": 120,
        }
        if local:
            self._known[local] = entry
        self._inbox.deliver(phone, str(form.get("sender", "")), text)
        if self.status_url:
            report = {"messageid": str(entry["messageid"]), "status": str(DELIVERED)}
            self._reports.send("POST", self.status_url, report)
        return _returned(200, "تایید شد", [entry])

    async def send(self, http: aiohttp.ClientSession, url: URL, sender: str, to: str, text: str) -> tuple[int, str]:
        """A citizen's SMS as the callback of a line; the status and the body it was answered with."""
        form = {"messageid": str(next(self._ids)), "from": sender.replace("+98", "0"), "to": to, "message": text}
        async with http.post(url, data=form) as response:
            return response.status, (await response.text()).strip()


def _phone(receptor: str) -> str | None:
    """Forms that are taken: 09..., 00989..., +989..., 9..."""
    for prefix in ("+98", "0098", "98", "0"):
        if receptor.startswith(prefix):
            receptor = receptor.removeprefix(prefix)
            break
    return f"+98{receptor}" if len(receptor) == 10 and receptor.isdecimal() and receptor.startswith("9") else None


def _returned(status: int, message: str, entries: list[dict[str, Any]] | None = None) -> web.Response:
    body = {"return": {"status": status, "message": message}, "entries": entries}
    return web.json_response(body, status=status)
