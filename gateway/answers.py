"""Who answers an Ask: the backend its route names, or one of the gateway's own services."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.disclosure import disclosed
from gateway.settings import RouteLine
from menus.machine import Dialogue
from menus.ports import Answer, Ask, Backend, Unavailable


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: her number and its tag; later_by: the SMS channel an answer may follow by, None when there is none."""

    msisdn: str
    tag: str
    later_by: str | None


SERVICE_WITHIN_S = 2.0
"""What one of our own services may take: it only writes a row, and the caller is waiting."""


class Service(Protocol):
    """Something the gateway does for a dialogue. The same dialogue and step again has no second effect."""

    async def __call__(self, ask: Ask, dialogue: Dialogue, caller: Caller) -> Answer: ...


class Answers:
    def __init__(
        self,
        routes: Mapping[str, tuple[RouteLine, ...]],
        backends: Mapping[str, Backend],
        services: Mapping[str, Service],
    ) -> None:
        self._routes = routes
        self._backends = backends
        self._services = services

    async def answer(self, ask: Ask, dialogue: Dialogue, caller: Caller, within_s: float) -> Answer:
        """Never raises for what an office does; within_s is the office's time."""
        service = self._services.get(ask.route)
        if service is not None:
            try:
                async with asyncio.timeout(SERVICE_WITHIN_S):
                    return await service(ask, dialogue, caller)
            except TimeoutError:
                return Unavailable()
        return await self.ask_office(ask, within_s)

    async def ask_office(self, ask: Ask, within_s: float) -> Answer:
        number = ask.reference.exact if ask.reference else ""
        for line in self._routes[ask.route]:
            if line.fits(number):
                return disclosed(await self._backends[line.backend].ask(ask, within_s))
        return Unavailable()
