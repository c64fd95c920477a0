"""The last answer an office gave for a number, shown with its day when the office fails or is too late; and what keeps
a status from going back: an office that answers with an older one than was shown before is not believed.

Only what anybody may read who knows the number: no case that is secret or was proved, no subject, sender or phone.
"""

from collections import OrderedDict
from datetime import date, timedelta
from typing import Protocol

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from menus.ports import Answer, Case, Found, Missing, Several


class LastKnownConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    keep_days: int = Field(gt=0, le=366)
    """How long an answer may be told as the last known one."""


class Known(msgspec.Struct, frozen=True):
    """A case as it was told, and the day its office said so."""

    case: Case
    as_of: date


class LastAnswers(Protocol):
    """Where last answers are kept, by backend and exact number. What is lost is only not known any more; a store that
    cannot be reached knows nothing and raises nothing."""

    async def known(self, backend: str, number: str) -> Known | None: ...

    async def keep(self, backend: str, number: str, known: Known) -> None: ...

    async def forget(self, backend: str, number: str) -> None: ...


class MemoryLastAnswers:
    """In this process, bounded; the one used longest ago goes first."""

    def __init__(self, at_most: int = 10_000) -> None:
        self._at_most = at_most
        self._known: OrderedDict[tuple[str, str], Known] = OrderedDict()

    async def known(self, backend: str, number: str) -> Known | None:
        found = self._known.get((backend, number))
        if found is not None:
            self._known.move_to_end((backend, number))
        return found

    async def keep(self, backend: str, number: str, known: Known) -> None:
        self._known[backend, number] = known
        self._known.move_to_end((backend, number))
        while len(self._known) > self._at_most:
            self._known.popitem(last=False)

    async def forget(self, backend: str, number: str) -> None:
        self._known.pop((backend, number), None)


class LastKnown:
    """The rules around a store, for one backend."""

    def __init__(self, config: LastKnownConfig, backend: str, answers: LastAnswers) -> None:
        self._days = timedelta(days=config.keep_days)
        self._backend, self._answers = backend, answers

    async def instead(self, number: str, today: date) -> Found | None:
        """What to tell instead of nothing."""
        known = await self._answers.known(self._backend, number)
        if known is None:
            return None
        if today - known.as_of > self._days:
            await self._answers.forget(self._backend, number)
            return None
        return Found(known.case, known.as_of, down=True)

    async def told(self, number: str, answer: Answer, today: date) -> Found | None:
        """Note what the office answered just now. What was told before, with its day, when that is the newer state."""
        match answer:
            case Found(case=case, as_of=None) if not case.secret and not case.proven:
                before = await self.instead(number, today)
                if before is not None and older(case, before.case):
                    return before
                public = msgspec.structs.replace(case, subject="", sender="", citizen_phone="")
                await self._answers.keep(self._backend, number, Known(public, today))
            case Found() | Several() | Missing():
                await self._answers.forget(self._backend, number)
            case _:
                pass
        return None


def older(case: Case, than: Case) -> bool:
    """Whether this is an earlier state of the same case: by its day, on the same day by its step. Where one of them
    does not say, nothing is known, and the office is believed."""
    if case.number != than.number or case.organisation != than.organisation:
        return False
    if case.changed_on is not None and than.changed_on is not None and case.changed_on != than.changed_on:
        return case.changed_on < than.changed_on
    now, before = (each.step or len(each.steps) for each in (case, than))
    return 0 < now < before


_: type[LastAnswers] = MemoryLastAnswers
