"""Processes that are killed in the middle of their work: what was acknowledged is answered, once."""

import asyncio
import time

import pytest

from tests.experiments import counted, proving
from tests.faults.service import around

WINDOW = 10
"""What is handed to the provider at once, as with a Kannel. So many may have gone out without being noted when a process
dies; they go out once more."""

FIRST_ACKNOWLEDGED_WITHIN_S = 5.0
"""Of a start being ready. Whoever was refused knocks again every second."""

TAKEN_OVER_WITHIN_S = 35.0
"""Of a death: what the dead had leased lasts 30 s, and is looked for every three."""


def sms_settings():
    """Ours, with a provider's window; where little time is given, less patience."""
    impatient = {"again_after_s": [0.2, 1, 3], "send_within_s": 2}
    return {"at_once": WINDOW} | ({} if proving() else impatient)


@pytest.fixture
async def service(database_url, redis_url, tmp_path, keys):
    """Two workers that are not started, on each of the two databases."""
    async with around(tmp_path, keys, database_url, sms=sms_settings(), sessions={"redis": redis_url}) as found:
        found.arguments = ("--workers", "2")
        yield found


async def at(citizens, count):
    """Once so many messages are acknowledged."""
    while citizens.acknowledged < count:
        await asyncio.sleep(0.01)


async def acknowledged_at(citizens, count):
    """When so many messages were."""
    await at(citizens, count)
    return time.monotonic()


async def leased(service):
    """The fence of whatever somebody has, or had when he died: works that one process does at a time, and messages."""
    found = {("lease", row.name): row.fence for row in await service.rows("lease") if row.until}
    for table in ("message_in", "message_out"):
        found |= {(table, row.id): row.fence for row in await service.rows(table) if row.leased_until}
    return found


def noted(figure, found, citizens):
    figure.count("runs", found.attempted)
    figure.count("lost", len(found.lost))
    figure.count("twins", len(found.twins))
    figure.count("sent twice", found.duplicated)
    figure.count("refused connections", citizens.refused)
    figure.most("longest silence ms", round(found.longest_silence_s * 1000))


def every_one_once(service, found, total, kills):
    """Each message acknowledged, stored and answered once; and on its phone once, but for those a kill caught."""
    assert (total,) * 5 == (found.attempted, found.acknowledged, found.stored, found.decided, found.delivered)
    assert ((), (), ()) == (found.lost, found.twins, found.unexpected)
    assert found.duplicated <= kills * WINDOW
    assert found.copies <= 3
    assert not service.phones.strange


@pytest.mark.timeout(300)
@pytest.mark.experiment("F1", "workers are killed while messages come: nothing is lost, no message is two")
async def test_workers_are_killed(service, figure):
    total, kills = counted(5_000, 120), counted(10, 1)
    await service.start()
    citizens = service.citizens()
    writing = asyncio.create_task(citizens.write(range(total), until_s=900))
    for each in range(kills):
        await at(citizens, (each + 1) * total // (kills + 1))
        await service.kill_worker()
    await writing
    await service.settled()

    found = await service.account()
    noted(figure, found, citizens)
    figure("kills", kills)
    every_one_once(service, found, total, kills)
    assert 0 == citizens.refused
    assert 1 == service.starts


@pytest.mark.timeout(300)
@pytest.mark.experiment("F3", "all processes are killed at once and started again: nothing is lost, no message is two")
async def test_all_processes_are_killed(service, figure):
    total, kills = counted(2_500, 100), counted(5, 1)
    await service.start()
    citizens = service.citizens()
    # Few write at once, so that there is somebody left to write after the last kill.
    writing = asyncio.create_task(citizens.write(range(total), connections=8, until_s=900))
    for each in range(kills):
        await at(citizens, (each + 1) * total // (kills + 1))
        await service.kill()
        assert citizens.acknowledged < total
        killed_at, left = time.monotonic(), await leased(service)
        first = asyncio.create_task(acknowledged_at(citizens, citizens.acknowledged + 1))
        await service.start()
        ready_at = time.monotonic()
        figure.most("first acknowledged ms after the kill", round((await first - killed_at) * 1000))
        assert await first - ready_at <= FIRST_ACKNOWLEDGED_WITHIN_S
    figure("leases of the dead", len(left))
    assert left
    while any(left[each] == fence for each, fence in (await leased(service)).items() if each in left):
        await asyncio.sleep(0.2)
    taken_over_s = time.monotonic() - killed_at
    figure("taken over after ms", round(taken_over_s * 1000))
    assert taken_over_s <= TAKEN_OVER_WITHIN_S or not proving()
    await writing
    await service.settled()

    found = await service.account()
    noted(figure, found, citizens)
    figure("kills", kills)
    every_one_once(service, found, total, 2 * kills)  # of two workers each time
