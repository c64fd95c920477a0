"""Rows of work shared by several processes: each is a database of its own on the same rows, and the clock is the test's."""

import asyncio
from collections import Counter, defaultdict
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa

from gateway.channels.contract import Accepted
from gateway.settings import SmsSettings
from gateway.sms import worker
from gateway.sms.outbox import Outbox
from gateway.sms.worker import MAX_CUT_OFF, Stale, Worker
from gateway.storage.leases import LEASE_S
from tests.conftest import BOTH_DATABASES
from tests.experiments import counted
from tests.gateway.processes import process, rows, settled

pytestmark = BOTH_DATABASES


@pytest.fixture
async def processes(database_url, database, keys, clock, monkeypatch):
    """Databases of so many processes, whose leases last by the test's clock."""
    monkeypatch.setattr(worker, "POLL_S", 0.0)
    made = []

    def entered(count):
        for _ in range(count):
            made.append(process(database_url, keys, clock))
        return made[-count:]

    yield entered
    for each in made:
        await each.stop()


@pytest.fixture
def arrive(database, clock, keys):
    """`await arrive(phone, n)`: so many messages of this phone."""
    numbers = iter(range(10_000))

    async def arrived(phone, count=1):
        now = clock.now()
        rows = [
            {"channel": "kannel", "provider_id": str(next(numbers)), "msisdn": phone, "msisdn_tag": keys.tag(phone),
             "short_code": "4040", "text": "12345", "received_at": now, "due_at": now, "state": "new", "tries": 0}
            for _ in range(count)
        ]  # fmt: skip
        async with database.writing() as connection:
            for row in rows:
                await connection.execute(database.tables.message_in.insert().values(**row))

    return arrived


@pytest.fixture
def inbox(clock):
    """A worker of one process on incoming messages."""

    def made(own, handle, at_once=8, within_s=60.0):
        return Worker(
            "inbox", own, own.tables.message_in, lambda t: t.c.state == "new", handle, clock.now, at_once,
            within_s=within_s, first=("id",), before=lambda o, t, _: o.c.id < t.c.id,
        )  # fmt: skip

    return made


def done(own, told):
    async def handle(held):
        await asyncio.sleep(0)
        async with own.writing() as connection:
            await held.write(connection, state="done")
        told.append((held.row.msisdn_tag, held.row.id))

    return handle


@asynccontextmanager
async def running(*workers):
    tasks = [asyncio.create_task(each.run()) for each in workers]
    yield tasks
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_row_is_done_once_one_of_a_phone_at_a_time_and_in_order(processes, arrive, inbox, database):
    for count in range(60):
        await arrive(f"+98916000000{count % 6}")
    told, in_hand, most = [], Counter(), Counter()

    def handled(own):
        async def handle(held):
            tag = held.row.msisdn_tag
            in_hand[tag] += 1
            most[tag] = max(most[tag], in_hand[tag])
            await asyncio.sleep(0.002)
            in_hand[tag] -= 1
            await done(own, told)(held)

        return handle

    await settled(*(inbox(own, handled(own)) for own in processes(4)))

    assert 60 == len(told) == len(set(told))
    assert {1} == set(most.values())
    by_phone = defaultdict(list)
    for tag, row_id in told:
        by_phone[tag].append(row_id)
    assert all(ids == sorted(ids) for ids in by_phone.values())
    found = await rows(database, "message_in")
    assert [("done", 1, 3, 0, 0.0)] * 60 == [(r.state, r.tries, r.fence, r.cut_off, r.leased_until) for r in found]


async def test_a_row_that_cannot_be_read_is_parked_and_holds_up_nobody(processes, arrive, inbox, database, keys):
    for count in range(3):
        await arrive(f"+98916000000{count}")
    table = sa.table("message_in", sa.column("id"), sa.column("text", sa.LargeBinary))
    octets = keys.seal(b"\xff", database.tables.message_in.c.text.type.place)  # no text, though it opens
    async with database.writing() as connection:
        await connection.execute(table.update().where(table.c.id == 2).values(text=octets))
    told = []
    (own,) = processes(1)
    await settled(inbox(own, done(own, told)))
    assert [1, 3] == sorted(row_id for _, row_id in told)
    async with database.reading() as connection:
        row = sa.select(database.tables.message_in.c.state, database.tables.message_in.c.tries)
        assert ("parked", 1) == (await connection.execute(row.where(database.tables.message_in.c.id == 2))).one()


async def test_rows_in_hand_stay_there_when_the_databases_clock_is_set_ahead(
    processes, arrive, inbox, database, clock
):  # fmt: skip
    """Until their holder has renewed its leases; who did not live to do that loses them."""
    await arrive("+989160000001")
    told, both = [], processes(2)
    off_s = 0.0
    for own in both:
        own.seconds = sa.bindparam(None, callable_=lambda: clock.seconds + off_s, type_=sa.Double())
    holder, other = (inbox(own, done(own, told)) for own in both)
    assert 1 == len(await holder._claimed(8))
    for _ in range(3):  # what finds nothing to do looks at the clock all the same
        await settled(other)
    off_s = 3600.0
    clock.advance(1)
    for _ in range(3):
        await arrive("+989160000003")
        await settled(other)
        clock.advance(6)
    assert 3 == len(told)
    assert ["new"] == [row.state for row in await rows(database, "message_in") if row.state != "done"]

    clock.advance(2)
    await settled(other)
    assert 4 == len(told)


async def test_the_rows_of_a_process_that_died_are_taken_over_when_their_lease_is_over(
    processes, arrive, inbox, database, clock
):
    await arrive("+989160000001", 2)
    told = []
    dead, alive = processes(2)
    assert 1 == len(await inbox(dead, done(dead, told))._claimed(8))
    survivor = inbox(alive, done(alive, told))
    clock.advance(LEASE_S - 1)
    await settled(survivor)
    assert [] == told

    clock.advance(1)
    await settled(survivor)
    assert 2 == len(told)
    assert [("done", 2, 5), ("done", 1, 3)] == [
        (row.state, row.tries, row.fence) for row in await rows(database, "message_in")
    ]


async def test_what_is_in_hand_is_not_taken_up_again_when_the_databases_clock_jumps(
    processes, arrive, inbox, database, clock, eventually
):
    await arrive("+989160000001")
    (own,) = processes(1)
    own.monotonic = lambda: 0.0
    ends, told = asyncio.Event(), []

    async def handle(held):
        told.append(held.row.id)
        await ends.wait()
        await done(own, [])(held)

    worker_ = inbox(own, handle)
    await worker_._take()
    await eventually(lambda: asyncio.sleep(0, bool(told)))
    clock.advance(3600)
    assert [] == await worker_._claimed(8)
    ends.set()
    await settled(worker_)
    assert 1 == len(told)
    assert [("done", 1)] == [(row.state, row.tries) for row in await rows(database, "message_in")]


async def test_a_long_handling_renews_its_lease(processes, arrive, inbox, database, clock, eventually):
    await arrive("+989160000001")
    slow, other = processes(2)
    ends, told = asyncio.Event(), []

    async def handle(held):
        await ends.wait()
        await done(slow, told)(held)

    async with running(inbox(slow, handle)):

        async def in_hand():
            return [row for row in await rows(database, "message_in") if row.fence]

        await eventually(in_hand)
        second = inbox(other, done(other, []))
        for _ in range(12):
            clock.advance(LEASE_S / 3)

            async def renewed():
                return (await rows(database, "message_in"))[0].leased_until >= clock.seconds + 1000 + LEASE_S * 2 / 3

            await eventually(renewed)
            await settled(second)
        ends.set()

        async def ended():
            return told

        await eventually(ended)
    assert [("done", 3)] == [(row.state, row.fence) for row in await rows(database, "message_in")]


async def test_a_process_that_stops_gives_its_rows_back_at_once(processes, arrive, inbox, database, eventually):
    await arrive("+989160000001")
    stopping, other = processes(2)

    async def handle(held):
        await asyncio.Event().wait()

    async with running(inbox(stopping, handle)):

        async def in_hand():
            return [row for row in await rows(database, "message_in") if row.fence]

        await eventually(in_hand)
    (row,) = await rows(database, "message_in")
    assert ("new", 0, 0, 0.0) == (row.state, row.tries, row.cut_off, row.leased_until)
    told = []
    await settled(inbox(other, done(other, told)))
    assert 1 == len(told)


async def test_what_was_just_claimed_when_a_process_stops_is_given_back_too(
    processes, arrive, inbox, database, monkeypatch
):
    await arrive("+989160000001")
    (own,) = processes(1)
    stopping = inbox(own, done(own, []))
    claimed, claims = asyncio.Event(), stopping._claimed

    async def slowly(free):
        found = await claims(free)
        claimed.set()
        await asyncio.sleep(0.05)
        return found

    monkeypatch.setattr(stopping, "_claimed", slowly)
    async with running(stopping):
        await claimed.wait()
    (row,) = await rows(database, "message_in")
    assert ("new", 0, 2, 0.0) == (row.state, row.tries, row.fence, row.leased_until)


async def test_a_row_that_kills_whoever_touches_it_is_parked(processes, arrive, inbox, database, clock):
    await arrive("+989160000001")
    (own,) = processes(1)
    for _ in range(MAX_CUT_OFF):
        assert 1 == len(await inbox(own, None)._claimed(1))
        clock.advance(LEASE_S)
    told = []
    await settled(inbox(own, done(own, told)))
    (row,) = await rows(database, "message_in")
    assert ("parked", []) == (row.state, told)


async def test_one_that_hangs_is_given_up_and_holds_up_nobody(processes, arrive, inbox, database):
    await arrive("+989160000001")
    await arrive("+989160000002", 5)
    (own,) = processes(1)
    told = []

    async def handle(held):
        if held.row.id == 1 and held.row.tries == 1:
            await asyncio.sleep(3600)
        await done(own, told)(held)

    await settled(inbox(own, handle, within_s=0.2))
    assert 6 == len(told)
    assert ("done", 2) == ((await rows(database, "message_in"))[0].state, (await rows(database, "message_in"))[0].tries)


async def test_a_stale_writer_leaves_nothing(processes, arrive, inbox, database, clock, keys):
    """All that was in its transaction goes with it."""
    await arrive("+989160000001")
    ghost, other = processes(2)
    (held,) = await inbox(ghost, None)._claimed(1)
    clock.advance(LEASE_S)
    await settled(inbox(other, done(other, [])))

    async def work(connection):
        row = {"msisdn_tag": "tag", "language": "ar", "changed_at": clock.now()}
        await connection.execute(ghost.tables.phone.insert().values(**row))
        await held.write(connection, state="parked")

    with pytest.raises(Stale):
        await ghost.together(work)
    assert [] == await rows(database, "phone")
    assert ["done"] == [row.state for row in await rows(database, "message_in")]


@pytest.mark.experiment("F11", "a process that stood still past its lease writes nothing and sends nothing twice")
@pytest.mark.parametrize("stands", ["after its claim", "before it hands over"])
async def test_a_ghost_neither_writes_nor_sends(processes, database, keys, clock, figure, stands):
    sent = Counter()

    async def send(to, text, message_id, *, again=False):
        sent[to] += 1
        return Accepted(message_id)

    times = counted(20)
    for count in range(times):
        ghost_db, other_db = processes(2)
        ghost, other = (Outbox(each, {"kannel": send}, {}, keys, clock, SmsSettings()) for each in (ghost_db, other_db))
        phone = f"+98916{count:07}"
        async with database.writing() as connection:
            await ghost.add(connection, f"in:{stands}:{count}", "kannel", phone, "a text")
        wakes, attempt, standing = asyncio.Event(), ghost._attempt, asyncio.Event()

        async def stood(held, wakes=wakes, attempt=attempt, standing=standing):
            standing.set()
            await wakes.wait()
            return await attempt(held)

        if stands == "before it hands over":
            ghost._attempt = stood
            await ghost.workers[0]._take()
            await standing.wait()
        else:
            claimed = await ghost.workers[0]._claimed(8)
        clock.advance(LEASE_S)
        await settled(other.workers[0])
        assert 1 == sent[phone]
        if stands == "before it hands over":
            wakes.set()
            await settled(ghost.workers[0])
        else:
            (held,) = claimed
            ghost.workers[0]._busy[held] = asyncio.current_task()
            await ghost.workers[0]._one(held)
        assert 1 == ghost.workers[0].stale
        figure.count("stale writes refused", ghost.workers[0].stale)
    assert dict.fromkeys((f"+98916{count:07}" for count in range(times)), 1) == sent
    found = await rows(database, "message_out")
    assert [("sent", 5, 0.0)] * times == [(row.state, row.fence, row.leased_until) for row in found]
    figure("runs", times)
    figure("sent twice", sum(count - 1 for count in sent.values()))
