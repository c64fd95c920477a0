"""SMS from citizens: stored before acknowledged, answered from the row.

An SMS dialogue is a row too, saved in the transaction that stores the reply and closes the message, so that none of
the three exists without the others.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.answers import Caller
from gateway.channels.contract import MoSms
from gateway.clock import Clock
from gateway.privacy import Keys
from gateway.settings import SmsChannel, SmsSettings
from gateway.sms.outbox import Outbox
from gateway.sms.worker import Worker
from gateway.storage.database import Database, insert_once
from gateway.turn import Turns
from menus import inputs, keywords, machine
from menus.alphabet import Capacity, segments
from menus.definition import Menu, ScreenDef
from menus.machine import Dialogue, Event, Typed
from menus.render import render
from menus.screens import Screen

log = structlog.get_logger()

MAX_TRIES = 3
"""After so many failures of ours a message is set aside, and its sender told to call."""


class Inbox:
    def __init__(
        self,
        database: Database,
        turns: Turns,
        outbox: Outbox,
        channels: Mapping[str, SmsChannel],
        keys: Keys,
        clock: Clock,
        settings: SmsSettings,
    ) -> None:
        self._database, self._turns, self._outbox, self._channels = database, turns, outbox, channels
        self._keys, self._clock, self._settings = keys, clock, settings
        self._messages = database.tables.message_in
        self._conversations = database.tables.conversation
        self.worker = Worker("inbox", self._due, self._answer, settings.at_once)

    async def receive(self, channel: str, message: MoSms) -> bool:
        """Store one message whose msisdn is E.164. When this returns it may be acknowledged; False: we had it."""
        async with self._database.writing() as connection:
            stored = await connection.execute(
                insert_once(
                    self._messages,
                    channel=channel,
                    provider_id=message.provider_id,
                    msisdn=message.msisdn,
                    msisdn_tag=self._keys.tag(message.msisdn),
                    short_code=message.short_code,
                    text=message.text,
                    received_at=self._clock.now(),
                    state="new",
                    tries=0,
                )
            )
        if stored.rowcount:
            self.worker.wake()
        return bool(stored.rowcount)

    async def _due(self, busy: Collection[str], count: int) -> Sequence[Row[Any]]:
        table = self._messages
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(table)
                .where(table.c.state == "new", table.c.msisdn_tag.not_in(busy))
                .order_by(table.c.id)
                .limit(count)
            )
            return found.all()

    async def _answer(self, row: Row[Any]) -> None:
        began = self._clock.monotonic()
        try:
            dialogue, screen, text, end = await self._conversed(row)
        except Exception:
            if row.tries + 1 < MAX_TRIES:
                await self._tried(row)
                raise
            log.exception("sms_parked", message=row.id, channel=row.channel)
            dialogue, screen, text, end = self._sorry()
        parked = screen.name == "failed"
        async with self._database.writing() as connection:
            await self._remember(connection, row, dialogue, end=end)
            if text and not screen.silent:
                await self._outbox.add(connection, f"in:{row.id}", row.channel, row.msisdn, text)
            await connection.execute(
                update(self._messages)
                .where(self._messages.c.id == row.id)
                .values(state="parked" if parked else "done", outcome=screen.name, done_at=self._clock.now())
            )
        self._outbox.worker.wake()
        log.info(
            "sms_answered",
            message=row.id,
            channel=row.channel,
            caller=self._keys.day_tag(row.msisdn, self._clock.today()),
            screen=screen.name,
            language=dialogue.language,
            menu=dialogue.menu,
            segments=0 if screen.silent else segments(text),
            ms=round((self._clock.monotonic() - began) * 1000),
        )

    async def _conversed(self, row: Row[Any]) -> tuple[Dialogue, Screen, str, bool]:
        menu, dialogue, event = await self._opened(row)
        caller = Caller(row.msisdn, row.msisdn_tag, later_by=row.channel)
        channel = self._channels.get(row.channel)
        capacity = channel.page if channel else Capacity(parts=3)
        dialogue, screen, page = await self._turns.converse(
            menu, dialogue, event, caller, capacity, self._settings.answer_within_s
        )
        return dialogue, screen, page.text, page.end

    async def _opened(self, row: Row[Any]) -> tuple[Menu, Dialogue, Event]:
        """What this message is: an answer to what we asked her last, or the beginning of a conversation."""
        menu = self._turns.menus.current
        opened, language = keywords.opened_by(menu, row.text)
        running = await self._running(row)
        if running is not None and opened.entry is None:
            its_menu, dialogue = running
            if _awaits(its_menu, dialogue, row.text):
                return its_menu, dialogue, Typed(row.text)
            language = dialogue.language
        return menu, machine.begin(menu, "sms", language, dialogue_id=f"sms:{row.id}"), opened

    async def _running(self, row: Row[Any]) -> tuple[Menu, Dialogue] | None:
        table = self._conversations
        async with self._database.reading() as connection:
            found = (
                await connection.execute(
                    select(table).where(
                        table.c.channel == row.channel,
                        table.c.msisdn_tag == row.msisdn_tag,
                        table.c.expires_at > self._clock.now(),
                    )
                )
            ).one_or_none()
        if found is None:
            return None
        dialogue = machine.decode(found.dialogue, found.held)
        menu = self._turns.menus.version(dialogue.menu)
        return (menu, dialogue) if menu else None

    async def _remember(self, connection: AsyncConnection, row: Row[Any], dialogue: Dialogue, *, end: bool) -> None:
        table = self._conversations
        await connection.execute(
            delete(table).where(table.c.channel == row.channel, table.c.msisdn_tag == row.msisdn_tag)
        )
        if not end:
            core, held = machine.encode(dialogue)
            expires_at = self._clock.now() + timedelta(seconds=self._settings.conversation_s)
            await connection.execute(
                insert(table).values(
                    channel=row.channel,
                    msisdn_tag=row.msisdn_tag,
                    dialogue=core,
                    held=held,
                    expires_at=expires_at,
                )
            )

    async def _tried(self, row: Row[Any]) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                update(self._messages).where(self._messages.c.id == row.id).values(tries=row.tries + 1)
            )

    def _sorry(self) -> tuple[Dialogue, Screen, str, bool]:
        menu = self._turns.menus.current
        step = machine.outright(menu, machine.begin(menu, "sms"), "failed", self._clock.today())
        assert isinstance(step.then, Screen)
        page = render(step.then, Capacity(parts=3), menu.navigation[step.dialogue.language])[0]
        return step.dialogue, step.then, page.text, True


def _awaits(menu: Menu, dialogue: Dialogue, text: str) -> bool:
    """Whether the screen she has before her takes this text."""
    node = menu.nodes.get(dialogue.at)
    key = inputs.fold(text[: keywords.MAX_SMS])
    if not isinstance(node, ScreenDef):
        return False
    return node.input is not None or key in dialogue.keys or key in ("0", "00", "9")
