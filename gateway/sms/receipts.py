"""What became of messages that a provider took: each receipt is a row, and moves its message forward only.

A receipt may come before we know the id it names, and the same id in another base than it was given in; so it is
looked for among this phone's messages, both when it comes and when an id is learnt. Where the provider does not name
the phone, the id must be the one that was given, to the letter.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.channels.contract import DeliveryReceipt
from gateway.clock import Clock
from gateway.crash_points import reached
from gateway.privacy import Keys
from gateway.storage.database import Database, upsert
from gateway.storage.tables import Tables, is_word

log = structlog.get_logger()

LOOKED_BACK_S = 259_200.0
"""72 h: networks give up delivering before that."""

ASKED_FOR_S = 86_400.0
"""How long a provider that does not report is asked about a message. Magfa forgets after a day."""


class Receipts:
    def __init__(self, database: Database, keys: Keys, clock: Clock) -> None:
        self._database, self._keys, self._clock = database, keys, clock

    async def receive(self, channel: str, receipt: DeliveryReceipt) -> None:
        """Store one, its msisdn in E.164, or empty where it is not said: after this it may be acknowledged."""
        tables, now = self._database.tables, self._clock.now()
        tag = self._keys.tag(receipt.msisdn) if receipt.msisdn else ""
        sent = tables.message_out
        values = {
            "channel": channel,
            "provider_id": receipt.provider_id,
            "msisdn_tag": tag,
            "fate": receipt.fate,
            "reason": receipt.reason,
        }

        async def work(connection: AsyncConnection) -> int | None:
            await self._database.alone(connection, of(channel))
            # What says the same again, also because our answer was lost, is the same receipt, and as young as now.
            said = upsert(tables.receipt, {**values, "received_at": now}, on=list(values), update={"received_at": now})
            await connection.execute(said)
            named = sent.c.msisdn_tag == tag if tag else sent.c.provider_id == receipt.provider_id
            hers = (sent.c.channel == channel, named, sent.c.provider_id.is_not(None))
            lately = sent.c.sent_at > now - timedelta(seconds=LOOKED_BACK_S)
            wanted = select(sent.c.id, sent.c.provider_id).where(*hers, lately).order_by(sent.c.id.desc())
            found = _named(receipt.provider_id, (await connection.execute(wanted)).all())
            if found is not None:
                await _moved(connection, tables, found.id, receipt.fate, now)
            reached("in_receipt")
            return found.id if found is not None else None

        found = await self._database.together(work, of(channel))
        log.info("sms_reported", channel=channel, message=found, fate=receipt.fate,
                 reason=receipt.reason)  # fmt: skip

    async def awaited(self, channel: str, at_once: int) -> list[list[str]]:
        """The ids of this channel's messages whose end is not known yet, so many in each list."""
        table, since = self._database.tables.message_out, self._clock.now() - timedelta(seconds=ASKED_FOR_S)
        waiting = (
            table.c.channel == channel,
            is_word(table.c.state, "sent"),
            table.c.sent_at > since,
            or_(table.c.fate.is_(None), is_word(table.c.fate, "pending")),
        )
        async with self._database.reading() as connection:
            ids = (
                await connection.execute(select(table.c.provider_id).where(*waiting).order_by(table.c.sent_at))
            ).scalars()
            found = [each for each in ids if each]
        return [found[begin : begin + at_once] for begin in range(0, len(found), at_once)]


def of(channel: str) -> str:
    """What a transaction that stores a channel's receipt, or gives a message its id, begins with doing alone: or a
    receipt that comes in that moment to another process finds no id, and the other one no receipt."""
    return f"receipts {channel}"


async def catch_up(connection: AsyncConnection, tables: Tables, row: Row[Any], provider_id: str) -> None:
    """In the caller's transaction: this message has just been given its id, and its receipts may be here already."""
    table = tables.receipt
    here = (table.c.channel == row.channel, table.c.received_at >= row.created_at)
    hers = (table.c.msisdn_tag == row.msisdn_tag,)
    nobodys = (table.c.msisdn_tag == "", table.c.provider_id == provider_id)
    # Each by its own index: with an OR, SQLite reads every receipt of the channel.
    found = union(*(select(table.c.id).where(*here, *whose) for whose in (hers, nobodys)))
    for early in (await connection.execute(select(table).where(table.c.id.in_(found)).order_by(table.c.id))).all():
        if same_id(provider_id, early.provider_id):
            await _moved(connection, tables, row.id, early.fate, early.received_at)


async def _moved(connection: AsyncConnection, tables: Tables, message: int, fate: str, at: Any) -> None:
    """Forward only: the first word that is final stays."""
    table = tables.message_out
    open_still: ColumnElement[bool] = or_(table.c.fate.is_(None), table.c.fate == "pending")
    await connection.execute(update(table).where(table.c.id == message, open_still).values(fate=fate, reported_at=at))


def _named(receipted: str, rows: Sequence[Any]) -> Any:
    """The message a receipt names: by its id as it was given, else in another base."""
    exact = next((row for row in rows if row.provider_id == receipted), None)
    return exact or next((row for row in rows if same_id(row.provider_id, receipted)), None)


def same_id(given: str, receipted: str) -> bool:
    """Whether two spellings name one message: SMSCs answer in hex and report in decimal, or the other way round."""
    return given == receipted or bool(_readings(given) & _readings(receipted))


def _readings(text: str) -> set[int]:
    found = set()
    if re.fullmatch(r"[0-9]+", text):
        found.add(int(text))
    if re.fullmatch(r"[0-9A-Fa-f]+", text):
        found.add(int(text, 16))
    return found
