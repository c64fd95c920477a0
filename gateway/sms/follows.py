"""SMS me on change: cases that citizens follow, looked up at the pace their offices declared, or when an office says
that something changed. One SMS a change, never backwards, until it is final, stopped or expired.

A notice is what the citizen would read if she asked now, so an office's announcement is never believed: it only
moves the look-up forward.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, FromClause, and_, select, union, update
from sqlalchemy import case as choice
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.answers import Caller
from gateway.clock import Clock
from gateway.privacy import Keys
from gateway.settings import FollowSettings
from gateway.settings_channels import SmsTerms
from gateway.sms.candidates import Scope
from gateway.sms.outbox import Outbox, Priority, Push
from gateway.sms.pace import Pace
from gateway.sms.worker import Held, Worker
from gateway.storage.database import Database, upsert
from gateway.storage.tables import is_word
from gateway.turn import Turns
from menus import machine
from menus.alphabet import Capacity
from menus.machine import Answered, Dialogue
from menus.ports import FINAL, Answer, Ask, Case, Done, Found, Several, Unavailable, reference
from menus.render import render
from menus.screens import Screen

log = structlog.get_logger()

AT_ONCE = 16
"""Look-ups in flight on each route."""

RENDERED_WITHIN_S = 30.0
"""What a look-up may take beside the office's time, before it is given up as hanging."""


class Follows:
    def __init__(
        self,
        database: Database,
        turns: Turns,
        outbox: Outbox,
        channels: Mapping[str, SmsTerms],
        pace: Mapping[str, float],
        keys: Keys,
        clock: Clock,
        settings: FollowSettings,
    ) -> None:
        """pace: look-ups a minute that the offices behind each route take."""
        self._database, self._turns, self._outbox, self._channels = database, turns, outbox, channels
        self._keys, self._clock, self._settings = keys, clock, settings
        self._table = database.tables.follow
        # One for each route: an office that is asked slowly holds up no other. And in one process at a time, since the
        # pace is kept in memory.
        self.workers = {
            route: Worker(
                f"follows {route}", database, self._table, _open(route), self._look, clock.now, AT_ONCE,
                within_s=settings.within_s + RENDERED_WITHIN_S, again_after_s=[settings.look_every_s],
                pace=Pace(per_minute, clock.monotonic),
            )
            for route, per_minute in pace.items()
        }  # fmt: skip

    # -- services

    async def follow(self, ask: Ask, dialogue: Dialogue, caller: Caller) -> Answer:
        """`ask: follow`: Done once it is stored that this phone follows the case it reads."""
        menu = await self._turns.menus.version(dialogue.menu) or self._turns.menus.current
        case, asking = machine.case_shown(dialogue), machine.ask_again(menu, dialogue)
        if caller.later_by is None or case is None or asking is None or not isinstance(asking.then, Ask):
            return Unavailable()
        now = self._clock.now()
        route, asked = asking.then.route, asking.then.reference
        values: dict[str, Any] = {
            "follow_tag": self._keys.tag(f"{caller.msisdn} {dialogue.asked} {_name(case)}"),
            "case_tag": self._keys.tag(_name(case)),
            "number_tag": self._number_tag(route, reference(case.number).exact),
            "asked_tag": self._number_tag(route, asked.exact if asked else ""),
            "channel": caller.later_by,
            "line": caller.line,
            "msisdn": caller.msisdn,
            "msisdn_tag": caller.tag,
            "route": route,
            "dialogue": machine.encode(machine.by_sms(dialogue))[0],
            "seen": _seen(case),
            "notices": 0,
            "created_at": now,
            "due_at": now + timedelta(seconds=self._settings.look_every_s),
            "expires_at": now + timedelta(seconds=self._settings.expires_after_s),
            "state": "following",
        }
        kept = ("follow_tag", "notices", "created_at")
        again = {key: value for key, value in values.items() if key not in kept}
        return await self._stored(upsert(self._table, values, on=["follow_tag"], update=again))

    async def unfollow(self, ask: Ask, dialogue: Dialogue, caller: Caller) -> Answer:
        """`ask: unfollow`: Done once this phone follows nothing any more."""
        hers = (self._table.c.msisdn_tag == caller.tag, self._table.c.state == "following")
        return await self._stored(update(self._table).where(*hers).values(state="stopped"))

    async def told(self, msisdn_tag: str, *, lately: bool) -> bool:
        """Whether this phone follows anything, and so was told to send 0 for no more of it. lately: in a notice that
        came not long ago."""
        table = self._table
        hers = [table.c.msisdn_tag == msisdn_tag, table.c.state == "following"]
        if lately:
            hers.append(table.c.told_at > self._clock.now() - timedelta(seconds=self._settings.stop_by_zero_within_s))
        async with self._database.reading() as connection:
            return (await connection.execute(select(table.c.id).where(*hers).limit(1))).first() is not None

    async def _stored(self, statement: Any) -> Answer:
        try:
            async with self._database.writing() as connection:
                await connection.execute(statement)
        except SQLAlchemyError:
            log.exception("follow_not_stored")
            return Unavailable()
        return Done()

    # -- what changed

    async def announced(self, routes: Sequence[str], numbers: Sequence[str]) -> int:
        """An office says that these cases changed: look them up now. How many are followed.

        Raises SQLAlchemyError when it cannot be noted."""
        table = self._table
        tags = {self._number_tag(route, reference(number).exact) for route in routes for number in numbers}
        # Each by its own index: with an OR, SQLite looks through whatever is followed.
        found = union(
            *(
                select(table.c.id).where(column.in_(tags), table.c.state == "following")
                for column in (table.c.number_tag, table.c.asked_tag)
            )
        )
        async with self._database.writing() as connection:
            done = await connection.execute(update(table).where(table.c.id.in_(found)).values(due_at=self._clock.now()))
        for worker in self.workers.values():
            worker.wake()
        return int(done.rowcount)

    def _number_tag(self, route: str, number: str) -> str:
        return self._keys.tag(f"{route} {number}")

    async def _look(self, held: Held) -> None:
        now, row, table = self._clock.now(), held.row, self._table
        if row.expires_at <= now:
            await self._database.together(lambda connection: held.write(connection, state="expired"))
            return
        later = now + timedelta(seconds=self._settings.look_every_s)
        # Whoever announces a change while we look wants another look after this one.
        looked: dict[str, Any] = {
            "due_at": choice((table.c.due_at == row.due_at, later), else_=table.c.due_at),
            "tries": 0,
        }
        told = await self._news(held)
        if told is None:
            await self._database.together(lambda connection: held.write(connection, **looked))
            return
        case_now, text, push = told
        final = case_now.state in FINAL
        more = {"seen": _seen(case_now), "notices": row.notices + 1, "told_at": now}
        more["state"] = "ended" if final else "following"

        async def work(connection: AsyncConnection) -> bool:
            if not await held.write(connection, **looked):
                return False
            unchanged = (table.c.id == row.id, table.c.seen == row.seen, table.c.state == "following")
            done = await connection.execute(update(table).where(*unchanged).values(**more))
            if done.rowcount:  # she may have stopped it meanwhile
                cause = f"follow:{row.id}:{row.notices + 1}"
                await self._outbox.add(connection, cause, row.channel, row.msisdn, text, Priority.NOTICE, push=push)
            return bool(done.rowcount)

        if not await self._database.together(work):
            return
        self._outbox.wake()
        log.info("follow_told", follow=row.id, notices=row.notices + 1, final=final,
                 caller=self._keys.day_tag(row.msisdn, self._clock.today()))  # fmt: skip

    async def _news(self, held: Held) -> tuple[Case, str, Push | None] | None:
        """What has changed, and the notice of it, as an SMS and as it may be shown."""
        row = held.row
        dialogue = machine.decode(row.dialogue, b"")
        menu = await self._turns.menus.version(dialogue.menu, self._settings.within_s) or self._turns.menus.current
        asked = machine.ask_again(menu, dialogue)
        if asked is None or not isinstance(asked.then, Ask):
            return None
        answer = await self._turns.answers.ask_offices(asked.then, row.msisdn, self._settings.within_s)
        case = self._followed(answer, row.case_tag)
        if case is None or (isinstance(answer, Found) and answer.down) or not _is_news(row.seen, case):
            return None
        step = machine.step(menu, asked.dialogue, Answered(Found(case)), self._clock.today())
        if not isinstance(step.then, Screen):
            raise machine.NoWayOut(step.dialogue.at)
        channel = self._channels.get(row.channel)
        capacity, words = channel.capacity if channel else Capacity(parts=3), menu.navigation[step.dialogue.language]
        (plain,) = render(step.then, capacity, words)
        (page,) = (plain,) if case.state in FINAL else render(machine.with_stop(menu, step.then), capacity, words)
        return case, page.text, Push(row.line, plain.text) if row.line and plain.end else None

    def _followed(self, answer: Answer, case_tag: str) -> Case | None:
        """Of what the office answered, the case she follows."""
        match answer:
            case Found(case=case):
                cases: tuple[Case, ...] = (case,)
            case Several(cases=several):
                cases = several
            case _:
                return None
        return next((each for each in cases if self._keys.tag(_name(each)) == case_tag), None)


def _open(route: str) -> Scope:
    def scope(table: FromClause) -> ColumnElement[bool]:
        return and_(is_word(table.c.state, "following"), table.c.route == route)

    return scope


def _name(case: Case) -> str:
    """What tells a case from others of its number."""
    return f"{case.kind} {case.number} {case.organisation.get('fa', '')} {case.year or ''}"


def _seen(case: Case) -> str:
    """What was told of a case: day, step and state, as one word."""
    return f"{case.changed_on or ''} {case.step or len(case.steps)} {case.state}"


def _is_news(seen: str, case: Case) -> bool:
    """Whether the case has moved on since. An office that is behind what it said before is not news."""
    day, step, state = seen.split(" ")
    before = (date.fromisoformat(day) if day else date.min, int(step))
    now = (case.changed_on or before[0], case.step or len(case.steps))
    return now >= before and (now > before or case.state != state)
