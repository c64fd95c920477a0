"""Working days: which days an office works, and the day so many of them from another. By config/holidays.yaml."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from persiantools.jdatetime import JalaliDate

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""In the order of date.weekday()."""

MonthDay = tuple[int, int]
"""Month and day of the Jalali calendar."""


def gregorian(year: int, month: int, day: int) -> date:
    """A day of the Jalali calendar. Raises ValueError when it has no such day."""
    found: date = JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]  # the library's __new__
    return found


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """weekly: days of the week off, as date.weekday() counts them; every_year: holidays of the solar calendar, the same
    each year; dates: holidays that move; until: the last day whose holidays are known, None when nobody said."""

    weekly: Collection[int] = frozenset({3, 4})
    every_year: Collection[MonthDay] = frozenset()
    dates: Collection[date] = frozenset()
    until: date | None = None

    def __post_init__(self) -> None:
        if len(set(self.weekly)) >= len(WEEKDAYS):
            raise ValueError("a week without a working day")

    def is_working_day(self, day: date) -> bool:
        if day.weekday() in self.weekly or day in self.dates:
            return False
        if not self.every_year:
            return True
        jalali = JalaliDate(day)  # type: ignore[no-untyped-call]  # the library annotates its methods, not this one
        return (jalali.month, jalali.day) not in self.every_year

    def working_days_after(self, day: date, count: int) -> date:
        """The count-th working day after this day, which does not count itself; before it when count is negative.

        0: the day itself, or the next working day. Raises OverflowError beyond the years a date has.
        """
        step = timedelta(days=-1 if count < 0 else 1)
        left = abs(count)
        while left or not self.is_working_day(day):
            day += step
            left -= bool(left) and self.is_working_day(day)
        return day
