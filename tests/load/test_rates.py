"""Rates that were agreed with operators, over real binds and whichever process sends."""

import asyncio
import bisect
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from sqlalchemy import update

from gateway.clock import SystemClock
from gateway.settings import SmsSettings
from gateway.sms.outbox import Outbox, Priority
from gateway.storage.database import Database
from simulators.smsc import Smsc
from tests.conftest import BOTH_DATABASES
from tests.experiments import counted, proving
from tests.faults.service import around, inside
from tests.gateway.test_outbox import most_in_a_second

CHANNEL = """
carries: smpp
host: 127.0.0.1
port: {port}
system_id: rasad
password: "${{SMPP_PASSWORD}}"
per_s: {per_s}
sms: {{sender: "4040", parts: 3}}
"""
NAMES = ("one", "two", "three")
PER_S = 20


@BOTH_DATABASES
@pytest.mark.experiment("L4", "three binds at 20 a second, four workers: never above it, and replies pass bulk")
@pytest.mark.timeout(300)
async def test_three_binds_at_their_rate(database_url, redis_url, tmp_path, keys, figure):
    bulk, replies = counted(2_000), counted(1_000)
    arrived = {name: [] for name in NAMES}
    loop, asked_at, waited = asyncio.get_running_loop(), {}, []

    def to(name):
        def delivered(phone, sender, text):
            arrived[name].append(loop.time())
            if phone in asked_at:
                waited.append(loop.time() - asked_at[phone])

        return delivered

    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(
            around(tmp_path, keys, database_url, sms={"send_within_s": 2}, sessions={"redis": redis_url})
        )
        for name in NAMES:
            smsc = Smsc("rasad", "demo", to(name))
            port = await stack.enter_async_context(smsc.listening())
            file = service.folder / "config" / "channels" / f"{name}.yaml"
            file.write_text(CHANNEL.format(port=port, per_s=PER_S), "utf-8")
        service.arguments = ("--workers", "4")
        own, clock = Database(database_url, keys), SystemClock()
        stack.push_async_callback(own.stop)
        await own.start()
        outbox = Outbox(own, dict.fromkeys(NAMES), {}, keys, clock, SmsSettings())

        async def add(first, count, text, priority):
            async with own.writing() as connection:
                for place in range(first, first + count):
                    phone, name = f"+98916{place:07}", NAMES[place % 3]
                    if priority is Priority.REPLY:
                        asked_at[phone] = loop.time()
                    await outbox.add(connection, f"{text}:{place}", name, phone, text, priority)

        await add(0, bulk, "bulk", Priority.NOTICE)
        table = own.tables.message_out
        async with own.writing() as connection:  # whatever the hour is in which this is tried
            now = clock.now()
            await connection.execute(update(table).values(due_at=now, expires_at=now + timedelta(days=1)))
        await service.start(**inside(RASAD_LEASE_S="6") if not proving() else {})
        began = loop.time()
        while len(asked_at) < replies:
            # Five in twelve of what may be sent: bulk is what is left at the end, so that there is always something.
            due = min(replies, round((loop.time() - began) * 3 * PER_S * 5 / 12)) - len(asked_at)
            if due:
                await add(bulk + len(asked_at), due, "reply", Priority.REPLY)
            await asyncio.sleep(0.25)
        async with asyncio.timeout(120):
            while sum(map(len, arrived.values())) < bulk + replies:
                await asyncio.sleep(0.1)
        await service.settled()

    figure("runs", bulk + replies)
    for times in arrived.values():
        figure.most("most in a second", most_in_a_second(times))
    # From the moment all four are at work; before, they keep the processor busy with their start.
    means = []
    for times in arrived.values():
        since = bisect.bisect_left(times, began)
        means.append((len(times) - since - 1) / (times[-1] - times[since]))
    figure("a second on the average", round(min(means), 1))
    waited.sort()
    figure("95 of 100 replies within s", round(waited[len(waited) * 95 // 100], 2))
    assert (bulk + replies, replies) == (sum(map(len, arrived.values())), len(waited))
    if proving():
        assert all(most_in_a_second(times) <= 22 for times in arrived.values())
        assert min(means) >= 19
        assert waited[len(waited) * 95 // 100] <= 3
