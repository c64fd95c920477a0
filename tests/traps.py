"""Traps for whatever reads what it should not: an address that counts connections, a file that notices being opened."""

import ctypes
import os
import socket
import threading

import pytest

IN_OPEN = 0x20


class Trap:
    """An address on this machine that counts who connects."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.close()
            self.connections += 1

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def trap():
    found = Trap()
    yield found
    found.close()


class Watched:
    """A file that notices being opened (inotify)."""

    def __init__(self, path):
        path.write_text("<secret>12345</secret>", encoding="utf-8")
        self.path = path
        libc = ctypes.CDLL(None, use_errno=True)
        self._events = libc.inotify_init1(os.O_NONBLOCK)
        assert libc.inotify_add_watch(self._events, os.fsencode(path), IN_OPEN) >= 0

    @property
    def opened(self):
        try:
            return os.read(self._events, 4096) != b""
        except BlockingIOError:
            return False

    def close(self):
        os.close(self._events)


@pytest.fixture
def watched(tmp_path):
    found = Watched(tmp_path / "secret.xml")
    yield found
    found.close()
