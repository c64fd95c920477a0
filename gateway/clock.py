"""Time, days and ids. The one module that reads the machine's clock; everything else takes them as arguments."""

import time
import uuid
from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

TEHRAN = ZoneInfo("Asia/Tehran")


class Clock(Protocol):
    """now: aware UTC, for what is stored; monotonic: seconds, for what is measured; today: the day in Tehran."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def today(self) -> date: ...

    def new_id(self) -> str: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def today(self) -> date:
        return datetime.now(TEHRAN).date()

    def new_id(self) -> str:
        return uuid.uuid4().hex


_: type[Clock] = SystemClock
