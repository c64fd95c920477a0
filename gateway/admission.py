"""How much is taken in hand at once. What is too much is answered at once and never waits in a line: a line only makes
everybody late.

First those whose dialogue runs, and dials that lead straight to an essential service; then a dial with everything in
it, which is over with one answer; a plain dial comes last, since it asks for three or four turns more. An SMS is not
turned away by any of this: it is stored, and waits.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum

import structlog

from gateway.channels.contract import UssdInput
from gateway.settings import OverloadSettings
from menus import inputs
from menus.folding import fold

log = structlog.get_logger()

BEAT_S = 0.05
"""Between two looks at how late the loop is."""

LATE_S = 0.1
"""A loop later than this at two beats in a row does not keep up: then a quarter of the plain dials is enough. One late
beat is a pause of the machine, and who came meanwhile is served in no time."""

TELL_EVERY_S = 1.0


class Urgency(StrEnum):
    RUNNING = "running"
    ESSENTIAL = "essential"
    IN_ONE_DIAL = "in_one_dial"
    PLAIN_DIAL = "plain_dial"


def urgency(service_code: str, said: UssdInput, essential: Collection[str] = ()) -> Urgency:
    """As far as the request alone tells. service_code: the channel's. essential: entry codes.

    Where the dialect does not say whether a session begins, one that brings inputs counts as running.
    """
    if said.opens is False or (said.opens is None and said.inputs):
        return Urgency.RUNNING
    if not said.inputs and len(said.service_code) <= len(service_code):
        return Urgency.PLAIN_DIAL
    arguments = inputs.behind(service_code, said.service_code) or said.inputs
    entry = fold(arguments.partition("*")[0]).rstrip("#")
    return Urgency.ESSENTIAL if entry in essential else Urgency.IN_ONE_DIAL


class Admission:
    """turned_away: how often since the start, by why."""

    def __init__(self, settings: OverloadSettings, monotonic: Callable[[], float]) -> None:
        self.monotonic, self.essential = monotonic, settings.essential
        self._turns_at_once, self._callbacks_at_once = settings.turns_at_once, settings.callbacks_at_once
        reserved = settings.reserved_for_running
        self._most = {
            Urgency.RUNNING: settings.turns_at_once,
            Urgency.ESSENTIAL: settings.turns_at_once,
            Urgency.IN_ONE_DIAL: settings.turns_at_once - reserved,
            Urgency.PLAIN_DIAL: settings.turns_at_once - 2 * reserved,
        }
        self.turns = self.callbacks = 0
        self.turned_away: Counter[str] = Counter()
        self._told: Counter[str] = Counter()
        self._beat_due, self._beat_late_s, self._late_beats = math.inf, 0.0, 0

    @contextmanager
    def turn(self, urgency: Urgency, since: float, within_s: float) -> Iterator[bool]:
        """Whether a turn may begin; it is in hand until the block ends. since: when we first saw its request; within_s:
        after that so late a beginning that its answer would be too late."""
        too_old = self.monotonic() - since + self.late_s > within_s
        if too_old or self.turns >= self._room(urgency):
            self.turned_away["too_old" if too_old else urgency] += 1
            yield False
            return
        self.turns += 1
        try:
            yield True
        finally:
            self.turns -= 1

    def _room(self, urgency: Urgency) -> int:
        """A loop that is late has more to do than the processor can: what waits for nobody else is too much already."""
        most, overdue = self._most[urgency], self.monotonic() - self._beat_due > LATE_S
        return max(1, most // 4) if urgency is Urgency.PLAIN_DIAL and self._late_beats + overdue > 1 else most

    @contextmanager
    def callback(self) -> Iterator[bool]:
        """Whether an SMS or a receipt may be taken; it waits for the database only."""
        if self.callbacks >= self._callbacks_at_once:
            self.turned_away["callback"] += 1
            yield False
            return
        self.callbacks += 1
        try:
            yield True
        finally:
            self.callbacks -= 1

    @property
    def late_s(self) -> float:
        """How long what we see now may have lain unseen: the web framework does not tell when a request came."""
        return max(self._beat_late_s, self.monotonic() - self._beat_due, 0.0)

    async def run(self) -> None:
        """Feel how late the loop is; say once a second how many were turned away. Until cancelled."""
        told_at = self.monotonic()
        while True:
            self._beat_due = self.monotonic() + BEAT_S
            await asyncio.sleep(BEAT_S)
            now = self.monotonic()
            self._felt(now)
            if now - told_at >= TELL_EVERY_S:
                told_at = now
                self._tell()

    def _felt(self, now: float) -> None:
        self._beat_late_s = now - self._beat_due
        self._late_beats = self._late_beats + 1 if self._beat_late_s > LATE_S else 0

    def _tell(self) -> None:
        new = self.turned_away - self._told
        if new:
            log.warning("turned_away", **new, turns=self.turns, callbacks=self.callbacks)
            self._told = self.turned_away.copy()
