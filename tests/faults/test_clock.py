"""A wall clock that jumps while messages are under way: nothing is lost, early or sent again and again."""

import asyncio
from datetime import UTC, datetime

import pytest

from tests.experiments import counted
from tests.faults.service import around, inside
from tests.faults.test_crashes import at, every_one_once, noted, sms_settings

HOUR = 3600
LEAP_DAY = (datetime(2028, 2, 29, 12, tzinfo=UTC) - datetime(2026, 11, 22, 12, tzinfo=UTC)).total_seconds()
JUMPS_S = (HOUR, 0, -HOUR, 0, 24 * HOUR, 0, -24 * HOUR, 0, LEAP_DAY, 0)
"""Of the clock, each from where it should be. Iran's has no summer time; an hour back is what that would be."""


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F19", "while the clock jumps by an hour, a day and a year, each message is answered once and sessions go on"
)
async def test_the_clock_jumps(database_url, tmp_path, keys, figure):
    total = counted(1_000, 60)
    file = tmp_path / "offset"
    file.write_text("0")
    async with around(tmp_path, keys, database_url, sms=sms_settings()) as service:
        await service.start(**inside(RASAD_CLOCK=str(file)))
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
