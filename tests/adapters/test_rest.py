"""The REST backend against an office on a socket: what its file says is what is asked and read."""

import asyncio
from contextlib import AsyncExitStack
from datetime import date

import pytest
from aiohttp import web
from pydantic import ValidationError

from adapters.contract import BackendGarbage, BackendUnreachable
from adapters.guard import Guard
from adapters.rest import Rest, RestConfig
from menus.ports import Ask, CaseStep, Found, Late, Missing, Several, State, Unavailable, reference

FILE = {
    "kind": "rest",
    "case_kind": "letter",
    "inside": ["127.0.0.1/32"],
    "tries": [
        {"path": "/letters", "query": {"number": "exact"}},
        {"path": "/letters", "query": {"parts": "loose"}},
    ],
    "cases": "letters",
    "fields": {
        "number": "no", "state": "state", "desk": "desk", "due_on": "due", "changed_on": "since",
        "answer_number": "answer", "secrecy": "secrecy", "year": "year",
    },
    "steps": {"each": "steps", "desk": "desk", "date": "on"},
    "states": {"در حال بررسی": "in_progress"},
    "names": {"دفتر حقوقی": {"en": "Legal Office"}},
}  # fmt: skip
ROW = {
    "no": "12345", "state": "در حال بررسی", "desk": "دفتر حقوقی", "due": "1405/09/10", "since": "۱۴۰۵/۰۸/۲۵ 10:30",
    "steps": [{"desk": "دبیرخانه", "on": "1405/08/01"}, {"desk": "دفتر حقوقی", "on": None}], "year": 1405,
    "secrecy": "عادی",
}  # fmt: skip
ASK = Ask("letters", 1, reference("12345"))


class Office:
    """Answers each request with what the test put here."""

    def __init__(self):
        self.asked = []
        self.body = {"letters": [ROW]}
        self.status = 200
        self.raw = None
        self.delay_s = 0.0
        self.by_parameter = {}

    async def handle(self, request):
        self.asked.append(dict(request.query))
        await asyncio.sleep(self.delay_s)
        if self.status in (301, 302):
            raise web.HTTPFound("http://127.0.0.1:9/elsewhere")
        if self.raw is not None:
            return web.Response(status=self.status, body=self.raw)
        body = next((body for name, body in self.by_parameter.items() if name in request.query), self.body)
        return web.json_response(body, status=self.status)


@pytest.fixture
async def office(aiohttp_server):
    found = Office()
    app = web.Application()
    app.router.add_get("/letters", found.handle)
    app.router.add_get("/others", found.handle)
    server = await aiohttp_server(app)
    found.url = str(server.make_url("/"))
    return found


@pytest.fixture
async def backend(office):
    async with Rest(RestConfig(base_url=office.url, **FILE)) as found:
        yield found


async def test_a_record_becomes_a_case(backend):
    found = await backend.look_up(ASK)

    assert isinstance(found, Found)
    case = found.case
    assert ("letter", "12345", State.IN_PROGRESS, 1405) == (case.kind, case.number, case.state, case.year)
    assert {"fa": "دفتر حقوقی", "en": "Legal Office"} == case.desk
    assert (date(2026, 12, 1), date(2026, 11, 16)) == (case.due_on, case.changed_on)
    assert CaseStep({"fa": "دبیرخانه"}, date(2026, 10, 23)) == case.steps[0]
    assert case.steps[1].on is None


async def test_a_word_nobody_mapped_is_unknown(backend, office):
    office.body = {"letters": [{**ROW, "state": "در انتظار"}]}

    assert State.UNKNOWN is (await backend.look_up(ASK)).case.state


@pytest.mark.parametrize(
    ("calendar", "said", "day"),
    [
        ("jalali", "1405/09/10", date(2026, 12, 1)),
        ("gregorian", "2026-12-01", date(2026, 12, 1)),
        ("gregorian", "1405/09/10", None),
        ("jalali", "2026-12-01", None),
        ("jalali", "1300/01/01", date(1921, 3, 21)),
        ("jalali", "1299/12/29", None),
        ("jalali", "1500/01/01", None),
    ],
)
async def test_a_day_centuries_off_is_none_and_is_told(described, office, calendar, said, day):
    office.body = {"letters": [{**ROW, "due": said, "since": None, "steps": []}]}
    told = []
    backend = await described(told.append, calendar=calendar)

    assert day == (await backend.look_up(ASK)).case.due_on
    assert told == ([said] if day is None else [])


async def test_a_name_no_record_has_is_told_to_whoever_connects_it(office):
    lines = []
    fields = {
        "number": "no",
        "state": "status",
        "registered_on": "recieved",
        "desk": "desk",
        "due_on": "due",
        "secrecy": "secret",
    }
    office.body = {"letters": [{**ROW, "due": None}]}
    config = RestConfig(base_url=office.url, **{**FILE, "fields": fields, "steps": {"each": "stops", "desk": "desk"}})
    async with Rest(config, trace=lambda what, text: lines.append(text) if what == "field" else None) as backend:
        await backend.look_up(ASK)

    there = "; there is: no, state, desk, due, since, steps, year, secrecy"
    assert f"registered_on: None -> none: the record has no `recieved`{there}" in lines
    assert f"state: None -> unknown: the record has no `status`{there}" in lines
    assert f"secrecy: None -> secret: the record has no `secret`{there}" in lines
    assert f"steps: none: the record has no `stops`{there}" in lines
    assert "due_on: None -> none" in lines


async def test_a_record_without_the_name_of_its_number_is_no_breach_and_says_so(office):
    told = []
    config = RestConfig(base_url=office.url, **{**FILE, "fields": {**FILE["fields"], "number": "nr"}})
    async with Rest(config, trace=lambda what, text: told.append(text) if what == "fault" else None) as backend:
        with pytest.raises(BackendGarbage) as garbage:
            await backend.look_up(ASK)

    assert BackendGarbage is type(garbage.value)
    assert told[0].startswith("a record does not fit its file: no `nr`; there is: no, state,")


def test_no_word_of_an_office_means_unknown():
    with pytest.raises(ValidationError, match="no word means it"):
        RestConfig(base_url="http://127.0.0.1", **{**FILE, "states": {"ثبت": "unknown"}})


async def test_the_order_free_form_is_asked_when_the_exact_one_finds_nothing(backend, office):
    office.body = {"letters": []}

    assert Missing() == await backend.look_up(Ask("letters", 1, reference("96*220")))
    assert [{"number": "96/220"}, {"parts": "220/96"}] == office.asked


async def test_a_form_that_was_asked_already_is_not_asked_again(backend, office):
    office.body = {"letters": []}
    await backend.look_up(ASK)

    assert [{"number": "12345"}] == office.asked


@pytest.fixture
async def described(office):
    """described(tries=[...]) is a backend whose file says something else."""
    async with AsyncExitStack() as stack:

        async def one(unmapped=lambda _: None, **more):
            return await stack.enter_async_context(
                Rest(RestConfig(**{"base_url": office.url, **FILE, **more}), unmapped)
            )

        yield one


# --- which requests are made ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tries", "asked"),
    [
        # The same path and value again, in another form: skipped.
        ([("/letters", "n", "exact"), ("/letters", "p", "loose"), ("/letters", "r", "running")], ["n"]),
        ([("/letters", "p", "loose"), ("/letters", "r", "running")], ["p"]),
        # Another path is another question.
        ([("/letters", "n", "exact"), ("/others", "p", "loose")], ["n", "p"]),
        # One that asks for the exact number is never skipped: it may be another field of the office.
        ([("/letters", "p", "loose"), ("/letters", "n", "exact")], ["p", "n"]),
        ([("/letters", "n", "exact"), ("/letters", "sender", "exact"), ("/letters", "r", "running")], ["n", "sender"]),
    ],
)
async def test_a_try_is_skipped_when_path_and_values_repeat_and_none_is_exact(described, office, tries, asked):
    office.body = {"letters": []}
    backend = await described(tries=[{"path": path, "query": {name: form}} for path, name, form in tries])

    assert Missing() == await backend.look_up(ASK)
    assert asked == [name for query in office.asked for name in query]


async def test_tries_with_other_values_are_all_made(described, office):
    office.body = {"letters": []}
    forms = ["exact", "loose", "running"]
    backend = await described(tries=[{"path": "/letters", "query": {form: form}} for form in forms])
    await backend.look_up(Ask("letters", 1, reference("96*220")))

    assert [{"exact": "96/220"}, {"loose": "220/96"}, {"running": "220"}] == office.asked


# --- whose letter it is -----------------------------------------------------------------------------------------------


async def test_the_running_part_is_enough_where_it_was_asked_for(described, office):
    office.body = {"letters": [{**ROW, "no": "220/54321"}]}
    backend = await described(tries=[{"path": "/letters", "query": {"number": "running"}}])

    assert "220/54321" == (await backend.look_up(Ask("letters", 1, reference("54321")))).case.number


@pytest.mark.parametrize("form", ["exact", "loose"])
async def test_the_running_part_is_not_enough_where_another_form_was_asked_for(described, office, form):
    office.body = {"letters": [{**ROW, "no": "220/54321"}]}
    backend = await described(tries=[{"path": "/letters", "query": {"number": form}}])

    with pytest.raises(BackendGarbage, match="another number"):
        await backend.look_up(Ask("letters", 1, reference("54321")))


async def test_another_running_part_is_somebody_elses_letter(described, office):
    office.body = {"letters": [{**ROW, "no": "220/54322"}]}
    backend = await described(tries=[{"path": "/letters", "query": {"number": "running"}}])

    with pytest.raises(BackendGarbage, match="another number"):
        await backend.look_up(Ask("letters", 1, reference("220/54321")))


async def test_one_record_of_another_number_among_several_is_garbage(backend, office):
    office.body = {"letters": [ROW, {**ROW, "no": "54321"}]}

    with pytest.raises(BackendGarbage, match="another number"):
        await backend.look_up(ASK)


SENDERS = [
    {"path": "/letters", "query": {"number": "exact"}},
    {"path": "/letters", "query": {"sender": "exact"}, "echo": "sender_no"},
]


async def test_a_letter_may_be_found_by_its_senders_number(described, office):
    office.by_parameter = {"number": {"letters": []}, "sender": {"letters": [{**ROW, "no": "9/9", "sender_no": 12345}]}}
    backend = await described(tries=SENDERS)

    assert "9/9" == (await backend.look_up(ASK)).case.number


@pytest.mark.parametrize("echoed", [{"sender_no": "54321"}, {"sender_no": None}, {}])
async def test_the_senders_number_must_be_the_one_asked_for(described, office, echoed):
    office.by_parameter = {"number": {"letters": []}, "sender": {"letters": [{**ROW, **echoed}]}}
    backend = await described(tries=SENDERS)

    with pytest.raises(BackendGarbage, match=r"another number|does not fit its file"):
        await backend.look_up(ASK)


# --- the office's words -----------------------------------------------------------------------------------------------


async def test_words_are_compared_folded(backend, office):
    office.body = {"letters": [{**ROW, "state": "در حال بررسي", "desk": "دفتر  حقوقي"}]}
    case = (await backend.look_up(ASK)).case

    assert State.IN_PROGRESS is case.state
    assert "Legal Office" == case.desk["en"]


async def test_states_that_are_not_in_the_file_are_told(described, office):
    told = []
    backend = await described(unmapped=told.append)
    for state in ("در حال بررسي", "در انتظار", "معلق", None):
        office.body = {"letters": [{**ROW, "state": state}]}
        await backend.look_up(ASK)

    assert ["در انتظار", "معلق", ""] == told


@pytest.mark.parametrize("due", ["soon", "1405/13/40", "1405/9"])
async def test_a_date_nobody_can_read_is_left_out_and_told(described, office, due):
    told = []
    office.body = {"letters": [{**ROW, "due": due}]}
    case = (await (await described(unmapped=told.append)).look_up(ASK)).case

    assert case.due_on is None
    assert date(2026, 11, 16) == case.changed_on
    assert [due] == told


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("12345", "12345"), ("220-1396-54321", "220/1396/54321"), ("220 1396 54321", "220/1396/54321"),
        ("220 - 1396_54321", "220/1396/54321"), ("220.1396.54321", "220/1396/54321"), ("۱۲-ص-۵", "12/ص/5"),
        ("220/1396/54321", "220/1396/54321"),
    ],
)  # fmt: skip
async def test_hyphens_in_a_number_become_slashes(backend, office, written, read):
    office.body = {"letters": [{**ROW, "no": written}]}

    assert read == (await backend.look_up(Ask("letters", 1, reference(written)))).case.number


@pytest.mark.parametrize(("length", "kept"), [(64, True), (65, False)])
async def test_a_value_over_64_characters_is_left_out_and_not_cut(backend, office, length, kept):
    long = "ب" * length
    office.body = {"letters": [{**ROW, "desk": long, "answer": long, "steps": [{"desk": long}], "state": long}]}
    case = (await backend.look_up(ASK)).case

    assert ({"fa": long} if kept else {}) == case.desk == case.steps[0].desk
    assert (long if kept else None) == case.answer_number


async def test_a_number_over_64_characters_is_garbage(backend, office):
    office.body = {"letters": [{**ROW, "no": "1" * 65}]}

    with pytest.raises(BackendGarbage):
        await backend.look_up(ASK)


# --- secrecy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word",
    [True, False, 0, 1, "0", "", None, "محرمانه", "عادی نیست", "غیر عادی", ["عادی"], [], {"عادی": 1}, "عادی" * 20, 1.5],
    ids=repr,
)
async def test_what_is_not_called_open_is_secret(backend, office, word):
    office.body = {"letters": [{**ROW, "secrecy": word}]}

    assert (await backend.look_up(ASK)).case.secret


@pytest.mark.parametrize("word", ["عادی", "عادي", "عادى", " عادی ", "عـادی", "عاد\u200cی"], ids=ascii)
async def test_what_is_called_open_is_open_however_it_is_spelled(backend, office, word):
    office.body = {"letters": [{**ROW, "secrecy": word}]}

    assert not (await backend.look_up(ASK)).case.secret


async def test_a_record_without_its_word_of_secrecy_is_secret(backend, office):
    office.body = {"letters": [{key: value for key, value in ROW.items() if key != "secrecy"}]}

    assert (await backend.look_up(ASK)).case.secret


async def test_a_flag_in_the_place_of_a_word_is_secret(described, office):
    """`confidential: true`, and `false` too: nobody said which of them is open."""
    backend = await described(fields={**FILE["fields"], "secrecy": "confidential"})
    for flag in (True, False):
        office.body = {"letters": [{**ROW, "confidential": flag}]}

        assert (await backend.look_up(ASK)).case.secret


async def test_the_file_may_name_other_open_words(described, office):
    backend = await described(open_words=["0", "بدون طبقه‌بندي"])
    for word, secret in ((0, False), ("۰", False), ("بدون طبقهبندی", False), ("عادی", True), (False, True)):
        office.body = {"letters": [{**ROW, "secrecy": word}]}

        assert secret == (await backend.look_up(ASK)).case.secret


async def test_without_a_field_for_secrecy_nothing_is_secret(described, office):
    backend = await described(fields={"number": "no", "state": "state"})
    office.body = {"letters": [{**ROW, "secrecy": "محرمانه"}]}

    assert not (await backend.look_up(ASK)).case.secret


@pytest.mark.parametrize("count", [1, 2])
async def test_a_secret_letter_is_asked_for_as_often_as_a_missing_one(described, office, count):
    forms = ["exact", "loose", "running"]
    backend = await described(tries=[{"path": "/letters", "query": {form: form}} for form in forms])
    ask = Ask("letters", 1, reference("96*220"))
    office.body = {"letters": []}
    assert Missing() == await backend.look_up(ask)
    missing, office.asked = office.asked, []

    office.body = {"letters": [{**ROW, "no": "96/220", "secrecy": "محرمانه"}] * count}
    found = await backend.look_up(ask)

    assert isinstance(found, Found)
    assert found.case.secret
    assert missing == office.asked
    assert 3 == len(missing)


async def test_a_secret_letter_found_by_the_first_try_only_is_secret(backend, office):
    office.by_parameter = {"number": {"letters": [{**ROW, "no": "96/220", "secrecy": "سری"}]}, "parts": {"letters": []}}

    assert (await backend.look_up(Ask("letters", 1, reference("96*220")))).case.secret
    assert 2 == len(office.asked)


async def test_an_open_letter_ends_the_tries(backend, office):
    office.body = {"letters": [{**ROW, "no": "96/220"}]}

    assert not (await backend.look_up(Ask("letters", 1, reference("96*220")))).case.secret
    assert 1 == len(office.asked)


async def test_several_records_are_several_cases(backend, office):
    office.body = {"letters": [ROW, {**ROW, "year": 1404}]}

    assert isinstance(await backend.look_up(ASK), Several)


async def test_a_404_is_missing(backend, office):
    office.status = 404

    assert Missing() == await backend.look_up(ASK)


@pytest.mark.parametrize(
    "broken",
    [
        {"status": 302}, {"status": 400}, {"raw": b""}, {"raw": b"<html>"}, {"raw": b'{"letters": [{'},
        {"raw": b"[" * 200_000}, {"raw": b'{"letters": NaN}'}, {"raw": b"x" * 70_000},
        {"body": {"letters": [{"no": None}]}}, {"body": {"letters": ["text"]}},
        {"body": {"letters": [{**ROW, "no": "54321"}]}},
    ],
    ids=str,
)  # fmt: skip
async def test_an_answer_its_file_does_not_describe_is_garbage(backend, office, broken):
    for name, value in broken.items():
        setattr(office, name, value)

    with pytest.raises(BackendGarbage) as garbage:
        await backend.look_up(ASK)
    assert "54321" not in str(garbage.value)


async def test_nobody_there_is_unreachable():
    async with Rest(RestConfig(base_url="http://127.0.0.1:9", **FILE)) as backend:
        with pytest.raises(BackendUnreachable):
            await backend.look_up(ASK)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tries", []),
        ("cases", "a["),
        ("base_url", "ftp://x"),
        ("surprise", 1),
        ("states", {"x": "reviewing"}),
        ("tries", [{"path": "/letters", "query": {}}]),
        ("tries", [{"path": "/letters"}]),
        ("tries", [{"path": "/letters", "query": {"number": "exact"}, "echo": "a["}]),
        ("fields", {"number": "no", "state": "state", "classification": "secrecy"}),
        ("open_words", "عادی"),
    ],
)
def test_a_file_that_cannot_work_is_refused(key, value):
    with pytest.raises(ValidationError):
        RestConfig(**{"base_url": "http://127.0.0.1", **FILE, key: value})


class TestGuard:
    @pytest.fixture
    async def guarded(self, office, clock):
        self.reports = []
        lookup = Rest(RestConfig(base_url=office.url, **FILE))
        guard = Guard(
            lookup, deadline_s=5, max_in_flight=2, monotonic=clock.monotonic,
            report=lambda word, reason, took_s: self.reports.append((word, reason)),
        )  # fmt: skip
        async with guard as found:
            yield found

    async def test_an_answer_in_time_is_the_answer(self, guarded):
        assert isinstance(await guarded.ask(ASK, 2.0), Found)
        assert [("found", "")] == self.reports

    async def test_an_answer_too_late_is_late(self, guarded, office):
        office.delay_s = 5

        assert Late() == await guarded.ask(ASK, 0.05)
        assert [("late", "waiting")] == self.reports

    async def test_no_time_left_is_late_without_a_question(self, guarded, office):
        assert Late() == await guarded.ask(ASK, -1.0)
        assert [] == office.asked

    async def test_garbage_is_unavailable_and_reported_without_content(self, guarded, office):
        office.body = {"letters": [{**ROW, "no": "54321"}]}

        assert Unavailable() == await guarded.ask(ASK, 2.0)
        assert [("unavailable", "ContractBreach: the answer is about another number than was asked")] == self.reports

    async def test_questions_beyond_the_bound_wait_within_their_own_time(self, guarded, office):
        office.delay_s = 2.0
        answers = await asyncio.gather(*(guarded.ask(ASK, 3.5) for _ in range(4)))

        assert [2, 2] == [sum(isinstance(each, kind) for each in answers) for kind in (Found, Late)]

    async def test_a_cancelled_question_frees_its_place(self, guarded, office):
        office.delay_s = 5
        for _ in range(4):
            assert Late() == await guarded.ask(ASK, 0.02)
        office.delay_s = 0

        assert isinstance(await guarded.ask(ASK, 2.0), Found)
