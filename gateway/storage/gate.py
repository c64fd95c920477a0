"""One writer at a time on a SQLite file, whichever process it is in, and each soon.

SQLite's own lock is polled, and of several processes that write all the time one or two starve. So a writer first takes
a lock of the kernel's on a file beside the database: whoever waits for it is woken when it is let go, in order. Within
a process the order is asyncio's.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager


class Gate:
    def __init__(self, file: str) -> None:
        self._file = file
        self._here = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-gate")

    @asynccontextmanager
    async def passed(self, within_s: float | None) -> AsyncIterator[None]:
        """Raises TimeoutError when it is not our turn within this time: somebody who holds it may hang."""
        async with asyncio.timeout(within_s) as waiting, self._here:
            # An open file for each passage: the lock ends with it, and one that comes too late for us ends by itself.
            taking = asyncio.get_running_loop().run_in_executor(self._thread, _taken, self._file)
            try:
                file = await asyncio.shield(taking)
            except asyncio.CancelledError:
                taking.add_done_callback(lambda late: os.close(late.result()))
                raise
            waiting.reschedule(None)
            try:
                yield
            finally:
                os.close(file)

    def close(self) -> None:
        self._thread.shutdown(wait=False)


def _taken(file: str) -> int:
    opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(opened, fcntl.LOCK_EX)
    return opened
