"""A folder of ECE letters (protocols.md G6), kept as an index in memory and asked like an office.

A letter is one however often it stands there: files with the same organisations, number and day, or with the same
number and GUID, are versions of it, and the newest counts: by the letter's own date and time, then by the file's. A
version older than one that was shown is never shown again while we run, whatever becomes of the newer file: it may
have been made confidential in between. A GUID that several numbers have is its vendor's, and names no letter.
"""

import asyncio
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from zoneinfo import ZoneInfo

import msgspec
from pydantic import Field

from adapters import ece_letter, xml
from adapters.contract import (
    BackendFailed,
    BackendGarbage,
    BackendUnreachable,
    Lookup,
    News,
    Trace,
    Traceable,
    Watched,
    untold,
)
from adapters.ece_letter import Letter
from adapters.folder import File, Folder
from adapters.mapping import CaseConfig, Fields, Mapper, Meant, Unmapped
from menus.ports import Answer, Ask, Case, Found, Missing, Reference, Several, State

BATCH = 200
"""Files read in one go: the thread gives the others their turn in between, and stops when we stop."""

_TEHRAN = ZoneInfo("Asia/Tehran")


class EceConfig(CaseConfig):
    """One file of config/backends/ with `kind: ece`."""

    kind: Literal["ece"]
    folder: str = Field(min_length=1)
    """Where the secretariat's system puts its files. May be read-only."""
    state: Meant = State.REGISTERED
    """What it means that a letter's file is here: the file itself does not say."""
    answers_from_related: bool = False
    """A later letter from the receiver that names this one in RelatedLetters is its answer. Off: vendors differ."""
    fresh_for_days: int = Field(default=7, ge=0)
    """When the newest file is older, answers carry its day. 7: a quiet week is quiet; more is a link that is down."""
    refresh_s: float = Field(default=5.0, gt=0)
    """Seconds between two looks at the folder; a new file is taken after the second that sees it unchanged."""
    aside_after_s: float = Field(default=60.0, ge=0)
    """How long a file must have been unusable before it is moved to aside/."""
    suffixes: list[str] = Field(default=[".xml", ".ece"], min_length=1)
    """Names of letters end so; others are not looked at (a writer's temporary names)."""
    max_file_octets: int = Field(default=16_777_216, gt=0)
    """A letter with its attachments; a larger file is not opened."""
    max_files: int = Field(default=20_000, gt=0)
    """The newest are read; one takes about 4 KB of memory, and half a millisecond once."""
    namespaces: list[str] = Field(default=[ece_letter.NAMESPACE], min_length=1)
    fields: Fields = Fields(
        number="number", state="state", organisation="organisation", year="year", desk="desk", changed_on="date",
        secrecy="secrecy", subject="subject", sender="sender",
    )  # fmt: skip
    states: dict[str, Meant] = Field(default={str(state): state for state in State})
    calendar: Literal["gregorian"] = "gregorian"
    """Of the record's `date`; both calendars are read in the files."""


@dataclass(frozen=True, slots=True)
class _Entry:
    letter: Letter
    case: Case


Version = tuple[str, int, str]
"""Letter's date and time, file's time, file's name: what is greater is newer."""


@dataclass(frozen=True, slots=True)
class _Index:
    """The letters under each key; day: of the newest file."""

    exact: Mapping[str, list[Case]] = field(default_factory=dict)
    loose: Mapping[str, list[Case]] = field(default_factory=dict)
    related: Mapping[str, list[Case]] = field(default_factory=dict)
    running: Mapping[str, list[Case]] = field(default_factory=dict)
    day: date | None = None

    def under(self, asked: Reference) -> Iterator[list[Case]]:
        """What stands under each form of a number, the surest first."""
        for cases, key in (
            (self.exact, asked.exact), (self.loose, asked.loose), (self.related, asked.exact),
            (self.running, asked.running),
        ):  # fmt: skip
            if key and key in cases:
                yield cases[key]


def _today() -> date:
    """The wall clock of this machine, since it is files' times that are compared with it."""
    return datetime.now(_TEHRAN).date()  # noqa: TID251  # see above


class Ece:
    """Answers from memory; a task follows the folder."""

    def __init__(
        self,
        config: EceConfig,
        unmapped: Unmapped = lambda _: None,
        today: Callable[[], date] = _today,
        *,
        trace: Trace = untold,
    ) -> None:
        self._config, self._unmapped, self._trace = config, unmapped, trace
        self._mapper = Mapper(config, unmapped)
        self._today = today
        self._news: News = lambda level, event, facts: None
        self._unusable: list[str] = []
        self._limits = xml.Limits(config.max_file_octets, max_depth=32, max_nodes=10_000)
        self._folder = Folder(
            Path(config.folder),
            self._entry,
            self._tell,
            suffixes=config.suffixes,
            max_file_octets=config.max_file_octets,
            max_files=config.max_files,
            aside_after_s=config.aside_after_s,
            monotonic=time.monotonic,
        )
        self._index = _Index()
        self._shown: dict[tuple[str, ...], Version] = {}
        self._readable = False
        self._looked = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    def traced(self, trace: Trace) -> "Ece":
        return Ece(self._config, self._unmapped, self._today, trace=trace)

    def tells(self, news: News, today: Callable[[], date]) -> None:
        """Called with what happens to the folder and its files, in the loop."""
        self._news = news

    @property
    def bad(self) -> dict[str, str]:
        """Files that cannot be used and stay in the folder, by name, with the reason."""
        return self._folder.bad

    async def __aenter__(self) -> Self:
        self._following = asyncio.create_task(self._follow())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following

    async def look_up(self, ask: Ask) -> Answer:
        """Waits for the first look at the folder. What is not there while the folder cannot be read is not missing."""
        asked = ask.reference
        if asked is None:
            raise BackendGarbage("the menu asked without a number")
        await self._looked.wait()
        if self._trace is not untold:
            self._show(asked)
        index, readable = self._index, self._readable and self._following is not None and not self._following.done()
        stale = index.day is not None and (self._today() - index.day).days > self._config.fresh_for_days
        as_of = index.day if stale or not readable else None
        secret: Case | None = None
        for cases in index.under(asked):
            if not all(case.secret for case in cases):
                return Found(cases[0], as_of=as_of) if len(cases) == 1 else Several(tuple(cases), as_of=as_of)
            secret = secret or cases[0]
        if not readable:  # a secret letter too: it must look like a missing one
            self._trace("fault", f"{self._config.folder} cannot be read")
            raise BackendUnreachable("its folder cannot be read")
        if not self._folder.files:
            self._trace("fault", why := self._no_letter())
            raise BackendUnreachable(why)
        if secret is None and self.bad:
            unused = "; ".join(f"{name}: {reason}" for name, reason in sorted(self.bad.items()))
            self._trace("fault", f"perhaps in a file that is not used: {unused}")
        return Found(secret, as_of=as_of) if secret else Missing()

    def _no_letter(self) -> str:
        """Why nothing is known, though the folder can be read."""
        if bad := self.bad:
            return f"no letter in its folder: {len(bad)} files cannot be used, one of them: {next(iter(bad.values()))}"
        return f"no letter in its folder: no file there ends in {' or '.join(self._config.suffixes)}"

    async def _follow(self) -> None:
        """Look at the folder until cancelled. The second look, the first that can see what is still, comes soon."""
        looks, changed = 0, False
        try:
            while True:
                waiting = 0
                try:
                    new, waiting = await asyncio.to_thread(self._folder.look, BATCH)
                    changed |= new
                    while self._unusable:
                        self._news("warning", "letter_file_unusable", {"reason": self._unusable.pop(0)})
                    if changed and not waiting:
                        self._index = await asyncio.to_thread(self._indexed, self._folder.files)
                        changed = False
                    self._readable = True
                except OSError as error:
                    if self._readable or not looks:
                        self._news("warning", "folder_unreadable", {"reason": error.strerror})
                    self._readable = False
                looks += 1
                if not waiting and (looks > 1 or not self._readable):
                    self._looked.set()
                await asyncio.sleep(0 if waiting else min(self._config.refresh_s, 1.0 if looks == 1 else math.inf))
        finally:
            self._looked.set()  # whoever waits hears that nothing is read any more

    def _show(self, asked: Reference) -> None:
        """One look into the folder, for whoever connects it: the files that speak of this number, and what they say."""
        self._trace("request", f"{self._config.folder}: {asked.exact}, in any order, named as related, {asked.running}")
        files, bad = self._folder.files, self.bad
        self._trace("answer", f"{len(files)} letters" + "".join(f"; {name}: {bad[name]}" for name in sorted(bad)))
        about = [file for file in files if asked.loose == file.said.letter.number.loose]
        related = [file for file in files if asked.exact in file.said.letter.related]
        running = [file for file in files if asked.running == file.said.letter.number.running]
        told = sorted({file.name: file for file in (about + related) or running}.values(), key=lambda file: file.name)
        for file in told:
            self._trace("answer", f"{file.name}: {json.dumps(file.said.letter.record['letter'], ensure_ascii=False)}")
        for file in told:
            self._trace("record", "")
            self._trace("field", f"file: {file.name}")
            Mapper(self._config, trace=self._trace).cases([file.said.letter.record], None)
        for case in next(self._index.under(asked), []):
            if case.answer_number:
                self._trace("field", f"state: its answer {case.answer_number} is here -> {case.state}")

    def _tell(self, reason: str) -> None:
        """In the thread that looks; told in the loop."""
        self._unusable.append(reason)

    def _entry(self, octets: bytes) -> _Entry:
        letter = ece_letter.read(octets, self._limits, self._config.namespaces)
        record = {**letter.record, "state": str(self._config.state)}
        try:
            case = self._mapper.cases([record], None)[0]
        except BackendFailed:
            raise ValueError("it does not fit the fields of its backend file") from None
        # The case is all that is kept of it, where nobody wants to see more.
        return _Entry(replace(letter, record=record if self._trace is not untold else {}), case)

    def _indexed(self, files: list[File[_Entry]]) -> _Index:
        entries = list(self._newest(files))
        cases = _answered(entries) if self._config.answers_from_related else {}
        exact: dict[str, list[Case]] = {}
        loose: dict[str, list[Case]] = {}
        related: dict[str, list[Case]] = {}
        running: dict[str, list[Case]] = {}
        for entry in entries:
            case = cases.get(id(entry), entry.case)
            number = entry.letter.number
            exact.setdefault(number.exact, []).append(case)
            loose.setdefault(number.loose, []).append(case)
            running.setdefault(number.running, []).append(case)
            for other in entry.letter.related:
                related.setdefault(other, []).append(case)
        return _Index(exact, loose, related, running, _day(max((file.mtime_ns for file in files), default=None)))

    def _newest(self, files: list[File[_Entry]]) -> Iterator[_Entry]:
        """One version of each letter, none older than what was shown."""

        def version(file: File[_Entry]) -> Version:
            return (file.said.letter.written, file.mtime_ns, file.name)

        numbers: dict[str, set[str]] = {}
        for file in files:
            numbers.setdefault(file.said.letter.guid, set()).add(file.said.letter.number.exact)
        for file in sorted(files, key=version, reverse=True):
            letter, newer = file.said.letter, version(file)
            names: list[tuple[str, ...]] = [
                ("day", letter.sender, letter.receiver, letter.number.exact, letter.written[:10])
            ]
            if letter.guid and len(numbers[letter.guid]) == 1:
                names.append(("guid", letter.guid, letter.number.exact))
            known = max((self._shown[name] for name in names if name in self._shown), default=newer)
            self._shown.update(dict.fromkeys(names, max(known, newer)))
            if known <= newer:
                yield file.said


def _day(mtime_ns: int | None) -> date | None:
    try:
        return None if mtime_ns is None else datetime.fromtimestamp(mtime_ns / 1e9, _TEHRAN).date()
    except (ValueError, OverflowError, OSError):  # a file system may hold any number
        return None


def _answered(entries: list[_Entry]) -> dict[int, Case]:
    """Cases with their answers, by the entry's id: the newest open letter that the receiver sent back about it."""
    asked: dict[str, list[_Entry]] = {}
    for entry in entries:
        asked.setdefault(entry.letter.number.exact, []).append(entry)
    found: dict[int, Case] = {}
    for answer in entries:  # newest first
        for number in answer.letter.related:
            for entry in asked.get(number, ()):
                letter, back = entry.letter, answer.letter
                returned = letter.receiver != "" and letter.receiver == back.sender != letter.sender
                if returned and back.written >= letter.written and not answer.case.secret and id(entry) not in found:
                    found[id(entry)] = msgspec.structs.replace(
                        entry.case,
                        state=State.ANSWERED,
                        answer_number=answer.case.number,
                        changed_on=answer.case.changed_on,
                    )
    return found


_: type[Lookup] = Ece
__: type[Watched] = Ece
___: type[Traceable] = Ece
