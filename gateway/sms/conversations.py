"""SMS dialogues as rows: what was asked of a phone last, until it answers or the time is over."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import Clock
from gateway.settings import SmsSettings
from gateway.storage.database import Database
from menus import machine
from menus.machine import Dialogue


@dataclass(frozen=True, slots=True)
class Conversations:
    database: Database
    clock: Clock
    settings: SmsSettings

    async def running(self, channel: str, msisdn_tag: str) -> Dialogue | None:
        table = self.database.tables.conversation
        hers = (table.c.channel == channel, table.c.msisdn_tag == msisdn_tag, table.c.expires_at > self.clock.now())
        async with self.database.reading() as connection:
            found = (await connection.execute(select(table).where(*hers))).one_or_none()
        return machine.decode(found.dialogue, found.held) if found else None

    async def remember(
        self, connection: AsyncConnection, channel: str, msisdn_tag: str, dialogue: Dialogue, *, end: bool
    ) -> None:
        """In the caller's transaction, with the text the dialogue awaits an answer to; end: nothing is awaited."""
        table = self.database.tables.conversation
        hers = (table.c.channel == channel, table.c.msisdn_tag == msisdn_tag)
        await connection.execute(delete(table).where(*hers))
        if not end:
            core, held = machine.encode(dialogue)
            values = {
                "channel": channel,
                "msisdn_tag": msisdn_tag,
                "dialogue": core,
                "held": held,
                "expires_at": self.clock.now() + timedelta(seconds=self.settings.conversation_s),
            }
            await connection.execute(insert(table).values(**values))
