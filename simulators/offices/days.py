"""The days an office of the simulator worked, numbered, so that n working days are n places."""

from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from typing import Protocol

from persiantools.jdatetime import JalaliDate


class Calendar(Protocol):
    """Which days offices work, and the day so many working days away. The gateway's own meets it."""

    def is_working_day(self, day: date) -> bool: ...

    def working_days_after(self, day: date, count: int) -> date: ...


class Weeks:
    """A calendar that knows only Thursdays and Fridays."""

    def is_working_day(self, day: date) -> bool:
        return day.weekday() not in (3, 4)

    def working_days_after(self, day: date, count: int) -> date:
        step = timedelta(days=-1 if count < 0 else 1)
        left = abs(count)
        while left or not self.is_working_day(day):
            day += step
            left -= bool(left) and self.is_working_day(day)
        return day


def jalali(day: date) -> str:
    found = JalaliDate(day)  # type: ignore[no-untyped-call]  # the library annotates its methods, not this one
    return str(found.strftime("%Y/%m/%d"))


def year_of(day: date) -> int:
    return int(jalali(day)[:4])


def first_day(year: int) -> date:
    found: date = JalaliDate(year, 1, 1).to_gregorian()  # type: ignore[no-untyped-call]  # the library's __new__
    return found


class Worked:
    """The working days of some Jalali years before today and of the months after it, by number."""

    def __init__(self, today: date, calendar: Calendar, years: int, ahead: timedelta) -> None:
        first = first_day(year_of(today) - years)
        every = (first + timedelta(days=place) for place in range((today + ahead - first).days + 1))
        self._days = [day for day in every if calendar.is_working_day(day)]
        self.today = bisect_right(self._days, today) - 1
        """The number of today, or of the last working day before it."""

    def __getitem__(self, number: int) -> date:
        return self._days[number]

    def year_of(self, number: int) -> int:
        return year_of(self._days[number])

    def of_year(self, year: int) -> range:
        """The numbers of a year's working days, up to today."""
        start = bisect_left(self._days, first_day(year))
        return range(start, min(bisect_left(self._days, first_day(year + 1)), self.today + 1))
