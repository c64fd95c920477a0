"""The phones behind every simulated SMS provider: an inbox each."""

import itertools
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

KEPT = 10_000
"""Messages remembered over all phones; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """An SMS on a phone. id counts upwards over all phones."""

    id: int
    at: str
    to: str
    sender: str
    text: str


@dataclass(slots=True)
class Manner:
    """How receipts behave: seconds they take, and which share of them never comes."""

    delay_s: float = 0.0
    lost: float = 0.0


class Phones:
    def __init__(self) -> None:
        self.receipts = Manner()
        self._ids = itertools.count(1)
        self._messages: deque[Delivered] = deque(maxlen=KEPT)

    def deliver(self, to: str, sender: str, text: str) -> None:
        """to: in E.164, however the provider writes it."""
        self._messages.append(Delivered(next(self._ids), datetime.now(UTC).isoformat(), to, sender, text))

    def received(self, msisdn: str | None, after: int = 0) -> list[Delivered]:
        """On this phone, or on every one. Looked for from the newest: the one who asks knows most of them."""
        behind = itertools.takewhile(lambda each: each.id > after, reversed(self._messages))
        return [each for each in behind if msisdn in (None, each.to)][::-1]

    @property
    def messages(self) -> list[Delivered]:
        """Of all phones, as they came."""
        return list(self._messages)

    @property
    def last_id(self) -> int:
        return self._messages[-1].id if self._messages else 0
