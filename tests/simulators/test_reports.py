"""Receipts of simulated providers: as they are told to behave."""

import asyncio

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from simulators.desk import Desk
from simulators.kannel import Kannel


@pytest.fixture
async def told():
    """(what was called back, the smsbox, a client of /sim/v1)"""
    called: asyncio.Queue[str] = asyncio.Queue()

    async def heard(request):
        await called.put(request.query["status"])
        return web.Response()

    gateway = web.Application()
    gateway.router.add_get("/dlr", heard)
    kannel = Kannel("rasad", "demo")
    async with (
        aiohttp.ClientSession() as http,
        TestServer(gateway) as listens,
        TestClient(TestServer(kannel.application())) as smsbox,
    ):
        desk = web.Application()
        desk.add_routes(Desk(kannel.inbox, http, {}, [], {}, public=lambda: None).routes())
        async with TestClient(TestServer(desk)) as sim:

            async def send():
                query = {"username": "rasad", "password": "demo", "to": "+989161234567", "from": "4040", "text": "a",
                         "dlr-mask": "31", "dlr-url": f"{listens.make_url('/dlr')}?status=%d"}  # fmt: skip
                async with smsbox.get("/cgi-bin/sendsms", params=query) as response:
                    assert 202 == response.status

            yield called, send, sim


async def test_receipts_come_at_once_late_or_never(told):
    called, send, sim = told
    await send()
    assert "1" == await asyncio.wait_for(called.get(), 10)

    async with sim.post("/sim/v1/receipts", json={"lost": 1}) as response:
        assert {"delay_s": 0.0, "lost": 1.0} == await response.json()
    await send()
    async with sim.post("/sim/v1/receipts", json={"delay_s": 0.5}) as response:
        assert 200 == response.status
    await send()

    began = asyncio.get_running_loop().time()
    assert "1" == await asyncio.wait_for(called.get(), 10)
    assert asyncio.get_running_loop().time() - began >= 0.3
    assert called.empty()  # the one before never came


@pytest.mark.parametrize("body", ['{"lost": 2}', '{"delay_s": -1}', '{"late": 1}', "[", '{"lost": "much"}'])
async def test_what_makes_no_sense_is_refused_and_changes_nothing(told, body):
    _, _, sim = told
    async with sim.post("/sim/v1/receipts", data=body) as response:
        assert (400, True) == (response.status, "expected" in (await response.json())["error"])
    async with sim.get("/sim/v1/receipts") as response:
        assert {"delay_s": 0.0, "lost": 0.0} == await response.json()
