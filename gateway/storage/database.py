"""The database of this process: SQLite by default, PostgreSQL where many processes share one; schema by migrations.

SQLite lets one connection write at a time, so its writers pass a gate, in order and over all processes. PostgreSQL's
writers wait for nobody but whoever has the same row.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, ColumnElement, Connection, NullPool, Table, event, func, make_url, select, text
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import ArgumentError, DisconnectionError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from gateway.clock import SystemClock
from gateway.privacy import Keys, Unsealable
from gateway.settings import StorageSettings
from gateway.storage import sqlite
from gateway.storage.columns import Seconds
from gateway.storage.gate import Gate
from gateway.storage.tables import Tables, tables
from gateway.storage.together import Together

log = structlog.get_logger()

DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")
"""What the schema and the statements were tried on."""

EXPECTED = "expected sqlite+aiosqlite:///path/to/rasad.db or postgresql+asyncpg://user@host/name"

LOOKED_AT = 3
"""Of the newest messages, each way, by which keys are known."""

ALIVE_WITHIN_S = 2.0
"""What a database gets to say that it is there."""


class DatabaseUnusable(Exception):
    """The URL is none we serve, or the database cannot be opened. The engineer's; says what to do."""


class Database:
    def __init__(self, url: str, keys: Keys, settings: StorageSettings | None = None) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise DatabaseUnusable(f"database: not a URL; {EXPECTED}") from None
        if parsed.drivername not in DRIVERS:
            raise DatabaseUnusable(f"database: {parsed.drivername} is not served; {EXPECTED}")
        self.sqlite = parsed.get_backend_name() == "sqlite"
        if self.sqlite and parsed.database in (None, "", ":memory:"):
            raise DatabaseUnusable(f"database: rows in memory outlive nothing; {EXPECTED}")
        self._url, self._settings = parsed, settings or StorageSettings()
        self.tables: Tables = tables(keys)
        self._in_file = sqlite.Connections() if self.sqlite else None
        self.engine = _engine(parsed, self._settings, self._opened)
        # Reads are single statements: they need no transaction around them, nor the two round trips it takes. SQLite's
        # have none anyway, and to tell it so is a statement in which a cancelled caller would leave its connection.
        self._reader = self.engine if self.sqlite else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self.together = Together(self.writing)
        """Work of one moment in one transaction."""
        self._gate = Gate(f"{parsed.database}.gate") if self.sqlite else None
        # What leases last by: the database's clock, and one of this process that runs beside it and never jumps.
        self.seconds: ColumnElement[float] = Seconds()
        self.monotonic: Callable[[], float] = SystemClock().monotonic

    def __str__(self) -> str:
        """Where it is, without user and password."""
        shown = self._url.set(username=None, password=None, query={})
        return str(shown.database) if self.sqlite else shown.render_as_string()

    async def start(self, revision: str = "head") -> None:
        """Create or upgrade the schema. Raises DatabaseUnusable, also for the schema of a later release."""
        if not self.sqlite and revision == "head":
            # What is in no hurry waits for ever for a server that says nothing; and mostly there is nothing to do.
            ours = ScriptDirectory.from_config(_alembic())
            try:
                found = await self.revision()
            except SQLAlchemyError as error:
                raise DatabaseUnusable(f"database {self}: {getattr(error, 'orig', None) or error}") from error
            if found == ours.get_current_head():
                return
            log.info("database_upgrade", since=found)
        await self._migrate(lambda config: command.upgrade(config, revision), "not of this release")

    async def go_back(self, revision: str) -> None:
        """To the schema of an earlier release, unless something would be lost by that."""
        await self._migrate(lambda config: command.downgrade(config, revision), f"not taken back to {revision}")

    async def revision(self) -> str:
        """Of the schema as it is."""
        async with self.reading() as connection:
            found = await connection.run_sync(lambda here: MigrationContext.configure(here).get_current_revision())
        return found or "base"

    async def opens(self) -> bool:
        """Whether our keys open what stands here. One row that does not open is its own trouble; if none of the newest
        does, messages would be set aside one after the other, for good."""
        found = []
        for table in (self.tables.message_in, self.tables.message_out):
            kept = func.length(table.c.msisdn) > 0  # of old ones nothing is
            newest = select(table.c.msisdn).where(kept).order_by(table.c.id.desc()).limit(1)
            for place in range(LOOKED_AT):
                try:
                    async with self.reading() as connection:
                        row = (await connection.execute(newest.offset(place))).first()
                except Unsealable:
                    found.append(False)
                except SQLAlchemyError:
                    return True  # whoever needs it more will say so
                else:
                    found += [True] if row is not None else []
        return any(found) or len(found) < 2

    async def at_work(self) -> str | None:
        """What a gateway has a lease of at this moment; None where there is none."""
        lease = self.tables.lease
        try:
            async with self.reading() as connection:
                held = select(lease.c.name).where(lease.c.until > self.seconds).order_by(lease.c.name).limit(1)
                return (await connection.execute(held)).scalar_one_or_none()
        except SQLAlchemyError:
            return None  # a schema from before there were any

    async def stop(self) -> None:
        await self.together.stop()
        await self.engine.dispose()
        if self._in_file is not None:
            await self._in_file.stop()
        if self._gate is not None:
            self._gate.close()

    @property
    def _opened(self) -> Callable[..., Any] | None:
        return self._in_file.opened if self._in_file is not None else None

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that writes; commits at the end, rolls back on an exception. On SQLite in order of arrival,
        and one at a time."""
        async with self._begun(self.engine, self._settings.lock_within_s) as connection:
            yield connection

    @asynccontextmanager
    async def _begun(self, engine: AsyncEngine, within_s: float | None) -> AsyncIterator[AsyncConnection]:
        async with _failing_alike(), AsyncExitStack() as stack:
            if self._gate is not None:
                await stack.enter_async_context(self._gate.passed(within_s))
            connection = await stack.enter_async_context(engine.begin())
            if self._gate is not None:
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with _failing_alike(), self._reader.connect() as connection:
            yield connection

    async def alone(self, connection: AsyncConnection, what: str) -> None:
        """From here until this transaction ends no other does the same thing, in any process. On SQLite a transaction
        that writes is alone anyway."""
        if not self.sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _lock(what)})

    async def alive(self) -> bool:
        """Whether it answers, and soon. Its own task: leaving a server that hangs takes a while."""
        asking = asyncio.create_task(self._answers())
        done, _ = await asyncio.wait({asking}, timeout=ALIVE_WITHIN_S)
        if not done:
            asking.cancel()
        return bool(done) and asking.result()

    async def _answers(self) -> bool:
        try:
            async with self.reading() as connection:
                await connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True

    async def _migrate(self, work: Callable[[Config], None], refused: str) -> None:
        """Alembic's commands in one transaction, on a connection that is in no hurry: an index of millions of rows
        takes longer than any statement of a turn may."""

        def run(connection: Connection) -> None:
            config = _alembic()
            config.attributes["connection"] = connection
            work(config)

        patient = _engine(self._url, self._settings, self._opened, patient=True)
        try:
            if self.sqlite:
                Path(self._url.database or "").parent.mkdir(parents=True, exist_ok=True)
            async with self._begun(patient, None) as connection:
                await self.alone(connection, "migrate")
                await connection.run_sync(run)
        except CommandError as error:
            raise DatabaseUnusable(f"database {self}: {refused} ({error}); nothing was changed") from error
        except (OSError, SQLAlchemyError) as error:
            raise DatabaseUnusable(f"database {self}: {getattr(error, 'orig', None) or error}") from error
        finally:
            await patient.dispose()


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


# PostgreSQL's INSERT, since SQLite's ON CONFLICT is written the same way and compiled from either.


def upsert(table: Table, values: dict[str, Any], *, on: list[str], update: dict[str, Any]) -> Insert:
    """An INSERT that updates the row which has the same unique key."""
    return insert(table).values(**values).on_conflict_do_update(index_elements=on, set_=update)


def insert_once(table: Table, **values: Any) -> Insert:
    """An INSERT that leaves a row with the same unique key as it is; its rowcount tells which it was."""
    return insert(table).values(**values).on_conflict_do_nothing()


def _engine(
    url: URL, settings: StorageSettings, opened: Callable[..., Any] | None, *, patient: bool = False
) -> AsyncEngine:
    """opened: how on SQLite. patient: for whoever changes the schema, one connection and as long as it takes."""
    # SQL parameters are phone numbers and texts: never in an error, never in a log.
    options: dict[str, Any] = {"hide_parameters": True}
    if patient:
        options |= {"poolclass": NullPool}
    else:
        options |= {"pool_size": settings.connections, "max_overflow": 0, "pool_timeout": settings.connection_within_s}
    if opened is not None:
        engine = create_async_engine(url, connect_args={"async_creator_fn": opened}, **options)
        event.listen(engine.sync_engine, "connect", partial(sqlite.begun, settings.lock_within_s))
        return engine
    session = {"application_name": "rasad", "timezone": "UTC"}
    arguments: dict[str, Any] = {
        "timeout": settings.connect_within_s,
        "server_settings": session,
        "connection_class": _Connection,
    }
    if not patient:
        session["statement_timeout"] = f"{settings.statement_within_s * 1000:.0f}"
        session["lock_timeout"] = f"{settings.lock_within_s * 1000:.0f}"
        # A process that hangs in the middle of a transaction must not keep its rows from the others.
        session["idle_in_transaction_session_timeout"] = f"{settings.statement_within_s * 10_000:.0f}"
        # The server's own limit is first; this one is for a server that says nothing at all.
        arguments["command_timeout"] = settings.statement_within_s + 1
    engine = create_async_engine(url, connect_args=arguments, **options)
    event.listen(engine.sync_engine, "checkout", _still_open)
    return engine


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109  # the driver's own signature
        """With a timeout this is SQLAlchemy's way to leave a connection in which something went wrong: at once, since
        whoever was too slow for a caller would not be quicker to say goodbye."""
        if timeout is not None:
            self.terminate()
        else:
            await super().close()


def _still_open(connection: Any, _: Any, __: Any) -> None:
    """A connection whose server has gone is known by its socket, without asking: the pool makes another."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


@asynccontextmanager
async def _failing_alike() -> AsyncIterator[None]:
    """Whatever is between us and the server is SQLAlchemy's error too: the driver passes on what its socket says."""
    try:
        yield
    except OSError as error:
        raise OperationalError(None, None, error, hide_parameters=True) from error


def _lock(what: str) -> int:
    return zlib.crc32(f"rasad {what}".encode())
