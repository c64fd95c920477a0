"""Works that nobody waits for: what one stumbles over is told, and it goes on."""

import asyncio

import pytest

from gateway import lasting
from gateway.channels.esme import Esme
from gateway.settings_channels import SmppChannel
from tests.gateway.test_logs import events


async def test_a_work_that_fails_is_told_and_begun_anew(monkeypatch, log):
    monkeypatch.setattr(lasting, "AGAIN_S", 0.0)
    begun = []

    async def work():
        begun.append(1)
        if len(begun) < 3:
            raise KeyError("nobody thought of this")

    await lasting.lasting("a work", work)

    assert 3 == len(begun)
    assert [("work_failed", "a work", "KeyError")] * 2 == [
        (each["event"], each["work"], each["exception"][0]["exc_type"]) for each in events(log)
    ]


async def test_a_work_that_is_stopped_is_not_begun_again():
    begun = []

    async def work():
        begun.append(1)
        await asyncio.Event().wait()

    task = asyncio.create_task(lasting.lasting("a work", work))
    await asyncio.sleep(0)
    await lasting.ended(task)

    assert [1] == begun
    assert task.cancelled()


async def test_a_work_that_stumbles_on_its_way_out_is_not_begun_again(log):
    begun = []

    async def work():
        begun.append(1)
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("it cannot be given back")

    task = asyncio.create_task(lasting.lasting("a work", work))
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await lasting.ended(task)
    assert [1] == begun
    assert ["work_failed"] == [each["event"] for each in events(log)]


@pytest.mark.parametrize("host", ["smsc..example", "x" * 70, "no-such-host.invalid"])
async def test_a_host_that_is_none_is_told_and_tried_again(host, log):
    channel = SmppChannel(carries="smpp", host=host, port=2775, system_id="rasad", sms={"sender": "4040"})
    esme = Esme("smpp", channel, lambda: 0.0, lambda: "0" * 32, 10.0)

    async def hear(*_):
        pass

    running = asyncio.create_task(esme.run(hear))
    async with asyncio.timeout(20):
        while not (told := [each for each in events(log) if each["event"] == "smpp_ended"]):
            await asyncio.sleep(0.01)
    assert told[0]["why"].startswith("not reached: ")
    assert not running.done()
    await lasting.ended(running)
