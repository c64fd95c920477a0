"""A network that fails: stands in front of any TCP server and does to its connections what networks do.

    async with Proxy(port_of_redis) as proxy:
        ...                                  # whoever is given proxy.port reaches Redis
        proxy.manner = Manner(delay_s=0.05)  # from the next octets on, in both directions
        proxy.manner = Manner(cut_reply_after=b"COMMIT")
        proxy.reset()

What is in force concerns connections that stand as well as new ones, unless said.
"""

import asyncio
import random
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET

READ_OCTETS = 65_536


@dataclass(frozen=True, slots=True)
class Manner:
    """What happens to what passes. Without anything said it just passes."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Up to so much more than delay_s."""
    slice_octets: int = 0
    """No segment is longer."""
    octets_per_s: int = 0
    refused: bool = False
    """Nobody listens. Connections that stand are left alone."""
    blackhole: bool = False
    """Connections are made, and nothing passes, nor that one has ended. It is held, and goes on once this is over."""
    cut_reply_after: bytes = b""
    """The server gets a request with these octets in it and answers it, and the answer never arrives: a reset instead."""
    every: int = 1
    """How many such requests make one cut."""
    cut_after: int | None = None
    """A connection is reset after so many octets of answer."""
    corrupt_at: int | None = None
    """This octet of a connection's answers, counted from 0, has its lowest bit turned."""
    duplicate: bool = False
    """Each segment of an answer comes twice."""


@dataclass(eq=False, slots=True)
class _Link:
    """A client's connection and the one made for it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    lost: bool = False
    """Half open: the server's side is gone, and the client is not told."""
    answered: int = 0
    tail: bytes = b""
    """The end of what was asked, where a request may have been cut in two."""
    cutting: bool = False

    def reset(self) -> None:
        _reset(self.client)
        _reset(self.server)


@dataclass(eq=False)
class Proxy:
    to_port: int
    to_host: str = "127.0.0.1"
    seed: int = 0
    port: int = 0
    """Taken when entered, and kept: also where nobody listens for a while."""
    made_at: list[float] = field(default_factory=list)
    """When each connection was made, by the loop's clock."""
    matched: int = 0
    """Requests with the octets of cut_reply_after in them."""
    cuts: int = 0
    """Connections that a Manner has reset."""
    _links: dict[_Link, None] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> "Proxy":
        self._manner, self._changed, self._random = Manner(), asyncio.Event(), random.Random(self.seed)
        self._server = await asyncio.start_server(self._met, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connections(self) -> int:
        """Made so far."""
        return len(self.made_at)

    @property
    def manner(self) -> Manner:
        return self._manner

    @manner.setter
    def manner(self, manner: Manner) -> None:
        if manner.refused:
            self._server.close()
        self._manner = manner
        self._changed.set()
        self._changed = asyncio.Event()

    async def again(self) -> None:
        """Everything passes, and somebody listens again."""
        self.manner = Manner()
        if not self._server.is_serving():
            self._server = await asyncio.start_server(self._met, "127.0.0.1", self.port)

    def reset(self) -> None:
        """Every connection that stands ends with a reset, on both sides, now."""
        for link in list(self._links):
            link.reset()

    def lose(self) -> None:
        """Every connection that stands is half open from now on: gone for the server, there for its client."""
        for link in self._links:
            link.lost = True
            _reset(link.server)

    # -- one connection

    async def _met(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            self.made_at.append(asyncio.get_running_loop().time())
            try:
                answers, server = await asyncio.open_connection(self.to_host, self.to_port)
            except OSError:
                _reset(client)  # as if its server were not there: that is what it is
                return
            link = _Link(client, server)
            self._links[link] = None
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._asked(reader, link))
                    both.create_task(self._told(answers, link))
            finally:
                del self._links[link]
                client.close()
                server.close()
        except asyncio.CancelledError:
            client.close()  # the test is over
        finally:
            self._tasks.discard(task)

    async def _asked(self, reader: asyncio.StreamReader, link: _Link) -> None:
        try:
            while octets := await reader.read(READ_OCTETS):
                for piece in self._pieces(octets):
                    await self._held(len(piece))
                    if link.lost:
                        continue
                    self._look(link, piece)
                    link.server.write(piece)
                    await link.server.drain()
        except ConnectionError:
            await self._open()
            if not link.lost:
                _reset(link.server)
        else:
            await self._open()
            _end(link.server)
        while link.lost and await _more(reader):  # nobody hears it, and nobody says so
            pass

    async def _told(self, reader: asyncio.StreamReader, link: _Link) -> None:
        try:
            while octets := await reader.read(READ_OCTETS):
                for piece in self._pieces(octets):
                    await self._held(len(piece))
                    if not await self._passed(link, piece):
                        return
        except ConnectionError:
            await self._open()
            if not link.lost:
                _reset(link.client)
        else:
            await self._open()
            if not link.lost:
                _end(link.client)

    async def _passed(self, link: _Link, piece: bytes) -> bool:
        """Whether the connection goes on after this piece of an answer."""
        manner = self._manner
        if link.cutting:
            self._cut(link)
            return False
        place, link.answered = link.answered, link.answered + len(piece)
        if manner.corrupt_at is not None and place <= manner.corrupt_at < link.answered:
            at = manner.corrupt_at - place
            piece = piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]
        over = manner.cut_after is not None and link.answered >= manner.cut_after
        if over:
            piece = piece[: max(0, (manner.cut_after or 0) - place)]
        link.client.write(piece * 2 if manner.duplicate else piece)
        await link.client.drain()
        if over:
            await asyncio.sleep(0.01)  # a reset overtakes what is still on its way
            self._cut(link)
        return not over

    def _cut(self, link: _Link) -> None:
        self.cuts += 1
        link.reset()

    def _look(self, link: _Link, piece: bytes) -> None:
        wanted = self._manner.cut_reply_after
        if not wanted:
            return
        seen = link.tail + piece
        found = seen.count(wanted)
        link.tail = seen[max(0, len(seen) - len(wanted) + 1) :]  # too short to be found twice
        for _ in range(found):
            self.matched += 1
            link.cutting = link.cutting or self.matched % self._manner.every == 0

    def _pieces(self, octets: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(octets):
            manner = self._manner
            size = manner.slice_octets or (max(1, manner.octets_per_s // 20) if manner.octets_per_s else len(octets))
            yield octets[at : at + size]
            at += size

    async def _held(self, octets: int) -> None:
        """As long as what is in force says."""
        await self._open()
        manner = self._manner
        wait_s = manner.delay_s + manner.jitter_s * self._random.random()
        if manner.octets_per_s:
            wait_s += octets / manner.octets_per_s
        if wait_s or manner.slice_octets:
            await asyncio.sleep(wait_s)  # also for nothing: slices go one by one
            await self._open()

    async def _open(self) -> None:
        while self._manner.blackhole:
            await self._changed.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    if not writer.is_closing():
        with suppress(OSError):
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


def _end(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # it may be gone by itself
        writer.write_eof()


async def _more(reader: asyncio.StreamReader) -> bool:
    try:
        return bool(await reader.read(READ_OCTETS))
    except ConnectionError:
        return False
