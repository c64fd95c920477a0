"""Answers that came after their caller had gone: kept for a day, and shown first when she dials again."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway.clock import TEHRAN, Clock
from gateway.privacy import Keys, Unsealable
from gateway.storage.database import Database
from menus import machine
from menus.machine import Dialogue
from menus.ports import Found, Reference

log = structlog.get_logger()

KEPT_FOR = timedelta(hours=24)

LOOK_WITHIN_S = 1.0
"""What a caller on the line waits for this: the menu without it is better than a database that hangs."""


def question_tag(keys: Keys, msisdn: str, ask: str, reference: Reference | None) -> str:
    """One phone's one question: the ask of the menu and the number it was about, from which neither can be read."""
    return keys.tag(f"{msisdn} {ask} {reference.exact if reference else ''}")


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """Never raises and never hangs: without the database she reads the menu, and the answer came by SMS."""

    database: Database
    keys: Keys
    clock: Clock

    async def unseen(self, msisdn_tag: str) -> Dialogue | None:
        """The newest answer this phone was promised and has not seen on its screen. From now on it has."""
        table = self.database.tables.follow_up
        row = await self._newest(table.c.msisdn_tag == msisdn_tag, table.c.seen_at.is_(None))
        if row is None:
            return None
        try:
            async with asyncio.timeout(LOOK_WITHIN_S), self.database.writing() as connection:
                await connection.execute(update(table).where(table.c.id == row.id).values(seen_at=self.clock.now()))
        except TimeoutError:
            log.warning("kept_answer_late")
        except SQLAlchemyError:
            log.exception("kept_answer_not_noted")
        return _read(row)

    async def answer(self, question: str) -> Found | None:
        """What was found for this question within the day, with the day it was found."""
        table = self.database.tables.follow_up
        row = await self._newest(table.c.question_tag == question)
        dialogue = _read(row) if row is not None else None
        held = dialogue.held if dialogue is not None else None
        if row is None or not isinstance(held, Found):
            return None
        return Found(held.case, held.as_of or row.answered_at.astimezone(TEHRAN).date(), down=True)

    async def _newest(self, *wanted: ColumnElement[bool]) -> Row[Any] | None:
        table = self.database.tables.follow_up
        fresh = (table.c.state == "answered", table.c.answered_at > self.clock.now() - KEPT_FOR)
        try:
            async with asyncio.timeout(LOOK_WITHIN_S), self.database.reading() as connection:
                found = select(table).where(*wanted, *fresh).order_by(table.c.id.desc()).limit(1)
                return (await connection.execute(found)).one_or_none()
        except TimeoutError:
            log.warning("kept_answer_late")  # a line and no more: whoever is late already has no time for a traceback
            return None
        except (SQLAlchemyError, Unsealable):
            log.exception("kept_answer_not_found")
            return None


def _read(row: Row[Any]) -> Dialogue | None:
    """None for an answer that another release wrote in another shape."""
    try:
        return machine.decode(row.answer, row.answer_held)
    except msgspec.MsgspecError:
        log.exception("kept_answer_unreadable", follow_up=row.id)
        return None
