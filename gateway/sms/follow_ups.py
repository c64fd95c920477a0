"""Questions an office was too slow for: promised on the phone, answered by SMS once the office has, or apologised for
once. A promise is made only after its row is stored."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import Row, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.answers import Caller, Service
from gateway.clock import Clock
from gateway.privacy import Keys
from gateway.settings import FollowUpSettings
from gateway.settings_channels import SmsTerms
from gateway.sms.conversations import Conversations
from gateway.sms.outbox import Outbox, Priority, Push
from gateway.sms.worker import MAX_CUT_OFF, Held, Worker
from gateway.storage.database import Database, insert_once
from gateway.storage.kept import question_tag
from gateway.storage.tables import is_word
from gateway.turn import Turns
from menus import machine
from menus.alphabet import Capacity
from menus.definition import Menu
from menus.machine import Answered, Dialogue, Step
from menus.ports import Answer, Ask, Done, Late, Unavailable, outcome
from menus.render import render
from menus.screens import Screen

log = structlog.get_logger()

RENDERED_WITHIN_S = 30.0
"""What an attempt may take beside the office's time, before it is given up as hanging."""


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
            "follow_ups", database, self._table, lambda t: is_word(t.c.state, "waiting"), self._follow_up, clock.now,
            settings.at_once, within_s=settings.within_s + RENDERED_WITHIN_S, again_after_s=settings.again_after_s,
        )  # fmt: skip

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

    async def _menu(self, dialogue: Dialogue) -> Menu:
        """The menu she asked in, as long as it can be found."""
        menus = self._turns.menus
        return await menus.version(dialogue.menu, self._settings.within_s) or menus.current

    async def _follow_up(self, held: Held) -> None:
        now, row = self._clock.now(), held.row
        steps = self._settings.again_after_s
        # What ended with its process again and again is apologised for while there is a process to do it.
        over = now >= row.expires_at or row.cut_off == MAX_CUT_OFF
        again_at = min(now + timedelta(seconds=steps[min(row.tries, len(steps)) - 1]), row.expires_at)
        try:
            dialogue = machine.decode(row.dialogue, b"")
        except msgspec.MsgspecError:
            # Another release wrote it in another shape: it can be asked no more, and she must not wait for it.
            log.exception("follow_up_parked", follow_up=row.id)
            await self._sent(held, *self._turns.outright("failed", "sms", None, self._capacity(row)), state="parked")
            return
        menu = await self._menu(dialogue)
        asked = machine.ask_again(menu, dialogue)
        answer: Answer = Unavailable()
        if asked is not None and isinstance(asked.then, Ask) and not over:
            answer = await self._turns.answers.ask_offices(asked.then, row.msisdn, self._settings.within_s)
        if asked is not None and not isinstance(answer, Late | Unavailable):
            answered = machine.step(menu, asked.dialogue, Answered(answer), self._clock.today())
            await self._reply(held, menu, answered, "answered")
        elif asked is None or over:
            apology = machine.outright(menu, machine.by_sms(dialogue), "expired", self._clock.today())
            await self._reply(held, menu, apology, "expired")
        else:
            await self._database.together(lambda connection: held.write(connection, due_at=again_at))
        log.info("follow_up", follow_up=row.id, tries=row.tries, outcome=outcome(answer),
                 caller=self._keys.day_tag(row.msisdn, self._clock.today()))  # fmt: skip

    async def _reply(self, held: Held, menu: Menu, step: Step, state: str) -> None:
        if not isinstance(step.then, Screen):
            raise machine.NoWayOut(step.dialogue.at)
        pages = render(step.then, self._capacity(held.row), menu.navigation[step.dialogue.language])
        dialogue, page = machine.shown(step.dialogue, pages)
        await self._sent(held, dialogue, page.text, state=state, end=page.end)

    async def _sent(self, held: Held, dialogue: Dialogue, text: str, *, state: str, end: bool = True) -> None:
        """The answer as an SMS, what it may be answered with, and the end of the question, in one transaction."""
        row = held.row
        values: dict[str, Any] = {"state": state}
        if state == "answered":
            core, kept = machine.encode(dialogue)
            values |= {"answer": core, "answer_held": kept, "answered_at": self._clock.now()}

        async def work(connection: AsyncConnection) -> None:
            if not await held.write(connection, **values):
                return
            push = Push(row.line, text) if row.line and end else None
            cause = f"follow_up:{row.id}"
            await self._outbox.add(connection, cause, row.channel, row.msisdn, text, Priority.ANSWER, push=push)
            if not end:
                await self._conversations.remember(connection, row.channel, row.msisdn_tag, dialogue, end=False)

        await self._database.together(work)
        self._outbox.wake()

    def _capacity(self, row: Row[Any]) -> Capacity:
        channel = self._channels.get(row.channel)
        return channel.capacity if channel else Capacity(parts=3)


_: type[Service] = FollowUps
