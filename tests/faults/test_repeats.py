"""The same request several times at once, to whichever worker takes it: one effect, and every copy the same answer."""

import asyncio
import random
import sqlite3
from collections import Counter
from contextlib import closing
from urllib.parse import urlencode

import pytest

from simulators.aggregator import Request
from tests.experiments import counted, proving
from tests.faults.service import SERVICE_CODE, around, phone
from tests.faults.test_crashes import every_one_once, noted, sms_settings

AT_ONCE = 16
LONGEST_WAIT_S = 0.5
"""Of one who writes, with 32 at once."""


async def each_of(counts, does):
    waiting = iter(counts)

    async def one_after_another():
        for count in waiting:
            await does(count)

    async with asyncio.TaskGroup() as all_of_them:
        for _ in range(AT_ONCE):
            all_of_them.create_task(one_after_another())


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F17", "a message or a step that comes several times at once is one, and each copy has the same answer"
)
async def test_each_request_comes_several_times_at_once(database_url, redis_url, tmp_path, keys, figure):
    total, chance = counted(2_000, 100), random.Random(17)
    copies = {count: chance.randint(1, 5) for count in range(2 * total)}
    in_redis = {"redis": redis_url, "redis_within_s": 5.0}  # a busy machine is not to be taken for a slow Redis
    async with around(tmp_path, keys, database_url, sms=sms_settings(), sessions=in_redis) as service:
        service.arguments = ("--workers", "2")
        await service.start()
        citizens, wire = service.citizens(), service.wire()
        answers = {}

        async def written(count):
            assert all(await asyncio.gather(*(citizens.attempt(count) for _ in range(copies[count]))))

        async def stepped(count):
            """A dial, then a step that comes several times."""
            for inputs, times in (("", 1), ("1", copies[count])):
                form = {
                    "sessionId": f"s-{count}",
                    "serviceCode": SERVICE_CODE,
                    "phoneNumber": phone(count),
                    "text": inputs,
                }
                headers = {"Content-Type": "application/x-www-form-urlencoded"}
                request = Request("POST", headers=headers, body=urlencode(form).encode())
                asked = [wire.ask("/ussd/africastalking", request) for _ in range(times)]
                answers[count] = [(each.status, each.body) for each in await asyncio.gather(*asked)]

        await each_of(range(total), written)
        await each_of(range(total, 2 * total), stepped)
        await service.settled()
        found = await service.account()
    noted(figure, found, citizens)
    figure("runs", 2 * total)
    figure("copies", sum(copies.values()))
    every_one_once(service, found, total, 0)
    assert {200: sum(copies[count] for count in range(total))} == citizens.statuses
    for count, told in answers.items():
        assert 1 == len(set(told)), count
        assert (200, True) == (told[0][0], told[0][1].startswith("CON شماره نامه"))


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F7", "workers that write flat out into one SQLite keep none of them waiting, and refuse nobody"
)
async def test_several_workers_write_flat_out_into_one_sqlite(redis_url, tmp_path, keys, figure):
    total = counted(2_000, 150)
    url = f"sqlite+aiosqlite:///{tmp_path / 'rasad.db'}"
    async with around(tmp_path, keys, url, sms=sms_settings(), sessions={"redis": redis_url}) as service:
        service.arguments = ("--workers", "4" if proving() else "2")
        await service.start()
        citizens = service.citizens()
        # Whoever writes flat out waits for all who do: few, so that what is measured is the database and not their number.
        await citizens.write(range(total), connections=8, until_s=600)
        await service.settled()
        found = await service.account()
        waits_s = sorted(event.end - event.begin for event in service.history.events() if event.op == "said")
        await service.stop()
    noted(figure, found, citizens)
    figure("ms until acknowledged, 99 %", round(1000 * waits_s[len(waits_s) * 99 // 100]))
    figure("at most", round(1000 * waits_s[-1]))
    every_one_once(service, found, total, 0)
    assert Counter({200: total}) == citizens.statuses
    assert waits_s[-1] <= LONGEST_WAIT_S or not proving()
    assert 0 == service.log().count("database is locked")
    with closing(sqlite3.connect(tmp_path / "rasad.db")) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
