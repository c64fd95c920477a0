"""The rules around a backend: retries, the breaker, quarantine, the last known answer. On a lookup that does as told."""

import asyncio
from datetime import date

import pytest
from msgspec.structs import replace

from adapters.breaker import Breaker, BreakerConfig, State
from adapters.contract import (
    BackendBusy,
    BackendError,
    BackendGarbage,
    BackendUnreachable,
    BreakerOpen,
    ContractBreach,
    Quarantined,
    in_progress,
)
from adapters.guard import Guard
from adapters.last_known import LastKnown, LastKnownConfig, MemoryLastAnswers
from menus.ports import Ask, Case, CaseStep, Found, Late, Missing, Several, Unavailable, reference
from menus.ports import State as Stands

ASK = Ask("letters", 1, reference("12345"))
CASE = Case(kind="letter", number="12345", state=Stands.IN_PROGRESS, changed_on=date(2026, 11, 10))


class Lookup:
    """Does the next of what it is told, and the last of it from then on: an answer, a failure, or seconds to take."""

    def __init__(self):
        self.does = [Found(CASE)]
        self.asked = 0

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def look_up(self, ask):
        self.asked += 1
        does = self.does.pop(0) if len(self.does) > 1 else self.does[0]
        if isinstance(does, Exception):
            raise does
        if isinstance(does, float):
            with in_progress() as progress:
                progress.doing = "waiting"
                await asyncio.sleep(does)
            return Found(CASE)
        return does


def again(kind, after_s=None):
    found = kind("it fails")
    found.again = True
    if after_s is not None:
        found.after_s = after_s
    return found


class Desk:
    """A guard with everything in reach."""

    def __init__(self, clock):
        self.lookup, self.clock = Lookup(), clock
        self.reports, self.alarms = [], []
        self.answers = MemoryLastAnswers()

    def guard(self, *, keep_days=None, breaker=None, **more):
        known = LastKnown(LastKnownConfig(keep_days=keep_days), "office", self.answers) if keep_days else None
        return Guard(
            self.lookup, deadline_s=5, max_in_flight=8, monotonic=self.clock.monotonic, last_known=known,
            report=lambda word, reason, took_s: self.reports.append((word, reason.partition(":")[0])),
            breaker=Breaker(BreakerConfig(**breaker or {})), today=self.clock.today, alarm=self.alarms.append,
            chance=lambda: 0.0, **more,
        )  # fmt: skip


@pytest.fixture
def desk(clock):
    return Desk(clock)


class TestRetries:
    async def test_a_question_that_may_be_repeated_is_asked_once_more(self, desk):
        desk.lookup.does = [again(BackendUnreachable), Found(CASE)]

        assert Found(CASE) == await desk.guard(retries=1).ask(ASK, 2)
        assert 2 == desk.lookup.asked

    @pytest.mark.parametrize(
        "failure",
        [BackendUnreachable("x"), BackendError("x"), BackendGarbage("x"), again(BackendBusy, after_s=30.0)],
        ids=["unreachable", "error", "garbage", "busy for longer than there is time"],
    )
    async def test_others_are_not(self, desk, failure):
        desk.lookup.does = [failure, Found(CASE)]

        assert Unavailable() == await desk.guard(retries=1).ask(ASK, 2)
        assert 1 == desk.lookup.asked

    async def test_a_busy_office_is_left_alone_as_long_as_it_says(self, desk):
        desk.lookup.does = [again(BackendBusy, after_s=0.2), Found(CASE)]
        loop = asyncio.get_running_loop()
        began = loop.time()

        assert Found(CASE) == await desk.guard(retries=1).ask(ASK, 2)
        assert loop.time() - began >= 0.2

    async def test_retries_are_a_tenth_of_the_questions_at_most(self, desk):
        guard = desk.guard(retries=1, breaker={"failures": 10_000, "within_s": 10_000})
        desk.lookup.does = [again(BackendUnreachable)]
        await asyncio.gather(*(guard.ask(ASK, 2) for _ in range(100)))

        assert 100 < desk.lookup.asked <= 111

    async def test_there_is_none_without_time_for_it(self, desk):
        desk.lookup.does = [again(BackendUnreachable), Found(CASE)]

        assert Unavailable() == await desk.guard(retries=1).ask(ASK, 0.08)


class TestBreaker:
    async def failing(self, desk, times, guard, does=None):
        desk.lookup.does = [does or BackendUnreachable("x")]
        for _ in range(times):
            await guard.ask(ASK, 1)

    async def test_it_opens_after_failures_in_a_row(self, desk):
        guard = desk.guard()
        await self.failing(desk, 8, guard)

        assert (5, State.OPEN, 1) == (desk.lookup.asked, guard.state, len(desk.alarms))
        assert [("unavailable", "BackendUnreachable")] * 5 + [("unavailable", "BreakerOpen")] * 3 == desk.reports

    async def test_an_answer_in_between_keeps_it_closed(self, desk):
        guard = desk.guard()
        for _ in range(5):
            await self.failing(desk, 4, guard)
            await self.failing(desk, 1, guard, Missing())

        assert State.CLOSED is guard.state

    async def test_it_opens_after_five_seconds_of_failures(self, desk, clock):
        guard = desk.guard()
        await self.failing(desk, 1, guard)
        clock.advance(5)
        await self.failing(desk, 2, guard)

        assert (2, State.OPEN) == (desk.lookup.asked, guard.state)

    async def test_one_question_a_second_is_let_through(self, desk, clock):
        guard = desk.guard(retries=1)
        await self.failing(desk, 5, guard)
        for _ in range(40):
            clock.advance(0.25)
            await self.failing(desk, 1, guard, again(BackendUnreachable))

        assert 5 + 10 == desk.lookup.asked

    async def test_an_answer_closes_it(self, desk, clock):
        guard = desk.guard()
        await self.failing(desk, 5, guard)
        clock.advance(1)
        desk.lookup.does = [Found(CASE)]

        assert [Found(CASE)] * 2 == [await guard.ask(ASK, 1) for _ in range(2)]
        assert State.CLOSED is guard.state

    @pytest.mark.parametrize(("opens", "state"), [(True, State.OPEN), (False, State.CLOSED)])
    async def test_lateness_counts_unless_the_file_says_no(self, desk, opens, state):
        guard = desk.guard(lateness_opens=opens)
        desk.lookup.does = [1.0]
        for _ in range(5):
            assert Late() == await guard.ask(ASK, 0.01)

        assert state is guard.state
        assert [("late", "waiting")] * 5 == desk.reports

    async def test_a_question_without_time_counts_for_nothing(self, desk):
        guard = desk.guard()
        for _ in range(9):
            assert Late() == await guard.ask(ASK, 0)

        assert (State.CLOSED, 0) == (guard.state, desk.lookup.asked)

    async def test_an_open_one_answers_at_once_though_all_places_are_taken(self, desk, clock):
        guard = desk.guard()
        desk.lookup.does = [1.0]
        waiting = [asyncio.create_task(guard.ask(ASK, 0.3)) for _ in range(8)]
        await asyncio.sleep(0.05)
        for _ in range(5):
            guard._breaker.failed(clock.monotonic())
        loop = asyncio.get_running_loop()
        began = loop.time()

        assert Unavailable() == await guard.ask(ASK, 5)
        assert loop.time() - began < 0.1
        await asyncio.gather(*waiting)

    async def test_an_office_that_says_when_to_come_again_is_spared_until_then(self, desk, clock):
        guard = desk.guard()
        await self.failing(desk, 1, guard, again(BackendBusy, after_s=20.0))
        for _ in range(19):
            clock.advance(1)
            await self.failing(desk, 1, guard, Found(CASE))
        assert 1 == desk.lookup.asked

        clock.advance(1)
        assert Found(CASE) == await guard.ask(ASK, 1)


class TestQuarantine:
    async def test_three_answers_about_others_and_it_is_not_asked(self, desk, clock):
        guard = desk.guard()
        desk.lookup.does = [ContractBreach("x")]
        for place in range(5):
            assert Unavailable() == await guard.ask(Ask("letters", 1, reference(f"1234{place}")), 1)

        assert (3, State.QUARANTINED, 1) == (desk.lookup.asked, guard.state, len(desk.alarms))
        assert [("unavailable", "ContractBreach")] * 3 + [("unavailable", "Quarantined")] * 2 == desk.reports

        clock.advance(300)
        desk.lookup.does = [Found(CASE)]
        assert Found(CASE) == await guard.ask(ASK, 1)

    async def test_the_same_number_again_is_no_further_breach(self, desk):
        guard = desk.guard()
        desk.lookup.does = [ContractBreach("x")]
        for _ in range(10):
            assert Unavailable() == await guard.ask(ASK, 1)

        assert (10, State.CLOSED, []) == (desk.lookup.asked, guard.state, desk.alarms)

    def test_breaches_far_apart_are_not_added_up(self):
        breaker = Breaker(BreakerConfig())

        assert [False] * 6 == [breaker.breached(1.0 + place * 3601, str(place)) for place in range(6)]

    def test_an_answer_in_between_does_not_undo_a_breach(self):
        breaker = Breaker(BreakerConfig())
        breached = []
        for place in range(3):
            breaker.answered()
            breached.append(breaker.breached(float(place), str(place)))

        assert [False, False, True] == breached
        with pytest.raises(Quarantined):
            breaker.look(4.0)

    def test_a_spared_office_is_not_admitted(self):
        breaker = Breaker(BreakerConfig(failures=1))
        breaker.failed(0.0)

        with pytest.raises(BreakerOpen):
            breaker.admit(0.5)
        assert breaker.admit(1.0)
        with pytest.raises(BreakerOpen):
            breaker.admit(1.5)


class TestLastKnown:
    @pytest.mark.parametrize("trouble", [BackendUnreachable("x"), ContractBreach("x"), 1.0], ids=str)
    async def test_it_is_told_with_its_day(self, desk, clock, trouble):
        guard = desk.guard(keep_days=30)
        await guard.ask(ASK, 1)
        said_on = clock.today()
        clock.advance(3 * 86_400)
        desk.lookup.does = [trouble]

        assert Found(CASE, said_on, down=True) == await guard.ask(ASK, 0.05)
        assert "last_known" == desk.reports[-1][0]
        assert desk.reports[-1][1] in ("BackendUnreachable", "ContractBreach", "waiting")

    async def test_it_is_told_no_longer_than_its_file_says(self, desk, clock):
        guard = desk.guard(keep_days=2)
        await guard.ask(ASK, 1)
        desk.lookup.does = [BackendUnreachable("x")]
        clock.advance(2 * 86_400)
        assert isinstance(await guard.ask(ASK, 1), Found)
        clock.advance(86_400)

        assert Unavailable() == await guard.ask(ASK, 1)

    async def test_of_another_number_nothing_is_known(self, desk):
        guard = desk.guard(keep_days=30)
        await guard.ask(ASK, 1)
        desk.lookup.does = [BackendUnreachable("x")]

        assert Unavailable() == await guard.ask(Ask("letters", 1, reference("12346")), 1)

    async def test_without_it_nothing_is_kept(self, desk):
        guard = desk.guard()
        await guard.ask(ASK, 1)
        desk.lookup.does = [BackendUnreachable("x")]

        assert Unavailable() == await guard.ask(ASK, 1)

    @pytest.mark.parametrize(
        "since",
        [Found(replace(CASE, secret=True)), Found(replace(CASE, proven=True)), Missing(), Several((CASE, CASE))],
        ids=["secret", "proven", "missing", "several"],
    )
    async def test_what_is_secret_proved_or_gone_is_not_told(self, desk, since):
        guard = desk.guard(keep_days=30)
        await guard.ask(ASK, 1)
        desk.lookup.does = [since]
        await guard.ask(ASK, 1)
        desk.lookup.does = [BackendUnreachable("x")]

        assert Unavailable() == await guard.ask(ASK, 1)

    async def test_what_needs_a_proof_is_not_kept(self, desk):
        guard = desk.guard(keep_days=30)
        whole = replace(CASE, subject="a neighbour", sender="somebody", citizen_phone="+989161234567")
        desk.lookup.does = [Found(whole), BackendUnreachable("x")]

        assert Found(whole) == await guard.ask(ASK, 1)
        assert Found(CASE, desk.clock.today(), down=True) == await guard.ask(ASK, 1)

    @pytest.mark.parametrize(
        "older",
        [
            replace(CASE, changed_on=date(2026, 11, 9)),
            replace(CASE, step=1, steps_total=4),
            replace(CASE, steps=(CaseStep({"fa": "دبیرخانه"}),)),
        ],
        ids=["by its day", "by its step", "by its steps"],
    )
    async def test_an_older_state_than_was_told_is_not_told(self, desk, older):
        guard = desk.guard(keep_days=30)
        told = replace(CASE, step=older.step and 2, steps_total=older.steps_total, steps=older.steps * 2)
        desk.lookup.does = [Found(told), Found(older)]
        await guard.ask(ASK, 1)

        assert Found(told, desk.clock.today(), down=True) == await guard.ask(ASK, 1)
        assert ("last_known", "older") == desk.reports[-1]

    async def test_a_newer_one_is(self, desk):
        guard = desk.guard(keep_days=30)
        newer = replace(CASE, changed_on=date(2026, 11, 11), state=Stands.ANSWERED)
        desk.lookup.does = [Found(CASE), Found(newer), BackendUnreachable("x")]
        await guard.ask(ASK, 1)

        assert Found(newer) == await guard.ask(ASK, 1)
        assert Found(newer, desk.clock.today(), down=True) == await guard.ask(ASK, 1)

    async def test_the_store_has_an_end(self):
        answers = MemoryLastAnswers(at_most=2)
        known = LastKnown(LastKnownConfig(keep_days=1), "office", answers)
        for number in ("1", "2", "1", "3"):
            await known.told(number, Found(CASE), date(2026, 11, 22))

        assert [True, False, True] == [
            await known.instead(number, date(2026, 11, 22)) is not None for number in ("1", "2", "3")
        ]
