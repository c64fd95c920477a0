"""The day an answer is owed, counted where the office does not say it."""

from datetime import date, timedelta

import pytest

from adapters.due import Due
from menus.ports import Ask, Case, CaseStep, Found, Missing, Several, State, reference

ASK = Ask("letters", 1, reference("12345"))
DAY = date(2026, 11, 1)


def case(**more):
    return Case(**{"kind": "letter", "number": "12345", "state": State.IN_PROGRESS, **more})


class Office:
    """A Lookup that has this answer."""

    def __init__(self, answer):
        self.answer = answer
        self.entered = 0

    async def __aenter__(self):
        self.entered += 1
        return self

    async def __aexit__(self, *_):
        self.entered -= 1

    async def look_up(self, _ask):
        return self.answer


def counted(day, count):
    return day + timedelta(days=100 * count)


async def asked(answer, trace=lambda _what, _text: None):
    office = Office(answer)
    async with Due(office, 2, counted, trace) as due:
        assert 1 == office.entered
        found = await due.look_up(ASK)
    assert 0 == office.entered
    return found


LATER = DAY + timedelta(days=200)


@pytest.mark.parametrize(
    ("more", "due_on"),
    [
        ({"registered_on": DAY}, LATER),
        ({"steps": (CaseStep({}, DAY), CaseStep({}, date(2026, 11, 9)))}, LATER),
        ({"registered_on": DAY, "steps": (CaseStep({}, date(2026, 10, 1)),)}, LATER),
        ({"registered_on": DAY, "due_on": date(2026, 12, 1)}, date(2026, 12, 1)),
        ({"steps": (CaseStep({}, None), CaseStep({}, DAY))}, None),
        ({}, None),
        ({"registered_on": DAY, "state": State.CLOSED}, None),
        ({"registered_on": DAY, "state": State.ANSWERED}, None),
    ],
    ids=["registered", "first step", "registered first", "the office says it", "no day of the first step", "no day",
         "closed", "answered"],
)  # fmt: skip
async def test_an_open_case_without_a_due_date_gets_one(more, due_on):
    assert Found(case(**more, due_on=due_on) if "due_on" not in more else case(**more)) == await asked(
        Found(case(**more))
    )


async def test_each_of_several_cases_gets_its_own():
    answer = Several((case(registered_on=DAY), case(due_on=DAY)))

    assert [LATER, DAY] == [each.due_on for each in (await asked(answer)).cases]


async def test_several_of_a_day_stay_of_that_day():
    assert DAY == (await asked(Several((case(registered_on=DAY), case()), as_of=DAY))).as_of


async def test_another_answer_passes_as_it_is():
    assert Missing() == await asked(Missing())


async def test_a_day_beyond_the_calendar_is_left_alone():
    def never(_day, _count):
        raise OverflowError

    async with Due(Office(Found(case(registered_on=date.max))), 2, never) as due:
        assert (await due.look_up(ASK)).case.due_on is None


async def test_who_listens_hears_how_it_was_counted():
    told = []
    await asked(Found(case(registered_on=DAY)), lambda *what: told.append(what))

    assert [("field", f"due_on: 2 working days after {DAY} -> {LATER}")] == told
