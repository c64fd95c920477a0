"""Several processes in one: a database each on the same rows, workers that are taken through what is due, step by step."""

import asyncio

import sqlalchemy as sa

from gateway.storage.database import Database
from tests.gateway.conftest import PATIENT


def process(url, keys, clock):
    """The database of one more process. What lasts by the database's clock lasts by the test's."""
    own = Database(url, keys, PATIENT)
    own.seconds = sa.bindparam(None, callable_=lambda: clock.seconds + 1000, type_=sa.Double())
    own.monotonic = clock.monotonic
    return own


async def settled(*workers):
    """Until none of them has anything to do at this moment."""
    while True:
        claimed = []
        for each in workers:
            await each._take()
            claimed += each._looking.result()
        busy = [task for each in workers for task in each._busy.values()]
        if not busy and not claimed:
            return
        await asyncio.gather(*busy)


async def rows(database, table):
    async with database.reading() as connection:
        found = getattr(database.tables, table)
        return (await connection.execute(found.select().order_by(*found.primary_key))).all()
