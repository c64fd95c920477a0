"""A process that stands still with a message in hand, until another has done its work, and then goes on."""

import asyncio
import os
import signal
import time

import pytest

from tests.experiments import counted
from tests.faults.service import around, inside, phone
from tests.faults.test_crashes import noted

LEASE_S = 6
"""Or the supervisor is sooner, which kills who stands still for 15 s."""


@pytest.mark.timeout(300)
@pytest.mark.experiment("F11", "a worker that stood still past its lease writes nothing and sends nothing twice")
async def test_a_worker_stands_still_with_a_message_in_hand(database_url, redis_url, tmp_path, keys, figure):
    times, beside = counted(20), 5
    (folder := tmp_path / "stands").mkdir()
    async with around(tmp_path, keys, database_url, sms={"send_within_s": 2}, sessions={"redis": redis_url}) as service:
        service.arguments = ("--workers", "2")
        await service.start(**inside(RASAD_LEASE_S=str(LEASE_S), RASAD_STANDS=str(folder)))
        citizens, refused, longest_s = service.citizens(), 0, 0.0
        for each in range(times):
            (folder / "stop").touch()
            began = time.monotonic()
            new = range(each * (beside + 1), (each + 1) * (beside + 1))
            await citizens.write(new)
            async with asyncio.timeout(60):
                while not (folder / "stood").exists():
                    await asyncio.sleep(0.02)
                ghost = int((folder / "stood").read_text())
                while {1} != {service.phones.reached[phone(count)] for count in new}:
                    await asyncio.sleep(0.02)
            longest_s = max(longest_s, time.monotonic() - began)
            os.kill(ghost, signal.SIGCONT)
            async with asyncio.timeout(60):
                while service.logged("worker_stale") == refused:
                    await asyncio.sleep(0.02)
            refused = service.logged("worker_stale")
            (folder / "stood").unlink()
        await service.settled()
        found = await service.account()
    noted(figure, found, citizens)
    figure("stood still", times)
    figure("stale attempts refused", refused)
    figure("ms until another one did it", round(longest_s * 1000))
    assert refused >= times
    total = times * (beside + 1)
    assert (total,) * 5 == (found.attempted, found.acknowledged, found.stored, found.decided, found.delivered)
    assert (0, ((), (), ())) == (found.duplicated, (found.lost, found.twins, found.unexpected))
    assert [] == service.phones.strange
