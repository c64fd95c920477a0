"""What is in hand when a process is told to stop, when the database goes and comes back, or when its answer is lost."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.exc import OperationalError

from gateway.channels.contract import Accepted
from gateway.settings import SmsSettings
from gateway.sms import outbox as of_outbox
from gateway.sms import worker
from gateway.sms.conversations import Conversations
from gateway.sms.inbox import MAX_TRIES
from gateway.sms.outbox import Outbox
from gateway.sms.worker import HELD_BACK_S, Worker
from gateway.storage.leases import LEASE_S
from menus.machine import Dialogue
from tests.conftest import BOTH_DATABASES
from tests.gateway.processes import process, rows, settled

pytestmark = BOTH_DATABASES

PHONE = "+989161234567"


@pytest.fixture
async def two(database_url, database, keys, clock, monkeypatch):
    """The databases of two processes."""
    monkeypatch.setattr(worker, "POLL_S", 0.01)
    monkeypatch.setattr(of_outbox, "WRITE_AGAIN_S", 0.01)
    found = [process(database_url, keys, clock) for _ in range(2)]
    yield found
    for each in found:
        await each.stop()


@pytest.fixture
def sending(keys, clock):
    """`sending(database, send)`: the outbox's worker of one process."""
    return lambda own, send: Outbox(own, {"kannel": send}, {}, keys, clock, SmsSettings()).workers[0]


@pytest.fixture
async def ten(database, keys, clock):
    """Messages that wait to be sent."""
    outbox = Outbox(database, {"kannel": None}, {}, keys, clock, SmsSettings())
    async with database.writing() as connection:
        for count in range(10):
            await outbox.add(connection, f"t:{count}", "kannel", f"+98916000{count:04}", f"text {count}")


class Provider:
    """Takes its time to answer. sent: how often each text has reached it."""

    def __init__(self, takes_s=0.0):
        self.takes_s, self.sent = takes_s, Counter()

    async def __call__(self, to, text, message_id, *, again=False):
        self.sent[text] += 1
        await asyncio.sleep(self.takes_s)
        return Accepted(message_id)


async def stopped_in_the_middle(work, provider):
    running = asyncio.create_task(work.run())
    async with asyncio.timeout(20):
        while len(provider.sent) < 10:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_was_handed_over_is_finished_before_we_stop(two, ten, sending, database):
    provider = Provider(takes_s=0.5)
    own, other = (sending(each, provider) for each in two)

    await stopped_in_the_middle(own, provider)
    assert [("sent", 1, "ok")] * 10 == [
        (row.state, row.tries, row.attempt) for row in await rows(database, "message_out")
    ]

    await settled(other)
    assert {1} == {*provider.sent.values()}


async def test_what_takes_too_long_to_wait_for_is_in_doubt(two, ten, sending, database, clock, monkeypatch):
    monkeypatch.setattr(worker, "FINISH_WITHIN_S", 0.1)
    silent, provider = Provider(takes_s=60), Provider()

    await stopped_in_the_middle(sending(two[0], silent), silent)
    found = await rows(database, "message_out")
    assert [("waiting", 1, 1, "unknown")] * 10 == [(row.state, row.tries, row.doubts, row.attempt) for row in found]

    clock.advance(10)
    await settled(sending(two[1], provider))
    assert {1} == {*provider.sent.values()}
    assert {"sent"} == {row.state for row in await rows(database, "message_out")}


async def test_an_outcome_that_is_written_after_all_is_the_outcome(two, ten, sending, database, clock, monkeypatch):
    """A lock is waited for, or a connection, for longer than a stop waits."""
    monkeypatch.setattr(worker, "FINISH_WITHIN_S", 0.05)
    monkeypatch.setattr(of_outbox, "STOP_WITHIN_S", 0.05)
    provider, writing, goes_on = Provider(), two[0].together._writing, asyncio.Event()

    @asynccontextmanager
    async def late():
        await goes_on.wait()
        async with writing() as connection:
            yield connection

    two[0].together._writing = late
    await stopped_in_the_middle(sending(two[0], provider), provider)
    await settled(sending(two[1], provider))
    goes_on.set()
    await two[0].together.stop()
    clock.advance(LEASE_S + 1)
    await settled(sending(two[1], provider))

    assert [("sent", 1, "ok")] * 10 == [
        (row.state, row.tries, row.attempt) for row in await rows(database, "message_out")
    ]
    assert {1} == {*provider.sent.values()}


async def test_a_stop_waits_for_no_database_that_is_away(two, ten, sending, monkeypatch):
    monkeypatch.setattr(worker, "FINISH_WITHIN_S", 0.1)
    monkeypatch.setattr(of_outbox, "STOP_WITHIN_S", 0.1)
    silent, gone = Provider(takes_s=60), away(two[0], monkeypatch)

    async def and_then_the_database_goes(*said, **more):
        gone[0] = True
        return await silent(*said, **more)

    async with asyncio.timeout(20):
        await stopped_in_the_middle(sending(two[0], and_then_the_database_goes), silent)


def away(database, monkeypatch):
    """`gone[0]`: whether this process's database takes nothing."""
    gone, writing = [False], database.writing

    @asynccontextmanager
    async def perhaps():
        if gone[0]:
            raise OperationalError(None, None, ConnectionError("away"))
        async with writing() as connection:
            yield connection

    monkeypatch.setattr(database, "writing", perhaps)
    monkeypatch.setattr(database.together, "_writing", perhaps)
    monkeypatch.setattr(database, "reading", perhaps)
    return gone


async def test_after_an_outage_longer_than_a_lease_who_sent_says_so_first(
    two, ten, sending, database, clock, monkeypatch
):
    """Or another process takes the rows for those of a dead one, and sends them again."""
    provider, goes = Provider(), [away(each, monkeypatch) for each in two]

    async def and_then_the_database_goes(*said, **more):
        accepted = await provider(*said, **more)
        for gone in goes:
            gone[0] = True
        return accepted

    own, other = (sending(each, and_then_the_database_goes) for each in two)
    tasks = [asyncio.create_task(own.run())]
    async with asyncio.timeout(20):
        while len(provider.sent) < 10:
            await asyncio.sleep(0.01)
    tasks.append(asyncio.create_task(other.run()))
    clock.advance(LEASE_S + 1)
    await asyncio.sleep(0.1)  # it looks, and sees nothing
    goes[1][0] = False
    await asyncio.sleep(0.2)
    assert {1} == {*provider.sent.values()}
    goes[0][0] = False
    async with asyncio.timeout(20):
        while {"sent"} != {row.state for row in await rows(database, "message_out")}:
            await asyncio.sleep(0.01)
    clock.advance(HELD_BACK_S + 1)
    await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert {1} == {*provider.sent.values()}


async def test_what_a_dead_one_had_is_taken_over_a_little_after_an_outage(
    two, ten, sending, database, clock, monkeypatch
):
    provider, gone = Provider(), away(two[1], monkeypatch)
    await sending(two[0], provider)._claimed(10)  # and dies
    clock.advance(LEASE_S + 1)
    work = sending(two[1], provider)
    gone[0] = True
    await work._take()
    gone[0] = False
    await settled(work)
    assert not provider.sent
    clock.advance(HELD_BACK_S + 1)
    await settled(work)
    assert 10 == len(provider.sent)


@pytest.fixture
async def message(database, clock, keys):
    """One that came in."""
    now = clock.now()
    values = {
        "channel": "kannel", "provider_id": "m-1", "msisdn": PHONE, "msisdn_tag": keys.tag(PHONE),
        "short_code": "4040", "text": "12345", "received_at": now, "due_at": now, "state": "new", "tries": 0,
    }  # fmt: skip
    async with database.writing() as connection:
        await connection.execute(database.tables.message_in.insert().values(**values))


def incoming(own, handle, clock):
    """A worker of one process on messages that came in."""
    table = own.tables.message_in
    return Worker(
        "inbox", own, table, lambda t: t.c.state == "new", handle, clock.now, 8, within_s=60, first=("id",)
    )  # fmt: skip


@pytest.mark.parametrize("away_s", [0.001, 0.1])
async def test_a_database_that_goes_is_no_fault_of_the_message_in_hand(
    two, message, database, clock, monkeypatch, away_s
):
    """However soon it is back: before or after the row is given back, POLL_S later."""
    own, gone, tried = two[0], away(two[0], monkeypatch), []

    async def handle(held):
        tried.append(held.row.tries)
        if len(tried) <= 2 * MAX_TRIES:
            gone[0] = True
            asyncio.get_running_loop().call_later(away_s, gone.__setitem__, 0, False)
        async with own.writing() as connection:
            await held.write(connection, state="done")

    work = incoming(own, handle, clock)
    running = asyncio.create_task(work.run())
    async with asyncio.timeout(20):
        while ["done"] != [row.state for row in await rows(database, "message_in")]:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert [1] * (2 * MAX_TRIES + 1) == tried


async def test_a_lost_answer_to_a_commit_does_not_bring_an_old_conversation_back(two, message, database, clock, keys):
    """Her first message is answered, and the answer to that commit is lost; before we have tried again her next one is
    answered elsewhere."""
    own, talks = two[0], Conversations(two[0], clock, SmsSettings())
    other = Conversations(two[1], clock, SmsSettings())
    writing, lose = own.together._writing, [True]

    async def remember(to, connection, at):
        dialogue = Dialogue(id="x", wire="sms", menu="v", language="fa", at=at)
        await to.remember(connection, "kannel", keys.tag(PHONE), dialogue, end=False)

    @asynccontextmanager
    async def lossy():
        async with writing() as connection:
            yield connection
        if lose.pop() if lose else False:
            async with two[1].writing() as connection:
                await remember(other, connection, "after her next message")
            raise OperationalError(None, None, ConnectionError("the answer to COMMIT"))

    own.together._writing = lossy

    async def handle(held):
        async def work(connection):
            if await held.write(connection, state="done"):
                await remember(talks, connection, "after her first message")

        await own.together(work)

    work = incoming(own, handle, clock)
    await settled(work)

    dialogue, _ = await talks.running("kannel", keys.tag(PHONE))
    assert "after her next message" == dialogue.at
    assert [("done", 1)] == [(row.state, row.tries) for row in await rows(database, "message_in")]
    assert 0 == work.stale
