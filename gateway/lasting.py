"""Works that go on for as long as the process does."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

log = structlog.get_logger()

AGAIN_S = 1.0


async def lasting(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Until cancelled, or until the work ends by itself. Whatever it stumbles over that nobody thought of stands in the
    log, and it begins anew: a work that was over would be missed by nobody until somebody's messages are."""
    while True:
        try:
            return await work()
        except Exception:
            log.exception("work_failed", work=name)
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # it stumbled on its way out
            await asyncio.sleep(AGAIN_S)


async def ended(*tasks: asyncio.Task[None]) -> None:
    """They end side by side: a bind or a provider that takes its time does not keep the others waiting."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        # What it stumbled over on its way out stands in the log.
        with suppress(asyncio.CancelledError, Exception):
            await task
