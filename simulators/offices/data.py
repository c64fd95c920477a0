"""What the demo's offices know: the rows the handbook promises, and neighbours that make the lists look real.

Dates are relative to the day the demo starts, this Jalali year unless a row says otherwise, and fall on working days
(Saturday to Wednesday).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from persiantools.jdatetime import JalaliDate

SECRETARIAT = "استانداری"
MUNICIPALITY = "شهرداری"
PHONE = "06133360001"


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


def jalali(day: date) -> str:
    found = JalaliDate(day)  # type: ignore[no-untyped-call]  # the library annotates its methods, not this one
    return str(found.strftime("%Y/%m/%d"))


def year_of(day: date) -> int:
    return int(jalali(day)[:4])


def in_year(year: int, month: int, day: int) -> date:
    """The working day at or before this day of a Jalali year."""
    return working_day(JalaliDate(year, month, day).to_gregorian(), 0)  # type: ignore[no-untyped-call]  # as above


def working_day(today: date, days: int) -> date:
    """The day so many working days from today; Thursday and Friday do not count."""
    day, step = today, 1 if days > 0 else -1
    for _ in range(abs(days)):
        day += timedelta(days=step)
        while day.weekday() in (3, 4):
            day += timedelta(days=step)
    while day.weekday() in (3, 4):
        day += timedelta(days=step)
    return day


def next_week(today: date) -> date:
    """The Tuesday of next week, weeks beginning on Saturday."""
    saturday = today + timedelta(days=(5 - today.weekday()) % 7 or 7)
    return saturday + timedelta(days=3)


def letters(today: date) -> Iterator[Letter]:
    def ago(days: int) -> date:
        return working_day(today, -days)

    def chain(*desks: str, last: int, gap: int = 3) -> tuple[tuple[str, date], ...]:
        return tuple((desk, ago(last + gap * (len(desks) - 1 - place))) for place, desk in enumerate(desks))

    long = ("دبیرخانه", "دفتر استاندار", "معاونت عمرانی", "دفتر حقوقی")
    yield Letter(
        "12345",
        "در حال بررسی",
        chain(*long, last=4),
        ago(4),
        next_week(today),
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
    )
    yield Letter(
        "220/1396/54321", "ارجاع شده", chain("دبیرخانه", "دفتر فنی", last=2), ago(2), working_day(today, 8),
        subject="شبکه آب روستا",
    )  # fmt: skip
    yield Letter("12347", "خاتمه یافته", chain(*long[:2], last=8), ago(6), subject="درخواست ملاقات")
    this_year = year_of(today)
    yield Letter(
        "22010", "در حال بررسی", chain(*long, last=3), ago(3), working_day(today, 9), subject="نشست زمین",
        year=this_year,
    )  # fmt: skip
    yield Letter(
        "22010", "پاسخ داده شده", chain("دبیرخانه", "خدمات شهری", last=7), ago(4), reply_number="3308",
        organisation=MUNICIPALITY, subject="روشنایی معابر", year=this_year,
    )  # fmt: skip
    yield Letter(
        "22011", "ارجاع شده", chain("دبیرخانه", "دفتر فنی", last=2), ago(2), working_day(today, 11),
        subject="تعریض پل", year=this_year,
    )  # fmt: skip
    before = this_year - 1
    yield Letter(
        "22011", "خاتمه یافته", (("دبیرخانه", in_year(before, 5, 7)), ("امور مالی", in_year(before, 5, 20))),
        in_year(before, 6, 10), reply_number="4417", subject="حق آبه", year=before,
    )  # fmt: skip
    yield Letter("12344", "ثبت شده", chain("دبیرخانه", last=1), ago(1), working_day(today, 20), subject="وام کشاورزی")
    yield Letter("12348", "رد شده", chain("دبیرخانه", "امور مالی", last=7), ago(7), subject="معافیت عوارض")


def slow_letters(today: date) -> Iterator[Letter]:
    desks = (("دبیرخانه", working_day(today, -6)), ("امور مالی", working_day(today, -3)))
    yield Letter("31415", "در حال بررسی", desks, desks[-1][1], working_day(today, 5), subject="تقسیط بدهی")


def requests(today: date) -> Iterator[Request]:
    def ago(days: int) -> date:
        return working_day(today, -days)

    units = ("ثبت درخواست", "بررسی مدارک", "کارشناسی", "صدور مجوز")
    yield Request(
        "2001000344",
        "DEFICIENT",
        "صنعت و معدن",
        tuple(zip(units, (ago(8), ago(3), None, None), strict=True)),
        ago(3),
        working_day(today, 12),
        missing_document="کپی شناسنامه",
        title="مجوز کسب خانگی",
    )
    yield Request(
        "2001000377",
        "IN_REVIEW",
        "صنعت و معدن",
        tuple(zip(units, (ago(12), ago(9), ago(2), None), strict=True)),
        ago(2),
        next_week(today),
        title="مجوز کسب خانگی",
    )
