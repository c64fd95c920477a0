"""The wire log: each request and its reply as they went between the telecom side and the gateway, secrets masked.

It listens below the dialects, at the HTTP client that calls the gateway and at the simulated services the gateway
calls; so it knows none of them, and what it shows is what was sent.
"""

import itertools
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote_to_bytes

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

KEPT = 2_000
"""Exchanges remembered over all phones; the oldest go first."""

MASK = "***"
_SECRET = re.compile(r"(?i)(?:^|[_.-])(?:pass|password|passwd|pwd|secret|token|api_?key|apikey|signature)$")
_SECRET_IN_JSON = re.compile(r'(?i)("[a-z_]*(?:pass|password|secret|token|api_?key|signature)"\s*:\s*)"[^"]*"')


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply. status None: there was no reply, and reply says why."""

    id: int
    at: str
    channel: str
    by: str
    request: str
    status: int | None
    reply: str
    ms: int


@dataclass(frozen=True, slots=True)
class Sent:
    method: str
    url: URL
    headers: CIMultiDict[str]
    body: bytes


class Wire:
    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()
        self._ids = itertools.count(1)
        self._exchanges: deque[Exchange] = deque(maxlen=KEPT)

    def hide(self, secrets: Iterable[str]) -> None:
        """What stands in addresses and must not be shown; passwords and tokens are known by their names."""
        self._secrets = tuple(filter(None, secrets))

    def of(self, msisdn: str, after: int = 0) -> list[Exchange]:
        """What was about this phone, however its number was spelled; oldest first."""
        number = re.sub(r"\D", "", msisdn)[-9:]
        if len(number) < 9:
            return []
        return [each for each in self._exchanges if each.id > after and number in re.sub(r"\D", "", each.request)]

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/sim/v1/wire", self._list)]

    async def _list(self, request: web.Request) -> web.Response:
        """?msisdn=&after=: what went over the wire for that phone behind an id."""
        after = request.query.get("after", "0")
        behind = int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else 0
        found = self.of(request.query.get("msisdn", ""), behind)
        return web.json_response({"exchanges": [asdict(each) for each in found]})

    def middleware(self, channel: str) -> Callable[..., Awaitable[web.StreamResponse]]:
        """Hears what the gateway asks of a simulated service."""

        @web.middleware
        async def heard(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            began, body = time.monotonic(), await request.read()
            response = await handler(request)
            reply = response.text or "" if isinstance(response, web.Response) else ""
            shown = self.shown(request.method, request.rel_url, request.content_type, body)
            self.note(channel, "gateway", shown, response.status, reply, began)
            return response

        return heard

    def note(self, channel: str, by: str, request: str, status: int | None, reply: str, began: float) -> None:
        ms = round((time.monotonic() - began) * 1000)
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._exchanges.append(Exchange(next(self._ids), at, channel, by, request, status, reply, ms))

    def shown(self, method: str, url: URL, content_type: str, body: bytes) -> str:
        """Request line, then the body; fields one a line, decoded."""
        lines = [f"{method} {url.raw_path}", *_fields(url.raw_query_string)]
        if content_type == "application/x-www-form-urlencoded":
            lines += _fields(body.decode("ascii", "replace"))
        elif body:
            lines.append(_SECRET_IN_JSON.sub(rf'\1"{MASK}"', body.decode("utf-8", "replace")))
        text = "\n".join(lines)
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


class Tap:
    """Hears one HTTP client that calls the gateway, and can send its last request again, to the letter."""

    def __init__(self, wire: Wire, channel: str) -> None:
        self._wire, self._channel = wire, channel
        self._last: Sent | None = None

    def trace(self) -> aiohttp.TraceConfig:
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._started)
        trace.on_request_headers_sent.append(self._headers)
        trace.on_request_chunk_sent.append(self._chunk)
        trace.on_response_chunk_received.append(self._answered)
        trace.on_request_end.append(self._ended)
        trace.on_request_exception.append(self._failed)
        return trace

    async def again(self, http: aiohttp.ClientSession) -> None:
        if self._last is not None:
            last = self._last
            async with http.request(last.method, last.url, headers=last.headers, data=last.body or None) as response:
                await response.read()

    async def _started(self, _: aiohttp.ClientSession, about: SimpleNamespace, params: Any) -> None:
        about.began, about.body, about.headers, about.status = time.monotonic(), b"", CIMultiDict(), None

    async def _headers(self, _: aiohttp.ClientSession, about: SimpleNamespace, params: Any) -> None:
        about.headers = CIMultiDict(params.headers)

    async def _chunk(self, _: aiohttp.ClientSession, about: SimpleNamespace, params: Any) -> None:
        about.body += params.chunk

    async def _ended(self, _: aiohttp.ClientSession, about: SimpleNamespace, params: Any) -> None:
        about.status = params.response.status

    async def _answered(self, _: aiohttp.ClientSession, about: SimpleNamespace, params: Any) -> None:
        self._heard(about, params, params.chunk.decode("utf-8", "replace"))

    async def _failed(self, _: aiohttp.ClientSession, about: SimpleNamespace, params: Any) -> None:
        self._heard(about, params, f"no reply: {params.exception or type(params.exception).__name__}")

    def _heard(self, about: SimpleNamespace, params: Any, reply: str) -> None:
        for name in ("Host", "Content-Length", "Connection"):
            about.headers.pop(name, None)
        self._last = Sent(params.method, params.url, about.headers, about.body)
        kind = about.headers.get("Content-Type", "").partition(";")[0].strip()
        shown = self._wire.shown(params.method, params.url, kind, about.body)
        self._wire.note(self._channel, "network", shown, about.status, reply, about.began)


def _fields(encoded: str) -> list[str]:
    found = []
    for pair in filter(None, encoded.split("&")):
        name, _, value = pair.partition("=")
        key = _text(name)
        found.append(f"{key}={MASK if _SECRET.search(key) else _text(value)}")
    return found


def _text(encoded: str) -> str:
    """UTF-8, or UTF-16BE as Kannel sends Persian, or as it stands."""
    raw = unquote_to_bytes(encoded.replace("+", " "))
    for codec in ("utf-16-be",) if b"\0" in raw or _arabic(raw) else ("utf-8", "utf-16-be"):
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            continue
    return encoded


def _arabic(raw: bytes) -> bool:
    """Whether this is UTF-16BE of the Arabic block: every other octet is 0x06 or that of a digit or blank."""
    return len(raw) > 1 and len(raw) % 2 == 0 and set(raw[::2]) <= {0x00, 0x06, 0x20}
