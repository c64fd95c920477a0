"""A register that an office keeps in a spreadsheet: the newest CSV or XLSX file in a folder, read as a whole.

Every answer says of which day it is. A new file is taken once nobody writes it any more; rows that are no letter go
into a report beside it, and a file that cannot be read leaves the one before it serving.
"""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from adapters.contract import (
    BackendBusy,
    BackendGarbage,
    BackendUnreachable,
    FileRefused,
    Fillable,
    Lookup,
    News,
    Taken,
    Trace,
    Traceable,
    Watched,
    untold,
)
from adapters.mapping import CaseConfig, Expression, Mapper, Strict, Unmapped
from adapters.register_file import REPORT, Book, Interrupted, Loader, form, report, uploaded
from adapters.spreadsheet import Bounds, Unreadable
from menus.ports import Answer, Ask, Found, Missing, Several, fold

MAX_FOUND = 25
"""Rows of one number that are shown. Nobody picks from more on a phone."""

MAX_SHOWN_BAD = 10
"""Rows that are not served, to whoever connects a register; all of them stand in the report beside the file."""

STOP_WITHIN_S = 1.0

_ZONE = ZoneInfo("Asia/Tehran")

Key = Literal["exact", "loose", "running", "receipt_code"]


class Try(Strict):
    """One way to find rows. With receipt_code, what is found is proved to be the caller's."""

    key: Key
    column: Expression | None = None
    """Where that number is in a row, when it is not `fields.number` (a receipt code, the sender's own number)."""


class AsOf(Strict):
    """Where the day of the register stands, when it is not that of the file: a cell no further down than the header,
    or a column of which the newest date counts."""

    cell: str | None = Field(default=None, pattern=r"^[A-Z]{1,2}[1-9][0-9]?$")
    column: Expression | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.cell is None) == (self.column is None):
            raise ValueError("one of cell and column was expected")
        return self


class RegisterConfig(CaseConfig):
    """One file of config/backends/ with `kind: register`. Its expressions speak of columns by their names."""

    kind: Literal["register"]
    folder: Path
    file: str = Field(default="*", min_length=1, pattern=r"^[^/\\]+$")
    """Which files of the folder: `letters-*.xlsx`. The newest one that can be read counts."""
    sheet: str | None = None
    """XLSX: which sheet. Without it the first."""
    encoding: Literal["utf-8", "cp1256", "utf-16", "utf-16-le", "utf-16-be"] | None = None
    """CSV: without it found by itself."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """CSV: without it the one of `,` `;` tab `|` that shows our columns."""
    tries: list[Try] = Field(default=[Try(key="exact"), Try(key="loose")], min_length=1)
    """In order, until one finds something."""
    as_of: AsOf | None = None
    """The day of the register; without it the day the file was written."""
    stale_after_days: int = Field(default=7, gt=0)
    """An older register is told to the operators, once a day."""
    poll_s: float = Field(default=5.0, gt=0)
    """How often the folder is looked at. A folder of another machine has no other way to say that it changed."""
    still_s: float = Field(default=2.0, gt=0)
    """How long size and time of a file must stay the same before it is read: it may still be being copied."""
    max_octets: int = Field(default=33_554_432, gt=0)
    max_unpacked_octets: int = Field(default=536_870_912, gt=0)
    max_rows: int = Field(default=250_000, gt=0)
    max_columns: int = Field(default=256, gt=0)
    max_cells: int = Field(default=8_000_000, gt=0)
    """All of a row's cells are in memory while a file is read: a hundred octets each or so."""


@dataclass(frozen=True, slots=True)
class _Version:
    """A file as it was: another size or time is another file."""

    path: Path
    octets: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class _Upload:
    octets: bytes
    at: int
    done: asyncio.Future[Taken]


class Register:
    """The newest file of a folder, held in memory, found by number at once."""

    def __init__(self, config: RegisterConfig, unmapped: Unmapped = lambda _: None, *, trace: Trace = untold) -> None:
        self._config, self._trace = config, trace
        # Not `unmapped`: what has no meaning is reported row by row, beside the file.
        self._mapper = Mapper(config, trace=trace)
        as_of = config.as_of or AsOf.model_construct()
        self._loader = Loader(
            config,
            ways=config.tries,
            bounds=Bounds(
                config.max_octets, config.max_unpacked_octets, config.max_rows, config.max_columns, config.max_cells
            ),
            encoding=config.encoding,
            delimiter=config.delimiter,
            sheet=config.sheet,
            as_of_cell=as_of.cell,
            as_of_column=as_of.column,
        )
        self._news: News = lambda level, event, facts: None
        self._today: Callable[[], date] | None = None
        self._book: Book | None = None
        self._looked = asyncio.Event()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._upload: _Upload | None = None
        self._ended = asyncio.Event()
        # Of the thread that looks at the folder, from here on.
        self._taken: _Version | None = None
        self._since: Mapping[_Version, float] = {}
        self._refused: frozenset[_Version] = frozenset()
        self._last_news: tuple[object, ...] = ()
        self._told_stale: tuple[date, date] | None = None

    def traced(self, trace: Trace) -> "Register":
        return Register(self._config, trace=trace)

    def tells(self, news: News, today: Callable[[], date]) -> None:
        """Called with what happens to the files, in the loop; today tells their age."""
        self._news, self._today = news, today

    async def __aenter__(self) -> Self:
        # A thread of our own, and one that ends with the process: a folder on a dead file server answers nobody, and
        # must not stop us from stopping.
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._follow, args=(loop,), name="register", daemon=True).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._ended.wait()

    @property
    def max_octets(self) -> int:
        return self._config.max_octets

    async def take(self, octets: bytes, at: int) -> Taken:
        """Done by the thread that looks at the folder, so that a file is read by one at a time."""
        if self._upload is not None:
            raise BackendBusy("another file is being read")
        upload = self._upload = _Upload(octets, at, asyncio.get_running_loop().create_future())
        try:
            if self._stop.is_set():
                raise BackendUnreachable("we are stopping")
            self._wake.set()
            return await upload.done
        finally:
            self._upload = None

    async def look_up(self, ask: Ask) -> Answer:
        asked = ask.reference
        if asked is None:
            raise BackendGarbage("the menu asked without a number")
        await self._looked.wait()  # after a start; a large file takes seconds
        book = self._book
        if book is None:
            self._trace("fault", f"no file {self._config.file} of {self._config.folder} can be read")
            raise BackendUnreachable("no file of this register could be read yet")
        secret: Answer = Missing()
        for way, attempt in enumerate(self._config.tries):
            value = form(asked, attempt.key)
            records = book.records(way, value, MAX_FOUND) if value else []
            if self._trace is not untold and value:
                self._show(book, way, value, attempt)
            cases = self._mapper.cases(
                records,
                asked,
                echo=attempt.column,
                by_running=attempt.key == "running",
                proven=attempt.key == "receipt_code",
            )
            if cases and all(case.secret for case in cases):
                secret = Found(cases[0], book.as_of)
            elif cases:
                return Found(cases[0], book.as_of) if len(cases) == 1 else Several(tuple(cases), book.as_of)
        return secret

    def _show(self, book: Book, way: int, value: str, attempt: Try) -> None:
        """One look into the register, for whoever connects it: the file, the rows, and what is not served."""
        path = self._taken.path if self._taken else self._config.folder
        self._trace("request", f"{path}: {attempt.key} = {value!r}, in {attempt.column or self._config.fields.number}")
        self._trace("answer", f"{len(book.rows)} good rows as of {book.as_of}, {len(book.bad)} bad")
        for place, record in zip(book.found[way].get(value, ()), book.records(way, value, MAX_FOUND), strict=False):
            named = {name: each for name, each in record.items() if not name.startswith("\0") and each is not None}
            self._trace("answer", f"row {book.places[place]}: {json.dumps(named, ensure_ascii=False, default=str)}")
        for bad in book.bad[:MAX_SHOWN_BAD]:
            self._trace(
                "answer", f"not served, row {bad.place}: {bad.reason.value[0]}" + (bad.value and f" {bad.value!r}")
            )

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError, Interrupted):  # the loop is closed
            while not self._stop.is_set():
                settled = self._look(loop)
                if settled or self._book is not None:
                    loop.call_soon_threadsafe(self._looked.set)
                self._watch_age(loop)
                if self._wake.wait(self._config.poll_s if settled else min(self._config.poll_s, self._config.still_s)):
                    self._wake.clear()
                    self._receive(loop)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._ended.set)
            loop.call_soon_threadsafe(self._give_up)

    def _give_up(self) -> None:
        if self._upload is not None and not self._upload.done.done():
            self._upload.done.set_exception(BackendUnreachable("we are stopping"))

    def _receive(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the file that was handed to us, if there is one."""
        upload = self._upload
        if upload is None or upload.done.done() or self._stop.is_set():
            return

        def tell(taken: Taken | Exception) -> None:
            if upload.done.done():  # nobody waits any more
                return
            if isinstance(taken, Taken):
                upload.done.set_result(taken)
            else:
                upload.done.set_exception(taken)

        try:
            version, book = self._stored(upload)
        except (FileRefused, BackendUnreachable) as error:
            loop.call_soon_threadsafe(tell, error)
            return
        self._serve(loop, version, book)
        bad = tuple(each.told() for each in book.bad)
        loop.call_soon_threadsafe(tell, Taken(version.path.name, book.as_of, len(book.rows), bad))
        loop.call_soon_threadsafe(self._looked.set)

    def _stored(self, upload: _Upload) -> tuple[_Version, Book]:
        """The file as one of the folder, checked before it stands there. Its time is when it was signed: an older one,
        or the same again, is told by it, also after a restart."""
        name = uploaded(self._config.file, upload.octets)
        if name is None:
            raise FileRefused(f"a file of this kind cannot have a name that fits `file: {self._config.file}`")
        path = self._config.folder / name
        new = path.with_name(f".{name}.new")
        try:
            if not upload.octets.strip():
                raise FileRefused("the file is empty")
            if any(each.changed_ns >= upload.at * 10**9 for each in self._files() if each not in self._refused):
                raise FileRefused("this file, or one that is newer, is here already")
            with new.open("wb") as file:
                file.write(upload.octets)
                file.flush()
                os.fsync(file.fileno())
            os.utime(new, (upload.at, upload.at))
            book = self._loader.load(new, self._day(upload.at), lambda: not self._stop.is_set())
            if not book.rows:
                raise FileRefused("no good row", tuple(each.told() for each in book.bad))
            # A day that is still to come is a slip, and must not keep out what mends it.
            if self._book is not None and book.as_of < min(self._book.as_of, self._day(upload.at)):
                raise FileRefused(f"it is of {book.as_of}, and one of {self._book.as_of} is served")
            os.replace(new, path)
            self._without_the_other(path)
            _kept(path.parent)
            found = path.stat()
        except (Unreadable, ValueError) as error:
            raise FileRefused(str(error) if isinstance(error, Unreadable) else type(error).__name__) from None
        except OSError as error:
            raise BackendUnreachable(f"the register's folder cannot be written: {type(error).__name__}") from None
        finally:
            with suppress(OSError):
                new.unlink(missing_ok=True)
        return _Version(path, found.st_size, found.st_mtime_ns), book

    def _without_the_other(self, path: Path) -> None:
        """What was sent before in the other format goes: it would be served again if this one went."""
        for octets in (b"PK", b""):
            name = uploaded(self._config.file, octets)
            if name is not None and name != path.name:
                path.with_name(name).unlink(missing_ok=True)

    @staticmethod
    def _day(seconds: float) -> date:
        return datetime.fromtimestamp(seconds, _ZONE).date()

    def _look(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Take the newest file that is still and can be read; False while one of them may still be being written."""
        try:
            files = sorted(self._files(), key=lambda each: (each.changed_ns, each.path.name), reverse=True)
        except OSError as error:
            self._tell(loop, "warning", "register_folder_unreadable", {"reason": type(error).__name__})
            return True
        now = monotonic()
        self._since = {each: self._since.get(each, now) for each in files}
        self._refused &= frozenset(files)
        settled = True
        for version in files:
            if version == self._taken:
                return settled
            if version in self._refused:
                continue
            if now - self._since[version] < self._config.still_s:
                settled = False
            elif self._take(loop, version):
                return settled
        if not files:
            self._tell(loop, "warning", "register_without_file", {"pattern": self._config.file})
        return settled

    def _files(self) -> Iterator[_Version]:
        pattern = fold(self._config.file)
        for path in self._config.folder.iterdir():
            name = path.name
            if name.startswith((".", "~$")) or name.endswith(REPORT) or not fnmatchcase(fold(name), pattern):
                continue
            with suppress(FileNotFoundError):
                found = path.stat()
                if path.is_file():
                    yield _Version(path, found.st_size, found.st_mtime_ns)

    def _take(self, loop: asyncio.AbstractEventLoop, version: _Version) -> bool:
        path = version.path
        try:
            book = self._loader.load(path, self._day(version.changed_ns / 1e9), lambda: not self._stop.is_set())
            if version != next((each for each in self._files() if each.path == path), None):
                return False  # written again under our hands; the next look sees the new one
        except (Unreadable, OSError, ValueError) as error:
            reason = str(error) if isinstance(error, Unreadable) else type(error).__name__
            self._refused |= {version}
            self._tell(loop, "warning", "register_file_refused", {"file": path.name, "reason": reason})
            return False
        return self._serve(loop, version, book)

    def _serve(self, loop: asyncio.AbstractEventLoop, version: _Version, book: Book) -> bool:
        """From now on, unless there is nothing in it."""
        path = version.path
        facts = {"file": path.name, "as_of": book.as_of.isoformat(), "rows": len(book.rows), "bad": len(book.bad)}
        try:
            said = report(path, book.bad)
        except OSError as error:
            self._tell(
                loop, "warning", "register_report_not_written", {"file": path.name, "reason": type(error).__name__}
            )
        else:
            facts |= {"report": said.name} if said else {}
        if not book.rows:
            self._refused |= {version}
            self._tell(loop, "warning", "register_file_refused", {**facts, "reason": "no good row"})
            return False
        self._taken = version
        self._book = book
        self._tell(loop, "warning" if book.bad else "info", "register_taken", facts)
        return True

    def _watch_age(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._book is None or self._today is None:
            return
        today, as_of = self._today(), self._book.as_of
        days = (today - as_of).days
        if days > self._config.stale_after_days and self._told_stale != (today, as_of):
            self._told_stale = (today, as_of)
            self._tell(loop, "warning", "register_stale", {"as_of": as_of.isoformat(), "days": days})

    def _tell(
        self,
        loop: asyncio.AbstractEventLoop,
        level: Literal["info", "warning"],
        event: str,
        facts: Mapping[str, object],
    ) -> None:
        """Once: what holds on is looked at every few seconds."""
        news = (event, *facts.values())
        if news != self._last_news:
            self._last_news = news
            loop.call_soon_threadsafe(self._news, level, event, facts)


def _kept(folder: Path) -> None:
    """What was renamed in this folder outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_: type[Lookup] = Register
__: type[Watched] = Register
___: type[Traceable] = Register
____: type[Fillable] = Register
