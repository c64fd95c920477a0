"""Several workers behind one listening socket, kept running.

The socket is ours, so a worker that dies takes along only the connections it had, and none is refused until another
has its place. A worker is a fresh interpreter given the socket, and one end of a line: on it the worker says every
second that it lives, and once `ready`, or why it cannot be; one that says nothing any more is killed and replaced. When
our end falls silent it stops, since nobody would replace it.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

log = structlog.get_logger()

READY = "ready"

STOP_WITHIN_S = 11.5
"""What a worker gets to finish what is in hand; then it is killed. A service manager waits longer."""

UNREADY = 5
UNREADY_WITHIN_S = 30.0
"""So many workers that end before they were ready, none longer after the one before, while nobody serves: they would go
on like that."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
"""Between a worker that ended before it was ready and the next, while others serve: twice as long each time."""

RENEWED_WITHIN_S = 60.0

BEAT_S = 1.0

SILENT_BEATS = 15
"""A worker whose loop stands still as long has answered nobody in time, and nobody gets what it has in hand."""

SILENT_BEATS_AT_START = 60
"""An interpreter that begins, with a menu to walk through, on a machine that has much else to do."""

Command = Callable[[int, int, int], Sequence[str]]
"""The command line of a worker, by its number, the socket's descriptor and the line's."""


class CrashLoop(Exception):
    """Workers end before they are ready, again and again. The engineer's; names the last reason."""


class Supervisor:
    def __init__(self, workers: int, on: socket.socket, command: Command, ready: Callable[[], None]) -> None:
        """ready: called once, when every worker is."""
        self._workers, self._on, self._command, self._tell = workers, on, command, ready
        self._running: dict[int, _Worker] = {}
        self._ready = {number: asyncio.Event() for number in range(1, workers + 1)}
        self._unready, self._unready_at = 0, 0.0
        self._stopping = asyncio.Event()
        self._renewing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until SIGTERM or SIGINT; a second one waits for nobody. SIGHUP renews the workers one by one, and serves on.

        Raises CrashLoop.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._renew)
        tasks = [asyncio.create_task(self._keep(number), name=f"worker {number}") for number in self._ready]
        tasks += [asyncio.create_task(each, name="supervisor") for each in (self._told(), self._stopped())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        except _Stop:
            log.info("stopping")
        finally:
            self._on.close()  # who comes now is refused at once, not after a wait
            if self._renewing is not None:
                tasks.append(self._renewing)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _stop(self) -> None:
        if self._stopping.is_set():
            log.warning("stopping_at_once")
            for worker in self._running.values():
                worker.send(signal.SIGKILL)
        self._stopping.set()

    async def _stopped(self) -> None:
        await self._stopping.wait()
        raise _Stop

    async def _told(self) -> None:
        for event in self._ready.values():
            await event.wait()
        self._tell()

    def _renew(self) -> None:
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renewed(), name="renewal")

    async def _renewed(self) -> None:
        for number, ready in self._ready.items():
            ready.clear()
            if number in self._running:
                self._running[number].send(signal.SIGTERM)
            try:
                async with asyncio.timeout(RENEWED_WITHIN_S):
                    await ready.wait()
            except TimeoutError:
                log.error(
                    "workers_not_renewed", worker=number, why="the new one is not ready; the others are as they were"
                )
                return
        log.info("workers_renewed")

    async def _keep(self, number: int) -> None:
        if number > 1:  # the first one makes or upgrades the database, and nobody else at the same time
            await self._ready[1].wait()
        pause_s = FIRST_PAUSE_S
        while True:
            was_ready, why = await self._one(number)
            if was_ready:
                pause_s = FIRST_PAUSE_S
                continue
            if not any(each.serves for each in self._running.values()):
                self._count(why)
                continue
            # Whatever is wrong, those that serve are to go on serving; who mends it finds it mended a little later.
            log.error("worker_not_replaced", worker=number, why=why, again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _one(self, number: int) -> tuple[bool, str]:
        """One worker, from its start to its end: whether it was ready, and why it ended."""
        try:
            worker = await _Worker.begun(number, self._on, self._command)
        except OSError as error:
            return False, f"no process can be started: {error.strerror or error}"
        self._running[number] = worker
        log.info("worker_begun", worker=number, pid=worker.pid)
        try:
            if await worker.ready():
                self._unready = 0
                self._ready[number].set()
                log.info("worker_ready", worker=number, pid=worker.pid)
            why = await worker.ended()
        finally:
            await worker.stop()
            del self._running[number]
        log.warning("worker_ended", worker=number, pid=worker.pid, why=why)
        return worker.was_ready, why

    def _count(self, why: str) -> None:
        """Nobody serves."""
        now = asyncio.get_running_loop().time()
        self._unready = self._unready + 1 if now - self._unready_at <= UNREADY_WITHIN_S else 1
        self._unready_at = now
        if self._unready == UNREADY:
            raise CrashLoop(f"serve: {UNREADY} workers in a row ended before they were ready; the last one: {why}")


class _Stop(Exception):
    """We were told to."""


class _Worker:
    def __init__(
        self, process: asyncio.subprocess.Process, line: asyncio.StreamReader, ours: asyncio.StreamWriter
    ) -> None:
        self._process, self._line, self._ours = process, line, ours
        self._why = ""
        self.was_ready = False

    @classmethod
    async def begun(cls, number: int, on: socket.socket, command: Command) -> "_Worker":
        ours, theirs = socket.socketpair()
        with theirs:
            words = command(number, on.fileno(), theirs.fileno())
            process = await asyncio.create_subprocess_exec(*words, pass_fds=(on.fileno(), theirs.fileno()))
        return cls(process, *await asyncio.open_connection(sock=ours))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def serves(self) -> bool:
        return self.was_ready and self._process.returncode is None

    def send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def ready(self) -> bool:
        """Whether it says so before it ends."""
        while said := await self._heard(SILENT_BEATS_AT_START):
            if word := said.decode("utf-8", "replace").strip():
                self.was_ready = word == READY
                self._why = "" if self.was_ready else word
                break
        return self.was_ready

    async def ended(self) -> str:
        """Why: what it said, or how it went."""
        watching = asyncio.create_task(self._watched()) if self.was_ready else None
        try:
            status = await self._process.wait()
        finally:
            if watching is not None:
                watching.cancel()
        if self._why:
            return self._why
        return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"

    async def _watched(self) -> None:
        """Until it ends, or its loop stands still."""
        while await self._heard(SILENT_BEATS):
            pass

    async def _heard(self, silent_beats: int) -> bytes:
        """What it says next; nothing when it ended, or when it was silent for so long that it was killed. Beats that
        were missed are counted one by one, so that our own standing still is no sign of its."""
        for _ in range(silent_beats):
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    try:
                        return await self._line.readline()
                    except ConnectionError:
                        return b""
        self._why = f"nothing was heard of it for {silent_beats * BEAT_S:g} s"
        log.error("worker_hangs", pid=self.pid, why=self._why)
        self.send(signal.SIGKILL)
        return b""

    async def stop(self) -> None:
        """In order while it can, and then at any rate."""
        try:
            if self._process.returncode is None:
                self.send(signal.SIGTERM)
                try:
                    async with asyncio.timeout(STOP_WITHIN_S):
                        await self._process.wait()
                except TimeoutError:
                    log.error("worker_killed", pid=self.pid, why=f"it did not stop within {STOP_WITHIN_S:g} s")
                    self.send(signal.SIGKILL)
                    await self._process.wait()
        finally:
            self._ours.close()


class Line:
    """A worker's end."""

    def __init__(self, descriptor: int, lost: Callable[[], None]) -> None:
        """lost: called when there is no supervisor any more."""
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self._lost = lost
        asyncio.get_running_loop().add_reader(self._socket, self._heard)
        self._beating = asyncio.create_task(self._beats(), name="beats")

    def _heard(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._lost()

    def ready(self) -> None:
        self.say(READY)

    def say(self, what: str) -> None:
        with suppress(OSError):
            self._socket.send(what.replace("\n", " ").encode() + b"\n")

    async def _beats(self) -> None:
        """That the loop goes round, as long as it does."""
        while True:
            await asyncio.sleep(BEAT_S)
            self.say("")
