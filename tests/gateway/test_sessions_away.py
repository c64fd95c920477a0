"""What citizens and operators see of a Redis that is down, hangs, is empty or full. SMS never notices."""

import time

import pytest

from tests import redis as servers

BUSY = "END سامانه شلوغ است. کمی بعد بگیرید:\n\u200e*4*061#\u200e\nیا تلفن 111"
ENDED = "END ادامه ممکن نشد. از اول بگیرید:"


@pytest.fixture
def server():
    with servers.running() as found:
        yield found


async def ready(d):
    async with d.http.get(f"{d.url}/readyz") as response:
        return response.status, await response.json()


async def plain(d, *inputs, session_id="s1", **more):
    """The chain of these inputs, one request each."""
    return [(await d.ussd("*".join(inputs[:n]), session_id=session_id, **more))[1] for n in range(len(inputs) + 1)]


async def test_all_well(desk, server):
    async with desk(redis=server.url) as d:
        main, _, status = await plain(d, "1", "12345")

        assert main.startswith("CON رصد خوزستان")
        assert status.startswith("CON نامه 12345")
        status, told = await ready(d)
        assert (200, True, []) == (status, told["ready"], told["reasons"])
    with server.client as client:
        assert client.dbsize() == 2
        assert all(client.pttl(name) > 0 for name in client.scan_iter())


@pytest.mark.parametrize("how", ["kill", "freeze"])
async def test_without_redis_a_whole_question_is_answered_and_all_else_is_told_to_dial_again(
    desk, server, how, eventually
):
    async with desk(redis=server.url) as d:
        await plain(d, "1", session_id="running")
        getattr(server, how)()

        began = time.monotonic()
        assert (200, BUSY) == await d.ussd("", session_id="new")
        assert (200, BUSY) == await d.ussd("1*12345", session_id="running")
        took_s = time.monotonic() - began
        status, answer = await d.ussd("12345", session_id="one-shot")
        assert (200, "END نامه 12345", False) == (status, answer.split("\n")[0], "1)" in answer)
        assert (await d.ussd("99999", session_id="other"))[1].startswith("END با این شماره چیزی پیدا نشد")
        assert BUSY == (await d.ussd("22010", session_id="several"))[1]  # asks which, and could not hear the answer
        assert took_s < 8  # two of at most 2 s each, on a busy machine
        status, told = await ready(d)
        assert (200, True, True) == (status, told["ready"], told["degraded"])
        assert "Redis does not answer" in told["reasons"][0]

        assert 200 == (await d.sms("12345"))[0]
        await eventually(lambda: d.rows("message_out"))

        if how == "freeze":
            server.thaw()
            assert (await d.ussd("1*12345", session_id="running"))[1].startswith("CON نامه 12345")
            assert [] == (await ready(d))[1]["reasons"]


async def test_an_answer_without_a_session_is_in_the_figures_too(desk, server, eventually):
    async with desk(redis=server.url) as d:
        await plain(d, "1", session_id="running")
        server.kill()
        await d.ussd("12345", session_id="one-shot")
        await d.ussd("99999", session_id="other")
        await d.ussd("", session_id="nothing was told")

        async def two():
            return len(found) == 2 and found if (found := await d.rows("dialogue_record")) else None

        rows = await eventually(two)
    assert {("letter_status", "letters:found"), ("letter_missing", "letters:missing")} == {
        (row.screens, row.asked) for row in rows
    }
    assert {("ussd", "africastalking", "completed", 1)} == {
        (row.wire, row.channel, row.outcome, row.turns) for row in rows
    }


async def test_a_redis_that_kept_its_file_goes_on_where_it_was(desk):
    with servers.running("--appendonly", "yes", "--appendfsync", "always") as server:
        async with desk(redis=server.url) as d:
            await plain(d, "1")
            server.kill()
            assert BUSY == (await d.ussd("", session_id="new"))[1]
            server.start()

            assert (await d.ussd("1*12345"))[1].startswith("CON نامه 12345")


async def test_a_redis_that_came_back_empty_has_lost_the_session_and_no_more(desk, server):
    async with desk(redis=server.url) as d:
        await plain(d, "1", msisdn="+989161112222")
        with server.client as client:
            client.flushall()

        assert (await d.ussd("1*99999", msisdn="+989161112222"))[1].startswith(ENDED)
        assert (await d.ussd("", session_id="s2", msisdn="+989161112222"))[1].startswith("CON رصد خوزستان")


async def test_a_full_redis_refuses_who_comes_and_keeps_who_is_there(desk, server):
    async with desk(redis=server.url) as d:
        await plain(d, "1", session_id="running")
        servers.fill(server)

        assert BUSY == (await d.ussd("", session_id="new"))[1]
        assert (await d.ussd("12345", session_id="one-shot"))[1].startswith("END نامه 12345")
        assert (await d.ussd("1*12345", session_id="running"))[1].startswith("CON نامه 12345")
        status, told = await ready(d)
        assert (200, True) == (status, told["degraded"])
        assert "of its memory" in told["reasons"][0]


async def test_she_is_told_in_her_language(desk, server):
    async with desk(redis=server.url) as d:
        assert (await plain(d, "4", "3"))[2].startswith("CON Rasad Khuzestan")
        server.kill()

        assert (await d.ussd("", session_id="s2"))[1].startswith("END We are busy. Dial again in a few minutes:")


async def test_a_start_without_redis_is_a_start(desk):
    port = servers.free_port()
    async with desk(redis=f"redis://127.0.0.1:{port}/0") as d:
        assert BUSY == (await d.ussd(""))[1]
        assert (await d.ussd("12345", session_id="one-shot"))[1].startswith("END نامه 12345")
