"""What a USSD session is kept in: compare-and-set by version, everything with an expiry.

Every store passes tests/ports/session_store.py.
"""

from dataclasses import dataclass
from typing import Protocol

import msgspec

from gateway.trail import Trail


@dataclass(frozen=True, slots=True)
class SessionKey:
    """channel; owner: the keyed tag of the MSISDN, never the number; session_id: the operator's, or empty."""

    channel: str
    owner: str
    session_id: str


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """A dialogue between two turns and the answer last given, which a repeated request gets again byte for byte.

    inputs: all that was said so far, or only what was said last where the dialect sends no more; sequence: the peer's
    count of it; at: when we answered, seconds since 1970. By these a repeat is known. left: the peer has told that the
    caller is gone. trail: what its record is made of.
    """

    dialogue: bytes
    held: bytes
    inputs: str
    reply: str
    end: bool
    sequence: int | None = None
    at: float = 0.0
    left: bool = False
    trail: Trail = Trail()


class SessionStore(Protocol):
    """Raises StoreUnavailable when it cannot be asked."""

    async def load(self, key: SessionKey) -> tuple[Session, int] | None:
        """The session and its version, None when there is none or it has expired."""
        ...

    async def save(self, key: SessionKey, session: Session, version: int, ttl_s: float) -> bool:
        """Store when the version is still this one (0: when there is none yet). False: somebody else was first."""
        ...

    async def latest(self, channel: str, owner: str) -> tuple[SessionKey, Session] | None:
        """The session this phone saved last on this channel, None when it has expired."""
        ...

    async def trouble(self) -> str | None:
        """What an operator has to know of the store now, None when it is well. Never raises."""
        ...


class StoreUnavailable(Exception):
    """The store does not answer. Ours to mend; the citizen dials again."""


class StoreFull(StoreUnavailable):
    """There is no room for one session more; those that run go on."""
