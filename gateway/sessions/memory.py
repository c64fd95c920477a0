"""Sessions in the memory of one process: the default, and the reason why `serve` then takes one worker only."""

from collections.abc import Callable

from gateway.sessions.store import Session, SessionKey, SessionStore

_SWEEP_EVERY = 1024
"""Saves between two looks for expired sessions: keeps memory bounded without a task of its own."""


class MemorySessions:
    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._sessions: dict[SessionKey, tuple[Session, int, float]] = {}
        self._latest: dict[tuple[str, str], SessionKey] = {}
        self._saves = 0

    async def load(self, key: SessionKey) -> tuple[Session, int] | None:
        found = self._sessions.get(key)
        if found is None or found[2] <= self._monotonic():
            return None
        return found[0], found[1]

    async def save(self, key: SessionKey, session: Session, version: int, ttl_s: float) -> bool:
        current = await self.load(key)
        if (current[1] if current else 0) != version:
            return False
        self._sessions[key] = (session, version + 1, self._monotonic() + ttl_s)
        self._latest[key.channel, key.owner] = key
        self._saves += 1
        if self._saves % _SWEEP_EVERY == 0:
            now = self._monotonic()
            self._sessions = {key: kept for key, kept in self._sessions.items() if kept[2] > now}
            self._latest = {phone: key for phone, key in self._latest.items() if key in self._sessions}
        return True

    async def latest(self, channel: str, owner: str) -> tuple[SessionKey, Session] | None:
        key = self._latest.get((channel, owner))
        found = await self.load(key) if key else None
        return (key, found[0]) if key and found else None

    async def trouble(self) -> None:
        """None: what is in this process is there as long as it is."""


_: type[SessionStore] = MemorySessions
