"""What a load run measured, and what may be said of it.

A percentile is exact, by nearest rank over every step, and only told where at least one step lies beyond it. Nothing is
told when the run was late itself: then the figures would be its own, not the gateway's.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

LATE_S = 0.02
"""A dialogue that we began later than this after its moment was late by our own fault."""

MOST_LATE = 0.05
"""With a greater share of late ones no result is quoted."""

SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
ACTS = ("dial", "type", "text", "sms")


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """By nearest rank; None where no value lies beyond it."""
    if len(ordered) * (1 - share) < 1 - 1e-9:
        return None
    return ordered[max(0, math.ceil(len(ordered) * share - 1e-9) - 1)]


class Tally:
    """Filled while it runs. Times are the loop's, in seconds."""

    def __init__(self) -> None:
        self.started_at = 0.0
        self.due = array("d")
        self.lags = array("d")
        self._late = 0
        self.done = array("d")
        self.errors: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.began: dict[str, array[float]] = {act: array("d") for act in ACTS}
        self.took: dict[str, array[float]] = {act: array("d") for act in ACTS}

    def begun(self, due: float, now: float) -> None:
        self.due.append(due)
        self.lags.append(max(0.0, now - due))
        self._late += now - due > LATE_S

    def step(self, act: str, began: float, now: float) -> None:
        self.began[act].append(began)
        self.took[act].append(now - began)

    def finished(self, now: float) -> None:
        self.done.append(now)

    def failed(self, kind: str, example: str) -> None:
        self.errors[kind] += 1
        self.examples.setdefault(kind, example)

    @property
    def late(self) -> float:
        """The share of dialogues that we began late."""
        return self._late / max(1, len(self.lags))

    def line(self, now: float) -> str:
        steps = sum(len(took) for took in self.took.values())
        failed = self.errors.total()
        waiting = len(self.lags) - len(self.done) - failed
        return (
            f"{now - self.started_at:5.0f} s  {len(self.lags)} begun  {len(self.done)} over  {waiting} under way"
            f"  {failed} failed  {steps} steps  {self.late:.1%} late by our own fault"
        )


class Step(msgspec.Struct, frozen=True):
    """Milliseconds; None: there were too few for it."""

    count: int
    max: float
    percentiles: dict[str, float | None]


class Lag(msgspec.Struct, frozen=True):
    """How late dialogues were begun, by our own fault: the share of those that were late, and milliseconds."""

    late: float
    p50: float
    max: float


class Second(msgspec.Struct, frozen=True):
    """What was due in one second of the run; milliseconds over steps of all kinds."""

    at_s: int
    begun: int
    over: int
    p50: float | None
    p99: float | None
    max: float | None


class Result(msgspec.Struct, frozen=True):
    """steps and timeline are empty when the result is not quoted."""

    url: str
    channel: str
    dialogues_per_s: float
    seconds: float
    mix: dict[str, float]
    begun: int
    over: int
    failed: int
    errors: dict[str, int]
    examples: dict[str, str]
    lag: Lag
    quoted: bool
    steps: dict[str, Step]
    timeline: list[Second]

    def lines(self) -> Iterator[str]:
        yield f"{self.dialogues_per_s:g} dialogues a second for {self.seconds:g} s on {self.channel} of {self.url}"
        yield f"{self.begun} begun, {self.over} over, {self.failed} failed"
        for kind, count in self.errors.items():
            yield f"  {count} {kind}, for example: {self.examples[kind]}"
        yield f"our own lag: {self.lag.late:.1%} late, p50 {self.lag.p50:.1f} ms, at most {self.lag.max:.1f} ms"
        if not self.quoted:
            yield refusal(self)
            return
        yield "ms    " + "".join(f"{name:>10}" for name in ("count", *SHARES, "max"))
        for act, step in self.steps.items():
            values = [*step.percentiles.values(), step.max]
            yield f"{act:6}{step.count:10}" + "".join("         -" if v is None else f"{v:10.1f}" for v in values)


def refusal(result: Result) -> str:
    return (
        f"No result: {result.lag.late:.1%} of the dialogues began more than {LATE_S * 1000:.0f} ms late by our own "
        f"fault, and {MOST_LATE:.0%} is the most that may. Ask for fewer a second, or run on a machine with less to do."
    )


def result(
    tally: Tally, url: str, channel: str, dialogues_per_s: float, seconds: float, mix: dict[str, float]
) -> Result:
    quoted = tally.late <= MOST_LATE
    lags = sorted(tally.lags) or [0.0]
    steps = {act: _step(took) for act, took in tally.took.items() if took}
    return Result(
        url, channel, dialogues_per_s, seconds, mix,
        begun=len(tally.lags),
        over=len(tally.done),
        failed=tally.errors.total(),
        errors=dict(tally.errors.most_common()),
        examples=tally.examples,
        lag=Lag(tally.late, _ms(lags[(len(lags) - 1) // 2]), _ms(lags[-1])),
        quoted=quoted,
        steps=steps if quoted else {},
        timeline=list(_timeline(tally)) if quoted else [],
    )  # fmt: skip


def _step(took: Sequence[float]) -> Step:
    ordered = sorted(took)
    found = {name: percentile(ordered, share) for name, share in SHARES.items()}
    return Step(len(ordered), _ms(ordered[-1]), {name: None if v is None else _ms(v) for name, v in found.items()})


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _timeline(tally: Tally) -> Iterator[Second]:
    begun = Counter(int(due - tally.started_at) for due in tally.due)
    over = Counter(int(done - tally.started_at) for done in tally.done)
    took: dict[int, list[float]] = {}
    for act in ACTS:
        for began, each in zip(tally.began[act], tally.took[act], strict=True):
            took.setdefault(int(began - tally.started_at), []).append(each)
    for second in range(max([*begun, *over, *took], default=-1) + 1):
        ordered = sorted(took.get(second, []))
        p50, p99 = (percentile(ordered, share) for share in (0.5, 0.99))
        yield Second(
            second, begun[second], over[second],
            None if p50 is None else _ms(p50),
            None if p99 is None else _ms(p99),
            _ms(ordered[-1]) if ordered else None,
        )  # fmt: skip
