"""A database that goes away: messages are refused in words a provider understands, and none is lost or two."""

import asyncio
import itertools
import time

import pytest

from tests.experiments import counted, proving
from tests.faults.proxy import Manner, Proxy
from tests.faults.service import around
from tests.faults.test_crashes import at, noted, sms_settings

DOWN_S = 60
ACKNOWLEDGED_AGAIN_WITHIN_S = {True: 3.0, False: 10.0}
"""Of the server taking connections, in `make prove` and else: a machine may be busy with other tests."""


async def refused(citizens, numbers):
    """Once five more messages were refused with 503: of those who write for as long as that takes, and until heard."""
    before, writing = citizens.statuses[503], []
    while citizens.statuses[503] < before + 5:
        writing.append(asyncio.create_task(citizens.write([next(numbers)], until_s=900)))
        await asyncio.sleep(0.02)
    return writing


@pytest.mark.timeout(300)
@pytest.mark.experiment("F6", "while PostgreSQL is down messages are refused with 503 and Retry-After; none is lost")
async def test_postgresql_is_killed(own_postgresql, tmp_path, keys, figure):
    server, url = own_postgresql
    total, kills, down_s = counted(3_000, 150), counted(3, 1), DOWN_S if proving() else 1
    async with around(tmp_path, keys, url, sms=sms_settings()) as service:
        await service.start()
        citizens = service.citizens()
        numbers, more = itertools.count(total), []
        writing = asyncio.create_task(citizens.write(range(total), until_s=900))
        for each in range(kills + 1):
            await at(citizens, (each + 1) * total // (kills + 2))
            server.kill()
            more += await refused(citizens, numbers)
            if each == kills:
                await asyncio.sleep(down_s)
            before = citizens.acknowledged
            await asyncio.to_thread(server.start)
            began = time.monotonic()
            await at(citizens, before + 1)
            again_s = time.monotonic() - began
            assert again_s <= ACKNOWLEDGED_AGAIN_WITHIN_S[proving()]
            figure.most("acknowledged again after ms", round(again_s * 1000))
        await asyncio.gather(writing, *more)
        total += len(more)
        await service.settled()
        found = await service.account()
        assert await service.stop() == 0
    noted(figure, found, citizens)
    figure("refused with 503", citizens.statuses[503])
    assert (total,) * 5 == (found.attempted, found.acknowledged, found.stored, found.decided, found.delivered)
    assert ((), (), ()) == (found.lost, found.twins, found.unexpected)
    assert {200, 503} == set(citizens.statuses)
    assert 0 == citizens.without_retry_after == citizens.refused
    assert not service.phones.strange


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F8", "the answer to a COMMIT never comes: what was committed is not done twice, the rest is done"
)
async def test_the_answer_to_commit_is_cut(own_postgresql, tmp_path, keys, figure):
    server, url = own_postgresql
    cuts, total = counted(500, 10), 0
    async with Proxy(server.port) as proxy:
        through = url.replace(str(server.port), str(proxy.port))
        async with around(tmp_path, keys, through, sms=sms_settings()) as service:
            service.database_url = url
            await service.start()
            proxy.manner = Manner(cut_reply_after=b"COMMIT", every=counted(10, 5))
            citizens = service.citizens()
            while proxy.cuts < cuts:
                await citizens.write(range(total, total + 50), connections=4)  # more share fewer commits
                total += 50
            await proxy.again()
            await service.settled()
            found = await service.account()
    noted(figure, found, citizens)
    figure("cut", proxy.cuts)
    figure("given up in doubt", found.given_up)
    assert (total,) * 4 == (found.attempted, found.acknowledged, found.stored, found.decided)
    # A claim whose COMMIT had no answer may have been sent by whoever claimed it: the second such doubt is the last.
    assert total == found.delivered + found.given_up
    assert found.given_up <= proxy.cuts
    assert ((), (), ()) == (found.lost, found.twins, found.unexpected)
    assert found.duplicated <= proxy.cuts
    assert {200, 503} >= set(citizens.statuses)
    assert not service.phones.strange
