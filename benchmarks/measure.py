"""A piece of work, timed call by call: median and 99th percentile, in rounds that take turns."""

import gc
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any


@dataclass(frozen=True, slots=True)
class Work:
    """timed: what is measured, given what `before` made anew for each call; calls: in one round."""

    name: str
    timed: Callable[[Any], object]
    before: Callable[[], Any] = lambda: None
    calls: int = 200
    barred: bool = False
    """It is one step plus render: the bar is for it."""


@dataclass(frozen=True, slots=True)
class Measured:
    work: Work
    median_us: float
    p99_us: float
    calls: int


def yardstick(_: Any) -> int:
    """A fixed piece of plain Python, ours and nobody's: what it takes tells one machine from another."""
    kept: dict[int, str] = {}
    for number in range(100):
        kept[number % 7] = f"{number}{kept.get(number % 5, '')}"[:8]
    return sum(map(len, kept.values()))


def measured(works: Sequence[Work], rounds: int) -> list[Measured]:
    """Rounds take turns over all works, so that a busy minute of the machine hits each alike.

    The collector is run before each round and stays on in it: its pauses are part of what a turn costs, and they
    are in the 99th percentile.
    """
    samples: dict[str, list[int]] = {work.name: [] for work in works}
    for warm in (True, *[False] * rounds):
        for work in works:
            taken = _round(work)
            samples[work.name] += [] if warm else taken
    return [_of(work, samples[work.name]) for work in works]


def _round(work: Work) -> list[int]:
    gc.collect()
    taken = []
    for _ in range(work.calls):
        given = work.before()
        began = perf_counter_ns()
        work.timed(given)
        taken.append(perf_counter_ns() - began)
    return taken


def _of(work: Work, taken: list[int]) -> Measured:
    p99 = sorted(taken)[min(len(taken) - 1, len(taken) * 99 // 100)]
    return Measured(work, statistics.median(taken) / 1000, p99 / 1000, len(taken))
