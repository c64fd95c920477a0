"""What goes wrong with offices: a switchable layer in front of any simulated HTTP office.

    async with Front("secretariat", application) as front:
        front.url                      # where the office is found
        await front.fault("reset")     # from now on; "none" heals

The modes of reliability.md F12. Those of the connection (refuse, blackhole, bad_certificate) hold for new connections;
what is open is cut when the mode changes. Port and address stay the same throughout.
"""

import asyncio
import re
import socket
import ssl
import struct
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from types import TracebackType
from typing import Self

from aiohttp import web

MODES = (
    "none", "slow_1s", "slow_5s", "slow_30s", "refuse", "reset", "blackhole", "drip", "error_500", "busy_429",
    "cut_json", "huge", "gzip_bomb", "html", "redirect", "bad_certificate", "other_record", "older_status",
)  # fmt: skip

HUGE_OCTETS = 50_000_000
CHUNK = b" " * 65_536

_SLOW = {"slow_1s": 1.0, "slow_5s": 5.0, "slow_30s": 30.0}
_YEAR = re.compile(rb"(?<![0-9])(1[34][0-9]{2}|20[0-9]{2})(?=[/-][0-9]{1,2}[/-][0-9]{1,2})")


class UnknownMode(Exception):
    """No such fault. Says which there are."""


class Front:
    """One office and what is wrong with it.

    pace: seconds of the modes' names are multiplied by it, for tests in a hurry. tls: the office is on https; bad_tls:
    the certificate it shows in bad_certificate. asked: requests that came, by the mode they met.
    """

    def __init__(
        self,
        name: str,
        application: web.Application,
        *,
        pace: float = 1.0,
        tls: ssl.SSLContext | None = None,
        bad_tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name, self.mode = name, "none"
        self.asked: dict[str, int] = {}
        self._pace, self._tls, self._bad_tls = pace, tls, bad_tls
        application.middlewares.append(self._middleware())
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        self._site: web.SockSite | None = None
        self._open: set[asyncio.BaseTransport] = set()
        self._full: list[socket.socket] = []
        # Bound and never listening: the port stays ours while nothing listens on it.
        self._kept = _bound(0)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await self._listen(self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()
        await self._runner.cleanup()
        self._kept.close()

    @property
    def port(self) -> int:
        return int(self._kept.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    async def fault(self, mode: str) -> None:
        """Raises UnknownMode."""
        if mode not in MODES:
            raise UnknownMode(f"{mode!r} is none of {', '.join(MODES)}")
        self.mode = mode
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self._drop()
        match mode:
            case "refuse":
                pass
            case "blackhole":
                self._full = _full(self.port)
            case "bad_certificate" if self._bad_tls is not None:
                await self._listen(self._bad_tls)
            case _:
                await self._listen(self._tls)

    async def _listen(self, tls: ssl.SSLContext | None) -> None:
        self._site = web.SockSite(self._runner, _bound(self.port), ssl_context=tls, backlog=1024)
        await self._site.start()

    def _drop(self) -> None:
        for transport in self._open:
            with suppress(AttributeError):  # the first Pythons 3.11 cannot abort TLS that is over already
                transport.abort()  # type: ignore[attr-defined]  # of sockets, which these are
        self._open.clear()
        for each in self._full:
            each.close()
        self._full = []

    def _middleware(self) -> Callable[..., Awaitable[web.StreamResponse]]:
        @web.middleware
        async def faulty(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            self.asked[self.mode] = self.asked.get(self.mode, 0) + 1
            if request.transport is not None:
                self._open = {each for each in self._open if not each.is_closing()} | {request.transport}
            return await self._answered(request, handler)

        return faulty

    async def _answered(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        match self.mode:
            case "slow_1s" | "slow_5s" | "slow_30s" as mode:
                await asyncio.sleep(_SLOW[mode] * self._pace)
                return await handler(request)
            case "reset":
                return _reset(request)
            case "drip":
                return await self._dripped(request, await _body(request, handler))
            case "error_500":
                return web.Response(status=500, text="java.lang.NullPointerException")
            case "busy_429":
                return web.Response(status=429, headers={"Retry-After": "30"})
            case "cut_json":
                body = await _body(request, handler)
                return web.Response(body=body[: len(body) * 2 // 3], content_type="application/json")
            case "huge":
                return await _huge(request)
            case "gzip_bomb":
                return web.Response(body=_bomb(), headers={"Content-Encoding": "gzip"}, content_type="application/json")
            case "html":
                return web.Response(text="<html><body>Under maintenance</body></html>", content_type="text/html")
            case "redirect":
                return web.Response(status=302, headers={"Location": str(request.rel_url)})
            case "other_record":
                body = await _body(request, handler)
                return web.Response(body=_of_somebody_else(request, body), content_type="application/json")
            case "older_status":
                body = _YEAR.sub(lambda year: b"%d" % (int(year[0]) - 1), await _body(request, handler))
                return web.Response(body=body, content_type="application/json")
            case _:
                return await handler(request)

    async def _dripped(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """An octet a second."""
        response = web.StreamResponse(headers={"Content-Length": str(len(body)), "Content-Type": "application/json"})
        with suppress(ConnectionError):
            await response.prepare(request)
            for place in range(len(body)):
                await response.write(body[place : place + 1])
                await asyncio.sleep(self._pace)
        return response


async def _body(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> bytes:
    response = await handler(request)
    return response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""


def _reset(request: web.Request) -> web.Response:
    if request.transport is not None:
        found = request.transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close says RST
        request.transport.abort()
    return web.Response()


async def _huge(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    with suppress(ConnectionError):
        await response.prepare(request)
        for _ in range(HUGE_OCTETS // len(CHUNK)):
            await response.write(CHUNK)
    return response


@cache
def _bomb() -> bytes:
    packing = zlib.compressobj(wbits=31)
    chunks = HUGE_OCTETS // len(CHUNK)
    return b"".join([*(packing.compress(CHUNK) for _ in range(chunks)), packing.flush()])


def _of_somebody_else(request: web.Request, body: bytes) -> bytes:
    """The answer with the next number in place of the one that was asked for."""
    asked = {digits for value in request.query.values() for digits in re.findall(r"[0-9]+", value)}
    for digits in sorted(asked, key=len, reverse=True):
        other = str(int(digits) + 1).zfill(len(digits))
        body = re.sub(rf"(?<![0-9]){digits}(?![0-9])".encode(), other.encode(), body)
    return body


def _bound(port: int) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.bind(("127.0.0.1", port))
    found.setblocking(False)
    return found


def _full(port: int) -> list[socket.socket]:
    """A listener nobody accepts from, its queue full: further connections are neither taken nor refused."""
    listener = _bound(port)
    listener.listen(0)
    waiting = []
    for _ in range(4):
        each = socket.socket()
        each.setblocking(False)
        with suppress(BlockingIOError):
            each.connect(("127.0.0.1", port))
        waiting.append(each)
    return [listener, *waiting]
