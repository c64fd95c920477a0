"""SMS dialogues as rows: what was asked of a phone last, until it answers or the time is over."""

from dataclasses import dataclass
from datetime import timedelta

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import Clock
from gateway.settings import SmsSettings
from gateway.storage.database import Database
from gateway.trail import Trail
from menus import machine
from menus.machine import Dialogue

_trail = msgspec.msgpack.Decoder(Trail)


@dataclass(frozen=True, slots=True)
class Conversations:
    database: Database
    clock: Clock
    settings: SmsSettings

    async def running(self, channel: str, msisdn_tag: str) -> tuple[Dialogue, Trail] | None:
        table = self.database.tables.conversation
        hers = (table.c.channel == channel, table.c.msisdn_tag == msisdn_tag, table.c.expires_at > self.clock.now())
        async with self.database.reading() as connection:
            found = (await connection.execute(select(table).where(*hers))).one_or_none()
        if found is None:
            return None
        trail = _trail.decode(found.trail) if found.trail is not None else Trail(self.clock.now().timestamp())
        return machine.decode(found.dialogue, found.held), trail

    async def remember(
        self,
        connection: AsyncConnection,
        channel: str,
        msisdn_tag: str,
        dialogue: Dialogue,
        *,
        end: bool,
        trail: Trail | None = None,
    ) -> None:
        """In the caller's transaction, with the text the dialogue awaits an answer to; end: nothing is awaited.
        trail: what its record is made of, from its answer on where there is none."""
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
                "trail": msgspec.msgpack.encode(trail) if trail is not None else None,
                "expires_at": self.clock.now() + timedelta(seconds=self.settings.conversation_s),
            }
            await connection.execute(insert(table).values(**values))
