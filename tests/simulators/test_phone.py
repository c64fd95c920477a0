"""The telecom side of the phone page without a browser: what is measured, what is written down, what a network does."""

import asyncio
import json

import aiohttp
import pytest
from aiohttp import web

from simulators import demo
from simulators.channels import Channel
from simulators.phone import calls, meter
from simulators.phone.calls import Calls, Line
from simulators.phone.wire import Wire

MSISDN = "+989161234567"


@pytest.mark.parametrize(
    ("text", "alphabet", "used", "octets"),
    [("Letter 12345", "GSM 7 bit", 12, 11), ("a€", "GSM 7 bit", 3, 3), ("نامه", "UCS-2", 4, 8), ("", "GSM 7 bit", 0, 0),
     ("x" * 160, "GSM 7 bit", 160, 140)],
)  # fmt: skip
def test_a_screen_is_measured_as_the_network_does(text, alphabet, used, octets):
    found = meter.screen(text, 160, 70)

    assert (alphabet, used, octets) == (found["alphabet"], found["used"], found["octets"])
    assert found["of"] == (160 if alphabet == "GSM 7 bit" else 70)


def test_a_long_sms_says_in_how_many_it_goes():
    assert (1, 2, 3) == tuple(meter.message("م" * units)["parts"] for units in (70, 71, 135))


class Gateway:
    """What the phone's requests reach in these tests: it keeps them, and answers when it is let."""

    def __init__(self):
        self.bodies = []
        self.headers = []
        self.go = asyncio.Event()
        self.go.set()

    def application(self):
        app = web.Application()
        app.router.add_post("/ussd/{channel}{tail:.*}", self.ussd)
        app.router.add_get("/api/v1/dialogues/{channel}/{session}", self.dialogue)
        return app

    async def ussd(self, request):
        self.bodies.append(await request.read())
        await self.go.wait()
        return web.Response(text=f"CON {len(self.bodies)}")

    async def dialogue(self, request):
        self.headers.append(dict(request.headers))
        return web.json_response({"screen": "main"})


@pytest.fixture
async def side(aiohttp_server, aiohttp_client):
    """(gateway, a client of /sim/v1, the wire log)"""
    gateway, wire = Gateway(), Wire()
    url = str((await aiohttp_server(gateway.application())).make_url("")).rstrip("/")
    wire.hide(["the-secret-of-this-path"])
    at = Channel("at", "ussd", "africastalking", "*4*061#")
    line = Line(at, f"{url}/ussd/at/the-secret-of-this-path", 160, 70)
    here = Calls({"at": line}, wire, url, "the-token")
    app = web.Application()
    app.add_routes([*here.routes(), *wire.routes()])
    yield gateway, await aiohttp_client(app), wire
    await here.stop()


async def dialled(client, **more):
    body = {"channel": "at", "msisdn": MSISDN, "code": "*4*061#", **more}
    async with client.post("/sim/v1/calls", json=body) as response:
        return response.status, await response.json()


async def test_a_call_is_dialled_answered_and_dropped(side):
    gateway, client, _ = side
    status, state = await dialled(client, code="*4*061*12345#")
    path = f"/sim/v1/calls/{state['call']}"
    async with client.post(f"{path}/replies", json={"text": "1"}) as response:
        next_state = await response.json()
    async with client.delete(path) as dropped, client.post(f"{path}/replies", json={"text": "1"}) as after:
        assert (204, 404) == (dropped.status, after.status)

    assert (201, "1", False, {"screen": "main"}) == (status, state["text"], state["over"], state["dialogue"])
    assert "2" == next_state["text"]
    assert 2 == len(gateway.bodies)
    assert b"text=12345*1" in gateway.bodies[1].replace(b"%2A", b"*")


async def test_the_token_goes_to_the_gateway_and_nowhere_else(side):
    gateway, client, wire = side
    _, state = await dialled(client)

    assert "Bearer the-token" == gateway.headers[0]["Authorization"]
    assert "the-token" not in json.dumps(state)
    assert 1 == len(wire.of(MSISDN))  # and the question for it is none of the channel's


async def test_a_repeat_is_the_same_octets_again(side):
    gateway, client, wire = side
    await dialled(client, repeat=True)

    assert 2 == len(gateway.bodies)
    assert 1 == len(set(gateway.bodies))
    assert ["CON 1", "CON 2"] == [each.reply for each in wire.of(MSISDN)]


async def test_a_late_answer_was_taken_by_the_gateway_and_not_by_the_phone(side, monkeypatch):
    gateway, client, _ = side
    monkeypatch.setattr(calls, "LATE_S", 0.0)
    status, state = await dialled(client, late=True)

    assert (201, 1, True) == (status, len(gateway.bodies), state["over"])
    assert ("", None) == (state["text"], state["call"])
    assert "too late" in state["failed"]


async def test_the_network_ends_a_session_of_its_own_accord(side, monkeypatch):
    gateway, client, _ = side
    _, state = await dialled(client)
    monkeypatch.setattr(calls, "SESSION_S", 0.0)
    async with client.post(f"/sim/v1/calls/{state['call']}/replies", json={"text": "1"}) as response:
        told = await response.json()

    assert (True, "the network ended the session after 0 s") == (told["over"], told["failed"])
    assert 1 == len(gateway.bodies)


async def test_nobody_types_before_the_network_has_answered(side):
    gateway, client, _ = side
    _, state = await dialled(client)
    gateway.go.clear()
    path = f"/sim/v1/calls/{state['call']}/replies"
    first = asyncio.create_task(client.post(path, json={"text": "1"}))
    while len(gateway.bodies) < 2:
        await asyncio.sleep(0)
    async with client.post(path, json={"text": "1"}) as second:
        assert 409 == second.status
    gateway.go.set()
    async with await first as answered:
        assert "2" == (await answered.json())["text"]


async def test_what_is_lost_on_a_slow_network_before_it_was_sent_reaches_nobody(side, monkeypatch):
    gateway, client, _ = side
    _, state = await dialled(client)
    monkeypatch.setattr(calls, "SLOW_S", 0.2)
    path = f"/sim/v1/calls/{state['call']}"
    waiting = asyncio.create_task(client.post(f"{path}/replies", json={"text": "1", "slow": True}))
    await asyncio.sleep(0.05)
    async with client.delete(path) as dropped, await waiting as response:
        assert (204, 200) == (dropped.status, response.status)
        assert "the call was lost before this was sent" == (await response.json())["failed"]

    assert 1 == len(gateway.bodies)


async def test_a_call_that_is_lost_while_the_gateway_answers_ends_without_noise(side):
    gateway, client, _ = side
    _, state = await dialled(client)
    gateway.go.clear()
    path = f"/sim/v1/calls/{state['call']}"
    waiting = asyncio.create_task(client.post(f"{path}/replies", json={"text": "1", "repeat": True}))
    while len(gateway.bodies) < 2:
        await asyncio.sleep(0)
    async with client.delete(path) as dropped:
        assert 204 == dropped.status
    gateway.go.set()
    async with await waiting as response:
        assert 200 == response.status

    assert 3 == len(gateway.bodies)


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"", 400, "expected {"),
        (b"[]", 400, "expected {"),
        (b'{"channel": "at", "msisdn": "+98", "code": 5}', 400, "$.code"),
        (b'{"channel": "at", "msisdn": "+98", "code": "*4*061#", "slowly": true}', 400, "slowly"),
        (b'{"channel": "nobody", "msisdn": "+98", "code": "*4*061#"}', 404, "there are at"),
    ],
)
async def test_what_cannot_be_dialled_is_said(side, body, status, told):
    gateway, client, _ = side
    async with client.post("/sim/v1/calls", data=body) as response:
        assert status == response.status
        assert told in (await response.json())["error"]

    assert [] == gateway.bodies


async def test_calls_nobody_ends_are_bounded(side, monkeypatch):
    _, client, _ = side
    monkeypatch.setattr(calls, "OPEN", 2)
    found = [(await dialled(client))[1]["call"] for _ in range(3)]
    statuses = []
    for call in found:
        async with client.post(f"/sim/v1/calls/{call}/replies", json={"text": "1"}) as response:
            statuses.append(response.status)

    assert [404, 200, 200] == statuses


async def test_secrets_are_masked_wherever_they_stand(side, aiohttp_server):
    _, client, wire = side
    await dialled(client)

    async def smsbox(_request):
        return web.Response(text="0: Accepted")

    app = web.Application(middlewares=[wire.middleware("out")])
    app.router.add_route("*", "/send", smsbox)
    url = str((await aiohttp_server(app)).make_url("/send"))
    async with aiohttp.ClientSession() as http:
        await http.get(url, params={"to": MSISDN, "password": "pw-1", "text": "سلام"})
        await http.post(url, data={"to": MSISDN, "api_key": "pw-2"})
        await http.post(url, json={"to": MSISDN, "token": "pw-3"})
    exchanges = wire.of("09161234567")

    assert ["network", "gateway", "gateway", "gateway"] == [each.by for each in exchanges]
    assert [True] * 4 == ["***" in each.request for each in exchanges]
    told = json.dumps([each.request for each in exchanges])
    assert [] == [secret for secret in ("pw-1", "pw-2", "pw-3", "the-secret-of-this-path") if secret in told]
    assert "text=سلام" in exchanges[1].request


async def test_another_phones_exchanges_are_not_shown(side):
    _, client, _ = side
    await dialled(client)
    async with client.get("/sim/v1/wire", params={"msisdn": "+989161234568"}) as other:
        assert [] == (await other.json())["exchanges"]
    async with client.get("/sim/v1/wire", params={"msisdn": ""}) as nobody:
        assert [] == (await nobody.json())["exchanges"]
    async with client.get("/sim/v1/wire", params={"msisdn": MSISDN, "after": "x"}) as own:
        assert 1 == len((await own.json())["exchanges"])


async def test_the_phone_is_of_the_demo_and_not_of_the_gateway(desk_of_serve):
    for path in ("/", "/phone", "/phone/phone.js", "/sim/v1/wire", "/sim/v1/channels"):
        async with desk_of_serve.get(path) as response:
            assert 404 == response.status, path


@pytest.fixture
async def desk_of_serve(tmp_path, keys, clock, aiohttp_client):
    """The gateway as `rasad serve` composes it."""
    from gateway import app

    names = (
        "SECRETARIAT",
        "SLOW_SECRETARIAT",
        "FAILING_SECRETARIAT",
        "DEAD_SECRETARIAT",
        "SERVICES",
        "KANNEL",
        "SMS_PROVIDERS",
    )
    environ = {
        **{f"{name}_URL": "http://127.0.0.1:9" for name in names},
        "KANNEL_PASSWORD": "x",
        "SMS_PROVIDERS_KEY": "x",
        "SMPP_PORT": "9",
        "SMPP_PASSWORD": "x",
    }
    checked = app.load(demo.HOME / "config", environ, database=f"sqlite+aiosqlite:///{tmp_path / 'rasad.db'}")
    async with app.composed(checked, keys=keys, clock=clock) as application:
        yield await aiohttp_client(application)
