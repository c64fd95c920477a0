"""Messages that raise, take a gigabyte or kill whoever handles them: they are set aside, the others answered."""

import pytest

from tests.experiments import counted, proving
from tests.faults.inside.sitecustomize import EATS, KILLS, RAISES
from tests.faults.service import around, inside, number, phone
from tests.faults.test_crashes import noted, sms_settings

POISON = [int(letter) - int(number(0)) for letter in (KILLS, EATS, RAISES)]


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F21", "a message that kills its process is set aside and its sender told; all the others are answered"
)
async def test_poison_among_good_messages(database_url, redis_url, tmp_path, keys, figure):
    total = counted(1_000, 20)
    own = {"sms": sms_settings(), "sessions": {"redis": redis_url}}
    async with around(tmp_path, keys, database_url, **own) as service:
        service.arguments = ("--workers", "2")
        await service.start(**inside(RASAD_POISON="1", RASAD_LEASE_S="30" if proving() else "4"))
        citizens = service.citizens()
        await citizens.write(range(total), until_s=600)
        await service.settled()
        found = await service.account()
        parked = {row.msisdn for row in await service.rows("message_in") if row.state == "parked"}
    noted(figure, found, citizens)
    figure("set aside", len(parked))
    assert {phone(count) for count in POISON} == parked
    assert (total,) * 5 == (found.attempted, found.acknowledged, found.stored, found.decided, found.delivered)
    assert ((), (), ()) == (found.lost, found.twins, found.unexpected)
    # Each is told to call; once more where the process died with that very answer on its way.
    assert len(POISON) <= len(service.phones.strange) <= 2 * len(POISON)
