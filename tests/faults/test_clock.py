"""The clocks of a machine, its own and its database's, jump while messages are under way: nothing is lost, early or sent
again and again. And what is signed for another time is refused, loudly."""

import asyncio
import shutil
from datetime import UTC, datetime

import pytest
import structlog

from gateway import clock as clocks
from gateway.channels import access
from gateway.clock import SystemClock
from simulators.demo import HOME
from tests.experiments import counted
from tests.faults.service import around, inside, phone
from tests.faults.test_crashes import at, every_one_once, noted, sms_settings
from tests.faults.test_replays import add_channels
from tests.gateway.callbacks import message
from tests.gateway.test_replays import SECRET, Recorded

HOUR = 3600
LEAP_DAY = (datetime(2028, 2, 29, 12, tzinfo=UTC) - datetime(2026, 11, 22, 12, tzinfo=UTC)).total_seconds()
JUMPS_S = (HOUR, 0, -HOUR, 0, 24 * HOUR, 0, -24 * HOUR, 0, LEAP_DAY, 0)
"""Of the clock, each from where it should be. Iran's has no summer time; an hour back is what that would be."""


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F19", "while the clocks jump by an hour, a day and a year, each message is answered once and sessions go on"
)
async def test_the_clocks_jump(database_url, redis_url, tmp_path, keys, figure):
    total = counted(1_000, 60)
    file = tmp_path / "offset"
    file.write_text("0")
    in_redis = {"redis": redis_url, "redis_within_s": 5.0}  # a busy machine is not to be taken for a slow Redis
    async with around(tmp_path, keys, database_url, sms=sms_settings(), sessions=in_redis) as service:
        service.arguments = ("--workers", "2")
        await service.start(**inside(RASAD_CLOCK=str(file), RASAD_DATABASE_CLOCK=str(file)))
        citizens = service.citizens()
        writing = asyncio.create_task(citizens.write(range(total), until_s=600))
        for place, jump in enumerate(JUMPS_S, 1):
            await at(citizens, place * total // (len(JUMPS_S) + 1))
            service.provider_away = True  # so that some wait while it jumps
            call = service.call(total + place)
            before = await call.dial("*4*061#")
            beside = file.with_suffix(".new")
            beside.write_text(str(jump))
            beside.replace(file)
            after = await call.type("1")
            service.provider_away = False
            assert not before.over
            assert after.text.startswith("شماره نامه")
        await writing
        await service.settled()
        found = await service.account()
        states = {row.state for row in await service.rows("message_out")}
    noted(figure, found, citizens)
    figure("jumps", len(JUMPS_S))
    every_one_once(service, found, total, 0)
    assert {"sent"} == states


@pytest.fixture
def clock():
    return SystemClock()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.experiment("F19", "what is signed for another time than ours is refused, with a line that says why")
async def test_signatures_while_the_clock_jumps(desk, tmp_path, monkeypatch, figure):
    config = shutil.copytree(HOME / "config", tmp_path / "config")
    add_channels(config / "channels")
    as_it_is, off_s, statuses = clocks.wall, 0.0, []
    monkeypatch.setattr(clocks, "wall", lambda: as_it_is() + off_s)

    async def asked(aged_s=0.0):
        request = message("kannel", phone(len(statuses)), f"m-{len(statuses)}")
        status, _ = await Recorded(as_it_is() - aged_s, "/sms", "signed_kannel", request, SECRET).sent(d)
        statuses.append(status)
        return status

    async def comes_to(status):
        """Whoever else looks at the clock may see its jump first."""
        assert status in [await asked() for _ in range(3)]
        assert status == await asked()

    jumps_s = [each for each in JUMPS_S if each]
    with structlog.testing.capture_logs() as told:
        async with desk(config=config, environ={"KEY": SECRET}) as d:
            assert 200 == await asked()
            for off_s in jumps_s:
                # Not believed yet: time goes on, for what is signed now and for what was recorded.
                assert 200 == await asked()
                assert 401 == await asked(aged_s=access.FRESH_S + 60)
                with monkeypatch.context() as patch:
                    patch.setattr(clocks, "BELIEVED_AFTER_S", 0.0)
                    await comes_to(401)
                    off_s = 0.0  # set right, which is another jump
                    await comes_to(200)
            assert statuses.count(200) == len(await d.rows("message_in"))
    refused = [(each["log_level"], each["status"], each["why"]) for each in told if each["event"] == "refused"]
    why = f"{access.STAMP} is more than {access.FRESH_S} s from our clock"
    assert [("warning", 401, why)] * statuses.count(401) == refused
    jumped = [(each["log_level"], each["by_s"]) for each in told if each["event"] == "clock_jumped"]
    assert [("error", round(by_s)) for jump in jumps_s for by_s in (jump, -jump)] == jumped
    figure("runs", len(statuses))
    figure("jumps", len(jumped))
    figure("refused", len(refused))
