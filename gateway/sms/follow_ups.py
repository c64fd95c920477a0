"""Questions an office was too slow for: promised on the phone, answered by SMS once the office has, or apologised for
once. A promise is made only after its row is stored."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import ColumnElement, Row, and_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.answers import Caller, Service
from gateway.clock import Clock
from gateway.privacy import Keys
from gateway.settings import FollowUpSettings, SmsTerms
from gateway.sms.conversations import Conversations
from gateway.sms.outbox import Outbox, Push
from gateway.sms.worker import Worker
from gateway.storage.database import Database, insert_once
from gateway.storage.kept import question_tag
from gateway.turn import Turns
from menus import machine
from menus.alphabet import Capacity
from menus.definition import Menu
from menus.machine import Answered, Dialogue, Step
from menus.ports import Answer, Ask, Done, Late, Unavailable, outcome
from menus.render import render
from menus.screens import Screen

log = structlog.get_logger()


class FollowUps:
    def __init__(
        self,
        database: Database,
        turns: Turns,
        outbox: Outbox,
        conversations: Conversations,
        channels: Mapping[str, SmsTerms],
        keys: Keys,
        clock: Clock,
        settings: FollowUpSettings,
    ) -> None:
        self._database, self._turns, self._outbox, self._channels = database, turns, outbox, channels
        self._conversations = conversations
        self._keys, self._clock, self._settings = keys, clock, settings
        self._table = database.tables.follow_up
        self.worker = Worker(
            "follow_ups", database, self._table, self._due, self._follow_up, clock.now, settings.at_once
        )

    async def __call__(self, ask: Ask, dialogue: Dialogue, caller: Caller) -> Answer:
        """The service `escalate`: Done once the question is stored, Unavailable when nothing can be promised."""
        asked = machine.ask_again(await self._menu(dialogue), dialogue)
        if caller.later_by is None or asked is None:
            return Unavailable()
        about = asked.then.reference if isinstance(asked.then, Ask) else None
        question = question_tag(self._keys, caller.msisdn, dialogue.asked, about)
        now = self._clock.now()
        values: dict[str, Any] = {
            "cause": f"{ask.dialogue}:{ask.step}",
            "channel": caller.later_by,
            "line": caller.line,
            "msisdn": caller.msisdn,
            "msisdn_tag": caller.tag,
            "question_tag": question,
            "dialogue": machine.encode(dialogue)[0],
            "created_at": now,
            "due_at": now,
            "expires_at": now + timedelta(seconds=self._settings.expires_after_s),
            "state": "waiting",
            "tries": 0,
        }
        try:
            async with self._database.writing() as connection:
                if not await self._promised_already(connection, question):
                    await connection.execute(insert_once(self._table, **values))
        except SQLAlchemyError:
            log.exception("follow_up_not_stored")
            return Unavailable()
        self.worker.wake()
        return Done()

    async def _promised_already(self, connection: AsyncConnection, question: str) -> bool:
        """Whether the same answer is on its way to her: asking twice is one promise."""
        table = self._table
        open_one = (table.c.question_tag == question, table.c.state == "waiting")
        return (await connection.execute(select(table.c.id).where(*open_one).limit(1))).first() is not None

    def _due(self, now: datetime) -> ColumnElement[bool]:
        return and_(self._table.c.state == "waiting", self._table.c.due_at <= now)

    async def _menu(self, dialogue: Dialogue) -> Menu:
        """The menu she asked in, as long as it can be found."""
        menus = self._turns.menus
        return await menus.version(dialogue.menu, self._settings.within_s) or menus.current

    async def _follow_up(self, row: Row[Any]) -> None:
        now = self._clock.now()
        steps = self._settings.again_after_s
        over = now >= row.expires_at
        again_at = now + timedelta(seconds=steps[0 if over else min(row.tries, len(steps) - 1)])
        # Before the attempt, as the outbox does: whatever goes wrong in it, the next one comes in its own time.
        await self._note(row, tries=row.tries + 1, due_at=again_at if over else min(again_at, row.expires_at))
        try:
            dialogue = machine.decode(row.dialogue, b"")
        except msgspec.MsgspecError:
            # Another release wrote it in another shape: it can be asked no more, and she must not wait for it.
            log.exception("follow_up_parked", follow_up=row.id)
            await self._sent(row, *self._turns.outright("failed", "sms", None, self._capacity(row)), state="parked")
            return
        menu = await self._menu(dialogue)
        asked = machine.ask_again(menu, dialogue)
        answer: Answer = Unavailable()
        if asked is not None and isinstance(asked.then, Ask) and not over:
            answer = await self._turns.answers.ask_offices(asked.then, row.msisdn, self._settings.within_s)
        if asked is not None and not isinstance(answer, Late | Unavailable):
            answered = machine.step(menu, asked.dialogue, Answered(answer), self._clock.today())
            await self._reply(row, menu, answered, "answered")
        elif asked is None or over:
            apology = machine.outright(menu, machine.by_sms(dialogue), "expired", self._clock.today())
            await self._reply(row, menu, apology, "expired")
        log.info("follow_up", follow_up=row.id, tries=row.tries + 1, outcome=outcome(answer),
                 caller=self._keys.day_tag(row.msisdn, self._clock.today()))  # fmt: skip

    async def _reply(self, row: Row[Any], menu: Menu, step: Step, state: str) -> None:
        if not isinstance(step.then, Screen):
            raise machine.NoWayOut(step.dialogue.at)
        pages = render(step.then, self._capacity(row), menu.navigation[step.dialogue.language])
        dialogue, page = machine.shown(step.dialogue, pages)
        await self._sent(row, dialogue, page.text, state=state, end=page.end)

    async def _sent(self, row: Row[Any], dialogue: Dialogue, text: str, *, state: str, end: bool = True) -> None:
        """The answer as an SMS, what it may be answered with, and the end of the question, in one transaction."""
        async with self._database.writing() as connection:
            push = Push(row.line, text) if row.line and end else None
            await self._outbox.add(connection, f"follow_up:{row.id}", row.channel, row.msisdn, text, push=push)
            if not end:
                await self._conversations.remember(connection, row.channel, row.msisdn_tag, dialogue, end=False)
            values: dict[str, Any] = {"state": state}
            if state == "answered":
                core, held = machine.encode(dialogue)
                values |= {"answer": core, "answer_held": held, "answered_at": self._clock.now()}
            await connection.execute(update(self._table).where(self._table.c.id == row.id).values(**values))
        self._outbox.worker.wake()

    def _capacity(self, row: Row[Any]) -> Capacity:
        channel = self._channels.get(row.channel)
        return channel.capacity if channel else Capacity(parts=3)

    async def _note(self, row: Row[Any], **values: Any) -> None:
        async with self._database.writing() as connection:
            await connection.execute(update(self._table).where(self._table.c.id == row.id).values(**values))


_: type[Service] = FollowUps
