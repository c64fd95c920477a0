"""What became of messages, in whatever order and spelling their receipts come."""

import asyncio
import itertools
from datetime import timedelta

import pytest
import sqlalchemy as sa

from gateway.channels.contract import Accepted, DeliveryReceipt
from gateway.settings import SmsSettings
from gateway.sms import receipts
from gateway.sms.outbox import Outbox
from gateway.sms.receipts import LOOKED_BACK_S, Receipts
from tests.conftest import BOTH_DATABASES
from tests.experiments import counted
from tests.gateway.processes import process, rows, settled

pytestmark = BOTH_DATABASES

STATES = [("pending", "ACCEPTD"), ("pending", "ENROUTE"), ("delivered", "DELIVRD"), ("failed", "UNDELIV"),
          ("expired", "EXPIRED")]  # fmt: skip
FINAL = {"delivered", "failed", "expired"}

SPELLINGS = [
    lambda number: (str(number), str(number)),
    lambda number: (f"{number:x}", str(number)),
    lambda number: (str(number), f"{number:X}"),
    lambda number: (f"{number:X}", f"{number:x}"),
    lambda number: (f"{number:08}", f"{number:010}"),
]
"""A number as the provider answers it, and as it reports it."""


def phone(count):
    return f"+98916{count:07}"


@pytest.fixture
async def sending(database_url, database, keys, clock):
    """`await sending(names)`: an outbox of messages to so many phones, which is given these ids when it sends them."""
    own = process(database_url, keys, clock)

    async def made(names):
        async def send(to, text, message_id, *, again=False):
            return Accepted(names[to])

        outbox = Outbox(own, {"smpp": send}, {}, keys, clock, SmsSettings())
        async with database.writing() as connection:
            for to in names:
                await outbox.add(connection, f"test:{to}", "smpp", to, "a text")
        return outbox

    yield made
    await own.stop()


@pytest.mark.experiment("F16", "whatever order five states come in, also before the id is known, the first final stays")
async def test_every_order_of_five_states(database, sending, keys, clock, figure):
    receipts, messages = Receipts(database, keys, clock), 20
    orders = list(itertools.permutations(STATES))[:: 120 // counted(120)]
    expected, names, number = {}, {}, itertools.count(1)
    works = []
    for order, each in itertools.product(orders, range(messages)):
        to = phone(next(number))
        # No two ids may read alike, in whatever base.
        given, reported = SPELLINGS[each % len(SPELLINGS)](int(f"9{next(number):07}1"))
        names[to] = given
        expected[to] = next(fate for fate, _ in order if fate in FINAL)
        works.append((to, reported, order, each % 6))

    async def reported(to, name, order):
        for fate, word in order:
            await receipts.receive("smpp", DeliveryReceipt(name, to, fate, word))

    outbox = await sending(names)
    await asyncio.gather(*(reported(to, name, order[:early]) for to, name, order, early in works))
    assert {None} == {row.fate for row in await rows(database, "message_out")}
    await settled(outbox.workers[0])
    await asyncio.gather(*(reported(to, name, order[early:]) for to, name, order, early in works))
    # Once more, all of them: what repeats itself says nothing new.
    count = len(await rows(database, "receipt"))
    await asyncio.gather(*(reported(to, name, order) for to, name, order, _ in works))
    assert count == len(await rows(database, "receipt")) == 5 * len(works)

    found = {row.msisdn: row.fate for row in await rows(database, "message_out")}
    assert expected == found
    figure("runs", len(works))
    figure("orders", len(orders))
    figure("receipts", 10 * len(works))
    figure("before the id", sum(early for *_, early in works))


async def test_a_receipt_for_nobody_is_kept_and_moves_nothing(database, sending, keys, clock):
    receipts = Receipts(database, keys, clock)
    await receipts.receive("smpp", DeliveryReceipt("77", phone(1), "failed", "UNDELIV"))
    outbox = await sending({phone(1): "78"})
    await settled(outbox.workers[0])
    assert ([None], ["77"]) == (
        [row.fate for row in await rows(database, "message_out")],
        [row.provider_id for row in await rows(database, "receipt")],
    )


async def test_one_that_comes_two_days_late_still_counts_and_one_of_four_days_does_not(database, sending, keys, clock):
    receipts = Receipts(database, keys, clock)
    outbox = await sending({phone(1): "1000001", phone(2): "1000002"})
    await settled(outbox.workers[0])
    clock.advance(timedelta(hours=48).total_seconds())
    await receipts.receive("smpp", DeliveryReceipt("1000001", phone(1), "delivered", "DELIVRD"))
    clock.advance(LOOKED_BACK_S - timedelta(hours=48).total_seconds() + 1)
    await receipts.receive("smpp", DeliveryReceipt("1000002", phone(2), "delivered", "DELIVRD"))
    assert ["delivered", None] == [row.fate for row in await rows(database, "message_out")]


async def test_receipts_of_one_moment_share_a_commit(database, keys, clock):
    commits = []
    sa.event.listen(database.engine.sync_engine, "commit", lambda connection: commits.append(1))
    receipts = Receipts(database, keys, clock)
    names = [str(10_000 + count) for count in range(100)]
    await asyncio.gather(*(receipts.receive("smpp", DeliveryReceipt(n, "", "delivered", "")) for n in names))
    assert 100 == len(await rows(database, "receipt"))
    assert len(commits) <= 4


@pytest.mark.parametrize("named", [True, False])
async def test_a_receipt_that_comes_to_another_process_while_the_id_is_written_is_not_lost(
    database, database_url, keys, clock, monkeypatch, named
):
    """Neither sees what the other has not committed yet."""
    own, other = process(database_url, keys, clock), process(database_url, keys, clock)

    async def send(*_, **__):
        return Accepted("77")

    outbox = Outbox(own, {"kannel": send}, {}, keys, clock, SmsSettings())
    async with database.writing() as connection:
        await outbox.add(connection, "t:1", "kannel", "+989161234567", "text")
    looked, go_on, catch_up = asyncio.Event(), asyncio.Event(), receipts.catch_up

    async def slow(*more):
        await catch_up(*more)
        looked.set()
        await go_on.wait()

    monkeypatch.setattr(receipts, "catch_up", slow)
    sending = asyncio.create_task(settled(*outbox.workers))
    await looked.wait()
    receipt = DeliveryReceipt("77", "+989161234567" if named else "", "delivered", "")
    coming = asyncio.create_task(Receipts(other, keys, clock).receive("kannel", receipt))
    await asyncio.wait({coming}, timeout=0.3)
    go_on.set()
    async with asyncio.timeout(20):
        await asyncio.gather(sending, coming)

    assert [("sent", "delivered")] == [(row.state, row.fate) for row in await rows(database, "message_out")]
    await own.stop()
    await other.stop()
