"""Working days as config/holidays.yaml has them, and what is said of a mistake in it."""

import shutil
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import app, settings_files
from gateway.holidays import WorkingDays, gregorian
from menus.source import Faulty
from simulators.demo import HOME
from simulators.offices.days import Weeks
from tests.gateway.test_settings import ENVIRON

SHIPPED = settings_files.working_days(HOME / "config")
days = st.dates(date(2025, 3, 21), date(2028, 3, 19))


@pytest.mark.parametrize(
    ("jalali", "worked"),
    [
        ((1405, 9, 1), True),  # a Sunday
        ((1405, 9, 5), False),  # Thursday
        ((1405, 9, 6), False),  # Friday
        ((1405, 1, 3), False),  # Nowruz
        ((1405, 1, 5), True),
        ((1406, 1, 13), False),  # the day of nature
        ((1404, 4, 15), False),  # Ashura
        ((1405, 4, 4), False),
        ((1405, 4, 6), True),
        ((1405, 11, 22), False),
        ((1410, 11, 22), False),  # a solar holiday of a year nobody wrote down
        ((1403, 12, 30), False),  # leap year
    ],
    ids=lambda value: "/".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_day_is_worked_or_not(jalali, worked):
    assert worked == SHIPPED.is_working_day(gregorian(*jalali))


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        ((1405, 9, 1), 1, (1405, 9, 2)),
        ((1405, 9, 4), 1, (1405, 9, 7)),  # over the weekend
        ((1405, 9, 5), 1, (1405, 9, 7)),  # from a day off
        ((1405, 9, 5), 0, (1405, 9, 7)),
        ((1405, 9, 4), 0, (1405, 9, 4)),
        ((1405, 9, 7), -1, (1405, 9, 4)),
        ((1404, 12, 27), 3, (1405, 1, 9)),  # over Nowruz: the 5th, the 8th, the 9th
    ],
)
def test_days_are_counted_over_what_is_off(start, count, expected):
    found = SHIPPED.working_days_after(gregorian(*start), count)

    assert SHIPPED.is_working_day(found)
    assert gregorian(*expected) == found


@given(day=days, count=st.integers(1, 60))
def test_there_are_exactly_so_many_working_days_between(day, count):
    found = SHIPPED.working_days_after(day, count)
    between = [date.fromordinal(each) for each in range(day.toordinal() + 1, found.toordinal() + 1)]

    assert count == sum(map(SHIPPED.is_working_day, between))
    assert day < SHIPPED.working_days_after(found, -count + 1) <= found


@given(day=days, count=st.integers(-30, 30))
def test_the_simulators_weeks_are_a_calendar_without_holidays(day, count):
    assert WorkingDays().working_days_after(day, count) == Weeks().working_days_after(day, count)


def test_the_last_day_that_is_known_is_the_end_of_the_last_year():
    assert gregorian(1406, 12, 29) == SHIPPED.until


def test_a_week_without_a_working_day_is_refused():
    with pytest.raises(ValueError, match="without a working day"):
        WorkingDays(weekly=frozenset(range(7)))


@pytest.fixture
def config(tmp_path):
    return shutil.copytree(HOME / "config", tmp_path / "config")


def faults(config):
    with pytest.raises(Faulty) as faulty:
        app.check(settings_files.read(config, ENVIRON))
    return [(fault.file.removeprefix(f"{config}/"), fault.line, fault.message) for fault in faulty.value.faults]


MISTAKES = [
    ("weekly: [thursday, friday]", "weekly: [thursday, holiday]", "weekly 2: 'holiday' is none of"),
    ("weekly: [thursday, friday]", "weekly: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]",
     "a week without a working day"),
    ("weekly: [thursday, friday]", "weakly: [thursday, friday]", "weakly is not a key we know here; did you mean weekly?"),
    ("  03/14: رحلت", "  3/14: رحلت", "'3/14' is no day; write month/day, two digits each: 01/13"),
    ("  03/14: رحلت", "  13/14: رحلت", "every_year.13/14: the calendar has no such day"),
    ("    02/04: شهادت", "    12/30: شهادت", "in_year.1404.12/30: the calendar has no such day"),
    ("  1406:", "  2027:", "in_year.2027"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES, ids=[case[1] for case in MISTAKES])
def test_a_mistake_is_named_with_file_and_line(config, right, wrong, message):
    text = (config / "holidays.yaml").read_text(encoding="utf-8")
    line = text[: text.index(right)].count("\n") + 1
    (config / "holidays.yaml").write_text(text.replace(right, wrong, 1), encoding="utf-8")

    (fault,) = faults(config)

    assert ("holidays.yaml", line) == fault[:2]
    assert message in fault[2]


def test_counting_without_a_calendar_is_a_fault(config):
    path = config / "backends" / "services.yaml"
    path.write_text(f"{path.read_text('utf-8')}\ndue_in_working_days: 30\n", encoding="utf-8")
    assert "services" in app.check(settings_files.read(config, ENVIRON)).backends
    line = path.read_text("utf-8").count("\n")
    (config / "holidays.yaml").unlink()

    assert [("backends/services.yaml", line)] == [fault[:2] for fault in faults(config)]
    assert "counted by holidays.yaml, which is not in" in faults(config)[0][2]


def test_names_are_shared_and_a_backends_own_go_before(config):
    path = config / "backends" / "services.yaml"
    path.write_text(f"{path.read_text('utf-8')}\nnames:\n  کارشناسی: {{en: Our word}}\n", encoding="utf-8")
    names = app.check(settings_files.read(config, ENVIRON)).backends["services"][0].names

    assert {"en": "Our word"} == names["کارشناسی"]
    assert {"ar": "السكرتارية", "en": "Secretariat"} == names["دبیرخانه"]


def test_a_name_that_is_none_is_a_fault(config):
    path = config / "names.yaml"
    path.write_text(f"{path.read_text('utf-8')}میز تازه: Desk\n", encoding="utf-8")

    (fault,) = faults(config)
    assert ("names.yaml", path.read_text("utf-8").count("\n")) == fault[:2]


def test_only_what_one_backend_needs_is_read(config):
    (config / "channels" / "kannel.yaml").write_text("surprise: 1\n", encoding="utf-8")
    (config / "backends" / "services.yaml").write_text("kind: fax\n", encoding="utf-8")
    found = app.check(settings_files.read(config, {"SECRETARIAT_URL": "http://127.0.0.1:1"}, backend="secretariat"))

    assert {"secretariat"} == found.backends.keys()
    assert {"letters", "requests"} == found.settings.routes.keys()
