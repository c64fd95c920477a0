"""Messages that come more than once, that break us, and robots that answer our answers: through whole gateways."""

import asyncio
import logging
import random
from collections import Counter

import pytest
import structlog

from gateway.settings import SmsSettings
from gateway.sms import inbox, worker
from gateway.storage.together import Together
from gateway.turn import Turns
from tests.conftest import BOTH_DATABASES
from tests.experiments import counted

CALLER = "+989161234567"


def phone(count):
    return f"+98916{count:07}"


@pytest.fixture
def few_words():
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture
def states(eventually):
    """`await states(d, "message_in", done=3)`: once so many rows are in these states, and none in another."""

    async def once(d, table, **wanted):
        async def reached():
            return wanted == Counter(row.state for row in await d.rows(table))

        return await eventually(reached, within_s=100)

    return once


@pytest.mark.databases("postgresql")
@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F17", "SMS sent up to five times at once to two processes, and again later: one row and one reply each"
)
async def test_repeats_to_two_processes(desk, clock, states, few_words, figure):
    total, chance, copies = counted(2_000), random.Random(17), 0
    async with desk() as one, desk(phones=one.phones) as other:

        async def sent(count, times, text="12345"):
            nonlocal copies
            copies += times
            answers = await asyncio.gather(
                *(chance.choice((one, other)).sms(text, phone(count), f"m-{count}") for _ in range(times))
            )
            assert [(200, "")] * times == answers

        async def all_sent(*, again=False):
            for first in range(0, total, 20):
                batch = range(first, min(first + 20, total))
                await asyncio.gather(*(sent(count, 1 if again else chance.randint(1, 5)) for count in batch))

        await all_sent()
        await states(one, "message_in", done=total)
        await states(one, "message_out", sent=total)
        for later_s in (120, 26 * 3600):
            clock.advance(later_s)
            await all_sent(again=True)
        # The same id with another text is somebody else's.
        for count in range(0, total, 10):
            await sent(count, 3, "777")
        clashes = len(range(0, total, 10))
        await states(one, "message_in", done=total, clash=clashes)
        assert {phone(count): 1 for count in range(total)} == Counter(each.to for each in one.phones.messages)
        assert total == len(await one.rows("message_out"))
    figure("runs", total)
    figure("copies", copies)
    figure("replies", total)
    figure("kept aside", clashes)


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F21", "messages that raise or hang are parked after three tries, their senders told once, all others answered"
)
async def test_poison(desk, eventually, states, monkeypatch, few_words, figure):
    total = counted(1_000)
    raising, hanging = set(range(0, total, 100)), set(range(50, total, 100))
    converse, tried = Turns.converse, Counter()

    async def poisoned(self, menu, dialogue, event, caller, *more):
        count = int(caller.msisdn.removeprefix("+98916"))
        tried[count] += 1
        if count in raising:
            raise RuntimeError("boom")
        if count in hanging:
            await asyncio.sleep(60)
        return await converse(self, menu, dialogue, event, caller, *more)

    monkeypatch.setattr(Turns, "converse", poisoned)
    monkeypatch.setattr(worker, "POLL_S", 0.05)
    monkeypatch.setattr(inbox, "ASK_WITHIN_S", 1.0)
    async with desk(sms=SmsSettings(answer_within_s=1, at_once=16)) as d:
        for first in range(0, total, 50):
            await asyncio.gather(
                *(d.sms("12345", phone(count), f"m-{count}") for count in range(first, min(first + 50, total)))
            )
        bad = raising | hanging
        await states(d, "message_in", done=total - len(bad), parked=len(bad))
        await states(d, "message_out", sent=total)
        assert {phone(count): 1 for count in range(total)} == Counter(each.to for each in d.phones.messages)
        for count in bad:
            (one,) = d.phones.received(phone(count))
            assert one.text.startswith("رصد: الان ممکن نشد")
        assert dict.fromkeys(bad, 3) == {count: tried[count] for count in bad}

        async def told():
            failed = [row for row in await d.rows("dialogue_record") if row.screens == "failed"]
            return len(failed) >= len(bad) and failed

        failed = await eventually(told)
        assert (len(bad), {"completed"}) == (len({row.dialogue for row in failed}), {row.outcome for row in failed})
    figure("runs", total)
    figure("parked", len(bad))


@BOTH_DATABASES
async def test_messages_of_one_moment_share_a_commit(desk, monkeypatch):
    async with desk(sms_down=True) as d:
        commits, done = [], Together._as_one

        async def counting(self, batch):
            commits.append(len([each for each in batch if each.key.startswith("in kannel ")]))
            return await done(self, batch)

        monkeypatch.setattr(Together, "_as_one", counting)
        answers = await asyncio.gather(*(d.sms("12345", phone(count), f"m-{count}") for count in range(100)))
        assert [(200, "")] * 100 == answers
        assert 100 == len(await d.rows("message_in")) == sum(commits)
        assert len([each for each in commits if each]) <= 50


@BOTH_DATABASES
async def test_the_same_id_with_another_text_is_kept_aside_and_not_answered(desk, states):
    async with desk() as d:
        for text in ("12345", "110718", "110718", "12345"):
            assert (200, "") == await d.sms(text)
        await states(d, "message_in", done=1, clash=1)
        await states(d, "message_out", sent=1)
        assert {"12345": "done", "110718": "clash"} == {row.text: row.state for row in await d.rows("message_in")}
        assert 1 == len(d.phones.received(CALLER))


async def test_a_robot_that_answers_our_answers_is_left_alone_after_five(desk, states, clock):
    async with desk() as d:
        for count in range(8):
            await d.sms("your message was received", message_id=f"m-{count}")
            clock.advance(10)
        await d.sms("12345", message_id="m-8")
        await states(d, "message_in", done=9)
        await states(d, "message_out", sent=6)
        assert 3 == len([row for row in await d.rows("message_in") if row.outcome == "loop"])
        clock.advance(600)
        await d.sms("your message was received", message_id="m-9")
        await states(d, "message_out", sent=7)
