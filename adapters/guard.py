"""What stands between a citizen's turn and an office's system: a deadline, a bound on questions in flight, and one
list of outcomes. Wraps any Lookup; never raises for what an office does."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from adapters.contract import BackendFailed, Lookup
from menus.ports import Answer, Ask, Backend, Late, Unavailable, outcome

Report = Callable[[str, str, float], None]
"""Called once for each question with the outcome, the reason of a failure ("" else) and the seconds it took."""


class Guard:
    """A backend that always answers within the time it is given."""

    def __init__(
        self,
        lookup: Lookup,
        *,
        deadline_s: float,
        max_in_flight: int,
        report: Report,
        monotonic: Callable[[], float],
    ) -> None:
        self._lookup = lookup
        self._deadline_s = deadline_s
        self._free = asyncio.Semaphore(max_in_flight)
        self._report = report
        self._monotonic = monotonic

    async def __aenter__(self) -> Self:
        await self._lookup.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._lookup.__aexit__(kind, error, trace)

    async def ask(self, ask: Ask, within_s: float) -> Answer:
        """The office's answer, Late when within_s or the backend's own deadline runs out first."""
        began = self._monotonic()
        answer, reason = await self._ask(ask, min(within_s, self._deadline_s))
        self._report(outcome(answer), reason, self._monotonic() - began)
        return answer

    async def _ask(self, ask: Ask, within_s: float) -> tuple[Answer, str]:
        try:
            # Waiting for a free place counts: a queue in front of a slow office must not outlive the citizen's turn.
            async with asyncio.timeout(max(within_s, 0.0)), self._free:
                return await self._lookup.look_up(ask), ""
        except TimeoutError:
            return Late(), ""
        except BackendFailed as failure:
            return Unavailable(), f"{type(failure).__name__}: {failure}"


_: type[Backend] = Guard
