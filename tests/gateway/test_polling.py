"""Messages that a provider hands out once, when asked: what was handed out is ours alone to lose."""

import asyncio

import aiohttp
import aiohttp.web
import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from gateway.channels import polling
from gateway.channels.listed import SMS
from gateway.channels.polling import Poller
from gateway.settings_channels import Auth, SendSettings, SmsChannel
from gateway.sms.inbox import Inbox, Stored
from simulators.magfa import Magfa
from simulators.phones import Phones
from tests.gateway.processes import rows

COUNT = 100


@pytest.fixture
async def magfa(aiohttp_server):
    """With messages of so many citizens, and where it is."""
    found = Magfa("rasad/demo", "demo", Phones())
    for count in range(COUNT):
        await found.send(None, None, f"+98916000{count:04}", "4040", "12345")
    outer = aiohttp.web.Application()
    outer.add_subapp("/magfa", found.application())
    server = await aiohttp_server(outer)
    found.url = str(server.make_url("")).rstrip("/")
    return found


async def until(true):
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.001)


async def test_a_stop_in_order_stores_what_was_handed_out(desk, database, magfa):
    async with desk(environ={"SMS_PROVIDERS_URL": magfa.url}):
        await until(lambda: not magfa._waiting)

    assert COUNT == len({row.msisdn for row in await rows(database, "message_in")})


@pytest.fixture
async def poller(magfa):
    """`poller(receive)`: with an inbox of which only that is used."""
    send = SendSettings(
        url=f"{magfa.url}/magfa", username="rasad/demo", password="demo", sender="3000", poll_every_s=0.01
    )
    channel = SmsChannel(carries="sms", dialect="magfa", auth=Auth(none=True), send=send)
    async with aiohttp.ClientSession() as http:

        def made(receive):
            inbox = Inbox.__new__(Inbox)
            inbox.receive = receive
            return Poller(http, "magfa", SMS["magfa"], channel, inbox, None)

        yield made


async def test_who_asks_no_more_stores_what_he_was_handed_and_asks_nothing_before(poller, magfa, monkeypatch):
    """The database is away for longer than the lease of whoever asks: he loses it, and gets it again."""
    monkeypatch.setattr(polling, "STORE_AGAIN_S", 0.01)
    away, stored, order = True, [], []

    async def receive(_, message):
        if away:
            raise OperationalError(None, None, ConnectionError("away"))
        stored.append(message.msisdn)
        order.append("stored")
        return Stored(len(stored), new=True)

    asked = poller(receive)
    asks = asked._asked

    async def noted(out):
        order.append("asked")
        return await asks(out)

    asked._asked = noted
    for _ in range(3):
        running = asyncio.create_task(asked.run())
        await until(lambda: not magfa._waiting)
        await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (["asked"], []) == (order, stored)

    running = asyncio.create_task(asked.run())
    away = False
    await until(lambda: order.count("asked") > 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await asked.stop()
    assert COUNT == len(set(stored)) == len(stored)
    assert ["asked", *["stored"] * COUNT, "asked"] == order[: COUNT + 2]


async def test_what_is_lost_at_the_end_is_told(poller, magfa, monkeypatch):
    monkeypatch.setattr(polling, "STOP_WITHIN_S", 0.05)

    async def receive(*_):
        raise OperationalError(None, None, ConnectionError("away"))

    asked = poller(receive)
    running = asyncio.create_task(asked.run())
    await until(lambda: asked._unstored == COUNT)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with capture_logs() as log:
        await asked.stop()
    assert [("sms_lost", "magfa", COUNT)] == [(each["event"], each["channel"], each["count"]) for each in log]


async def test_nobody_asks_on_when_the_other_half_of_it_broke(poller):
    asked = poller(None)
    going_on = []

    async def fates():
        going_on.append(1)
        try:
            await asyncio.Event().wait()
        finally:
            going_on.pop()

    async def messages():
        await asyncio.sleep(0)
        raise KeyError("nobody thought of this")

    asked._fates, asked._messages = fates, messages
    with pytest.raises(ExceptionGroup):
        await asked.run()
    assert [] == going_on
