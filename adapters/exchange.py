"""One request over HTTP and its answer, bounded in size, without redirects, cookies or repeats; what goes wrong is a
BackendFailed of its own kind. Times are the caller's: it cancels."""

import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from adapters.addresses import AddressRefused
from adapters.contract import (
    BackendBusy,
    BackendError,
    BackendFailed,
    BackendGarbage,
    BackendUnreachable,
    BadCertificate,
    Bomb,
    CutOff,
    NotAllowedThere,
    NotListening,
    NotReadable,
    NotResolved,
    Progress,
    Redirected,
    TooLarge,
)


@dataclass(frozen=True, slots=True)
class Request:
    """url: complete and percent-encoded, as it is sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    retry_after_s: float | None
    charset: str | None = None
    """As its Content-Type says."""


ONCE_MORE = (NotListening, CutOff, BackendBusy, BackendError)
"""Failures after which asking the same at once may help; whether it may be repeated is its file's to say."""


def session(connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
    """The deadline is the guard's; aiohttp's own would be a second one beside it."""
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trace_configs=[_tracing()],
    )


def told(request: Request) -> str:
    """A request as whoever connects an office reads it."""
    headers = "".join(f"\n{name}: {value}" for name, value in request.headers.items())
    body = request.body.decode("utf-8", "replace")
    return f"{request.method} {request.url}{headers}" + (f"\n\n{body}" if body else "")


def unexpected(reply: Reply) -> BackendFailed:
    """What a status means that its file does not speak of."""
    what = f"HTTP {reply.status}"
    match reply.status:
        case 429:
            busy = BackendBusy(what)
            busy.after_s = reply.retry_after_s
            return busy
        case 503 if reply.retry_after_s is not None:
            busy = BackendBusy(what)
            busy.after_s = reply.retry_after_s
            return busy
        case status if status >= 500:
            return BackendError(what)
        case status if 300 <= status < 400:
            return Redirected(what)
        case _:
            return BackendGarbage(what)


async def exchange(
    http: aiohttp.ClientSession, request: Request, *, max_octets: int, gzip: bool, progress: Progress
) -> Reply:
    """The answer as octets, unpacked. max_octets bounds it packed and unpacked; gzip: it may come packed.

    Raises BackendFailed.
    """
    headers = {"Accept-Encoding": "gzip" if gzip else "identity", **request.headers}
    progress.doing = "connecting"
    try:
        async with http.request(
            request.method, URL(request.url, encoded=True), headers=headers, data=request.body or None,
            allow_redirects=False, middlewares=(_once,), trace_request_ctx=progress,
        ) as response:  # fmt: skip
            progress.doing = "reading"
            try:
                body = await _read(response, max_octets)
            except TooLarge:
                response.close()  # nobody waits for the rest of it
                raise
            coding = response.headers.get("Content-Encoding", "identity").strip().lower()
            if coding == "gzip" and gzip:
                body = _unpacked(body, max_octets)
            elif coding != "identity":
                raise NotReadable("packed, and its file does not say so")
            after_s = _seconds(response.headers.get("Retry-After", ""))
            return Reply(response.status, body, after_s, response.charset)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _failure(error) from error


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp sends a GET a second time by itself when the first got no answer. Whether to ask again is the guard's."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise CutOff(type(error).__name__) from error


async def _read(response: aiohttp.ClientResponse, max_octets: int) -> bytes:
    too_large = TooLarge(f"more than {max_octets} octets")
    if response.content_length is not None and response.content_length > max_octets:
        raise too_large
    body = bytearray()
    while chunk := await response.content.read(max_octets + 1 - len(body)):
        body += chunk
        if len(body) > max_octets:
            raise too_large
    return bytes(body)


def _unpacked(body: bytes, max_octets: int) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(body, max_octets + 1)
    except zlib.error:
        raise NotReadable("no gzip") from None
    if len(found) > max_octets:
        raise Bomb(f"more than {max_octets} octets unpacked")
    if not unpacking.eof or unpacking.unused_data:
        raise NotReadable("gzip that is cut, or more than one")
    return found


def _seconds(retry_after: str) -> float | None:
    """RFC 9110 10.2.3; a date says when by a clock of theirs, and is not used."""
    text = retry_after.strip()
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None


def _failure(error: Exception) -> BackendFailed:
    """Messages have the kind of error only: libraries' own texts quote addresses and answers."""
    what = type(error).__name__
    cause = getattr(error, "os_error", error)
    match error:
        case _ if isinstance(cause, AddressRefused):
            return NotAllowedThere(str(cause))
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return BadCertificate(what)
        case aiohttp.ClientConnectorDNSError():
            return NotResolved(what)
        case aiohttp.ClientConnectorError() if isinstance(cause, ConnectionRefusedError):
            return NotListening(what)
        case aiohttp.ClientConnectorError():
            return BackendUnreachable(what)
        case aiohttp.ClientPayloadError() | aiohttp.ClientOSError() | aiohttp.ServerDisconnectedError() | OSError():
            return CutOff(what)
        case _:
            return BackendGarbage(f"no HTTP as we know it: {what}")


def _tracing() -> aiohttp.TraceConfig:
    """Tells connecting from waiting, the two that look alike from outside."""
    config = aiohttp.TraceConfig()

    async def connected(_: aiohttp.ClientSession, context: SimpleNamespace, __: Any) -> None:
        context.trace_request_ctx.doing = "waiting"

    config.on_connection_create_end.append(connected)
    config.on_connection_reuseconn.append(connected)
    return config
