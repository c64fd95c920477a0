"""SMS from citizens: stored before acknowledged, answered from the row.

An SMS dialogue is a row too, saved in the transaction that stores the reply and closes the message, so that none of
the three exists without the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.answers import Caller
from gateway.channels.contract import MoSms
from gateway.clock import Clock
from gateway.crash_points import reached
from gateway.privacy import Keys
from gateway.records import record
from gateway.settings import SmsSettings, SmsTerms
from gateway.sms.conversations import Conversations
from gateway.sms.follows import Follows
from gateway.sms.outbox import Outbox
from gateway.sms.worker import Worker
from gateway.storage.database import Database, insert_once
from gateway.trail import Trail
from gateway.turn import Turns
from menus import keywords, machine
from menus.alphabet import Capacity, segments
from menus.definition import AskDef, Menu, ScreenDef
from menus.folding import fold
from menus.machine import Dialogue, Event, Opened, Typed

log = structlog.get_logger()

MAX_TRIES = 3
"""After so many attempts that failed a message is set aside, and its sender told to call."""


@dataclass(frozen=True, slots=True)
class Reply:
    dialogue: Dialogue
    screen: str
    text: str
    end: bool
    trail: Trail | None = None
    """None: not a dialogue, but what we say when we cannot lead one."""


class Inbox:
    def __init__(
        self,
        database: Database,
        turns: Turns,
        outbox: Outbox,
        conversations: Conversations,
        follows: Follows,
        channels: Mapping[str, SmsTerms],
        keys: Keys,
        clock: Clock,
        settings: SmsSettings,
    ) -> None:
        self._database, self._turns, self._outbox, self._channels = database, turns, outbox, channels
        self._conversations, self._follows = conversations, follows
        self._keys, self._clock, self._settings = keys, clock, settings
        self._table = database.tables.message_in
        self.worker = Worker(
            "inbox", database, self._table, self._due, self._answer, clock.now, settings.at_once, first="id"
        )

    async def receive(self, channel: str, message: MoSms) -> int | None:
        """Store one message, its msisdn in E.164: after this it may be acknowledged. Its id; None when we had it."""
        async with self._database.writing() as connection:
            stored = await self.store(connection, channel, message)
            reached("after_inbox_insert")
        reached("after_commit")
        if stored is not None:
            self.worker.wake()
        return stored

    async def store(self, connection: AsyncConnection, channel: str, message: MoSms) -> int | None:
        """The same in the caller's transaction; wake the worker after its commit."""
        stored = await connection.execute(
            insert_once(
                self._table,
                channel=channel,
                provider_id=message.provider_id,
                msisdn=message.msisdn,
                msisdn_tag=self._keys.tag(message.msisdn),
                short_code=message.short_code,
                text=message.text,
                received_at=self._clock.now(),
                due_at=self._clock.now(),
                state="new",
                tries=0,
            )
        )
        if not stored.rowcount:
            return None
        return int(stored.inserted_primary_key[0]) if stored.inserted_primary_key else 0

    def _due(self, now: datetime) -> ColumnElement[bool]:
        return self._table.c.state == "new"

    async def _answer(self, row: Row[Any]) -> None:
        began = self._clock.monotonic()
        parked = row.tries >= MAX_TRIES
        if parked:
            log.error("sms_parked", message=row.id, channel=row.channel, tries=row.tries)
            reply = self._sorry(row)
        else:
            # Before the attempt: what kills it, in whatever line, must not be tried for ever.
            await self._note(row, tries=row.tries + 1)
            reached("after_claim")
            reply = await self._conversed(row)
            reached("after_backend_call")
        async with self._database.writing() as connection:
            await self._conversations.remember(
                connection, row.channel, row.msisdn_tag, reply.dialogue, end=reply.end, trail=reply.trail
            )
            if reply.text:
                await self._outbox.add(connection, f"in:{row.id}", row.channel, row.msisdn, reply.text)
            reached("after_reply_insert")
            state = "parked" if parked else "done"
            values = {"state": state, "outcome": reply.screen, "done_at": self._clock.now()}
            await connection.execute(update(self._table).where(self._table.c.id == row.id).values(**values))
        reached("after_reply_commit")
        self._outbox.worker.wake()
        if reply.trail is not None:
            said = (reply.dialogue, reply.trail, row.channel, row.msisdn_tag, self._clock.now())
            self._turns.note(record(*said, "completed" if reply.end else "silent"))
        log.info(
            "sms_answered",
            message=row.id,
            channel=row.channel,
            caller=self._keys.day_tag(row.msisdn, self._clock.today()),
            screen=reply.screen,
            language=reply.dialogue.language,
            menu=reply.dialogue.menu,
            segments=segments(reply.text) if reply.text else 0,
            ms=round((self._clock.monotonic() - began) * 1000),
        )

    async def _conversed(self, row: Row[Any]) -> Reply:
        began, now = self._clock.monotonic(), self._clock.now()
        menu, dialogue, event, trail = await self._opened(row)
        caller = Caller(row.msisdn, row.msisdn_tag, later_by=row.channel)
        turn = await self._turns.converse(
            menu, dialogue, event, caller, self._capacity(row), self._settings.answer_within_s
        )
        trail = (trail or Trail(now.timestamp())).on(
            turn.screen.name, turn.asked, round((self._clock.monotonic() - began) * 1000)
        )
        text = "" if turn.screen.silent else turn.page.text
        return Reply(turn.dialogue, turn.screen.name, text, turn.page.end, trail)

    async def _opened(self, row: Row[Any]) -> tuple[Menu, Dialogue, Event, Trail | None]:
        """What this message is: an answer to what we asked her last, or the beginning of a conversation."""
        current = await self._turns.menus.of(row.msisdn_tag)
        opened, language = keywords.opened_by(current, row.text)
        stop = _entry_to(current, "unfollow") if fold(row.text) == "0" else None
        if stop is not None and await self._follows.told(row.msisdn_tag):
            opened = Opened(entry=stop)
        dialogue, trail = await self._conversations.running(row.channel, row.msisdn_tag) or (None, None)
        # Nobody waits on the line: what a version may take to be found is what an office may.
        within_s = self._settings.answer_within_s
        menu = await self._turns.menus.version(dialogue.menu, within_s) if dialogue else None
        if dialogue is not None and menu is not None and opened.entry is None:
            if _awaits(menu, dialogue, row.text):
                # The number in her words, as where a conversation begins; without one her words as they are.
                return menu, dialogue, Typed("*".join(opened.arguments) or row.text), trail
            language = dialogue.language
        language = language or await self._turns.languages.of(row.msisdn_tag)
        return current, machine.begin(current, "sms", language, dialogue_id=f"sms:{row.id}"), opened, None

    def _capacity(self, row: Row[Any]) -> Capacity:
        channel = self._channels.get(row.channel)
        return channel.capacity if channel else Capacity(parts=3)

    def _sorry(self, row: Row[Any]) -> Reply:
        dialogue, text = self._turns.outright("failed", "sms", None, self._capacity(row))
        return Reply(dialogue, "failed", text, end=True)

    async def _note(self, row: Row[Any], **values: Any) -> None:
        async with self._database.writing() as connection:
            await connection.execute(update(self._table).where(self._table.c.id == row.id).values(**values))


def _entry_to(menu: Menu, service: str) -> str | None:
    """The journey whose entry asks this service."""
    for entry in menu.entries.values():
        node = menu.nodes.get(entry.next)
        if isinstance(node, AskDef) and node.route == service:
            return entry.journey
    return None


def _awaits(menu: Menu, dialogue: Dialogue, text: str) -> bool:
    """Whether the screen she has before her takes this text."""
    node = menu.nodes.get(dialogue.at)
    key = fold(text[: keywords.MAX_SMS])
    return isinstance(node, ScreenDef) and (node.input is not None or key in dialogue.keys or key in ("0", "00", "9"))
