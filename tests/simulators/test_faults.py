"""Offices that can be broken and healed, by a test and over /sim/v1."""

import aiohttp
import pytest
from aiohttp import web

from simulators import demo
from simulators.offices.faults import MODES, Front, UnknownMode


@pytest.fixture
async def front():
    async def letter(_):
        return web.json_response({"letters": [{"letter_no": "12345", "state_date": "1405/08/25"}]})

    app = web.Application()
    app.router.add_get("/letters", letter)
    async with Front("office", app, pace=0.01) as found:
        yield found


@pytest.fixture
async def asked(front):
    """The status and text of one question, or the name of what went wrong, within a fifth of a second."""
    timeout = aiohttp.ClientTimeout(total=0.2)

    async def one():
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as http,
                http.get(f"{front.url}/letters?number=12345", allow_redirects=False) as response,
            ):
                return response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            return type(error).__name__, ""

    return one


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode not in ("none", "huge", "gzip_bomb")])
async def test_a_fault_is_there_and_gone_again(front, asked, mode):
    sound = await asked()
    await front.fault(mode)
    broken = await asked()
    await front.fault("none")

    assert sound == await asked()
    assert 200 == sound[0]
    # Three in a hundred seconds are soon over; without https there is no certificate to be wrong.
    assert (broken == sound) == (mode in ("slow_1s", "slow_5s", "bad_certificate")), broken


async def test_a_stranger_and_an_older_state(front, asked):
    await front.fault("other_record")
    assert '"letter_no": "12346"' in (await asked())[1]
    await front.fault("older_status")
    assert '"state_date": "1404/08/25"' in (await asked())[1]


async def test_nothing_else_is_a_fault(front):
    with pytest.raises(UnknownMode, match="'flaky' is none of none, slow_1s"):
        await front.fault("flaky")


async def test_the_demos_offices_are_broken_and_healed_over_the_wire(tmp_path):
    async with demo.running(demo.HOME / "config", "127.0.0.1", 0, tmp_path) as url, aiohttp.ClientSession() as http:

        async def fault(office, body):
            async with http.post(f"{url}/sim/v1/offices/{office}/fault", data=body) as response:
                return response.status, await response.json()

        async def dialled(session):
            form = {"sessionId": session, "serviceCode": "*4*061*50050#", "phoneNumber": "+989161234567", "text": ""}
            async with http.post(f"{url}/ussd/africastalking", data=form) as response:
                return await response.text()

        assert "(خبر " in await dialled("before")
        assert (200, {"name": "failing_secretariat", "mode": "none"}) == await fault(
            "failing_secretariat", '{"mode": "none"}'
        )
        assert "پاسخ تا" in await dialled("after")
        assert 404 == (await fault("nobody", '{"mode": "none"}'))[0]
        for body in ("", "[]", '{"mode": 5}', '{"mode": "x"}', "[" * 50_000):
            assert 400 == (await fault("secretariat", body))[0]
        async with http.get(f"{url}/sim/v1/offices") as response:
            listed = {each["name"]: each["mode"] for each in (await response.json())["offices"]}
        assert ("none", "refuse") == (listed["failing_secretariat"], listed["dead_secretariat"])
