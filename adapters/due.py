"""The day an answer is owed, where an office has a rule for it but does not say the day. Wraps any Lookup."""

from collections.abc import Callable
from datetime import date
from types import TracebackType
from typing import Self

import msgspec

from adapters.contract import Lookup, Trace, untold
from menus.ports import FINAL, Answer, Ask, Case, Found, Several

WorkingDaysAfter = Callable[[date, int], date]
"""The day so many working days after another; the calendar is the caller's."""


class Due:
    """Open cases without a due date get one: so many working days after the registration, or after the first step."""

    def __init__(self, lookup: Lookup, days: int, after: WorkingDaysAfter, trace: Trace = untold) -> None:
        self._lookup, self._days, self._after, self._trace = lookup, days, after, trace

    async def __aenter__(self) -> Self:
        await self._lookup.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._lookup.__aexit__(kind, error, trace)

    async def look_up(self, ask: Ask) -> Answer:
        answer = await self._lookup.look_up(ask)
        match answer:
            case Found(case=case):
                return msgspec.structs.replace(answer, case=self._with_due_date(case))
            case Several(cases=cases):
                return msgspec.structs.replace(answer, cases=tuple(map(self._with_due_date, cases)))
            case _:
                return answer

    def _with_due_date(self, case: Case) -> Case:
        since = case.registered_on or next((step.on for step in case.steps), None)
        if case.due_on is not None or since is None or case.state in FINAL:
            return case
        try:
            due_on = self._after(since, self._days)
        except OverflowError:  # an office's slip: a day at the end of time
            return case
        self._trace("field", f"due_on: {self._days} working days after {since} -> {due_on}")
        return msgspec.structs.replace(case, due_on=due_on)


_: type[Lookup] = Due
