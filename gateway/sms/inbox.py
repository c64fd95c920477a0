"""SMS from citizens: stored before acknowledged, answered from the row.

An SMS dialogue is a row too, saved in the transaction that stores the reply and closes the message, so that none of
the three exists without the others.

The same provider's id is the same message; with another text it is kept aside, not merged and not answered, and
somebody has to look at who numbers these messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.answers import Caller
from gateway.channels.contract import MoSms
from gateway.clock import Clock
from gateway.crash_points import reached
from gateway.privacy import Keys
from gateway.records import record
from gateway.settings import SmsSettings
from gateway.settings_channels import SmsTerms
from gateway.sms.conversations import Conversations
from gateway.sms.follows import Follows
from gateway.sms.outbox import Outbox
from gateway.sms.worker import Held, Worker
from gateway.storage.database import Database, insert_once
from gateway.storage.tables import is_word
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


ASK_WITHIN_S = 30.0
"""What answering may take beside the office's time, before it is given up as hanging."""

SAME_AT_MOST, SAME_WITHIN_S = 5, 600.0
"""So often the same text of one phone is answered: who writes it more often is a robot that answers our answers."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message of this id is stored. new: it was not, before."""

    id: int
    new: bool


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
            "inbox", database, self._table, lambda t: is_word(t.c.state, "new"), self._answer, clock.now,
            settings.at_once, within_s=settings.answer_within_s + ASK_WITHIN_S, first=("id",),
            before=lambda o, t, _: o.c.id < t.c.id,
        )  # fmt: skip

    async def receive(self, channel: str, message: MoSms) -> Stored:
        """Store one message, its msisdn in E.164: after this it may be acknowledged."""

        async def work(connection: AsyncConnection) -> Stored:
            stored = await self.store(connection, channel, message)
            reached("after_inbox_insert")
            return stored

        stored = await self._database.together(work, f"in {channel} {message.provider_id}")
        reached("after_commit")
        if stored.new:
            self.worker.wake()
        return stored

    async def store(self, connection: AsyncConnection, channel: str, message: MoSms) -> Stored:
        """The same in the caller's transaction; wake the worker after its commit."""
        table, now = self._table, self._clock.now()
        said = self._keys.tag(f"{message.msisdn} {message.short_code} {message.text}")
        values = {
            "channel": channel,
            "msisdn": message.msisdn,
            "msisdn_tag": self._keys.tag(message.msisdn),
            "short_code": message.short_code,
            "text": message.text,
            "text_tag": said,
            "received_at": now,
            "due_at": now,
            "tries": 0,
        }
        new = insert_once(table, provider_id=message.provider_id, state="new", **values).returning(table.c.id)
        stored = (await connection.execute(new)).scalar_one_or_none()
        if stored is not None:
            return Stored(stored, new=True)
        known = (table.c.channel == channel, table.c.provider_id == message.provider_id)
        found = (await connection.execute(select(table.c.id, table.c.text_tag).where(*known))).one()
        if found.text_tag not in (None, said):
            log.error("sms_clash", channel=channel, message=found.id)
            await connection.execute(
                insert_once(table, provider_id=f"clash {found.id} {said}", state="clash", **values)
            )
        return Stored(found.id, new=False)

    async def _answer(self, held: Held) -> None:
        began, row = self._clock.monotonic(), held.row
        if await self._loops(row):
            log.error("sms_loop", message=row.id, channel=row.channel)
            await self._database.together(
                lambda connection: held.write(connection, state="done", outcome="loop", done_at=self._clock.now())
            )
            return
        parked = row.tries > MAX_TRIES
        if parked:
            log.error("sms_parked", message=row.id, channel=row.channel, tries=MAX_TRIES)
            reply = self._sorry(row)
        else:
            reached("after_claim")
            reply = await self._conversed(row)
            reached("after_backend_call")

        async def answered(connection: AsyncConnection) -> None:
            ended = {"state": "parked", "tries": MAX_TRIES} if parked else {"state": "done"}
            if not await held.write(connection, outcome=reply.screen, done_at=self._clock.now(), **ended):
                return
            await self._conversations.remember(
                connection, row.channel, row.msisdn_tag, reply.dialogue, end=reply.end, trail=reply.trail
            )
            if reply.text:
                await self._outbox.add(connection, f"in:{row.id}", row.channel, row.msisdn, reply.text)
            reached("after_reply_insert")

        await self._database.together(answered)
        reached("after_reply_commit")
        self._outbox.wake()
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
        dialogue, trail = await self._conversations.running(row.channel, row.msisdn_tag) or (None, None)
        stop = _entry_to(current, "unfollow") if fold(row.text) == "0" else None
        # In the middle of something else a 0 is an answer to that, unless a notice has just said what it does.
        if stop is not None and await self._follows.told(row.msisdn_tag, lately=dialogue is not None):
            opened = Opened(entry=stop)
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
        dialogue = msgspec.structs.replace(dialogue, id=f"sms:{row.id}")
        return Reply(dialogue, "failed", text, end=True, trail=Trail(self._clock.now().timestamp(), ("failed",)))

    async def _loops(self, row: Row[Any]) -> bool:
        """Whether this phone has had answers to the same text again and again."""
        table = self._table
        since = row.received_at - timedelta(seconds=SAME_WITHIN_S)
        same = (
            table.c.msisdn_tag == row.msisdn_tag, table.c.text_tag == row.text_tag, table.c.channel == row.channel,
            table.c.received_at > since, table.c.id < row.id,
        )  # fmt: skip
        async with self._database.reading() as connection:
            before: int = (await connection.execute(select(func.count()).select_from(table).where(*same))).scalar_one()
        return before >= SAME_AT_MOST


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
