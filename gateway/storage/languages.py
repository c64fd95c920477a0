"""The language each phone chose last, found by its tag; of the number itself nothing is kept here."""

import asyncio
from dataclasses import dataclass

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from gateway.clock import Clock
from gateway.storage.database import Database, upsert

log = structlog.get_logger()

LOOK_WITHIN_S = 0.5
"""A greeting in the wrong language is better than one that comes late."""


@dataclass(frozen=True, slots=True)
class Languages:
    database: Database
    clock: Clock

    async def of(self, msisdn_tag: str) -> str | None:
        """What this phone chose; None when it never did, or nobody can say now."""
        table = self.database.tables.phone
        try:
            async with asyncio.timeout(LOOK_WITHIN_S), self.database.reading() as connection:
                chosen = select(table.c.language).where(table.c.msisdn_tag == msisdn_tag)
                found: str | None = (await connection.execute(chosen)).scalar_one_or_none()
                return found
        except TimeoutError:
            log.warning("language_late")  # a line and no more: whoever is late already has no time for a traceback
            return None
        except SQLAlchemyError:
            log.exception("language_not_found")
            return None

    async def remember(self, msisdn_tag: str, language: str) -> bool:
        """False when it could not be stored; the dialogue goes on in the language all the same."""
        table = self.database.tables.phone
        row = {"msisdn_tag": msisdn_tag, "language": language, "changed_at": self.clock.now()}
        chosen = upsert(table, row, on=["msisdn_tag"], update=row)
        try:
            async with self.database.writing() as connection:
                await connection.execute(chosen)
        except SQLAlchemyError:
            log.exception("language_not_stored")
            return False
        return True
