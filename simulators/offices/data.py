"""What the demo's offices know: the rows the handbook promises, and neighbours that make the lists look real.

Dates are relative to the day the demo starts, this Jalali year unless a row says otherwise, and fall on working days.
What is generated beside them (generated.py) keeps clear of their numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from simulators.offices.days import Calendar, Weeks, first_day, year_of

SECRETARIAT = "استانداری"
MUNICIPALITY = "شهرداری"
PHONE = "06133360001"

FIXED_NUMBERS = frozenset({
    "777", "12344", "12345", "12346", "12347", "12348", "12349", "22010", "22011", "31415", "50050", "50051", "54321",
    "99999", "110718",
})  # fmt: skip
"""Running numbers the handbook says something about, also that they are unknown."""

FIXED_CODES = frozenset({"2001000344", "2001000352", "2001000377", "2001000385", "1040610014"})
"""Tracking and receipt codes the handbook says something about."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A row of the secretariat's register; referrals are (desk, day), oldest first.

    year: of the register, when it is another than that of the first referral.
    """

    number: str
    state: str
    referrals: tuple[tuple[str, date], ...]
    state_date: date
    deadline: date | None = None
    reply_number: str | None = None
    confidentiality: str = "عادی"
    organisation: str = SECRETARIAT
    subject: str = ""
    year: int | None = None
    sender: str = ""
    receipt_code: str | None = None
    phone: str = PHONE

    @property
    def registered_in(self) -> int:
        return self.year or year_of(self.referrals[0][1])


@dataclass(frozen=True, slots=True)
class Request:
    """A service request; steps are (unit, day or None when it has not been there)."""

    code: str
    status: str
    agency: str
    steps: tuple[tuple[str, date | None], ...]
    status_date: date
    expected: date | None = None
    missing_document: str | None = None
    phone: str = PHONE
    title: str = field(default="", repr=False)


def next_week(today: date, calendar: Calendar) -> date:
    """The Tuesday of next week, weeks beginning on Saturday, or the working day behind it."""
    saturday = today + timedelta(days=(5 - today.weekday()) % 7 or 7)
    return calendar.working_days_after(saturday + timedelta(days=3), 0)


def letters(today: date, calendar: Calendar | None = None) -> Iterator[Letter]:
    calendar = calendar or Weeks()

    def ago(days: int) -> date:
        return ahead(-days)

    def ahead(days: int) -> date:
        return calendar.working_days_after(today, days)

    def in_year(year: int, day: int) -> date:
        """The last working day before so many days of a Jalali year."""
        return calendar.working_days_after(first_day(year) + timedelta(days=day), -1)

    def chain(*desks: str, last: int, gap: int = 3) -> tuple[tuple[str, date], ...]:
        return tuple((desk, ago(last + gap * (len(desks) - 1 - place))) for place, desk in enumerate(desks))

    long = ("دبیرخانه", "دفتر استاندار", "معاونت عمرانی", "دفتر حقوقی")
    yield Letter(
        "12345",
        "در حال بررسی",
        chain(*long, last=4),
        ago(4),
        next_week(today, calendar),
        subject="آسفالت کوچه شهید رضایی",
    )
    yield Letter(
        "110718",
        "پاسخ داده شده",
        chain(*long[:3], last=6),
        ago(2),
        reply_number="5210",
        subject="درخواست نصب تابلو",
    )
    yield Letter("12346", "خاتمه یافته", chain(*long, last=9), ago(5), reply_number="5512", subject="حریم رودخانه")
    yield Letter(
        "777",
        "در حال بررسی",
        chain(*long[:2], last=3),
        ago(3),
        confidentiality="محرمانه",
        subject="گزارش تخلف",
        receipt_code="1040610014",
    )
    yield Letter(
        "220/1396/54321", "ارجاع شده", chain("دبیرخانه", "دفتر فنی", last=2), ago(2), ahead(8),
        subject="شبکه آب روستا",
    )  # fmt: skip
    yield Letter("12347", "خاتمه یافته", chain(*long[:2], last=8), ago(6), subject="درخواست ملاقات")
    this_year = year_of(today)
    yield Letter(
        "22010", "در حال بررسی", chain(*long, last=3), ago(3), ahead(9), subject="نشست زمین",
        year=this_year,
    )  # fmt: skip
    yield Letter(
        "22010", "پاسخ داده شده", chain("دبیرخانه", "خدمات شهری", last=7), ago(4), reply_number="3308",
        organisation=MUNICIPALITY, subject="روشنایی معابر", year=this_year,
    )  # fmt: skip
    yield Letter(
        "22011", "ارجاع شده", chain("دبیرخانه", "دفتر فنی", last=2), ago(2), ahead(11),
        subject="تعریض پل", year=this_year,
    )  # fmt: skip
    before = this_year - 1
    yield Letter(
        "22011", "خاتمه یافته", (("دبیرخانه", in_year(before, 131)), ("امور مالی", in_year(before, 144))),
        in_year(before, 165), reply_number="4417", subject="حق آبه", year=before,
    )  # fmt: skip
    yield Letter("12344", "ثبت شده", chain("دبیرخانه", last=1), ago(1), ahead(20), subject="وام کشاورزی")
    yield Letter("12348", "رد شده", chain("دبیرخانه", "امور مالی", last=7), ago(7), subject="معافیت عوارض")
    yield Letter("12349", "در حال بررسی", chain(*long[:3], last=12), ago(12), ago(5), subject="لایروبی نهر روستا")


def slow_letters(today: date, calendar: Calendar | None = None) -> Iterator[Letter]:
    day = (calendar or Weeks()).working_days_after
    desks = (("دبیرخانه", day(today, -6)), ("امور مالی", day(today, -3)))
    yield Letter("31415", "در حال بررسی", desks, desks[-1][1], day(today, 5), subject="تقسیط بدهی")


def failing_letters(today: date, calendar: Calendar | None = None) -> Iterator[Letter]:
    """Of an office whose system has been down for three days."""
    day = (calendar or Weeks()).working_days_after
    desks = (("دبیرخانه", day(today, -11)), ("دفتر حقوقی", day(today, -7)))
    yield Letter("50050", "در حال بررسی", desks, desks[-1][1], day(today, 6), subject="سند مالکیت")


def dead_letters(today: date, calendar: Calendar | None = None) -> Iterator[Letter]:
    """Of an office that nobody has ever had an answer from."""
    day = (calendar or Weeks()).working_days_after
    desks = (("دبیرخانه", day(today, -5)),)
    yield Letter("50051", "ثبت شده", desks, desks[-1][1], day(today, 10), subject="پروانه چاه")


def requests(today: date, calendar: Calendar | None = None) -> Iterator[Request]:
    calendar = calendar or Weeks()

    def ago(days: int) -> date:
        return calendar.working_days_after(today, -days)

    units = ("ثبت درخواست", "بررسی مدارک", "کارشناسی", "صدور مجوز")
    yield Request(
        "2001000344",
        "DEFICIENT",
        "صنعت و معدن",
        tuple(zip(units, (ago(8), ago(3), None, None), strict=True)),
        ago(3),
        calendar.working_days_after(today, 12),
        missing_document="کپی شناسنامه",
        title="مجوز کسب خانگی",
    )
    yield Request(
        "2001000377",
        "IN_REVIEW",
        "صنعت و معدن",
        tuple(zip(units, (ago(12), ago(9), ago(2), None), strict=True)),
        ago(2),
        next_week(today, calendar),
        title="مجوز کسب خانگی",
    )
    yield Request(
        "2001000385",
        "IN_REVIEW",
        "صنعت و معدن",
        tuple(zip(units, (ago(20), ago(16), ago(10), None), strict=True)),
        ago(10),
        ago(4),
        title="مجوز کسب خانگی",
    )
