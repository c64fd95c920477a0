"""Sessions in Redis while Redis, or the way to it, is at its worst."""

import asyncio
import random
import time

import pytest

from gateway.sessions.redis import RedisSessions
from gateway.sessions.store import Session, SessionKey
from gateway.settings import RedisSettings, SessionSettings
from tests import redis as servers
from tests.experiments import counted
from tests.faults.proxy import Manner, Proxy

BUSY = "END سامانه شلوغ است."
ENDED = "END ادامه ممکن نشد."
MAIN = "CON رصد خوزستان"
ENTRY = "CON شماره نامه را وارد کنید"
STATUS = "CON نامه 12345"

ONCE = "a step whose reply is lost is taken once, and nobody reads another's session"
AWAY = "without Redis callers read to dial again within 2 s, whole questions are answered, SMS goes on; nothing hangs"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def database_url(tmp_path):
    """The one that is there anyway: nothing here is about it."""
    return f"sqlite+aiosqlite:///{tmp_path / 'rasad.db'}"


def phone(count):
    return f"+98916{count:07}"


def through(proxy):
    return f"redis://127.0.0.1:{proxy.port}/0"


def busy_machine(redis):
    """Time enough for tests that are not about time."""
    return SessionSettings(redis=redis, redis_within_s=5.0)


@pytest.mark.experiment("F9", ONCE)
async def test_replies_that_are_cut(desk, keys, figure):
    """The answer of one save in twenty never arrives, though Redis has it."""
    async with Proxy(0) as proxy:
        with servers.running() as server:
            proxy.to_port = server.port
            store = RedisSessions(RedisSettings(url=server.url), 5.0, keys)
            async with desk(sessions=busy_machine(through(proxy))) as d:
                proxy.manner = Manner(cut_reply_after=b"EVAL", every=20)

                async def one(count):
                    key = SessionKey("africastalking", keys.tag(phone(count)), "s")
                    for step, (inputs, expected) in enumerate((("", MAIN), ("1", ENTRY), ("1*12345", STATUS)), 1):
                        status, text = await d.ussd(inputs, session_id="s", msisdn=phone(count))
                        assert (200, True) == (status, text.startswith(expected)), text
                        _, version = await store.load(key)
                        assert version == step
                        figure.count("runs")

                calls = iter(range(counted(1400)))

                async def caller():
                    for count in calls:
                        await one(count)

                await asyncio.gather(*[caller() for _ in range(4)])
            await store.stop()
        assert proxy.cuts > 0
        figure("replies cut", proxy.cuts)


@pytest.mark.experiment("F9", ONCE)
async def test_callers_that_leave(keys, figure):
    """Behind a delay, some stop waiting at any moment; who stays reads her own."""
    chance = random.Random(9)
    with servers.running() as server:
        async with Proxy(server.port) as proxy:
            store = RedisSessions(RedisSettings(url=through(proxy)), 5.0, keys)
            owners = [SessionKey("c", str(count), "s") for count in range(100)]
            for key in owners:
                assert await store.save(key, Session(b"", b"", "", key.owner, end=False), 0, ttl_s=600)
            proxy.manner = Manner(delay_s=0.05)
            left = 0
            while left < counted(2000):
                asking = {asyncio.create_task(store.load(key)): key for key in owners}
                for task in asking:
                    if chance.random() < 0.5:
                        asyncio.get_running_loop().call_later(chance.random() * 0.12, task.cancel)
                await asyncio.wait(asking)
                for task, key in asking.items():
                    if task.cancelled():
                        left += 1
                    else:
                        assert task.result()[0].reply == key.owner
                        figure.count("answers, each its own")
            figure("runs", left)
            await store.stop()


@pytest.mark.experiment("F10", AWAY)
async def test_redis_is_killed_and_comes_back_with_its_file(desk, figure):
    with servers.running("--appendonly", "yes", "--appendfsync", "always") as server:
        async with desk(sessions=busy_machine(server.url)) as d:
            for kill in range(max(2, counted(5))):
                callers = [phone(kill * 100 + count) for count in range(20)]
                for msisdn in callers:
                    assert (await d.ussd("", msisdn=msisdn))[1].startswith(MAIN)
                    assert (await d.ussd("1", msisdn=msisdn))[1].startswith(ENTRY)
                server.kill()
                assert (await d.ussd("", session_id="new"))[1].startswith(BUSY)
                server.start()
                for msisdn in callers:
                    assert (await d.ussd("1*12345", msisdn=msisdn))[1].startswith(STATUS)
                    figure.count("live dialogues that went on")
                figure.count("runs")


@pytest.mark.experiment("F10", AWAY)
async def test_redis_comes_back_empty(desk, figure):
    with servers.running() as server:
        async with desk(sessions=busy_machine(server.url)) as d:
            for count in range(20):
                assert (await d.ussd("", msisdn=phone(count)))[1].startswith(MAIN)
                assert (await d.ussd("1", msisdn=phone(count)))[1].startswith(ENTRY)
            server.kill()
            server.start()
            for count in range(20):
                assert (await d.ussd("1*99999", msisdn=phone(count)))[1].startswith(ENDED)
                assert (await d.ussd("", session_id="s2", msisdn=phone(count)))[1].startswith(MAIN)
                figure.count("runs")


@pytest.mark.experiment("F10", AWAY)
async def test_redis_is_a_black_hole(desk, figure, eventually):
    with servers.running() as server:
        async with Proxy(server.port) as proxy, desk(redis=through(proxy)) as d:
            assert (await d.ussd("", session_id="running"))[1].startswith(MAIN)
            proxy.manner = Manner(blackhole=True)
            until, slowest, said = time.monotonic() + counted(30), 0.0, 0
            while time.monotonic() < until:
                began = time.monotonic()
                texts = await asyncio.gather(
                    d.ussd("", session_id="new"), d.ussd("1", session_id="running"), d.ussd("12345", session_id="whole")
                )
                slowest = max(slowest, time.monotonic() - began)
                assert [BUSY, BUSY] == [text[: len(BUSY)] for _, text in texts[:2]]
                assert texts[2][1].startswith("END نامه 12345")
                figure.count("runs", 3)
                said += 1
                assert 200 == (await d.sms("12345", message_id=f"m-{said}", sender=phone(said)))[0]
            proxy.manner = Manner()

            async def answered():
                return len(await d.rows("message_out")) == said

            await eventually(answered)
            figure("ms of the slowest", round(slowest * 1000))
            figure("SMS answered", said)

            async def goes_on():
                return (await d.ussd("1", session_id="running"))[1].startswith(ENTRY)

            await eventually(goes_on)


@pytest.mark.experiment("F10", AWAY)
async def test_redis_is_full(desk, figure):
    """Callers fill it themselves; those who are in a call when it is full stay in it."""
    with servers.running("--maxmemory-policy", "noeviction") as server:
        with server.client as client:
            client.config_set("maxmemory", client.info("memory")["used_memory"] + counted(8_000_000))
        async with desk(sessions=busy_machine(server.url)) as d:
            inside = []
            for count in range(counted(20_000)):
                _, text = await d.ussd("", msisdn=phone(count))
                if text.startswith(BUSY):
                    break
                assert text.startswith(MAIN)
                inside.append(phone(count))
            assert 50 < len(inside) < counted(20_000)
            servers.fill(server)
            for msisdn in inside[:: max(1, len(inside) // 100)]:
                assert (await d.ussd("1", msisdn=msisdn))[1].startswith(ENTRY)
                figure.count("dialogues that went on")
            assert (await d.ussd("", msisdn=phone(30_000)))[1].startswith(BUSY)
            figure("callers in 8 MB" if counted(10) == 10 else "callers in 0.8 MB", len(inside))
            figure("runs", len(inside))
