"""What a peer may take over the head of a request: who asks is not known before, so nobody holds a connection by it.

aiohttp counts only silence between requests. Bodies have limits of their own, where they are read. A head that came in
one piece with the request before it counts as silence: it holds no more than an idle connection does.
"""

import asyncio
from collections.abc import Callable

from aiohttp import web

HEAD_WITHIN_S = 5.0
"""From the first octet of a head to its last."""

LINGER_S = 2.0
"""For the rest of a body that nobody reads any more, so that its sender hears the answer. Together with the time for
the body itself less than ten seconds."""

IDLE_S = 75.0
"""How long a connection may wait for its next request. Longer than the 60 s of nginx, so that it is the proxy that
closes one, and no request meets a connection that is just being closed."""


def patient(server: web.Server, unheard: set[object]) -> Callable[[], asyncio.Protocol]:
    """The server's connections, each given up when a head takes too long. unheard: those on which nothing came yet."""
    return lambda: _Timed(server(), unheard)


class _Timed(asyncio.Protocol):
    """A connection of aiohttp's, looked at from outside: what it got, and whether a request came of that."""

    def __init__(self, inner: web.RequestHandler, unheard: set[object]) -> None:
        self._inner, self._unheard = inner, unheard
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._unheard.add(self)
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._unheard.discard(self)
        self._inner.data_received(data)
        waiter = self._inner._waiter  # for a whole head; there is none while a request is in hand
        if waiter is None or waiter.done():
            self._stop()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HEAD_WITHIN_S, self._inner.force_close)

    def eof_received(self) -> None:
        self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self._unheard.discard(self)
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
