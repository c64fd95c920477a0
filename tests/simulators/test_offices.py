"""The generated neighbours: believable, the same for the same seed, clear of the handbook's rows, and never stored."""

import re
import tracemalloc
from collections import Counter
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mapping import CaseConfig, Mapper
from adapters.rest import RestConfig
from gateway import settings_files
from menus import machine, render
from menus.alphabet import Capacity
from menus.definition import AskDef
from menus.ports import FINAL, Found, State, luhn_ok, reference
from menus.screens import Screen
from menus.source import read
from simulators.demo import HOME
from simulators.offices import data, generated, secretariat, services, vocabulary
from simulators.offices.days import jalali, year_of
from simulators.offices.generated import MOST, Letters, Requests
from simulators.offices.numbering import Codes, Spread

TODAY = date(2026, 11, 22)
CONFIG = HOME / "config"
CALENDAR = settings_files.working_days(CONFIG)
NAMES = read("names.yaml", (CONFIG / "names.yaml").read_text("utf-8")).data
MILLION = 1_000_000
LETTERS = Letters(TODAY, MILLION, CALENDAR)
REQUESTS = Requests(TODAY, MILLION, CALENDAR)

places = st.integers(0, MILLION - 1)
OPEN = {"ثبت شده", "ارجاع شده", "رویت شده", "در حال بررسی"}


# --- reproducible -----------------------------------------------------------------------------------------------------


@given(place=places)
@settings(max_examples=50, deadline=None)
def test_a_case_depends_on_seed_day_and_place_alone(place):
    assert LETTERS[place] == Letters(TODAY, place + 1, CALENDAR)[place]
    assert REQUESTS[place] == Requests(TODAY, place + 1, CALENDAR)[place]


def test_another_seed_is_another_register():
    assert LETTERS[:20] != Letters(TODAY, 20, CALENDAR, seed=2)[:20]
    assert REQUESTS[:20] != Requests(TODAY, 20, CALENDAR, seed=2)[:20]


def test_a_hundred_have_most_of_what_a_million_has():
    letters = Letters(TODAY, 100, CALENDAR)[:]

    assert {"پاسخ داده شده", "خاتمه یافته", "رد شده"} <= {letter.state for letter in letters}
    assert len({letter.organisation for letter in letters}) > 20
    assert len({year_of(letter.referrals[0][1]) for letter in letters}) >= 4
    assert any(count > 1 for count in Counter(letter.number for letter in letters).values())


@pytest.mark.parametrize("count", [-1, MOST + 1])
def test_a_size_there_are_no_numbers_for_is_refused(count):
    with pytest.raises(ValueError, match=f"0 to {MOST}"):
        Letters(TODAY, count)


# --- believable -------------------------------------------------------------------------------------------------------


@given(place=places)
@settings(max_examples=300, deadline=None)
def test_a_letter_agrees_with_itself(place):
    letter = LETTERS[place]
    days = [day for _, day in letter.referrals]
    desks = [desk for desk, _ in letter.referrals]

    assert 2 <= len(letter.referrals) <= 9
    assert all(CALENDAR.is_working_day(day) for day in [*days, letter.state_date])
    assert all(earlier < later for earlier, later in pairwise(days))
    assert all(before != after for before, after in pairwise(desks))
    assert days[-1] <= letter.state_date <= TODAY
    assert letter.year == letter.registered_in == year_of(days[0])
    assert letter.deadline is None or (CALENDAR.is_working_day(letter.deadline) and letter.deadline > days[0])
    assert (letter.reply_number is not None) >= (letter.state == "پاسخ داده شده")
    assert letter.reply_number is None or letter.state in ("پاسخ داده شده", "خاتمه یافته")
    assert (letter.state == "ثبت شده") == (desks[-1] == vocabulary.REGISTRY and letter.state in OPEN)
    assert len(letter.receipt_code) == 10
    assert letter.receipt_code[0] != "0"
    assert luhn_ok(letter.receipt_code)
    assert letter.sender == f"متقاضی نمونه {place:07}"
    assert str(letter.year) in letter.number or "/" not in letter.number


@given(place=places)
@settings(max_examples=300, deadline=None)
def test_a_request_agrees_with_itself(place):
    request = REQUESTS[place]
    days = [day for _, day in request.steps]
    done = [day for day in days if day is not None]

    assert done == days[: len(done)]
    assert done
    assert all(CALENDAR.is_working_day(day) for day in [*done, request.status_date, request.expected])
    assert all(earlier < later for earlier, later in pairwise(done))
    assert done[-1] <= request.status_date <= TODAY
    assert (request.status == "DEFICIENT") == (request.missing_document is not None)
    assert request.phone
    assert (request.status == "APPROVED") <= (len(done) == len(days))
    assert (request.status == "SUBMITTED") <= (len(done) == 1)
    assert request.code[0] != "0"
    assert luhn_ok(request.code)


def test_among_some_thousand_there_is_everything_a_citizen_may_meet():
    letters, requests = LETTERS[:4000], REQUESTS[:2000]
    by_number = Counter(letter.number for letter in letters)
    twice = [letter for letter in letters if by_number[letter.number] == 2]

    assert OPEN | {"پاسخ داده شده", "خاتمه یافته", "رد شده"} == {letter.state for letter in letters}
    assert set(range(2, 10)) == {len(letter.referrals) for letter in letters}
    assert 100 < sum(letter.state in OPEN and (letter.deadline or TODAY) < TODAY for letter in letters) < 800
    assert any(letter.state == "خاتمه یافته" and letter.reply_number is None for letter in letters)
    assert 40 < sum(letter.confidentiality != "عادی" for letter in letters) < 160
    assert len(twice) > 100
    assert {1, 2} == {len({(each.organisation) for each in LETTERS.by_number(letter.number)}) for letter in twice}
    assert {1, 2} == {len({(each.year) for each in LETTERS.by_number(letter.number)}) for letter in twice}
    assert {"SUBMITTED", "IN_REVIEW", "DEFICIENT", "APPROVED", "DENIED", "CLOSED"} == {each.status for each in requests}


def test_running_numbers_grow_through_the_year():
    ours = [each for each in LETTERS[:3000] if each.organisation == "استانداری" and int(each.number) > 920_000]
    ours = sorted((each for each in ours if each.year == 1405), key=lambda each: int(each.number))

    assert len(ours) > 200
    assert all(one.referrals[0][1] <= other.referrals[0][1] for one, other in pairwise(ours))


@pytest.mark.parametrize("day", [date(2026, 3, 21), date(2026, 4, 4), date(2026, 4, 20), date(2029, 3, 19)], ids=jalali)
def test_a_year_that_has_just_begun_has_letters_of_the_one_before(day):
    for letter in Letters(day, 300, CALENDAR):
        assert letter.referrals[-1][1] <= letter.state_date <= day
        assert letter.year == year_of(letter.referrals[0][1])


def test_every_name_is_known_in_three_languages():
    agencies = (vocabulary.GOVERNORATE, vocabulary.MUNICIPALITY, *vocabulary.OTHERS)
    used = {vocabulary.COUNTER, vocabulary.REGISTRY}
    used |= {name for agency in agencies for name in (agency.name, agency.head)}
    used |= {desk for agency in agencies for topic in agency.topics for desk in topic.desks}
    used |= {name for each in vocabulary.SERVICES for name in (each.agency, *each.units, *each.documents)}
    used |= {desk for letter in data.letters(TODAY) for desk, _ in letter.referrals}

    assert set() == {name for name in used if NAMES.get(name, {}).keys() != {"ar", "en"}}
    assert set() == {name for name in used if len(name) > 16}


# --- found again, and nobody else's -----------------------------------------------------------------------------------


@given(place=places)
@settings(max_examples=200, deadline=None)
def test_every_case_is_found_by_its_number_its_parts_and_its_codes(place):
    letter, request = LETTERS[place], REQUESTS[place]

    assert letter in LETTERS.by_number(letter.number)
    assert letter in LETTERS.by_parts(sorted(letter.number.split("/")))
    assert [letter] == LETTERS.by_receipt(letter.receipt_code)
    assert request == REQUESTS.by_code(request.code)
    # As the gateway asks: no part has a leading zero, nothing is folded away.
    assert letter.number == reference(letter.number).exact


@given(place=places)
@settings(max_examples=300, deadline=None)
def test_no_generated_number_has_a_running_part_of_the_handbook(place):
    assert not data.FIXED_NUMBERS & set(LETTERS[place].number.split("/"))
    assert {LETTERS[place].receipt_code, REQUESTS[place].code}.isdisjoint(data.FIXED_CODES)


def test_the_handbooks_rows_have_their_numbers_to_themselves():
    for letter in [*data.letters(TODAY), *data.slow_letters(TODAY)]:
        assert [] == LETTERS.by_number(letter.number)
        assert [] == LETTERS.by_parts(letter.number.split("/"))
    assert [] == [number for number in data.FIXED_NUMBERS if LETTERS.by_number(number)]
    assert [] == [code for code in data.FIXED_CODES if LETTERS.by_receipt(code) or REQUESTS.by_code(code)]


@pytest.mark.parametrize("number", ["", "0", "0921405", "1/2/3/4", "921405/", "x", "۹۲۱۴۰۵", "9" * 20, "110/1405/0"])
def test_a_number_nobody_has_finds_nothing(number):
    assert [] == LETTERS.by_number(number)
    assert REQUESTS.by_code(number) is None


@given(size=st.integers(2, 5000), shift=st.integers(0, 10_000), data=st.data())
def test_a_spread_leads_back(size, shift, data):
    place = data.draw(st.integers(0, size - 1))

    assert place == Spread(size, shift % size).back(Spread(size, shift % size)(place))


@given(place=places)
def test_codes_lead_back_and_step_over_what_is_taken(place):
    free = Codes("k")
    taken = Codes("k", frozenset({free.code(place)}))

    assert place == free.place(free.code(place))
    assert free.code(place) != taken.code(place)
    assert place == taken.place(taken.code(place))
    assert taken.place(free.code(place)) is None


# --- a million ------------------------------------------------------------------------------------------------------


class Counted(Letters):
    made = 0

    def __getitem__(self, place):
        Counted.made += 1
        return super().__getitem__(place)


async def test_a_million_letters_are_served_without_being_made(aiohttp_client):
    register = Counted(TODAY, MILLION, CALENDAR)
    numbers = [LETTERS[place].number for place in range(0, MILLION, 5003)]
    client = await aiohttp_client(secretariat.application(data.letters(TODAY), neighbours=register))

    tracemalloc.start()
    rows = 0
    for number in numbers:
        async with client.get("/letters", params={"number": number}) as response:
            rows += len((await response.json())["letters"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(numbers) <= rows == Counted.made
    assert peak < 4_000_000


async def test_a_million_requests_are_served_beside_the_fixed_ones(aiohttp_client):
    client = await aiohttp_client(services.application(data.requests(TODAY), neighbours=REQUESTS))

    for code, status in ((REQUESTS[999_999].code, 200), ("2001000344", 200), ("2001000352", 404), ("1", 404)):
        async with client.get("/requests/status", params={"code": code}) as response:
            assert status == response.status


# --- on a phone -------------------------------------------------------------------------------------------------------


def shipped(name) -> CaseConfig:
    text = re.sub(r"\$\{.*?\}", "http://127.0.0.1:1", (CONFIG / "backends" / f"{name}.yaml").read_text("utf-8"))
    config = RestConfig.model_validate(read(name, text).data)
    return config.model_copy(update={"names": NAMES})


def rows():
    for place in range(500):
        yield "find_letter", "secretariat", secretariat._row(LETTERS[place])
        yield "find_request", "services", services._row(REQUESTS[place])


@pytest.fixture(scope="module")
def cases():
    mappers = {name: Mapper(shipped(name), unmapped) for name in ("secretariat", "services")}
    return [(ask, mappers[backend].cases([row], None)[0]) for ask, backend, row in rows()]


def unmapped(word):
    raise AssertionError(f"no meaning for {word}")


@pytest.mark.parametrize("language", ["fa", "ar", "en"])
@pytest.mark.parametrize("wire", ["ussd", "sms"])
def test_every_case_can_be_read(shipped_menu, cases, language, wire):
    capacity = Capacity() if wire == "ussd" else Capacity(parts=3)
    seen = Counter()
    for ask, case in cases:
        node = shipped_menu.nodes[ask]
        assert isinstance(node, AskDef)
        there = machine.outright(shipped_menu, machine.begin(shipped_menu, wire, language), ask, TODAY).dialogue
        step = machine.step(shipped_menu, there, machine.Answered(Found(case)), TODAY)
        assert isinstance(step.then, Screen)
        pages = render.render(step.then, capacity, shipped_menu.navigation[language])
        assert len(pages) <= 3
        assert case.number in pages[0].text
        seen[step.then.name] += 1
        if wire == "ussd":
            for steps in (name for name in ("letter_steps", "request_steps") if name.startswith(case.kind)):
                screen = machine.outright(shipped_menu, step.dialogue, steps, TODAY).then
                assert render.render(screen, capacity, shipped_menu.navigation[language])
        overdue = case.due_on is not None and case.due_on < TODAY and case.state not in FINAL
        assert case.state is State.NEEDS_CITIZEN or overdue == (step.then.name == f"{case.kind}_overdue")

    assert {"letter_status", "letter_overdue", "letter_answered", "letter_finished", "letter_closed", "letter_rejected",
            "request_status", "request_lacks", "request_overdue", "request_done"} == seen.keys()  # fmt: skip


def test_the_demo_says_what_to_dial(capsys):
    from simulators.demo import cases_command

    cases_command(3, 7, CONFIG)

    lines = capsys.readouterr().out.splitlines()
    assert 6 == len(lines)
    assert generated.SEED == 1405
    assert lines[0].startswith("letter  ")
    assert lines[1].startswith("request ")
