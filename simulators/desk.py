"""/sim/v1: the phones' side of the demo, and what is wrong with its offices, beside the gateway's routes. Never part of
a served gateway."""

from collections.abc import Mapping
from dataclasses import asdict

import aiohttp
from aiohttp import web
from yarl import URL

from simulators.kannel import Kannel
from simulators.offices.faults import MODES, Front, UnknownMode

EXAMPLE = 'expected {"from": "+98...", "to": "4040", "text": "12345"}'


class Desk:
    def __init__(
        self, phones: Kannel, http: aiohttp.ClientSession, sms_channel: str, offices: Mapping[str, Front]
    ) -> None:
        """sms_channel: the address of the gateway's channel these phones text to."""
        self._phones, self._http, self._sms_channel = phones, http, URL(sms_channel)
        self._offices = offices

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/sim/v1/messages", self._send),
            web.get("/sim/v1/inbox", self._inbox),
            web.get("/sim/v1/offices", self._list),
            web.post("/sim/v1/offices/{name}/fault", self._fault),
        ]

    async def _send(self, request: web.Request) -> web.Response:
        """{from, to, text}: 202 with `after`, the id behind which the answer will be."""
        try:
            message = await request.json()
            sender, to, text = (message[name] for name in ("from", "to", "text"))
            for each in (sender, to, text):
                each.encode("utf-8")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, web.RequestPayloadError):
            return web.json_response({"error": EXAMPLE}, status=400)
        after = self._phones.last_id
        status, line = await self._phones.send(self._http, self._sms_channel, sender, to, text)
        if status != 200:
            return web.json_response({"error": f"the gateway answered {status}: {line}"}, status=502)
        return web.json_response({"after": after}, status=202)

    async def _inbox(self, request: web.Request) -> web.Response:
        """?msisdn=&after=: what that phone has received behind an id, oldest first."""
        after = request.query.get("after", "0")
        behind = int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else 0
        found = self._phones.received(request.query.get("msisdn", ""), behind)
        return web.json_response({"messages": [asdict(each) for each in found]})

    async def _list(self, _: web.Request) -> web.Response:
        offices = [{"name": name, "mode": each.mode, "asked": each.asked} for name, each in self._offices.items()]
        return web.json_response({"offices": offices, "modes": MODES})

    async def _fault(self, request: web.Request) -> web.Response:
        """{mode}: what is wrong with this office from now on; `none` heals it."""
        office = self._offices.get(request.match_info["name"])
        if office is None:
            return web.json_response(
                {"error": f"there is no such office; there are {', '.join(self._offices)}"}, status=404
            )
        try:
            mode = (await request.json())["mode"]
            await office.fault(mode if isinstance(mode, str) else "")
        except UnknownMode as error:
            return web.json_response({"error": str(error)}, status=400)
        except (ValueError, LookupError, TypeError, RecursionError, web.RequestPayloadError):
            return web.json_response({"error": 'expected {"mode": "reset"}'}, status=400)
        return web.json_response({"name": office.name, "mode": office.mode})
