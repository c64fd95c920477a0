"""Callbacks of simulated SMS providers: made after the answer they speak of, as far as their address is there."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import aiohttp
from aiohttp import web


class Reports:
    def __init__(self) -> None:
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
        task = asyncio.create_task(self._send(method, url, form))
        self._made.add(task)
        task.add_done_callback(self._made.discard)

    async def _send(self, method: str, url: str, form: Mapping[str, str] | None) -> None:
        assert self._http is not None, "the application is served"
        try:
            async with self._http.request(method, url, data=form):
                pass
        except (aiohttp.ClientError, TimeoutError):
            return  # nobody is there: these providers do not ask twice
