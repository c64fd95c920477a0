"""Work that stands in rows: looked for when woken and every so often, a bounded number at once, one at a time for
each phone, and never lost by what goes wrong with one row."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import structlog
from sqlalchemy import Row

log = structlog.get_logger()

POLL_S = 1.0
"""How long a due row waits when nobody woke us: due times of retries, rows of an earlier run."""


class Worker:
    """due(busy phones, how many) gives rows with `id` and `msisdn_tag`; handle(row) does one and says so in the row."""

    def __init__(
        self,
        name: str,
        due: Callable[[Collection[str], int], Awaitable[Sequence[Row[Any]]]],
        handle: Callable[[Row[Any]], Awaitable[None]],
        at_once: int,
    ) -> None:
        self._name, self._due, self._handle, self._at_once = name, due, handle, at_once
        self._woken = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled; then what is in hand is cancelled too, and its rows stay as they are."""
        try:
            while True:
                self._woken.clear()
                await self._take()
                try:
                    async with asyncio.timeout(POLL_S):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            tasks = list(self._busy.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self) -> None:
        free = self._at_once - len(self._busy)
        if free <= 0:
            return
        try:
            rows = await self._due(tuple(self._busy), free)
        except Exception:
            # The database may be away for a while; the rows are not.
            log.exception("worker_cannot_look", worker=self._name)
            return
        for row in rows:
            if row.msisdn_tag not in self._busy:
                task = asyncio.create_task(self._one(row), name=f"{self._name} {row.id}")
                self._busy[row.msisdn_tag] = task

    async def _one(self, row: Row[Any]) -> None:
        try:
            await self._handle(row)
        except Exception:
            log.exception("worker_failed", worker=self._name, row=row.id)
            # Left as it is, the row is due again at the next look; not at once, or a broken row spins.
            await asyncio.sleep(POLL_S)
        finally:
            del self._busy[row.msisdn_tag]
            self._woken.set()
