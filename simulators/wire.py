"""A lean HTTP/1.1 client for load: raw streams, connections kept and used again, nothing that is not needed for that.

An aiohttp client takes more of the machine than the server it asks. What it does not read (compression, HTTP/1.0
without a length, trailers) ends the connection with an error, never with a wrong answer.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from simulators.aggregator import ANSWER_WITHIN_S, CallFailed, Carry, Request, Response

MAX_HEAD_OCTETS = 16_384
MAX_BODY_OCTETS = 1_048_576


class Unreadable(Exception):
    """An answer we cannot read."""


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.used = False

    async def exchange(self, head: bytes, body: bytes) -> tuple[Response, bool]:
        """The answer, and whether this connection may be used again.

        Raises OSError or EOFError when it broke, Unreadable when the answer did not make sense.
        """
        self._writer.write(head + body)
        self.used = True
        try:
            raw = await self._reader.readuntil(b"\r\n\r\n")
            first, *lines = raw[:-4].decode("latin-1").split("\r\n")
            version, _, rest = first.partition(" ")
            status = int(rest[:3])
            if version not in ("HTTP/1.1", "HTTP/1.0") or status < 200:
                raise Unreadable(f"the answer begins with {first[:40]!r}")
            headers = {
                name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            text = (await self._body(status, headers)).decode("utf-8")
        except asyncio.LimitOverrunError:
            raise Unreadable(f"the head of the answer is longer than {MAX_HEAD_OCTETS} octets") from None
        except ValueError as error:
            raise Unreadable(f"the answer is not HTTP/1.1 with UTF-8 in it: {error}") from None
        keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        return Response(status, headers, text), keep

    async def _body(self, status: int, headers: Mapping[str, str]) -> bytes:
        if headers.get("content-encoding", "identity") != "identity":
            raise Unreadable("the answer is compressed")
        if status in (204, 304):
            return b""
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks()
        if "content-length" not in headers or "transfer-encoding" in headers:
            raise Unreadable("the answer does not say how long it is")
        return await self._exactly(int(headers["content-length"]))

    async def _chunks(self) -> bytes:
        found = b""
        while size := int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            found += await self._exactly(size, beside=len(found))
            if await self._reader.readexactly(2) != b"\r\n":
                raise Unreadable("a chunk is longer than it says")
        if await self._reader.readuntil(b"\r\n") != b"\r\n":
            raise Unreadable("there is something behind the last chunk")
        return found

    async def _exactly(self, octets: int, beside: int = 0) -> bytes:
        if not 0 <= octets <= MAX_BODY_OCTETS - beside:
            raise Unreadable(f"the answer is longer than {MAX_BODY_OCTETS} octets")
        return await self._reader.readexactly(octets)

    def close(self) -> None:
        self._writer.close()


class Wire:
    """Requests to one host, each on a connection of its own while it is under way."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname is None:
            raise ValueError(f"{url!r} is no address like http://127.0.0.1:8061")
        self._host, self._port = parts.hostname, parts.port or 80
        self._base = parts.path.rstrip("/")
        self._name = parts.netloc.rpartition("@")[2].encode("ascii")
        self._idle: list[Connection] = []

    def at(self, path: str) -> Carry:
        """The requests to what is behind this path."""

        async def carry(request: Request) -> Response:
            return await self.ask(path, request)

        return carry

    async def ask(self, path: str, request: Request, within_s: float = ANSWER_WITHIN_S) -> Response:
        """Raises CallFailed."""
        head = self._head(path, request)
        try:
            async with asyncio.timeout(within_s):
                return await self._asked(head, request.body)
        except TimeoutError:
            raise CallFailed(f"no answer within {within_s:.0f} s", kind="no answer") from None
        except Unreadable as error:
            raise CallFailed(str(error), kind="unreadable") from None
        except (OSError, EOFError) as error:
            raise CallFailed(f"the gateway cannot be reached: {error}", kind="unreachable") from None

    async def _asked(self, head: bytes, body: bytes) -> Response:
        while True:
            connection = self._idle.pop() if self._idle else await self._opened()
            again = connection.used
            keep = False
            try:
                answer, keep = await connection.exchange(head, body)
                return answer
            except (OSError, EOFError) as error:
                # The peer closed it while nobody used it: nothing of ours was read. With an answer begun that differs.
                if not again or (isinstance(error, asyncio.IncompleteReadError) and error.partial):
                    raise
            finally:
                if keep:
                    self._idle.append(connection)
                else:
                    connection.close()

    async def _opened(self) -> Connection:
        return Connection(*await asyncio.open_connection(self._host, self._port, limit=MAX_HEAD_OCTETS))

    def _head(self, path: str, request: Request) -> bytes:
        query = f"?{request.query}" if request.query else ""
        headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        length = f"Content-Length: {len(request.body)}\r\n" if request.body or request.method != "GET" else ""
        first = f"{request.method} {self._base}{path}{request.tail}{query} HTTP/1.1\r\n"
        return first.encode("ascii") + b"Host: " + self._name + b"\r\n" + f"{headers}{length}\r\n".encode("ascii")

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()
