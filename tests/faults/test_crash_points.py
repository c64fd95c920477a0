"""The places where a process may die, one after the other: whatever it was doing, each message is answered once."""

import asyncio
import re
import signal

import pytest

from gateway.storage.purge import BATCH
from simulators.demo import HOME
from tests.experiments import counted, proving
from tests.faults.service import around
from tests.faults.test_crashes import noted

AFTER_SUBMIT = "after_submit"
"""Lies outside of us: the provider has the message, and who sent it dies before hearing so."""

POINTS = (
    "after_auth", "after_read", "after_inbox_insert", "after_commit", "after_answer", "after_claim", "after_backend_call",
    "after_reply_insert", "after_reply_commit", "after_send_claim", AFTER_SUBMIT, "after_submit_answer",
    "after_mark_sent", "in_receipt", "in_menu_swap", "in_purge_batch",
)  # fmt: skip
MESSAGES = 30


def test_each_point_in_the_code_is_tried():
    named = set()
    for path in (HOME / "gateway").rglob("*.py"):
        named |= set(re.findall(r'\b(?:reached|soon)\("(\w+)"\)', path.read_text("utf-8")))
    assert set(POINTS) - {AFTER_SUBMIT} == named


def sms_settings():
    """One at a time, so that one is all that a death may double."""
    return {"at_once": 1} | ({} if proving() else {"again_after_s": [0.2, 1, 3], "send_within_s": 2})


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F2", "wherever a process dies, nothing is lost and no message is two; an SMS in hand goes once more for each death"
)
async def test_each_point(database_url, tmp_path, keys, shipped_menu, figure):
    points = POINTS if proving() else POINTS[0 if "sqlite" in database_url else 1 :: 3]
    messages = MESSAGES if proving() else 10
    async with around(tmp_path, keys, database_url, sms=sms_settings()) as service:
        citizens, deaths, writing = service.citizens(), 0, []
        for hit in range(1, counted(10) + 1):
            for point in points:
                flag = tmp_path / f"{point}-{hit}"
                if point == "in_purge_batch":
                    await service.left_over(hit * BATCH)
                await service.start(RASAD_CRASH=f"{point} {hit} {flag}")
                service.kill_at_submit = hit if point == AFTER_SUBMIT else 0
                new = range(deaths * messages, (deaths + 1) * messages)
                writing.append(asyncio.create_task(citizens.write(new)))
                if point == "in_menu_swap":
                    for each in range(hit):
                        version = await service.publish(f"{hit}-{each}")
                        async with asyncio.timeout(30):  # or two of them are one change
                            while each < hit - 1 and version not in service.log():
                                await asyncio.sleep(0.05)
                assert -signal.SIGKILL == await service.ended(60), point
                assert flag.exists() or point == AFTER_SUBMIT
                deaths += 1
        await service.start()
        await asyncio.gather(*writing)
        await service.settled()

        found = await service.account()
        parked = {row.msisdn for row in await service.rows("message_in") if row.state == "parked"}
    noted(figure, found, citizens)
    figure("deaths", deaths)
    figure("sends cut off", service.logged("sms_cut_off"))
    figure("set aside", len(parked))
    total = deaths * messages
    assert (total,) * 5 == (found.attempted, found.acknowledged, found.stored, found.decided, found.delivered)
    assert ((), (), ()) == (found.lost, found.twins, found.unexpected)
    # Only what was between its claim and its mark when the process died, and once for each death.
    assert found.duplicated <= min(deaths, service.logged("sms_cut_off"))
    assert found.copies <= 3  # one that two of them caught
    # Who was in hand at three of them is told to call. Other messages died with it the first time, nobody after that.
    assert {(to, shipped_menu.nodes["failed"].sms["fa"].source) for to in parked} == set(service.phones.strange)
    assert 2 * len(parked) <= deaths
