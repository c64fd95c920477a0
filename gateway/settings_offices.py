"""What is said of the offices beside their own files: routes.yaml, holidays.yaml, names.yaml."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator

from gateway.holidays import WEEKDAYS, WorkingDays, gregorian
from gateway.settings_fields import Strict, listed


class RouteLine(Strict):
    numbers: str | None = None
    """A pattern of whole numbers; without it every number."""
    backends: Annotated[list[str], BeforeValidator(listed), Field(min_length=1)] = Field(alias="backend")
    """The office that is asked, or several at once: then whatever one of them finds stands."""

    def fits(self, number: str) -> bool:
        return self.numbers is None or re.fullmatch(self.numbers, number) is not None

    def model_post_init(self, _: Any) -> None:
        try:
            re.compile(self.numbers or "")
        except re.error as error:
            raise ValueError(f"{self.numbers!r} is no pattern: {error}") from None


class Routes(Strict):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[list[RouteLine], Field(min_length=1)]]


LEAP_YEAR = 1403
"""Has every day a Jalali year can have."""


def _month_day(text: str) -> str:
    if not re.fullmatch(r"[0-9]{2}/[0-9]{2}", text):
        raise ValueError(f"{text!r} is no day; write month/day, two digits each: 01/13")
    return text


MonthDay = Annotated[str, AfterValidator(_month_day)]
Year = Annotated[int, Field(ge=1350, lt=1450)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class HolidaySettings(Strict):
    """Days of the Jalali calendar, `month/day`, each with what it is."""

    weekly: list[Weekday] = Field(default=["thursday", "friday"])
    """Days of the week off."""
    every_year: dict[MonthDay, str] = Field(default={})
    """Holidays of the solar calendar."""
    in_year: dict[Year, dict[MonthDay, str]] = Field(default={})
    """Year to the holidays of the lunar calendar in it, and whatever else was announced."""

    @field_validator("weekly")
    @classmethod
    def _some_days_are_worked(cls, weekly: list[Weekday]) -> list[Weekday]:
        if len(set(weekly)) == len(WEEKDAYS):
            raise ValueError("a week without a working day")
        return weekly

    def working_days(self) -> WorkingDays:
        last = max(self.in_year, default=None)
        return WorkingDays(
            weekly=frozenset(WEEKDAYS.index(name) for name in self.weekly),
            every_year=frozenset(month_and_day(day) for day in self.every_year),
            dates=frozenset(
                gregorian(year, *month_and_day(day)) for year, days in self.in_year.items() for day in days
            ),
            until=gregorian(last, 12, 29) if last else None,
        )


def month_and_day(day: str) -> tuple[int, int]:
    month, _, number = day.partition("/")
    return int(month), int(number)


class Names(Strict):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, dict[str, str]]
