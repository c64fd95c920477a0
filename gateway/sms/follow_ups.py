"""Questions an office was too slow for: promised on the phone, answered by SMS once the office has, or apologised for
once. A promise is made only after its row is stored."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.answers import Answers, Caller, Service
from gateway.clock import Clock
from gateway.menu_files import Menus
from gateway.privacy import Keys
from gateway.settings import FollowUpSettings
from gateway.sms.outbox import Outbox
from gateway.sms.worker import Worker
from gateway.storage.database import Database, insert_once
from menus import machine
from menus.alphabet import Capacity
from menus.machine import Answered, Dialogue, Step
from menus.ports import Answer, Ask, Done, Late, Unavailable, outcome
from menus.render import render
from menus.screens import Screen

log = structlog.get_logger()


class FollowUps:
    def __init__(
        self,
        database: Database,
        menus: Menus,
        answers: Answers,
        outbox: Outbox,
        keys: Keys,
        clock: Clock,
        settings: FollowUpSettings,
    ) -> None:
        self._database, self._menus, self._answers, self._outbox = database, menus, answers, outbox
        self._keys, self._clock, self._settings = keys, clock, settings
        self._table = database.tables.follow_up
        self.worker = Worker("follow_ups", self._due, self._follow_up, settings.at_once)

    async def __call__(self, ask: Ask, dialogue: Dialogue, caller: Caller) -> Answer:
        """The service `escalate`: Done once the question is stored, Unavailable when nothing can be promised."""
        if caller.later_by is None:
            return Unavailable()
        now = self._clock.now()
        values: dict[str, Any] = {
            "cause": f"{ask.dialogue}:{ask.step}",
            "channel": caller.later_by,
            "msisdn": caller.msisdn,
            "msisdn_tag": caller.tag,
            "dialogue": machine.encode(dialogue)[0],
            "created_at": now,
            "due_at": now,
            "expires_at": now + timedelta(seconds=self._settings.expires_after_s),
            "state": "waiting",
            "tries": 0,
        }
        try:
            async with self._database.writing() as connection:
                await connection.execute(insert_once(self._table, **values))
        except SQLAlchemyError:
            log.exception("follow_up_not_stored")
            return Unavailable()
        self.worker.wake()
        return Done()

    async def _due(self, busy: Collection[str], count: int) -> Sequence[Row[Any]]:
        table = self._table
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(table)
                .where(table.c.state == "waiting", table.c.due_at <= self._clock.now())
                .where(table.c.msisdn_tag.not_in(busy))
                .order_by(table.c.due_at, table.c.id)
                .limit(count)
            )
            return found.all()

    async def _follow_up(self, row: Row[Any]) -> None:
        menu = self._menus.current
        asked = machine.ask_again(menu, machine.decode(row.dialogue, b""))
        answer: Answer = Unavailable()
        if asked is not None and isinstance(asked.then, Ask):
            answer = await self._answers.ask_office(asked.then, self._settings.within_s)
        now = self._clock.now()
        if asked is not None and not isinstance(answer, Late | Unavailable):
            await self._reply(
                row, machine.step(menu, asked.dialogue, Answered(answer), self._clock.today()), "answered"
            )
        elif now >= row.expires_at or asked is None:
            dialogue = machine.begin(menu, "sms", machine.decode(row.dialogue, b"").language)
            await self._reply(row, machine.outright(menu, dialogue, "expired", self._clock.today()), "expired")
        else:
            steps = self._settings.again_after_s
            due_at = min(now + timedelta(seconds=steps[min(row.tries, len(steps) - 1)]), row.expires_at)
            async with self._database.writing() as connection:
                await connection.execute(
                    update(self._table).where(self._table.c.id == row.id).values(tries=row.tries + 1, due_at=due_at)
                )
        log.info("follow_up", follow_up=row.id, tries=row.tries + 1, outcome=outcome(answer),
                 caller=self._keys.day_tag(row.msisdn, self._clock.today()))  # fmt: skip

    async def _reply(self, row: Row[Any], step: Step, state: str) -> None:
        """The answer as an SMS and the end of the question, in one transaction."""
        if not isinstance(step.then, Screen):
            raise machine.NoWayOut(step.dialogue.at)
        menu = self._menus.current
        # A message of its own: there is no conversation behind it in which a choice could be answered.
        page = render(replace(step.then, labels=()), Capacity(parts=3), menu.navigation[step.dialogue.language])[0]
        async with self._database.writing() as connection:
            await self._outbox.add(connection, f"follow_up:{row.id}", row.channel, row.msisdn, page.text)
            await connection.execute(
                update(self._table)
                .where(self._table.c.id == row.id)
                .values(state=state, tries=row.tries + 1, due_at=self._clock.now())
            )
        self._outbox.worker.wake()


def _service(follow_ups: FollowUps) -> Service:
    return follow_ups
