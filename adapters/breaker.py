"""When an office is spared questions: after failures in a row it is asked once a second until it answers, and after
answers about other people's numbers not at all for a while. Pure: the time is an argument, in monotonic seconds."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from adapters.contract import BreakerOpen, Quarantined


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    QUARANTINED = "quarantined"


class BreakerConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    failures: int = Field(default=5, gt=0)
    """In a row. Questions in flight at that moment are more; the bound on those is max_in_flight."""
    within_s: float = Field(default=5.0, gt=0)
    """Or so long without a usable answer, from the first failure on."""
    probe_every_s: float = Field(default=1.0, gt=0)
    """While open, one question so often. An answer to it closes."""
    breaches: int = Field(default=3, gt=0)
    """Numbers that it answered about another one for, until quarantine; an hour without one begins the count anew."""
    quarantine_s: float = Field(default=300.0, gt=0)


BREACHES_WITHIN_S = 3600.0

MAX_WAIT_S = 60.0
"""An office that wants to be left alone for longer is asked again all the same."""


class Breaker:
    def __init__(self, config: BreakerConfig) -> None:
        self._config = config
        self._row = 0
        self._since = 0.0
        self._open = False
        self._probe_at = 0.0
        self._breaches: set[str] = set()
        self._breached_at = 0.0
        self._quarantined_until: float | None = None

    def state(self, now: float) -> State:
        if self._quarantined_until is not None and now < self._quarantined_until:
            return State.QUARANTINED
        return State.OPEN if self._open else State.CLOSED

    def look(self, now: float) -> State:
        """Raises BreakerOpen or Quarantined when a question would not be admitted now."""
        state = self.state(now)
        if state is State.QUARANTINED:
            raise Quarantined("it answered about other numbers")
        if state is State.OPEN and now < self._probe_at:
            raise BreakerOpen("it failed again and again")
        return state

    def admit(self, now: float) -> bool:
        """A question is about to be asked; True when it is a probe. Raises as look does."""
        probe = self.look(now) is State.OPEN
        if probe:
            self._probe_at = now + self._config.probe_every_s
        return probe

    def answered(self) -> None:
        self._row, self._open = 0, False

    def failed(self, now: float) -> bool:
        """True when this failure opens it."""
        self._since = now if self._row == 0 else self._since
        self._row += 1
        opens = not self._open and (self._row >= self._config.failures or now - self._since >= self._config.within_s)
        if opens:
            self._open, self._probe_at = True, now + self._config.probe_every_s
        return opens

    def told_to_wait(self, now: float, seconds: float) -> None:
        """The office said itself when to come again; until then it is open, for MAX_WAIT_S at most."""
        self._open, self._probe_at = True, max(self._probe_at, now + min(seconds, MAX_WAIT_S))

    def breached(self, now: float, number: str) -> bool:
        """True when this breach begins a quarantine. A breach is no failure of the kind that opens: it was answered.

        number: what was asked. One number is one breach: who dials the same again must not close an office to others.
        """
        self.answered()
        if now - self._breached_at > BREACHES_WITHIN_S:
            self._breaches = set()
        self._breaches.add(number)
        self._breached_at = now
        if len(self._breaches) < self._config.breaches:
            return False
        self._breaches, self._quarantined_until = set(), now + self._config.quarantine_s
        return True
