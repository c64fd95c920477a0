"""What stands between a citizen's turn and an office's system: a deadline, a bound on questions in flight, retries, a
breaker, the last known answer, and one list of outcomes. Wraps any Lookup; never raises for what an office does."""

import asyncio
import random
from collections.abc import Callable
from datetime import date
from types import TracebackType
from typing import Self

from adapters.breaker import Breaker, BreakerConfig, State
from adapters.contract import BackendBusy, BackendFailed, ContractBreach, Lookup, NotAsked
from adapters.last_known import LastKnown
from menus.ports import Answer, Ask, Backend, Found, Late, Unavailable, outcome

Report = Callable[[str, str, float], None]
"""Called once for each question with the outcome, the reason, and the seconds it took.

The outcome is the answer's, or `last_known`. The reason is "" when all went well; else the name of the failure (see
contract) up to a colon, or, of a late one, what it was doing: queueing, connecting, authorising, waiting, reading; or
`older`: the office answered with an older state than was told before. What stands before the colon is to be counted.
"""

RETRIES_SHARE = 0.1
"""Retries to questions at most: an office in trouble must not be asked twice as much for it."""

RETRIES_SAVED = 10.0
"""Retries that quiet hours can save up."""

PAUSE_S = (0.05, 0.25)
"""Before the first retry, anywhere between; doubled for each further one."""


class Guard:
    """A backend that always answers within the time it is given.

    alarm: told in a sentence when the breaker opens or a quarantine begins. today: the day an answer is noted with.
    """

    def __init__(
        self,
        lookup: Lookup,
        *,
        deadline_s: float,
        max_in_flight: int,
        report: Report,
        monotonic: Callable[[], float],
        breaker: Breaker | None = None,
        lateness_opens: bool = True,
        retries: int = 0,
        last_known: LastKnown | None = None,
        today: Callable[[], date] = lambda: date.min,
        alarm: Callable[[str], None] = lambda _: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._lookup = lookup
        self._deadline_s = deadline_s
        self._free = asyncio.Semaphore(max_in_flight)
        self._report, self._alarm = report, alarm
        self._monotonic, self._today, self._chance = monotonic, today, chance
        self._breaker = breaker or Breaker(BreakerConfig())
        self._lateness_opens = lateness_opens
        self._retries, self._budget = retries, 1.0
        self._last_known = last_known

    async def __aenter__(self) -> Self:
        await self._lookup.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._lookup.__aexit__(kind, error, trace)

    @property
    def state(self) -> State:
        """Closed (it is asked), open (spared) or quarantined."""
        return self._breaker.state(self._monotonic())

    async def ask(self, ask: Ask, within_s: float) -> Answer:
        """The office's answer; its last known one, when that is kept, or Late or Unavailable, when there is none in
        within_s or in the backend's own deadline."""
        began = self._monotonic()
        answer, reason = await self._ask(ask, min(within_s, self._deadline_s))
        if self._last_known is not None and ask.reference is not None:
            number, today = ask.reference.exact, self._today()
            if isinstance(answer, Late | Unavailable):
                answer = await self._last_known.instead(number, today) or answer
            elif newer := await self._last_known.told(number, answer, today):
                answer, reason = newer, "older"
        word = "last_known" if isinstance(answer, Found) and answer.down else outcome(answer)
        self._report(word, reason, self._monotonic() - began)
        return answer

    async def _ask(self, ask: Ask, within_s: float) -> tuple[Answer, str]:
        asked = False
        if within_s <= 0:
            return Late(), "queueing"
        try:
            # An office that is spared is not waited for either.
            self._breaker.look(self._monotonic())
            # Waiting for a free place counts: a queue in front of a slow office must not outlive the citizen's turn.
            async with asyncio.timeout(within_s) as limit, self._free:
                probe = self._breaker.admit(self._monotonic())
                asked = True
                until = limit.when()
                assert until is not None
                answer = await self._answer(ask, 0 if probe else self._retries, until)
            self._breaker.answered()
            return answer, ""
        except TimeoutError as late:
            if asked and self._lateness_opens:
                self._failed("no answer in time")
            return Late(), _doing(late) if asked else "queueing"
        except BackendFailed as failure:
            if not isinstance(failure, NotAsked):
                self._note(failure, ask)
            return Unavailable(), f"{type(failure).__name__}: {failure}"

    async def _answer(self, ask: Ask, retries: int, until: float) -> Answer:
        """until: on the loop's clock, as the deadline is."""
        self._budget = min(self._budget + RETRIES_SHARE, RETRIES_SAVED)
        for already in range(retries + 1):
            try:
                return await self._lookup.look_up(ask)
            except BackendFailed as failure:
                low, high = PAUSE_S
                pause_s = (low + (high - low) * self._chance()) * 2**already
                if isinstance(failure, BackendBusy):
                    pause_s += failure.after_s or 0.0
                # Half of what is left must remain for asking, or the pause was for nothing.
                in_time = 2 * pause_s < until - asyncio.get_running_loop().time()
                if not (failure.again and already < retries and self._budget >= 1 and in_time):
                    raise
                self._budget -= 1
                await asyncio.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def _note(self, failure: BackendFailed, ask: Ask) -> None:
        if isinstance(failure, ContractBreach):
            if self._breaker.breached(self._monotonic(), ask.reference.exact if ask.reference else ""):
                self._alarm("it answered about other numbers than were asked, and is not asked for a while")
            return
        self._failed(f"{type(failure).__name__}: {failure}")
        if isinstance(failure, BackendBusy) and failure.after_s is not None:
            self._breaker.told_to_wait(self._monotonic(), failure.after_s)

    def _failed(self, why: str) -> None:
        if self._breaker.failed(self._monotonic()):
            self._alarm(f"it fails again and again, last: {why}; it is asked once in a while only")


def _doing(late: TimeoutError) -> str:
    """What contract.in_progress noted when it was cancelled."""
    # Before Python 3.11.4 a timeout did not name what it cut as its cause.
    cut = late.__cause__ or late.__context__
    return next(iter(getattr(cut, "__notes__", ())), "asking")


_: type[Backend] = Guard
