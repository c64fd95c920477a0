"""Time, days and ids. The one module that reads the machine's clock; everything else takes them as arguments."""

import time
import uuid
from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

log = structlog.get_logger()

TEHRAN = ZoneInfo("Asia/Tehran")

STEP_S = 30.0
"""From here on a difference to the time that has passed is a jump of the machine's clock, and not its regulation."""

BELIEVED_AFTER_S = 900.0
"""How long a jump must have stood. A mistake is taken back before that; of what was waiting nothing has expired."""


class Clock(Protocol):
    """now: aware UTC, for what is stored; monotonic: seconds, for what is measured; today: the day in Tehran."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def today(self) -> date: ...

    def new_id(self) -> str: ...


def wall() -> float:
    """Seconds since 1970, as this machine has them."""
    return time.time()


class SystemClock:
    """The machine's clock, but for its jumps: what waits to be sent must not expire because somebody set the clock to
    tomorrow, nor wait for hours because it was set back. Then time just goes on, until the jump is believed."""

    def __init__(self) -> None:
        self._ahead = wall() - self.monotonic()  # of the monotonic clock, which never jumps
        self._jumped_at: float | None = None

    def now(self) -> datetime:
        passed = self.monotonic()
        jump = wall() - passed - self._ahead
        if abs(jump) < STEP_S:
            self._ahead, self._jumped_at = self._ahead + jump, None
        elif self._jumped_at is None:
            self._jumped_at = passed
            log.error("clock_jumped", by_s=round(jump), believed_in_s=BELIEVED_AFTER_S)
        elif passed - self._jumped_at >= BELIEVED_AFTER_S:
            self._ahead, self._jumped_at = self._ahead + jump, None
        return datetime.fromtimestamp(passed + self._ahead, UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def today(self) -> date:
        return self.now().astimezone(TEHRAN).date()

    def new_id(self) -> str:
        return uuid.uuid4().hex


_: type[Clock] = SystemClock
