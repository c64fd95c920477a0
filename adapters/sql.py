"""An office's database, read by the SELECTs its file declares.

The number goes to the database as a bind parameter and never as part of the statement. Everything is read-only, rows
and their size are bounded, and a question nobody waits for any more ends in the database too.
"""

import asyncio
import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from time import monotonic
from types import TracebackType
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote
from zoneinfo import ZoneInfo

import jmespath
import msgspec
from pydantic import AfterValidator, Field, field_validator
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from adapters.contract import BackendFailed, BackendGarbage, BackendUnreachable, Lookup, Trace, Traceable, untold
from adapters.mapping import CaseConfig, Expression, Mapper, Strict, Unmapped
from menus.ports import Answer, Ask, Case, Found, Missing, Reference, Several

KEYS = ("exact", "loose", "running", "receipt_code")

END_WITHIN_S = 3.0
"""What a question that was dropped gets to leave the database when we stop; its connection is cut then."""

CONNECT_WITHIN_S = 5.0
"""For a new connection. Of a lookup's time: who is not reached by then will not answer in time either."""

BUSY_S = 1.0
"""How long SQLite waits for somebody who writes. It cannot be called back from this wait."""

PROGRESS_STEPS = 5_000
"""Instructions of SQLite's machine between two looks at whether anybody still waits: well under a millisecond."""

_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$""", re.S)
_WRITES = re.compile(r"\b(insert|update|delete|merge|into)\b", re.I)
_KEY = re.compile(rf"(?<![:\w\\]):({'|'.join(KEYS)})\b")
_CAST = re.compile(r"(?<![:\w\\]):\w+::")  # SQLAlchemy takes it for no parameter at all
_ZONE = ZoneInfo("Asia/Tehran")
_NO_ADDRESS = (
    "no address of a database we can read; sqlite+aiosqlite:////folder/file.db or"
    " postgresql+asyncpg://user:${PASSWORD}@host/name was expected"
)
_LOST = re.compile(r"08...|57P0[123]|53300")
"""PostgreSQL appendix A: connection exceptions, shutdown, crash, cannot connect now, too many connections."""
_NOT_THERE = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_PROTOCOL"})


def _only_reads(select: str) -> str:
    """The statement without its semicolon. The database is told to refuse writing too; this says so in the file."""
    plain = _QUOTED.sub(" ", select).strip()
    if ";" in plain.rstrip("; \n\t"):
        raise ValueError("one statement was expected, and a ; stands inside it")
    if not re.match(r"[\s(]*(select|with)\b", plain, re.I):
        raise ValueError("a SELECT was expected (or WITH ... SELECT)")
    if found := _WRITES.search(plain):
        raise ValueError(f'{found[0].upper()} would write; a column of that name is written in "double quotes"')
    return select.strip().rstrip("; \n\t")


@cache
def binds_of(select: str) -> tuple[str, ...]:
    """The names of its bind parameters."""
    return tuple(text(select).compile().params)


Select = Annotated[str, AfterValidator(_only_reads)]


class Try(Strict):
    """One SELECT. What it takes of the number (:exact, :loose, :running or :receipt_code) says when it is made: only
    where the number has that form. What :receipt_code finds is proved to be the caller's."""

    select: Select
    echo: Expression | None = None
    """Where the number that was asked for is in a row, when it is not `fields.number` (the sender's own number)."""

    @field_validator("select")
    @classmethod
    def _asks_for_a_number(cls, select: str) -> str:
        binds = binds_of(select)
        if _CAST.search(_QUOTED.sub(" ", select)):
            raise ValueError("a cast of a parameter is written CAST(:exact AS ...)")
        if strange := [name for name in binds if name not in KEYS]:
            raise ValueError(
                f":{strange[0]} is none of :{', :'.join(KEYS)}; a colon that is none of a parameter is written \\:"
            )
        if not binds:
            raise ValueError(f"it does not ask for a number; one of :{', :'.join(KEYS)} was expected")
        if "receipt_code" in binds and len(binds) > 1:
            raise ValueError(":receipt_code proves whose case it is, so it stands alone")
        return select

    @property
    def keys(self) -> tuple[str, ...]:
        return binds_of(self.select)

    def asks(self, asked: Reference) -> tuple[str, ...]:
        """What it would ask for this number; equal for two tries that would be the very same question."""
        values = tuple(getattr(asked, key) or "" for key in _KEY.findall(self.select))
        return (_KEY.sub(":", self.select), *values)


class SqlConfig(CaseConfig):
    """One file of config/backends/ with `kind: sql`."""

    kind: Literal["sql"]
    url: str = Field(repr=False)
    """SQLAlchemy's address of the database, with an asyncio driver. SQLite files are opened read-only."""
    tries: list[Try] = Field(min_length=1)
    """SELECTs in order until one finds something; the very same question in another form is not asked again."""
    steps_select: Select | None = None
    """The desks of one case that was found, each row a step: its parameters are columns of the case's row, or :number.
    `steps.each` finds these rows under the name `steps`."""
    pool_size: int = Field(default=4, gt=0, le=100)
    """Connections at once; a question waits for one within its own time."""
    max_rows: int = Field(default=25, gt=0, le=1000)
    """Rows of one answer that are read. Nobody picks from more on a phone."""
    max_row_octets: int = Field(default=65_536, gt=0)
    """A longer row is refused."""

    @field_validator("url")
    @classmethod
    def _asynchronous(cls, url: str) -> str:
        try:
            parsed = make_url(url)
            create_async_engine(parsed)
        except ImportError as error:
            raise ValueError(f"its driver {error.name} is not installed") from None
        except (SQLAlchemyError, ValueError):
            raise ValueError(_NO_ADDRESS) from None
        if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
            raise ValueError(_NO_ADDRESS)
        return url


class _Question:
    """A question on its way. SQLite asks it now and then whether to go on: its thread cannot be cancelled."""

    def __init__(self, until: float) -> None:
        self.until = until

    def drop(self) -> None:
        self.until = 0.0

    def over(self) -> bool:
        return monotonic() > self.until


class Sql:
    """SELECTs in one office's database."""

    def __init__(self, config: SqlConfig, unmapped: Unmapped = lambda _: None, *, trace: Trace = untold) -> None:
        self._config, self._unmapped, self._trace = config, unmapped, trace
        self._mapper = Mapper(config, unmapped, trace)
        self._number = jmespath.compile(config.fields.number)
        self._engine: AsyncEngine | None = None
        self._asking: dict[asyncio.Task[Answer], _Question] = {}

    def traced(self, trace: Trace) -> "Sql":
        return Sql(self._config, self._unmapped, trace=trace)

    async def __aenter__(self) -> Self:
        self._engine = _engine(self._config)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for asking, question in self._asking.items():
            question.drop()
            if (
                not asking.cancelling()
            ):  # one that leaves already would leave its driver's thread behind, and we wait on it
                asking.cancel()
        if self._asking:
            await asyncio.wait(self._asking, timeout=END_WITHIN_S)
        if self._engine is not None:
            await self._engine.dispose()

    async def look_up(self, ask: Ask) -> Answer:
        if ask.reference is None:
            raise BackendGarbage("the menu asked without a number")
        question = _Question(until=monotonic() + self._config.deadline_s)
        # In a task of its own: leaving a database that no longer answers takes a while, and the caller has none left.
        asking = asyncio.create_task(self._answer(ask.reference, question))
        self._asking[asking] = question
        asking.add_done_callback(self._done)
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            question.drop()
            asking.cancel()
            raise

    def _done(self, asking: asyncio.Task[Answer]) -> None:
        self._asking.pop(asking, None)
        if not asking.cancelled():
            asking.exception()  # looked at: nobody waits for a dropped question's failure

    async def _answer(self, asked: Reference, question: _Question) -> Answer:
        assert self._engine is not None, "enter the backend before asking it"
        reached = False
        if self._trace is not untold:  # without user and password, and without options, which may have one too
            url = make_url(self._config.url)
            plain = URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
            self._trace("request", plain.render_as_string())
        try:
            await _there(self._config)
            async with self._engine.connect() as connection:
                reached = True
                await self._begin(connection, question)
                return await self._tried(connection, asked)
        except BackendFailed as failure:
            self._trace("fault", f"{type(failure).__name__}: {failure}")
            raise
        except Exception as error:  # drivers have errors of their own beside SQLAlchemy's
            self._trace("fault", f"{type(error).__name__}: {error.orig if isinstance(error, DBAPIError) else error}")
            raise _failure(error, reached=reached) from None

    async def _begin(self, connection: AsyncConnection, question: _Question) -> None:
        if connection.dialect.name == "postgresql":
            # For this transaction alone, so that a pooler in between hands nothing on to others.
            await connection.execution_options(postgresql_readonly=True)
            limit_ms = round((self._config.deadline_s + 1) * 1000)
            await connection.execute(text(f"SET LOCAL statement_timeout = {limit_ms}"))
        elif connection.dialect.name == "sqlite":
            driver = (await connection.get_raw_connection()).driver_connection
            await driver.set_progress_handler(question.over, PROGRESS_STEPS)  # type: ignore[union-attr]  # connected
            await connection.execute(text("PRAGMA query_only = ON"))

    async def _tried(self, connection: AsyncConnection, asked: Reference) -> Answer:
        secret: Answer = Missing()
        for attempt in self._attempts(asked):
            keys = attempt.keys
            rows = await self._rows(connection, attempt.select, {key: getattr(asked, key) for key in keys})
            if self._config.steps_select is not None:
                rows = [{**row, "steps": []} for row in rows]
            cases = self._mapper.cases(
                rows, asked, echo=attempt.echo, by_running="running" in keys, proven="receipt_code" in keys
            )
            if cases and all(case.secret for case in cases):
                # Asked on like for a missing one, so that it takes as long.
                secret = Found(cases[0])
            elif cases:
                cases = [
                    case if case.secret else await self._with_steps(connection, case, row)
                    for case, row in zip(cases, rows, strict=True)
                ]
                return Found(cases[0]) if len(cases) == 1 else Several(tuple(cases))
        return secret

    def _attempts(self, asked: Reference) -> Iterator[Try]:
        """The tries, without those this number has no form for, and without the very same question again."""
        made: set[tuple[str, ...]] = set()
        for attempt in self._config.tries:
            question = attempt.asks(asked)
            if "" not in question[1:] and question not in made:
                made.add(question)
                yield attempt

    async def _with_steps(self, connection: AsyncConnection, case: Case, row: Mapping[str, Any]) -> Case:
        select = self._config.steps_select
        if select is None:
            return case
        known = {"number": self._number.search(row), **row}
        names = binds_of(select)
        if strange := [name for name in names if name not in known]:
            raise BackendGarbage(f"steps_select takes :{strange[0]}, and the row of the case has no such column")
        values = {name: known[name] for name in names}
        steps = await self._rows(connection, select, values)
        return msgspec.structs.replace(case, steps=self._mapper.steps({**row, "steps": steps}))

    async def _rows(self, connection: AsyncConnection, select: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        if self._trace is not untold:
            self._trace("request", "\n".join([select, *(f":{name} = {value!r}" for name, value in values.items())]))
        async with connection.stream(text(select), values) as result:
            rows = [dict(row) for row in await result.mappings().fetchmany(self._config.max_rows)]
        for row in rows:
            octets = sum(len(value.encode()) if isinstance(value, str) else 8 for value in row.values())
            if octets > self._config.max_row_octets:
                raise BackendGarbage(f"a row of more than {self._config.max_row_octets} octets")
        if self._trace is not untold:
            self._trace("answer", f"{len(rows)} {'row' if len(rows) == 1 else 'rows'}")
            for row in rows:
                self._trace("answer", json.dumps(row, ensure_ascii=False, default=str))
        return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    """A value of a database as the mapper knows values; a moment is its day in Iran."""
    match value:
        case bool() | int() | str() | None:
            return value
        case float() | Decimal():
            return int(value) if value == value // 1 else str(value)
        case datetime():
            return (value.astimezone(_ZONE) if value.tzinfo else value).date()
        case date():
            return value
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict():
            return {str(name): _plain(each) for name, each in value.items()}
        case bytes() | memoryview():
            return None
        case _:
            return str(value)


def _engine(config: SqlConfig) -> AsyncEngine:
    url, arguments = make_url(config.url), dict[str, Any]()
    backend = url.get_backend_name()
    if backend == "sqlite":
        # Opened plainly, a file that is not there would be made, and found empty ever after.
        name = str(url.database)
        name = name if name.startswith("file:") else f"file:{quote(name)}"
        url = url.set(database=name, query={**url.query, "mode": "ro", "uri": "true"})
        arguments = {"timeout": BUSY_S}
    elif url.get_driver_name() == "asyncpg":
        # Without a cache of statements a view may be replaced under us, and a pooler may stand between.
        arguments = {
            "timeout": min(CONNECT_WITHIN_S, config.deadline_s),
            "command_timeout": config.deadline_s + 2,
            "statement_cache_size": 0,
            "prepared_statement_cache_size": 0,
        }
    return create_async_engine(
        url,
        connect_args=arguments,
        hide_parameters=True,
        max_overflow=0,
        pool_pre_ping=True,
        pool_size=config.pool_size,
        pool_timeout=config.deadline_s + 1,
        poolclass=AsyncAdaptedQueuePool,
    )


async def _there(config: SqlConfig) -> None:
    """Raises BackendUnreachable for a file of SQLite that cannot be opened. Its driver would say so too, and then once
    more from its thread, to a loop that may have ended."""
    url = make_url(config.url)
    name = str(url.database)
    a_file = url.get_backend_name() == "sqlite" and not name.startswith("file:")
    if a_file and not await asyncio.to_thread(os.access, name, os.R_OK):
        raise BackendUnreachable("no connection: SQLITE_CANTOPEN")


def _failure(error: Exception, *, reached: bool) -> BackendFailed:
    """Named by the database's own code, which says what to mend and quotes nothing."""
    origin = error.orig if isinstance(error, DBAPIError) and error.orig else error
    causes = [each for each in (origin, origin.__cause__) if each is not None]
    codes = [getattr(each, name, None) for each in causes for name in ("sqlstate", "sqlite_errorname")]
    code = next((str(each) for each in codes if each), type(origin).__name__)
    invalid = isinstance(error, DBAPIError) and error.connection_invalidated
    lost = _LOST.fullmatch(code) or code in _NOT_THERE or any(isinstance(each, OSError) for each in causes)
    if not reached or invalid or lost:
        return BackendUnreachable(f"no connection: {code}")
    return BackendGarbage(f"the database refuses the question: {code}")


_: type[Lookup] = Sql
_traceable: type[Traceable] = Sql
