"""What citizens think of how their cases were handled: 1 to 5, one opinion of a phone on a case. No number is kept."""

from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.clock import Clock
from gateway.privacy import Keys
from gateway.storage.database import Database, upsert
from menus.ports import Case

log = structlog.get_logger()

IN_RESULTS = "fa"
"""The language in which offices are told apart in figures; an office without a name in it is told by its first."""


@dataclass(frozen=True, slots=True)
class Ratings:
    database: Database
    keys: Keys
    clock: Clock

    async def keep(self, msisdn: str, case: Case, score: int) -> bool:
        """False when it could not be stored. A second opinion on the same case replaces the first."""
        names = case.organisation
        row = {
            "opinion_tag": self.keys.tag(f"{msisdn} {case.kind} {case.number} {names.get(IN_RESULTS, '')} {case.year}"),
            "kind": case.kind,
            "organisation": names.get(IN_RESULTS) or next(iter(names.values()), ""),
            "state": str(case.state),
            "score": score,
            "rated_at": self.clock.now(),
        }
        chosen = upsert(self.database.tables.rating, row, on=["opinion_tag"], update=row)
        try:
            async with self.database.writing() as connection:
                await connection.execute(chosen)
        except SQLAlchemyError:
            log.exception("rating_not_stored")
            return False
        return True
