"""Several offices behind one route, and what of their answers a caller may read."""

import asyncio

import pytest

from gateway import answers
from gateway.answers import Answers, Caller, together
from gateway.disclosure import disclosed
from gateway.privacy import Keys
from gateway.settings_offices import RouteLine
from menus.machine import Dialogue
from menus.ports import Ask, Case, Found, Late, Missing, Refused, Several, State, Unavailable, reference

HERS = "+989161234567"


def case(number="12345", **more):
    return Case(kind="letter", number=number, state=State.IN_PROGRESS, **more)


KEYS = Keys(data={1: b"d" * 32}, index=b"i" * 32, log=b"l" * 32)


class Nothing:
    """No answer was kept."""

    async def answer(self, question):
        return None


class Office:
    """Answers after a while; remembers that it was asked, and whether it was given up on."""

    def __init__(self, answer, after_s=0.0):
        self.answer, self.after_s = answer, after_s
        self.asked, self.dropped = [], False

    async def ask(self, ask, within_s):
        self.asked.append((ask.reference.exact, within_s))
        try:
            await asyncio.sleep(self.after_s)
        except asyncio.CancelledError:
            self.dropped = True
            raise
        return self.answer


async def ask(offices, lines, number="12345"):
    found = Answers({"letters": lines}, offices, {}, Nothing(), KEYS)
    asking = Ask("letters", 1, reference(number), "d")
    return await found.answer(asking, Dialogue(menu="m", wire="ussd", language="fa"), Caller(HERS, "tag", None), 4.0)


async def test_all_offices_of_a_line_are_asked_at_once_within_the_one_deadline():
    offices = {"a": Office(Missing()), "b": Office(Found(case())), "c": Office(Missing())}

    assert Found(case()) == await ask(offices, (RouteLine(backend=["a", "b"]), RouteLine(backend="c")))
    assert [[("12345", 4.0)], [("12345", 4.0)], []] == [offices[name].asked for name in "abc"]


async def test_a_found_answer_does_not_wait_for_a_slow_office(monkeypatch):
    monkeypatch.setattr(answers, "GRACE_S", 0.01)
    slow = Office(Missing(), after_s=30)

    assert Found(case()) == await ask({"a": Office(Found(case())), "b": slow}, (RouteLine(backend=["a", "b"]),))
    assert slow.dropped


async def test_the_first_line_whose_pattern_fits_is_asked():
    offices = {"a": Office(Late()), "b": Office(Missing())}
    lines = (RouteLine(numbers="314.*", backend="a"), RouteLine(backend="b"))

    assert [Late(), Missing()] == [await ask(offices, lines, number) for number in ("31415", "12345")]


async def test_a_number_that_fits_no_line_is_for_nobody():
    assert Unavailable() == await ask({"a": Office(Missing())}, (RouteLine(numbers="9", backend="a"),))


OTHER = case(organisation={"fa": "شهرداری"})
TOGETHER = {
    "one found": ([Missing(), Found(case())], Found(case())),
    "found though another is late": ([Late(), Found(case())], Found(case())),
    "found though another is down": ([Unavailable(), Found(case())], Found(case())),
    "two found": ([Found(case()), Found(OTHER)], Several((case(), OTHER))),
    "one and several": ([Found(OTHER), Several((case(), case("1")))], Several((OTHER, case(), case("1")))),
    "nobody has it": ([Missing(), Missing()], Missing()),
    "one is late, the other has none": ([Late(), Missing()], Late()),
    "one is down, the other has none": ([Missing(), Unavailable()], Unavailable()),
    "late before down": ([Unavailable(), Late()], Late()),
    "one refuses": ([Missing(), Refused()], Refused()),
    "alone": ([Several((case(), OTHER))], Several((case(), OTHER))),
}


@pytest.mark.parametrize(("said", "answer"), TOGETHER.values(), ids=TOGETHER)
def test_what_several_offices_say_is_one_answer(said, answer):
    assert answer == together(said)


SECRET = {"secret": True, "subject": "گزارش تخلف", "sender": "م. ک", "citizen_phone": "0916 123 4567"}
STRANGER = "+989167654321"


def test_a_stranger_reads_state_and_desk_alone():
    whole = case(subject="آسفالت کوچه", sender="م. ک", citizen_phone="09161234567", desk={"fa": "دفتر فنی"})

    assert Found(case(desk={"fa": "دفتر فنی"})) == disclosed(Found(whole), STRANGER)


@pytest.mark.parametrize(
    ("more", "caller"),
    [({"proven": True}, STRANGER), ({}, HERS)],
    ids=["by the receipt code", "from the phone the office has"],
)
def test_who_has_proved_it_reads_a_secret_case_with_its_subject(more, caller):
    shown = disclosed(Found(case(**SECRET, **more)), caller)

    assert ("گزارش تخلف", True, "") == (shown.case.subject, shown.case.proven, shown.case.citizen_phone)


@pytest.mark.parametrize("phone", ["", "0", "06133360001", "09167654321", "+98916123456"])
def test_a_secret_case_is_missing_to_any_other_phone(phone):
    hidden = case(**{**SECRET, "citizen_phone": phone})

    assert [Missing(), Missing()] == [disclosed(each, HERS) for each in (Found(hidden), Several((hidden, hidden)))]


def test_of_several_cases_the_secret_ones_are_not_there():
    assert Found(case()) == disclosed(Several((case(), case(**SECRET))), STRANGER)
