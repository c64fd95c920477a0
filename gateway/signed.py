"""What an office posts to us under its own name: HMAC-SHA256 over `timestamp.body` with its backend's secret, in hex;
300 s."""

import asyncio
import hmac
from typing import NamedTuple

import aiohttp
from aiohttp import web

from gateway.clock import Clock

FRESH_S = 300


class NotTaken(Exception):
    """A request that is refused; says with which status and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why

    def response(self) -> web.Response:
        return web.Response(status=self.status, text=self.why)


class Signed(NamedTuple):
    """at: when it was signed, by the office's clock, in seconds since 1970."""

    at: int
    body: bytes


async def signed(request: web.Request, secret: str, clock: Clock, *, max_octets: int, within_s: float) -> Signed:
    """The request's body, once it is known to be that office's. Raises NotTaken."""
    stamp, signature = request.headers.get("X-Rasad-Timestamp", ""), request.headers.get("X-Rasad-Signature", "")
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise NotTaken(401, "X-Rasad-Timestamp: seconds since 1970 were expected")
    if abs(clock.now().timestamp() - int(stamp)) > FRESH_S:
        raise NotTaken(401, f"X-Rasad-Timestamp is more than {FRESH_S} s from our clock")
    body = await _body(request, max_octets, within_s)
    if body is None:
        raise NotTaken(413, f"at most {max_octets} octets within {within_s:g} s")
    if not hmac.compare_digest(sign(secret, stamp, body), signature.encode("utf-8", "replace")):
        raise NotTaken(401, "X-Rasad-Signature is not that of this body")
    return Signed(int(stamp), body)


def sign(secret: str, stamp: str, body: bytes) -> bytes:
    """The signature an office sends, in hex."""
    return hmac.digest(secret.encode(), stamp.encode() + b"." + body, "sha256").hex().encode()


async def _body(request: web.Request, max_octets: int, within_s: float) -> bytes | None:
    if request.content_length is not None and request.content_length > max_octets:
        return None
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            while chunk := await request.content.read(max_octets + 1 - len(body)):
                body += chunk
                if len(body) > max_octets:
                    return None
            return bytes(body)
    except TimeoutError:
        return None
    except (web.RequestPayloadError, aiohttp.ClientPayloadError, ConnectionError):
        raise NotTaken(400, "the body is broken or ended early") from None
