"""One row a dialogue, on either wire: which screens, how it ended, what the offices said. Figures, not evidence.

A turn only hands its record over; what is over is written together, once a second, and whatever goes wrong with that
is nobody's delay. A dialogue that neither ends nor is reported ended is over when nothing has come for as long as it is
remembered; the process that saw its last turn writes so. Another process may have seen more of it in the meantime:
the row that knows more turns stays. What a crashed process had not written is lost.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import structlog
from sqlalchemy import bindparam, or_, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.storage.database import Database, insert_once
from gateway.trail import Trail
from menus.machine import Dialogue, Wire

log = structlog.get_logger()

WRITE_EVERY_S = 1.0
AT_ONCE = 500
"""Rows of one transaction: some 20 ms of the one writer."""

MOST = 20_000
"""Records in memory, about 1 KB each. More are dropped, and counted."""

STOP_WITHIN_S = 1.0

Outcome = Literal["completed", "left", "silent"]
"""completed: our last screen ended it; left: the peer told that she is gone; silent: nothing more came."""


@dataclass(frozen=True, slots=True)
class Record:
    """A dialogue as far as it went. owner: the keyed tag of the phone; why: the peer's reason (contract.Why)."""

    dialogue: str
    wire: Wire
    channel: str
    msisdn_tag: str
    language: str
    menu: str
    began_at: datetime
    ended_at: datetime
    outcome: Outcome
    why: str
    turns: int
    screens: str
    last_screen: str
    asked: str
    slowest_ms: int


Note = Callable[[Record], None]


def record(
    dialogue: Dialogue, trail: Trail, channel: str, owner: str, ended_at: datetime, outcome: Outcome, why: str = ""
) -> Record:
    return Record(
        dialogue=dialogue.id,
        wire=dialogue.wire,
        channel=channel,
        msisdn_tag=owner,
        language=dialogue.language,
        menu=dialogue.menu,
        began_at=datetime.fromtimestamp(trail.began, UTC),
        ended_at=ended_at,
        outcome=outcome,
        why=why,
        turns=dialogue.turns,
        screens=" ".join(trail.screens),
        last_screen=trail.screens[-1] if trail.screens else "",
        asked=" ".join(trail.asked),
        slowest_ms=trail.slowest_ms,
    )


class Records:
    """lost: how many records found no room or were given up."""

    def __init__(self, database: Database, monotonic: Callable[[], float], remembered_s: Mapping[Wire, float]) -> None:
        """remembered_s: how long a dialogue on each wire waits for its next turn."""
        self._database, self._monotonic, self._remembered_s = database, monotonic, remembered_s
        self._running: dict[Wire, dict[str, tuple[float, Record]]] = {"ussd": {}, "sms": {}}
        """By when each is silent, soonest first: all of a wire wait equally long."""
        self._over: list[Record] = []
        self._told = self.lost = 0

    def note(self, record: Record) -> None:
        """A dialogue as its last turn or the peer's notice left it. `silent` stands as long as nothing more comes."""
        running = self._running[record.wire]
        running.pop(record.dialogue, None)
        if len(self._over) + sum(map(len, self._running.values())) >= MOST:
            self.lost += 1
        elif record.outcome == "silent":
            running[record.dialogue] = (self._monotonic() + self._remembered_s[record.wire], record)
        else:
            self._over.append(record)

    async def run(self) -> None:
        """Write what is over, until cancelled; then the rest, whose dialogues others may go on with."""
        try:
            while True:
                await asyncio.sleep(WRITE_EVERY_S)
                self._gather(self._monotonic())
                await self._written()
        finally:
            self._gather(float("inf"))
            try:
                async with asyncio.timeout(STOP_WITHIN_S):
                    await self._written()
            except TimeoutError:
                log.warning("records_lost", count=len(self._over), reason="the database took too long at the end")

    def _gather(self, now: float) -> None:
        for running in self._running.values():
            while running and (soonest := next(iter(running.values())))[0] <= now:
                del running[soonest[1].dialogue]
                self._over.append(soonest[1])

    async def _written(self) -> None:
        while self._over:
            batch = self._over[:AT_ONCE]
            try:
                await self._write(batch)
            except SQLAlchemyError:
                # They stay, as long as there is room: the same rows once more do no harm.
                log.exception("records_not_written", waiting=len(self._over))
                break
            del self._over[: len(batch)]
        if self.lost > self._told:
            log.warning("records_lost", count=self.lost - self._told, reason="too many waited")
            self._told = self.lost

    async def _write(self, batch: Iterable[Record]) -> None:
        # In one order everywhere, so that no two processes wait for each other's rows.
        rows = [asdict(each) for each in sorted(batch, key=lambda each: (each.dialogue, each.wire))]
        table = self._database.tables.dialogue_record
        same = (table.c.dialogue == bindparam("now_dialogue"), table.c.wire == bindparam("now_wire"))
        further = or_(
            table.c.turns < bindparam("now_turns"),
            # Who only waited in vain knows less than who was told.
            (table.c.turns == bindparam("now_turns")) & (table.c.outcome == "silent"),
        )
        columns: dict[str, Any] = {name: bindparam(f"now_{name}") for name in rows[0]}
        known = [{f"now_{name}": value for name, value in row.items()} for row in rows]
        async with self._database.writing() as connection:
            await connection.execute(insert_once(table), rows)
            await connection.execute(update(table).where(*same, further).values(**columns), known)
