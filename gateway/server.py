"""A web application on a socket: claimed before anything else is touched, drained before it is let go."""

import asyncio
import gc
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from aiohttp import web

from gateway.patience import IDLE_S, LINGER_S, patient
from gateway.settings import TlsSettings

log = structlog.get_logger()

STOP_WITHIN_S = 3.0
"""What a turn in flight gets when we stop. Ctrl-C promises to be over within 5 s."""

LEAVE_S = 2.0
"""How long the first request of a connection is waited for that was taken just before we stop."""

DRAIN_S = 6.0
"""What a turn in flight gets where citizens are served: an office's time and ours. With LEAVE_S and the binds' 3 s it
stays below what a supervisor waits for us."""

BACKLOG = 1024
"""Connections that wait while a start is not finished or a loop is busy; the kernel caps it."""


class CannotListen(Exception):
    """The address is taken or not ours. The engineer's; says which."""


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections already: claimed before anything else is touched. Raises CannotListen."""
    try:
        found = socket.create_server((host, port), backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    found.setblocking(False)
    return found


def started() -> None:
    """What the start has made stays as long as we do, and no collection looks at it again: each that does takes a tenth
    of a second, in which nobody is served (`gc.freeze`)."""
    gc.collect()
    gc.freeze()


class _Listening(socket.socket):
    """A socket that listens already. asyncio takes as many connections at a time as it lets wait: those are two."""

    def __init__(self, on: socket.socket) -> None:
        super().__init__(fileno=os.dup(on.fileno()))
        self.setblocking(False)

    def listen(self, _: int = 0) -> None:
        """How many wait has been said where it was made."""


def tls(settings: TlsSettings) -> ssl.SSLContext:
    """TLS that ends here. Raises CannotListen with the file that cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.certificate, settings.key)
        if settings.clients_ca is not None:
            context.load_verify_locations(settings.clients_ca)
            context.verify_mode = ssl.CERT_OPTIONAL  # which channel wants one is the channel's to say
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(filter(None, (settings.certificate, settings.key, settings.clients_ca)))
        raise CannotListen(f"tls: {files}: {error}") from None
    return context


@asynccontextmanager
async def serving(
    application: web.Application,
    on: socket.socket,
    stop_within_s: float = STOP_WITHIN_S,
    context: ssl.SSLContext | None = None,
    *,
    shared: bool = False,
) -> AsyncIterator[None]:
    """The application on a socket, until the block ends; what is in flight then has stop_within_s. shared: others
    listen on it too, so connections are taken one by one."""
    leaving = False
    unheard: set[object] = set()

    async def say_so(_: web.BaseRequest, response: web.StreamResponse) -> None:
        if leaving:
            response.force_close()

    if not application.on_response_prepare.frozen:  # not on a second socket of the same application
        application.on_response_prepare.append(say_so)
    runner = web.AppRunner(
        application, access_log=None, auto_decompress=False, shutdown_timeout=stop_within_s,
        keepalive_timeout=IDLE_S, lingering_time=LINGER_S,
    )  # fmt: skip
    await runner.setup()
    assert runner.server is not None, "it is set up"
    loop = asyncio.get_running_loop()
    listening = _Listening(on) if shared else on
    server = await loop.create_server(
        patient(runner.server, unheard), sock=listening, ssl=context, backlog=1 if shared else BACKLOG
    )
    try:
        yield
    finally:
        loop.remove_reader(listening)
        for _ in range(10):  # a connection that was taken takes some turns of the loop to begin, and needs its server
            await asyncio.sleep(0)
        server.close()
        leaving = True  # who has just come is heard, and who comes again is told to come to somebody else
        with suppress(TimeoutError):
            async with asyncio.timeout(min(LEAVE_S, stop_within_s / 2)):
                while unheard:  # noqa: ASYNC110  # a moment, once in a process's life
                    await asyncio.sleep(0.02)
        await runner.cleanup()


@asynccontextmanager
async def stop_signal(*signals: signal.Signals) -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT or SIGTERM sets, or these instead, from now on: a signal during start-up stops us too, in
    order. A second one ends us as we stand: whatever was acknowledged is stored."""
    stopped = asyncio.Event()

    def stop() -> None:
        if stopped.is_set():
            log.warning("stopping_at_once")
            os._exit(1)
        stopped.set()

    loop = asyncio.get_running_loop()
    for number in signals or (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    yield stopped
