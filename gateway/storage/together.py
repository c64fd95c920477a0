"""Works of one moment in one transaction: a commit is what a disk takes its time for, and what is acknowledged needs
one, but not one of its own.

Where one of them fails all are done anew, each in a savepoint: two statements more for each, and hardly ever needed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

AT_ONCE = 64
"""Works in one transaction: the first of them waits for the last."""

Work = Callable[[AsyncConnection], Awaitable[T]]


@dataclass(slots=True, eq=False)
class _Waiting(Generic[T]):
    work: Work[T]
    key: str
    told: "asyncio.Future[T]"

    def tell(self, result: Any, why: Exception | None = None) -> None:
        if self.told.done():
            return
        if why is None:
            self.told.set_result(result)
        else:
            self.told.set_exception(why)


class Together:
    """While one transaction is under way, works gather for the next; so nobody waits who comes alone."""

    def __init__(self, writing: Callable[[], AbstractAsyncContextManager[AsyncConnection]]) -> None:
        self._writing = writing
        self._waiting: list[_Waiting[Any]] = []
        self._going: asyncio.Task[None] | None = None

    async def __call__(self, work: Work[T], key: str = "") -> T:
        """What the work returns, once it is committed; or what it raised, and then nothing of it is stored, unless the
        answer to the COMMIT was lost twice."""
        told: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(work, key, told))
        if self._going is None:
            self._going = asyncio.create_task(self._go(), name="together")
        return await told

    async def stop(self) -> None:
        """What is under way is finished."""
        if self._going is not None:
            await asyncio.wait({self._going})

    async def _go(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                # In the same order everywhere, so that two processes rarely wait for each other's rows.
                batch = sorted((each for each in batch if not each.told.done()), key=lambda each: each.key)
                try:
                    await self._as_one(batch)
                except Exception:
                    # Once more: a neighbour may have been in the way, or another process; or the answer to the COMMIT
                    # was lost, and then they find what they did.
                    await self._apart(batch)
        finally:
            self._going = None

    async def _as_one(self, batch: list[_Waiting[Any]]) -> None:
        async with self._writing() as connection:
            results = [await each.work(connection) for each in batch]
        for each, result in zip(batch, results, strict=True):
            each.tell(result)

    async def _apart(self, batch: list[_Waiting[Any]]) -> None:
        """Each in a savepoint, and told what became of it."""
        results: list[tuple[_Waiting[Any], Any, Exception | None]] = []
        try:
            async with self._writing() as connection:
                for each in batch:
                    savepoint = await connection.begin_nested()
                    try:
                        results.append((each, await each.work(connection), None))
                    except Exception as error:
                        # Raises where there is nothing to go back to: a full disk may have ended the whole transaction.
                        await savepoint.rollback()
                        if connection.invalidated:
                            raise
                        results.append((each, None, error))
                    else:
                        await savepoint.commit()
        except Exception as error:
            results = [(each, None, error) for each in batch]
        for each, result, why in results:
            each.tell(result, why)
