"""Callbacks of simulated SMS providers: made after the answer they speak of, as far as their address is there."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp import web

from simulators.phones import Manner


class Reports:
    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._http: aiohttp.ClientSession | None = None
        self._made: set[asyncio.Task[None]] = set()

    async def connected(self, _: web.Application) -> AsyncIterator[None]:
        """As long as the provider's application is served."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as self._http:
            yield
            for task in self._made:
                task.cancel()
            await asyncio.gather(*self._made, return_exceptions=True)

    def send(self, method: str, url: str, form: Mapping[str, str] | None = None) -> None:
        if random.random() < self._manner.lost:  # a simulated network's dice
            return
        task = asyncio.create_task(self._send(method, url, form))
        self._made.add(task)
        task.add_done_callback(self._made.discard)

    async def _send(self, method: str, url: str, form: Mapping[str, str] | None) -> None:
        assert self._http is not None, "the application is served"
        await asyncio.sleep(self._manner.delay_s)
        try:
            async with self._http.request(method, url, data=form):
                pass
        except (aiohttp.ClientError, TimeoutError):
            return  # nobody is there: these providers do not ask twice
