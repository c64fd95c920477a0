"""Sessions in a real Redis: one server, a cluster of three, one that a sentinel watches over; and all that goes wrong."""

import asyncio
import random
import time

import pytest

from gateway.privacy import Keys
from gateway.sessions.redis import RedisSessions
from gateway.sessions.store import Session, SessionKey, StoreFull, StoreUnavailable
from gateway.settings import RedisSettings
from tests import redis as servers
from tests.ports.session_store import FIRST, KEY, SECOND, SessionStoreSuite


@pytest.fixture(scope="module")
def one():
    with servers.running() as server:
        yield [server]


@pytest.fixture(scope="module")
def three():
    with servers.cluster() as nodes:
        yield nodes


@pytest.fixture(scope="module")
def a_watched_one():
    with servers.watched() as found:
        yield found


def sessions_on(keys, within_s=2.0, **where):
    return RedisSessions(RedisSettings(**where), within_s, keys)


class OnRedis(SessionStoreSuite):
    @pytest.fixture
    async def store(self, keys, where, nodes):
        for node in nodes:
            with node.client as client:
                client.flushall()
        store = sessions_on(keys, **where)
        yield store
        await store.stop()

    @pytest.fixture
    def advance(self, nodes):
        """Time passes for every key of every node: each has that much less to live."""

        async def advance(seconds):
            for node in nodes:
                with node.client as client:
                    for name in client.scan_iter():
                        client.pexpire(name, client.pttl(name) - round(seconds * 1000))

        return advance


class TestOneServer(OnRedis):
    @pytest.fixture
    def nodes(self, one):
        return one

    @pytest.fixture
    def where(self, one):
        return {"url": one[0].url}

    async def test_every_key_expires_and_none_says_who(self, store, one):
        await store.save(KEY, FIRST, 0, ttl_s=60)
        await store.save(SessionKey(KEY.channel, KEY.owner, "+989161234567"), SECOND, 0, ttl_s=90)

        with one[0].client as client:
            names = sorted(client.scan_iter())
            lives = [client.pttl(name) for name in names]
            values = b"".join(client.get(name) for name in names)
        assert 3 == len(names)
        assert all(0 < life <= 90_000 for life in lives)
        for told in (b"9161234567", b"session-1", b"screen", b"owner"):
            assert told not in values
        assert b"9161234567" not in b"".join(names)

    async def test_the_keys_of_one_phone_are_in_one_slot(self, store, one):
        await store.save(KEY, FIRST, 0, ttl_s=60)

        with one[0].client as client:
            names = [name.decode() for name in client.scan_iter()]
        assert {"{africastalking:owner}"} == {name[name.index("{") : name.index("}") + 1] for name in names}

    async def test_a_save_that_is_repeated_succeeds_again(self, store):
        """Its answer was lost, so it comes once more, octet for octet."""
        command = []
        ask = store._line.ask

        async def heard(*said):
            command[:] = said
            return await ask(*said)

        store._line.ask = heard
        await store.save(KEY, FIRST, 0, ttl_s=60)

        assert 1 == await ask(*command)
        assert (FIRST, 1) == await store.load(KEY)

    async def test_what_is_not_readable_is_as_if_it_were_not_there(self, store, one, keys):
        other = sessions_on(Keys(data={2: b"x" * 32}, index=keys.index, log=keys.log), url=one[0].url)
        await store.save(KEY, FIRST, 0, ttl_s=60)

        assert await other.load(KEY) is None
        assert await other.latest(KEY.channel, KEY.owner) is None
        assert await other.save(KEY, SECOND, 0, ttl_s=60)
        assert (SECOND, 1) == await other.load(KEY)
        await other.stop()

    async def test_a_value_under_another_key_is_nobodys(self, store, one):
        await store.save(KEY, FIRST, 0, ttl_s=60)
        other = SessionKey(KEY.channel, "another", KEY.session_id)
        with one[0].client as client:
            client.set(store._name(other), client.get(store._name(KEY)))
            client.set("rasad:{africastalking:another}:latest", client.get(store._name(KEY)))

        assert await store.load(other) is None
        assert await store.latest(KEY.channel, "another") is None

    async def test_many_at_once_are_few_round_trips(self, store, one):
        with one[0].client as client:
            await store.load(KEY)
            before = client.info("stats")["total_connections_received"]
        keys = [SessionKey("c", str(n), "s") for n in range(500)]
        batches = []
        carried = store._line._carried

        async def counted(batch):
            batches.append(len(batch))
            return await carried(batch)

        store._line._carried = counted
        assert all(await asyncio.gather(*[store.save(key, FIRST, 0, ttl_s=60) for key in keys]))
        assert [(FIRST, 1)] * 500 == await asyncio.gather(*[store.load(key) for key in keys])

        with one[0].client as client:
            assert before + 1 == client.info("stats")["total_connections_received"]  # this test's own
        assert [500, 500] == batches

    async def test_a_server_started_anew_is_given_the_script_again(self, keys):
        with servers.running("--appendonly", "yes") as server:
            store = sessions_on(keys, url=server.url)
            await store.save(KEY, FIRST, 0, ttl_s=60)
            server.kill()
            with pytest.raises(StoreUnavailable):
                await store.load(KEY)
            server.start()

            assert (FIRST, 1) == await store.load(KEY)
            assert await store.save(KEY, SECOND, 1, ttl_s=60)
            await store.stop()

    async def test_a_server_that_hangs_is_waited_for_no_longer_than_said(self, keys):
        with servers.running() as server:
            store = sessions_on(keys, within_s=0.2, url=server.url)
            await store.save(KEY, FIRST, 0, ttl_s=60)
            server.freeze()
            began = time.monotonic()
            failed = await asyncio.gather(*[store.load(KEY) for _ in range(50)], return_exceptions=True)
            took_s = time.monotonic() - began
            assert "does not answer" in await store.trouble()
            server.thaw()

            assert {StoreUnavailable} == {type(each) for each in failed}
            assert took_s < 2
            assert (FIRST, 1) == await store.load(KEY)
            assert await store.trouble() is None
            await store.stop()

    async def test_a_full_server_takes_no_new_session_and_keeps_the_running_ones(self, keys):
        with servers.running() as server:
            store = sessions_on(keys, url=server.url)
            await store.save(KEY, FIRST, 0, ttl_s=60)
            servers.fill(server)

            for version in range(1, 20):
                with pytest.raises(StoreFull):
                    await store.save(SessionKey("c", str(version), "s"), FIRST, 0, ttl_s=60)
                assert await store.save(KEY, SECOND, version, ttl_s=60)
            assert (SECOND, 20) == await store.load(KEY)
            assert "of its memory" in await store.trouble()
            await store.stop()

    async def test_who_stops_waiting_takes_nobody_elses_answer(self, store):
        keys = [SessionKey("c", str(n), "s") for n in range(200)]
        for key in keys:
            await store.save(key, Session(b"", b"", "", key.owner, end=False), 0, ttl_s=60)

        async def load(key):
            found = await store.load(key)
            return found[0].reply

        chance = random.Random(1)
        right = gone = 0
        for _ in range(10):
            asking = [asyncio.create_task(load(key)) for key in keys]
            for task in asking:
                if chance.random() < 0.3:
                    asyncio.get_running_loop().call_later(chance.random() * 0.01, task.cancel)
            for key, reply in zip(keys, await asyncio.gather(*asking, return_exceptions=True), strict=True):
                if isinstance(reply, BaseException):
                    assert isinstance(reply, asyncio.CancelledError)
                    gone += 1
                else:
                    assert reply == key.owner
                    right += 1
        assert right > 0
        assert gone > 0


class TestACluster(OnRedis):
    @pytest.fixture
    def nodes(self, three):
        return three

    @pytest.fixture
    def where(self, three):
        return {"cluster": [node.url for node in three[:2]]}

    async def test_phones_are_spread_over_the_nodes(self, store, three):
        for n in range(60):
            assert await store.save(SessionKey("c", str(n), "s"), FIRST, 0, ttl_s=60)

        sizes = []
        for node in three:
            with node.client as client:
                sizes.append(client.dbsize())
        assert 120 == sum(sizes)
        assert all(sizes)
        assert await store.trouble() is None

    async def test_who_moved_is_found(self, store, three):
        """Slots of the first node go to the last one while we are connected."""
        await store.save(KEY, FIRST, 0, ttl_s=60)
        with three[0].client as any_node:
            slot = any_node.execute_command("CLUSTER", "KEYSLOT", store._name(KEY))
        ids = []
        for node in three:
            with node.client as client:
                ids.append(client.execute_command("CLUSTER", "MYID").decode())
                if client.execute_command("CLUSTER", "COUNTKEYSINSLOT", slot):
                    holder = node
        other = next(node for node in three if node is not holder)
        with holder.client as a, other.client as b:
            b.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[three.index(holder)])
            a.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[three.index(other)])
            for name in a.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 10):
                a.execute_command("MIGRATE", "127.0.0.1", other.port, name, 0, 1000)
            for client in (a, b):
                client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[three.index(other)])

        assert (FIRST, 1) == await store.load(KEY)
        assert await store.save(KEY, SECOND, 1, ttl_s=60)


class TestAWatchedServer(OnRedis):
    @pytest.fixture
    def nodes(self, a_watched_one):
        return [a_watched_one[0]]

    @pytest.fixture
    def where(self, a_watched_one):
        return {"url": "redis://rasad/0", "sentinels": [a_watched_one[2].url]}


async def test_when_the_master_is_gone_the_replica_is_written_to(keys):
    with servers.watched() as (master, replica, sentinel):
        store = sessions_on(keys, within_s=0.5, url="redis://rasad/0", sentinels=[sentinel.url])
        assert await store.save(KEY, FIRST, 0, ttl_s=600)
        until = time.monotonic() + 30
        with replica.client as client:
            while client.dbsize() < 2:
                assert time.monotonic() < until
                await asyncio.sleep(0.02)
        master.kill()
        while True:
            try:
                saved = await store.save(SessionKey("c", "o", "s"), FIRST, 0, ttl_s=600)
                break
            except StoreUnavailable:
                assert time.monotonic() < until
                await asyncio.sleep(0.1)

        assert saved
        assert (FIRST, 1) == await store.load(KEY)
        await store.stop()


@pytest.mark.parametrize("url", ["redis://", "http://127.0.0.1:1/", "redis://127.0.0.1:port/0", "127.0.0.1:6379"])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ValueError, match="expected redis://HOST:PORT/0"):
        RedisSettings(url=url)


def test_one_way_to_reach_it_is_named():
    with pytest.raises(ValueError, match="expected a URL, or"):
        RedisSettings(url="redis://a:1", cluster=["redis://b:1"])
    with pytest.raises(ValueError, match="expected a URL, or"):
        RedisSettings()


async def test_nobody_there(keys):
    store = sessions_on(keys, url=f"redis://127.0.0.1:{servers.free_port()}")
    with pytest.raises(StoreUnavailable):
        await store.load(KEY)
    assert "does not answer" in await store.trouble()
    await store.stop()
