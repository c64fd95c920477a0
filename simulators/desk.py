"""/sim/v1: the phones' side of the demo, and what is wrong with its offices, beside the gateway's routes. Never part of
a served gateway."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Protocol

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from simulators.channels import Channel, Channels
from simulators.offices.faults import MODES, Front, UnknownMode
from simulators.phone import meter
from simulators.phones import Phones
from simulators.recorder import Happened, Public, written

EXAMPLE = 'expected {"from": "+98...", "to": "4040", "text": "12345"}'


class Provider(Protocol):
    """An SMS provider's side of a citizen's message."""

    async def send(self, http: aiohttp.ClientSession, url: URL, sender: str, to: str, text: str) -> tuple[int, str]:
        """The status and the body the gateway's channel answered with; 200 where it is not told but asks."""
        ...


class Recording(msgspec.Struct, frozen=True):
    happened: list[Happened]
    lang: str | None = None


class _Receipts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    delay_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    lost: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0


class Desk:
    def __init__(
        self,
        phones: Phones,
        http: aiohttp.ClientSession,
        texts_by: Mapping[str, tuple[Provider, str]],
        channels: Sequence[Channel],
        offices: Mapping[str, Front],
        public: Callable[[], Public],
    ) -> None:
        """texts_by: the gateway's SMS channels that these phones can text by, the provider of each and its address.
        public: what a recording may say, as it is now."""
        self._phones, self._http = phones, http
        self._texts_by = {name: (provider, URL(address)) for name, (provider, address) in texts_by.items()}
        self._channels, self._offices, self._public = channels, offices, public

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/sim/v1/messages", self._send),
            web.get("/sim/v1/inbox", self._inbox),
            web.get("/sim/v1/channels", self._tell),
            web.get("/sim/v1/public", self._may_be_said),
            web.post("/sim/v1/recordings", self._record),
            web.get("/sim/v1/receipts", self._receipts),
            web.post("/sim/v1/receipts", self._receipts),
            web.get("/sim/v1/offices", self._list),
            web.post("/sim/v1/offices/{name}/fault", self._fault),
        ]

    async def _send(self, request: web.Request) -> web.Response:
        """{from, to, text}, and channel where it is not the first: 202 with `after`, the id behind which the answer
        will be, and what the text cost."""
        try:
            message = await request.json()
            sender, to, text = (message[name] for name in ("from", "to", "text"))
            channel = message.get("channel", next(iter(self._texts_by)))
            for each in (sender, to, text, channel):
                each.encode("utf-8")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, web.RequestPayloadError):
            return web.json_response({"error": EXAMPLE}, status=400)
        if channel not in self._texts_by:
            told = f"there is no phone that texts by {channel}; there are {', '.join(self._texts_by)}"
            return web.json_response({"error": told}, status=400)
        after = self._phones.last_id
        provider, address = self._texts_by[channel]
        status, line = await provider.send(self._http, address, sender, to, text)
        if status != 200:
            return web.json_response({"error": f"the gateway answered {status}: {line}"}, status=502)
        return web.json_response({"after": after, "size": meter.message(text)}, status=202)

    async def _inbox(self, request: web.Request) -> web.Response:
        """?msisdn=&after=: what that phone has received behind an id, oldest first; without msisdn every phone."""
        after = request.query.get("after", "0")
        behind = int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else 0
        found = self._phones.received(request.query.get("msisdn"), behind)
        return web.json_response({"messages": [{**asdict(each), "size": meter.message(each.text)} for each in found]})

    async def _tell(self, _: web.Request) -> web.Response:
        """The gateway's channels: name, what it carries, its dialect, the service code that is dialled."""
        return web.Response(body=msgspec.json.encode(Channels(list(self._channels))), content_type="application/json")

    async def _may_be_said(self, _: web.Request) -> web.Response:
        """The words and numbers that stay in a recording; anything else is masked."""
        return web.Response(body=msgspec.json.encode(self._public()), content_type="application/json")

    async def _record(self, request: web.Request) -> web.Response:
        """{happened: [{act, value, over, at_s}, ...]} to a conversation file; act: dial, type, screen, text or sms."""
        try:
            found = msgspec.json.decode(await request.read(), type=Recording)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, web.RequestPayloadError) as error:
            expected = 'expected {"happened": [{"act": "dial", "value": "*4*061#"}]}'
            return web.json_response({"error": f"{expected}: {error}"}, status=400)
        return web.Response(text=written(found.happened, self._public(), found.lang), content_type="application/yaml")

    async def _receipts(self, request: web.Request) -> web.Response:
        """How receipts behave; {delay_s, lost}: from now on."""
        if request.method == "POST":
            try:
                found = msgspec.json.decode(await request.read(), type=_Receipts)
            except (msgspec.MsgspecError, UnicodeError, RecursionError, web.RequestPayloadError) as error:
                return web.json_response({"error": f'expected {{"delay_s": 5, "lost": 0.1}}: {error}'}, status=400)
            self._phones.receipts.delay_s, self._phones.receipts.lost = found.delay_s, found.lost
        return web.json_response(asdict(self._phones.receipts))

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
