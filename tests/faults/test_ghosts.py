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
    times = counted(20)
    (folder := tmp_path / "stands").mkdir()
    own = {"sms": {"send_within_s": 2}, "sessions": {"redis": redis_url}}
    async with around(tmp_path, keys, database_url, **own) as service:
        service.arguments = ("--workers", "2")
        await service.start(**inside(RASAD_LEASE_S=str(LEASE_S), RASAD_STANDS=str(folder)))
        citizens, ghosts, killed, longest_s = service.citizens(), 0, 0, 0.0
        while ghosts < times:
            (folder / "stop").touch()
            began, refused, one = time.monotonic(), service.logged("worker_stale"), ghosts + killed
            await citizens.write([one])
            async with asyncio.timeout(60):
                while not (folder / "stood").exists():
                    await asyncio.sleep(0.02)
                ghost = int((folder / "stood").read_text())
                while service.phones.reached[phone(one)] != 1:
                    await asyncio.sleep(0.02)
                (folder / "stood").unlink()
                try:
                    os.kill(ghost, signal.SIGCONT)
                except ProcessLookupError:
                    # It stood in the middle of somebody else's transaction too, which is for the supervisor to end.
                    killed += 1
                    while len(service.workers()) < 2:
                        await asyncio.sleep(0.1)
                    continue
                while service.logged("worker_stale") == refused:
                    await asyncio.sleep(0.02)
            longest_s = max(longest_s, time.monotonic() - began)
            ghosts += 1
        await service.settled()
        found, stale = await service.account(), service.logged("worker_stale")
    noted(figure, found, citizens)
    figure("stood still and went on", ghosts)
    figure("stale attempts refused", stale)
    figure("killed before", killed)
    figure("ms until another one did it", round(longest_s * 1000))
    assert stale >= times
    assert killed <= times
    total = ghosts + killed
    assert (total,) * 5 == (found.attempted, found.acknowledged, found.stored, found.decided, found.delivered)
    assert (0, ((), (), ())) == (found.duplicated, (found.lost, found.twins, found.unexpected))
    assert [] == service.phones.strange
