"""What happened to each message, written down by whoever saw it, and the account of it.

Simulators and clients write a JSON line an event; what stands in the database at the end is written as events too. A
key is one message of one phone. An attempt whose end nobody saw is *unknown*, which is neither done nor failed.
"""

import itertools
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Op = Literal["said", "stored", "decided", "delivered"]
"""A citizen's message on its way in; its row; the row of its answer; the answer on her phone."""

Outcome = Literal["ok", "fail", "unknown"]

SETTLED = ("expired", "failed", "unknown")
"""An answer with one of these as the reason of its `decided` line is not lost: it is on record that it did not go."""


@dataclass(frozen=True, slots=True)
class Event:
    op: Op
    key: str
    begin: float
    end: float
    outcome: Outcome = "ok"
    why: str = ""


class History:
    """A file of events. What was written stays, whoever is killed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self.path = path

    def write(self, event: Event) -> None:
        self._file.write(json.dumps(asdict(event), ensure_ascii=False) + "\n")

    def events(self) -> list[Event]:
        return [Event(**json.loads(line)) for line in self.path.read_text("utf-8").splitlines()]

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Account:
    """Messages by key, but for `twins`, `duplicated` and `copies`, which count events."""

    attempted: int
    acknowledged: int
    stored: int
    decided: int
    delivered: int
    given_up: int
    """Not delivered, and on record as given up."""
    lost: tuple[str, ...]
    """Acknowledged, and neither delivered nor on record as given up."""
    twins: tuple[str, ...]
    """Two rows of one message, or two answers decided for it."""
    unexpected: tuple[str, ...]
    """Stored or delivered, and nobody had said anything."""
    duplicated: int
    """Deliveries beyond the first of each."""
    copies: int
    """The most deliveries of one."""
    recovered: int
    """Of those that nobody acknowledged, how many turned up."""
    longest_silence_s: float
    """The most time between two acknowledgements."""


def account(events: Iterable[Event]) -> Account:
    events = list(events)

    def of(op: Op, *outcomes: Outcome) -> Counter[str]:
        return Counter(each.key for each in events if each.op == op and each.outcome in (outcomes or ("ok",)))

    attempted, acknowledged = of("said", "ok", "fail", "unknown"), of("said")
    stored, decided, delivered = of("stored"), of("decided"), of("delivered")
    settled = {each.key for each in events if each.op == "decided" and each.why in SETTLED}
    ends = sorted(each.end for each in events if each.op == "said" and each.outcome == "ok")
    unheard = of("said", "unknown").keys() - acknowledged.keys()
    return Account(
        attempted=len(attempted),
        acknowledged=len(acknowledged),
        stored=len(stored),
        decided=len(decided),
        delivered=len(delivered),
        given_up=len(settled - delivered.keys()),
        lost=tuple(sorted(acknowledged.keys() - delivered.keys() - settled)),
        twins=tuple(sorted(key for rows in (stored, decided) for key, count in rows.items() if count > 1)),
        unexpected=tuple(sorted((stored.keys() | decided.keys() | delivered.keys()) - attempted.keys())),
        duplicated=delivered.total() - len(delivered),
        copies=max(delivered.values(), default=0),
        recovered=len(unheard & (stored.keys() | delivered.keys())),
        longest_silence_s=max((later - before for before, later in itertools.pairwise(ends)), default=0.0),
    )
