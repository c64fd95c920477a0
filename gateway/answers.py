"""Who answers an Ask: the backend its route names, or one of the gateway's own services."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.disclosure import disclosed
from gateway.privacy import Keys
from gateway.settings_offices import RouteLine
from gateway.storage.kept import KeptAnswers, question_tag
from menus.machine import Dialogue
from menus.ports import Answer, Ask, Backend, Found, Late, Missing, Refused, Several, Unavailable


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: her number and its tag; later_by: the SMS channel an answer may follow by, None when there is none;
    line: the USSD channel she is calling by, None when she texts."""

    msisdn: str
    tag: str
    later_by: str | None
    line: str | None = None


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
        kept: KeptAnswers,
        keys: Keys,
    ) -> None:
        self._routes = routes
        self._backends = backends
        self._services = services
        self._kept, self._keys = kept, keys

    async def answer(self, ask: Ask, dialogue: Dialogue, caller: Caller, within_s: float) -> Answer:
        """Never raises for what an office does; within_s is the office's time."""
        service = self._services.get(ask.route)
        if service is not None:
            try:
                async with asyncio.timeout(SERVICE_WITHIN_S):
                    return await service(ask, dialogue, caller)
            except TimeoutError:
                return Unavailable()
        answer = await self.ask_offices(ask, caller.msisdn, within_s)
        if isinstance(answer, Late | Unavailable):
            # She may have been told already: what was found for this very question today, with its day.
            question = question_tag(self._keys, caller.msisdn, dialogue.asked, ask.reference)
            return await self._kept.answer(question) or answer
        return answer

    async def ask_offices(self, ask: Ask, msisdn: str, within_s: float) -> Answer:
        """What the offices behind this route answer to the caller with this number. All are asked at once."""
        number = ask.reference.exact if ask.reference else ""
        line = next((line for line in self._routes[ask.route] if line.fits(number)), None)
        if line is None:
            return Unavailable()
        if len(line.backends) == 1:
            return disclosed(await self._backends[line.backends[0]].ask(ask, within_s), msisdn)
        asking = [asyncio.ensure_future(self._backends[name].ask(ask, within_s)) for name in line.backends]
        try:
            answers = await _gathered(asking)
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        return together([disclosed(answer, msisdn) for answer in answers])


GRACE_S = 1.0
"""What the other offices still get once one has found something: a number may stand in two registers, but a citizen
who could read her answer does not wait for a slow office to say that it has none."""


async def _gathered(asking: Sequence[asyncio.Future[Answer]]) -> list[Answer]:
    waiting = set(asking)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if waiting and any(isinstance(task.result(), Found | Several) for task in done):
            await asyncio.wait(waiting, timeout=GRACE_S)
            break
    return [task.result() if task.done() else Late() for task in asking]


def together(answers: list[Answer]) -> Answer:
    """One answer of several offices: whatever was found stands, though others were late; late or unavailable is the
    outcome only where nothing was found and not all have answered."""
    if len(answers) == 1:
        return answers[0]
    found = [answer for answer in answers if isinstance(answer, Found)]
    cases = [answer.case for answer in found]
    cases += [case for answer in answers if isinstance(answer, Several) for case in answer.cases]
    if len(cases) > 1:
        return Several(tuple(cases))
    if found:
        return found[0]
    for kind in (Late, Unavailable, Refused):
        if any(isinstance(answer, kind) for answer in answers):
            return kind()
    return Missing()
