"""The database of this process: SQLite by default, one fair writer, schema by migrations.

SQLite lets one connection write at a time and starves the others (reliability.md 0.5), so writers queue here, in
order, instead of polling its lock.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import ColumnElement, Connection, Table, event, make_url, text
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.clock import SystemClock
from gateway.privacy import Keys
from gateway.storage.columns import Seconds
from gateway.storage.tables import Tables, tables

DRIVERS = ("sqlite+aiosqlite",)
"""What the schema and the claims below were tried on."""


class DatabaseUnusable(Exception):
    """The URL is none we serve, or the database cannot be opened. The engineer's; says what to do."""


class Database:
    def __init__(self, url: str, keys: Keys) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise DatabaseUnusable("database: not a URL; expected sqlite+aiosqlite:///path/to/rasad.db") from None
        if parsed.drivername not in DRIVERS:
            raise DatabaseUnusable(f"database: {parsed.drivername} is not served; expected {' or '.join(DRIVERS)}")
        self._path = Path(parsed.database or "")
        self.tables: Tables = tables(keys)
        # SQL parameters are phone numbers and texts: never in an error, never in a log.
        self.engine: AsyncEngine = create_async_engine(parsed, hide_parameters=True)
        self._writing = asyncio.Lock()
        # What leases last by: the database's clock, and one of this process that runs beside it and never jumps.
        self.seconds: ColumnElement[float] = Seconds()
        self.monotonic: Callable[[], float] = SystemClock().monotonic
        event.listen(self.engine.sync_engine, "connect", _pragmas)

    async def start(self) -> None:
        """Create or upgrade the schema."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            async with self.engine.begin() as connection:
                await connection.run_sync(_upgrade)
        except CommandError as error:
            why = f"not of this release ({error}); nothing was changed"
            raise DatabaseUnusable(f"database {self._path}: {why}") from error
        except (OSError, SQLAlchemyError) as error:
            raise DatabaseUnusable(f"database {self._path}: {error}") from error

    async def stop(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that writes; commits at the end, rolls back on an exception. In order of arrival."""
        async with self._writing, self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as connection:
            yield connection

    async def alive(self) -> bool:
        try:
            async with self.reading() as connection:
                await connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True


def upsert(table: Table, values: dict[str, Any], *, on: list[str], update: dict[str, Any]) -> Insert:
    """An INSERT that updates the row which has the same unique key."""
    return insert(table).values(**values).on_conflict_do_update(index_elements=on, set_=update)


def insert_once(table: Table, **values: Any) -> Insert:
    """An INSERT that leaves a row with the same unique key as it is; its rowcount tells which it was."""
    return insert(table).values(**values).on_conflict_do_nothing()


def _pragmas(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: an acknowledged message survives the power cut, not only the process.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=2000")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
