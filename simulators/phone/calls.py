"""The calls of the phone in a browser: what it dials and types goes out as an aggregator's requests, over the wire.

What the network does to a call is done here, where a network stands: it may be slow, lose the call, ask twice or give
up too early. The gateway is never told that this is a simulation.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from simulators.aggregator import Call, CallFailed, Shown
from simulators.channels import Channel
from simulators.desk_phone import call_of, carried
from simulators.phone import meter
from simulators.phone.wire import Tap, Wire

SESSION_S = 180.0
"""After this the network ends a session, whatever it is saying (operators: 120 to 180 s)."""

SLOW_S = 2.0
"""What a slow network takes, each way."""

LATE_S = 3.0
"""When the caller hears of an answer that came too late. Aggregators wait longer; whoever tries this need not."""

OPEN = 100
"""Calls at once; the oldest is lost then, as when its phone was switched off."""


@dataclass(frozen=True, slots=True)
class Line:
    """A USSD channel as the network knows it."""

    channel: Channel
    url: str
    max_septets: int
    max_units: int


class _Trouble(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the network does with this request. repeat: it asks the gateway twice; late: it does not wait for it."""

    slow: bool = False
    repeat: bool = False
    late: bool = False


class _Dial(_Trouble, frozen=True, kw_only=True):
    channel: str
    msisdn: str
    code: str


class _Reply(_Trouble, frozen=True, kw_only=True):
    text: str


@dataclass(slots=True)
class _Open:
    channel: str
    msisdn: str
    session_id: str
    call: Call
    http: aiohttp.ClientSession
    tap: Tap
    began: float
    busy: bool = False


class Calls:
    def __init__(self, lines: Mapping[str, Line], wire: Wire, gateway: str, token: str) -> None:
        """token: with it the gateway's /api/v1 says where a dialogue stands. It stays on this side of the page."""
        self._lines, self._wire = lines, wire
        self._dialogues, self._token = f"{gateway}/api/v1/dialogues", token
        self._open: dict[str, _Open] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/sim/v1/calls", self._dial),
            web.post("/sim/v1/calls/{call}/replies", self._reply),
            web.post("/sim/v1/calls/{call}/end", self._end),
            web.delete("/sim/v1/calls/{call}", self._drop),
        ]

    async def stop(self) -> None:
        for call in list(self._open):
            await self._lost(call)

    async def _dial(self, request: web.Request) -> web.Response:
        """{channel, msisdn, code}, and trouble if any: 201 with what the phone shows, and the call's name."""
        try:
            asked = msgspec.json.decode(await request.read(), type=_Dial)
        except (msgspec.DecodeError, RecursionError) as error:
            example = '{"channel": "africastalking", "msisdn": "+98...", "code": "*4*061#"}'
            return _refused(400, f"expected {example}: {error}")
        line = self._lines.get(asked.channel)
        if line is None:
            return _refused(404, f"there is no USSD channel {asked.channel}; there are {', '.join(self._lines)}")
        if len(self._open) >= OPEN:
            await self._lost(next(iter(self._open)))
        name = uuid.uuid4().hex
        tap = Tap(self._wire, asked.channel)
        http = aiohttp.ClientSession(trace_configs=[tap.trace()])
        call = call_of(line.channel, asked.msisdn, name, carried(http, line.url))
        self._open[name] = here = _Open(asked.channel, asked.msisdn, name, call, http, tap, time.monotonic())
        return await self._said(name, here, lambda: call.dial(asked.code), asked, 201)

    async def _reply(self, request: web.Request) -> web.Response:
        """{text}, and trouble if any: what the phone shows next."""
        name = request.match_info["call"]
        here = self._open.get(name)
        if here is None:
            return _refused(404, "this call is over")
        if here.busy:
            return _refused(409, "the network has not answered yet")
        try:
            asked = msgspec.json.decode(await request.read(), type=_Reply)
        except (msgspec.DecodeError, RecursionError) as error:
            return _refused(400, f'expected {{"text": "1"}}: {error}')
        if time.monotonic() - here.began > SESSION_S:
            await self._lost(name)
            return web.json_response(_failed(here, f"the network ended the session after {SESSION_S:.0f} s", 0))
        return await self._said(name, here, lambda: here.call.type(asked.text), asked, 200)

    async def _end(self, request: web.Request) -> web.Response:
        """She hung up: the gateway is told where this aggregator tells."""
        name = request.match_info["call"]
        if here := self._open.get(name):
            await here.call.hang_up()
        await self._lost(name)
        return web.Response(status=204)

    async def _drop(self, request: web.Request) -> web.Response:
        """The call is gone; the gateway is not told."""
        await self._lost(request.match_info["call"])
        return web.Response(status=204)

    async def _said(
        self, name: str, here: _Open, say: Callable[[], Awaitable[Shown]], trouble: _Trouble, status: int
    ) -> web.Response:
        here.busy, began = True, time.monotonic()
        try:
            shown = await self._through(name, here, say, trouble)
        except (CallFailed, aiohttp.ClientError, TimeoutError) as failed:
            await self._lost(name)
            return web.json_response(_failed(here, str(failed), time.monotonic() - began), status=status)
        finally:
            here.busy = False
            if name not in self._open:
                await here.http.close()
        took_s = time.monotonic() - began
        line = self._lines[here.channel]
        state = {
            "call": name,
            "text": shown.text,
            "over": shown.over,
            "failed": None,
            "size": meter.screen(shown.text, line.max_septets, line.max_units),
            "dialogue": await self._dialogue(here),
            **_times(here, took_s),
        }
        if shown.over:
            await self._lost(name)
        return web.json_response(state, status=status)

    async def _through(self, name: str, here: _Open, say: Callable[[], Awaitable[Shown]], trouble: _Trouble) -> Shown:
        """One request and its answer through a network in that trouble. Raises what becomes of it."""
        await asyncio.sleep(SLOW_S if trouble.slow else 0)
        if name not in self._open:
            raise CallFailed("the call was lost before this was sent")
        shown = await say()
        if trouble.repeat:
            await here.tap.again(here.http)
        if trouble.late:
            await asyncio.sleep(LATE_S)
            raise CallFailed("the answer came too late; the network had given up")
        await asyncio.sleep(SLOW_S if trouble.slow else 0)
        return shown

    async def _dialogue(self, here: _Open) -> Any:
        """Where the gateway says this dialogue stands; None when it does not say."""
        url = URL(f"{self._dialogues}/{here.channel}") / here.session_id
        headers = {"Authorization": f"Bearer {self._token}", "X-Rasad-Msisdn": here.msisdn}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http,
                http.get(url, headers=headers) as response,
            ):
                return await response.json() if response.status == 200 else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _lost(self, name: str) -> None:
        here = self._open.pop(name, None)
        if here is not None and not here.busy:  # what is on its way arrives; then it is closed
            await here.http.close()


def _times(here: _Open, took_s: float) -> dict[str, Any]:
    return {"ms": round(took_s * 1000), "used_s": round(time.monotonic() - here.began, 1), "session_s": SESSION_S}


def _failed(here: _Open, why: str, took_s: float) -> dict[str, Any]:
    return {"call": None, "text": "", "over": True, "failed": why, "size": None, "dialogue": None,
            **_times(here, took_s)}  # fmt: skip


def _refused(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status)
