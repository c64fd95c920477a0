import pytest

from gateway.sessions.memory import MemorySessions
from gateway.sessions.store import Session, SessionKey
from tests.ports.session_store import SessionStoreSuite


class TestMemorySessions(SessionStoreSuite):
    @pytest.fixture
    def store(self, clock):
        return MemorySessions(clock.monotonic)

    @pytest.fixture
    def advance(self, clock):
        async def advance(seconds):
            clock.advance(seconds)

        return advance

    async def test_expired_sessions_do_not_pile_up(self, store, clock):
        for number in range(5000):
            await store.save(SessionKey("c", "o", str(number)), Session(b"", b"", "", "", end=True), 0, ttl_s=1)
            clock.advance(0.01)

        assert len(store._sessions) < 1200
