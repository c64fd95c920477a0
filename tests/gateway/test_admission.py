"""Too many at once: who is taken in hand, who is told to call again, and that nobody waits in a line for it."""

import asyncio
import math
from contextlib import ExitStack

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.admission import BEAT_S, Admission, Urgency, urgency
from gateway.channels.contract import UssdInput
from gateway.settings import OverloadSettings
from simulators.smsc import Smsc

CODE = "*4*061#"
FEW = OverloadSettings(turns_at_once=4, reserved_for_running=1, callbacks_at_once=1)


@pytest.fixture
def busy(shipped_menu):
    """What callers read who come on top."""
    return shipped_menu.nodes["busy"].text["fa"].source


@pytest.fixture
def admission(clock):
    return Admission(FEW, clock.monotonic)


@pytest.fixture
def taken(admission):
    """Begin so many turns that do not end; how many were taken in hand."""
    with ExitStack() as in_hand:

        def begun(kind, times):
            since = admission.monotonic()
            return sum(in_hand.enter_context(admission.turn(kind, since, 4.0)) for _ in range(times))

        yield begun


@pytest.mark.parametrize(
    ("code", "inputs", "opens", "kind"),
    [
        (CODE, "", True, Urgency.PLAIN_DIAL),
        ("*4*061*12345#", "", True, Urgency.IN_ONE_DIAL),
        (CODE, "12345", True, Urgency.IN_ONE_DIAL),
        ("", "1", False, Urgency.RUNNING),
        ("", "", False, Urgency.RUNNING),
        (CODE, "", None, Urgency.PLAIN_DIAL),
        ("*4*061*12345#", "", None, Urgency.IN_ONE_DIAL),
        (CODE, "1*12345", None, Urgency.RUNNING),
        ("*4*061*02*7#", "", True, Urgency.ESSENTIAL),
        ("*4*061*۰۲#", "", None, Urgency.ESSENTIAL),
        (CODE, "02*7", True, Urgency.ESSENTIAL),
        ("*4*061*021*7#", "", True, Urgency.IN_ONE_DIAL),
        ("*4*061*7*02#", "", True, Urgency.IN_ONE_DIAL),
    ],
)
def test_the_request_alone_says_how_urgent_it_is(code, inputs, opens, kind):
    assert kind is urgency(CODE, UssdInput("s1", "+989161234567", code, inputs, opens=opens), {"02"})


@pytest.mark.parametrize(
    ("kind", "in_hand"),
    [(Urgency.PLAIN_DIAL, 2), (Urgency.IN_ONE_DIAL, 3), (Urgency.ESSENTIAL, 4), (Urgency.RUNNING, 4)],
)
def test_each_kind_has_its_share(admission, taken, kind, in_hand):
    assert in_hand == taken(kind, 10)
    assert ({kind: 10 - in_hand}, in_hand) == (dict(admission.turned_away), admission.turns)


def test_who_runs_is_taken_before_one_dial_and_that_before_a_plain_one(admission, taken):
    assert [2, 1, 1] == [taken(kind, 5) for kind in (Urgency.PLAIN_DIAL, Urgency.IN_ONE_DIAL, Urgency.RUNNING)]
    assert {"plain_dial": 3, "in_one_dial": 4, "running": 4} == dict(admission.turned_away)


def test_a_turn_that_breaks_makes_room(admission):
    def breaks():
        with admission.turn(Urgency.PLAIN_DIAL, 0.0, 4.0) as admitted:
            assert admitted
            raise ZeroDivisionError

    for _ in range(100):
        with pytest.raises(ZeroDivisionError):
            breaks()

    assert (0, {}) == (admission.turns, dict(admission.turned_away))


@pytest.mark.parametrize(("waited_s", "admitted"), [(0.0, True), (4.0, True), (4.001, False), (60.0, False)])
def test_a_turn_whose_time_is_over_does_not_begin(admission, clock, waited_s, admitted):
    seen = clock.monotonic()
    clock.advance(waited_s)

    with admission.turn(Urgency.RUNNING, seen, 4.0) as found:
        assert found is admitted
    assert ({} if admitted else {"too_old": 1}) == dict(admission.turned_away)


async def test_what_lay_unseen_while_the_process_did_something_else_counts_as_waiting(admission, clock, eventually):
    feeling = asyncio.create_task(admission.run())
    await asyncio.sleep(0)
    assert 0.0 == admission.late_s
    clock.advance(5.05)  # of which a twentieth is the distance between two beats

    assert 5.0 == pytest.approx(admission.late_s)
    with admission.turn(Urgency.RUNNING, clock.monotonic(), 4.0) as admitted:
        assert not admitted

    async def in_time():
        return admission.late_s == 0.0

    await eventually(in_time)
    with admission.turn(Urgency.RUNNING, clock.monotonic(), 4.0) as admitted:
        assert admitted
    feeling.cancel()


@pytest.mark.parametrize(
    ("late_s", "in_hand"),
    [
        ([0.0, 0.0], [24, 8]),
        ([0.09, 0.09], [24, 8]),
        ([0.0, 3.0], [24, 8]),  # a pause: who came meanwhile is not too many
        ([3.0, 0.0], [24, 8]),
        ([0.11, 0.11], [6, 26]),
        ([3.0, 3.0, 3.0], [6, 26]),
    ],
)
def test_a_process_that_does_not_keep_up_takes_fewer_plain_dials(clock, late_s, in_hand):
    admission = Admission(OverloadSettings(turns_at_once=40, reserved_for_running=8), clock.monotonic)
    for each in late_s:
        if admission._beat_due < math.inf:
            admission._felt(clock.monotonic())
        admission._beat_due = clock.monotonic() + BEAT_S
        clock.advance(BEAT_S + each)

    with ExitStack() as taken:
        since = clock.monotonic()
        assert in_hand == [
            sum(taken.enter_context(admission.turn(kind, since, 4.0)) for _ in range(each))
            for kind, each in ((Urgency.PLAIN_DIAL, 100), (Urgency.IN_ONE_DIAL, 100))
        ]


async def test_who_was_turned_away_is_told_once_a_second_and_counted_for_good(admission, taken, clock, eventually):
    with capture_logs() as logs:
        feeling = asyncio.create_task(admission.run())
        await asyncio.sleep(0)
        taken(Urgency.PLAIN_DIAL, 102)
        await asyncio.sleep(0.12)
        assert [] == logs
        clock.advance(1.0)

        async def told():
            return logs

        await eventually(told)
        clock.advance(1.0)
        await asyncio.sleep(0.12)  # nobody since
        feeling.cancel()

    assert [{"event": "turned_away", "log_level": "warning", "plain_dial": 100, "turns": 2, "callbacks": 0}] == logs
    assert {"plain_dial": 100} == dict(admission.turned_away)


@pytest.fixture
async def held(aiohttp_server):
    """An office that answers nobody until it is let go: its address, how many it was asked, and the event."""

    class Office:
        asked = 0
        let_go = asyncio.Event()

        async def answer(self, _):
            self.asked += 1
            await self.let_go.wait()
            return web.Response(status=404)

    office = Office()
    application = web.Application()
    application.router.add_get("/{tail:.*}", office.answer)
    office.url = str((await aiohttp_server(application)).make_url("")).rstrip("/")
    return office


def until_asked(held, eventually, times):
    async def asked():
        return held.asked >= times

    return eventually(asked)


async def test_too_many_at_once_read_so_in_the_words_of_their_channel(desk, held, eventually, busy):
    async with desk(overload=FEW, environ={"SECRETARIAT_URL": held.url}.items()) as d:

        async def said(session, kind, **more):
            body = {"type": kind, "session": session, "msisdn": f"+98916000000{session}", **more}
            async with d.http.post(f"{d.url}/ussd/json", json=body) as response:
                return response.status, await response.json()

        def asks(session, number):
            return asyncio.create_task(said(session, "begin", code=f"*4*061*{number}#"))

        for session in "12":  # two whose dialogue runs: asked for a letter's number
            await said(session, "begin", code=CODE)
            assert (await said(session, "input", text="1"))[1]["end"] is False
        waiting = [asks("3", 101), asks("4", 102)]
        await until_asked(held, eventually, 2)

        too_many = (200, {"text": busy, "end": True})
        assert too_many == await said("5", "begin", code=CODE)
        waiting.append(asks("6", 103))
        await until_asked(held, eventually, 3)
        assert too_many == await said("7", "begin", code="*4*061*104#")
        waiting.append(asyncio.create_task(said("1", "input", text="105")))
        await until_asked(held, eventually, 4)
        assert too_many == await said("2", "input", text="106")
        assert (200, f"END {busy}") == await d.ussd("1*107")
        assert (200, {}) == await said("2", "end")  # a notice is never too many

        held.let_go.set()
        answers = await asyncio.gather(*waiting)
        assert [(200, True)] * 4 == [(status, "چیزی پیدا نشد" in body["text"]) for status, body in answers]
        assert 4 == held.asked
        status, body = await said("8", "begin", code=CODE)
        assert (200, False) == (status, body["end"])


async def test_an_essential_service_is_reached_when_others_are_not(desk, held, eventually, busy):
    few = FEW.model_copy(update={"essential": frozenset({"02"})})
    async with desk(overload=few, environ={"SECRETARIAT_URL": held.url, "SERVICES_URL": held.url}.items()) as d:
        asking = [asyncio.create_task(d.ussd("", msisdn=f"+9891600000{count:02}", code=f"*4*061*{count + 101}#"))
                  for count in range(3)]  # fmt: skip
        await until_asked(held, eventually, 3)
        assert (200, f"END {busy}") == await d.ussd("", msisdn="+989160000010", code="*4*061*107#")

        asking.append(asyncio.create_task(d.ussd("", msisdn="+989160000011", code="*4*061*02*2001000344#")))
        await until_asked(held, eventually, 4)
        held.let_go.set()
        assert all(busy not in answer for _, answer in await asyncio.gather(*asking))


async def test_too_many_at_once_read_so_over_smpp(desk, held, eventually, busy):
    smsc = Smsc("rasad", "demo", lambda *_: None)
    async with desk(overload=FEW, smsc=smsc, environ={"SECRETARIAT_URL": held.url}.items()):

        async def bound():
            return smsc.binds

        await eventually(bound)
        waiting = [asyncio.create_task(smsc.dial(f"+98916000000{each}", f"*4*061*10{each}#")) for each in range(3)]
        await until_asked(held, eventually, 3)

        shown = [await smsc.dial("+989160000009", code) for code in (CODE, "*4*061*109#")]
        assert [(busy, True)] * 2 == [(each.text, each.over) for _, each in shown]
        held.let_go.set()
        assert [True] * 3 == ["چیزی پیدا نشد" in each.text for _, each in await asyncio.gather(*waiting)]
        assert 3 == held.asked


async def test_more_sms_than_wait_for_the_database_are_sent_again(desk):
    async with desk(overload=FEW) as d:
        async with d.database.engine.connect() as other:
            await other.exec_driver_sql("BEGIN IMMEDIATE")  # a writer who takes his time
            both = [asyncio.create_task(d.sms("12345", message_id=f"m-{place}")) for place in range(2)]
            done, waiting = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            assert [(503, "too much at once; send it again\n")] == [task.result() for task in done]
            async with d.http.get(f"{d.url}/sms/kannel") as refused:
                assert (503, "5") == (refused.status, refused.headers["Retry-After"])
            assert (await d.ussd())[1].startswith("CON ")
            await other.rollback()
        assert [200] == [(await task)[0] for task in waiting]
        assert 200 == (await d.sms("12345", message_id=f"m-{both.index(next(iter(done)))}"))[0]
        assert {"m-0", "m-1"} == {row.provider_id for row in await d.rows("message_in")}
