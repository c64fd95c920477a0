"""What every session store promises. A store's test module inherits this and says how to make one."""

import asyncio

from gateway.sessions.store import Session, SessionKey

KEY = SessionKey("africastalking", "owner", "session-1")
FIRST = Session(b"one", b"", "", "first screen", end=False)
SECOND = Session(b"two", b"held", "1", "second screen", end=True)


class SessionStoreSuite:
    """`store` and `advance(seconds)` are the fixtures a test module supplies."""

    async def test_there_is_nothing_under_a_new_key(self, store):
        assert await store.load(KEY) is None

    async def test_what_is_saved_is_loaded_with_its_version(self, store):
        assert await store.save(KEY, FIRST, 0, ttl_s=60)

        assert (FIRST, 1) == await store.load(KEY)

    async def test_the_next_version_replaces_it(self, store):
        await store.save(KEY, FIRST, 0, ttl_s=60)

        assert await store.save(KEY, SECOND, 1, ttl_s=60)
        assert (SECOND, 2) == await store.load(KEY)

    async def test_a_save_from_an_old_version_changes_nothing(self, store):
        await store.save(KEY, FIRST, 0, ttl_s=60)

        assert not await store.save(KEY, SECOND, 0, ttl_s=60)
        assert (FIRST, 1) == await store.load(KEY)

    async def test_of_simultaneous_saves_one_wins(self, store):
        saves = (store.save(KEY, Session(b"", b"", str(n), "", end=False), 0, ttl_s=60) for n in range(20))

        assert 1 == sum(await asyncio.gather(*saves))

    async def test_a_session_expires(self, store, advance):
        await store.save(KEY, FIRST, 0, ttl_s=60)
        await advance(61)

        assert await store.load(KEY) is None
        assert await store.save(KEY, SECOND, 0, ttl_s=60)

    async def test_a_save_prolongs_the_life(self, store, advance):
        await store.save(KEY, FIRST, 0, ttl_s=60)
        await advance(40)
        await store.save(KEY, SECOND, 1, ttl_s=60)
        await advance(40)

        assert (SECOND, 2) == await store.load(KEY)

    async def test_the_latest_of_a_phone_is_the_one_saved_last(self, store, advance):
        other = SessionKey(KEY.channel, KEY.owner, "session-2")
        assert await store.latest(KEY.channel, KEY.owner) is None

        await store.save(KEY, FIRST, 0, ttl_s=60)
        await store.save(other, SECOND, 0, ttl_s=60)
        assert (other, SECOND) == await store.latest(KEY.channel, KEY.owner)

        await advance(30)
        await store.save(KEY, FIRST, 1, ttl_s=60)
        assert (KEY, FIRST) == await store.latest(KEY.channel, KEY.owner)
        assert await store.latest("inoti", KEY.owner) is None
        assert await store.latest(KEY.channel, "another") is None

        await advance(61)
        assert await store.latest(KEY.channel, KEY.owner) is None

    async def test_keys_that_differ_in_any_part_are_apart(self, store):
        await store.save(KEY, FIRST, 0, ttl_s=60)

        for other in (
            SessionKey("inoti", "owner", "session-1"),
            SessionKey("africastalking", "another", "session-1"),
            SessionKey("africastalking", "owner", "session-2"),
            SessionKey("africastalking", "owner", ""),
        ):
            assert await store.load(other) is None
