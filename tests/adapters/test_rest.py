"""The REST backend against an office on a socket: what its file says is what is asked and read."""

import asyncio
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
    "tries": [
        {"path": "/letters", "query": {"number": "exact"}},
        {"path": "/letters", "query": {"parts": "loose"}},
    ],
    "cases": "letters",
    "fields": {
        "number": "no", "state": "state", "desk": "desk", "due_on": "due", "changed_on": "since",
        "answer_number": "answer", "classification": "secrecy", "year": "year",
    },
    "steps": {"each": "steps", "desk": "desk", "date": "on"},
    "states": {"در حال بررسی": "in_progress"},
    "names": {"دفتر حقوقی": {"en": "Legal Office"}},
}  # fmt: skip
ROW = {
    "no": "12345", "state": "در حال بررسی", "desk": "دفتر حقوقی", "due": "1405/09/10", "since": "۱۴۰۵/۰۸/۲۵ 10:30",
    "steps": [{"desk": "دبیرخانه", "on": "1405/08/01"}, {"desk": "دفتر حقوقی", "on": None}], "year": 1405,
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

    async def handle(self, request):
        self.asked.append(dict(request.query))
        await asyncio.sleep(self.delay_s)
        if self.status in (301, 302):
            raise web.HTTPFound("http://127.0.0.1:9/elsewhere")
        if self.raw is not None:
            return web.Response(status=self.status, body=self.raw)
        return web.json_response(self.body, status=self.status)


@pytest.fixture
async def office(aiohttp_server):
    found = Office()
    app = web.Application()
    app.router.add_get("/letters", found.handle)
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


async def test_the_order_free_form_is_asked_when_the_exact_one_finds_nothing(backend, office):
    office.body = {"letters": []}

    assert Missing() == await backend.look_up(Ask("letters", 1, reference("96*220")))
    assert [{"number": "96/220"}, {"parts": "220/96"}] == office.asked


async def test_a_form_that_was_asked_already_is_not_asked_again(backend, office):
    office.body = {"letters": []}
    await backend.look_up(ASK)

    assert [{"number": "12345"}] == office.asked


async def test_several_records_are_several_cases(backend, office):
    office.body = {"letters": [ROW, {**ROW, "year": 1404}]}

    assert isinstance(await backend.look_up(ASK), Several)


async def test_a_404_is_missing(backend, office):
    office.status = 404

    assert Missing() == await backend.look_up(ASK)


@pytest.mark.parametrize(
    "broken",
    [
        {"status": 500}, {"status": 302}, {"status": 429}, {"raw": b""}, {"raw": b"<html>"}, {"raw": b'{"letters": [{'},
        {"raw": b"[" * 200_000}, {"raw": b'{"letters": NaN}'}, {"raw": b"x" * 70_000},
        {"body": {"letters": [{"no": None}]}}, {"body": {"letters": ["text"]}},
        {"body": {"letters": [{**ROW, "due": "soon"}]}}, {"body": {"letters": [{**ROW, "due": "1405/13/40"}]}},
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
    [("tries", []), ("cases", "a["), ("base_url", "ftp://x"), ("surprise", 1), ("states", {"x": "reviewing"})],
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
        assert [("late", "")] == self.reports

    async def test_no_time_left_is_late_without_a_question(self, guarded, office):
        assert Late() == await guarded.ask(ASK, -1.0)
        assert [] == office.asked

    async def test_garbage_is_unavailable_and_reported_without_content(self, guarded, office):
        office.body = {"letters": [{**ROW, "no": "54321"}]}

        assert Unavailable() == await guarded.ask(ASK, 2.0)
        assert [("unavailable", "BackendGarbage: the answer is about another number than was asked")] == self.reports

    async def test_questions_beyond_the_bound_wait_within_their_own_time(self, guarded, office):
        office.delay_s = 0.2
        answers = await asyncio.gather(*(guarded.ask(ASK, 0.3) for _ in range(4)))

        assert [2, 2] == [sum(isinstance(each, kind) for each in answers) for kind in (Found, Late)]

    async def test_a_cancelled_question_frees_its_place(self, guarded, office):
        office.delay_s = 5
        for _ in range(5):
            assert Late() == await guarded.ask(ASK, 0.02)
        office.delay_s = 0

        assert isinstance(await guarded.ask(ASK, 2.0), Found)
