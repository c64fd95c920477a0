"""One file of a register as it is served: its good rows by number, and a report of the others for who keeps it."""

import csv
import os
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from fnmatch import fnmatchcase
from itertools import zip_longest
from pathlib import Path
from typing import Any, Protocol

import jmespath

from adapters.contract import BackendGarbage
from adapters.mapping import MAX_NUMBER, CaseConfig, Mapper, reader
from adapters.spreadsheet import Bounds, Layout, Row, Table, Unreadable, plain, table
from menus.ports import Case, Reference, State, fold, reference

REPORT = ".bad.csv"

_NOT_IN_A_REPORT = "=+-@\t\r\n\0＝＋－＠"
"""What a spreadsheet takes for the beginning of a formula."""

MAX_SHOWN = 100
"""Characters of a bad value in the report; enough to find it."""


class Reason(Enum):
    """Why a row is not served, for a clerk: in English and in Persian."""

    NO_NUMBER = ("no number", "شماره ندارد")
    NUMBER = ("the number is none of a letter (too long, or a date)", "شماره درست نیست (خیلی بلند است یا تاریخ است)")
    STATE = ("a state without meaning here", "وضعیت شناخته نشد")
    DATE = ("not a date", "تاریخ درست نیست")
    TWICE = ("this number stands in a row above too", "این شماره در سطر بالاتر هم هست")
    QUOTES = ("quotes in the wrong place", "علامت نقل قول سر جایش نیست")
    WIDE = ("more cells than the header has", "تعداد خانه‌ها بیشتر از سرستون است")
    OTHER = ("does not fit the columns", "با ستون‌ها جور نیست")


@dataclass(frozen=True, slots=True)
class Bad:
    place: int
    reason: Reason
    value: str = ""

    def told(self) -> dict[str, object]:
        """The row for who sent the file."""
        english, persian = self.reason.value
        return {"row": self.place, "reason": english, "reason_fa": persian, "value": self.value.strip()[:MAX_SHOWN]}


class Finding(Protocol):
    """One way to find rows: by this form of the number, in this column (None: that of the number itself)."""

    @property
    def key(self) -> str: ...

    @property
    def column(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Book:
    """The good rows of one file. places: which row of the file each is. found: for each way to look, the form of a
    number to the rows that have it."""

    as_of: date
    names: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    places: Sequence[int] = field(repr=False)
    found: Sequence[Mapping[str, tuple[int, ...]]]
    bad: Sequence[Bad] = field(repr=False)

    def records(self, way: int, value: str, at_most: int) -> list[dict[str, Any]]:
        return [dict(zip(self.names, self.rows[row], strict=True)) for row in self.found[way].get(value, ())[:at_most]]


def form(asked: Reference, key: str) -> str:
    """This form of a number; empty when it has none."""
    return str(getattr(asked, key) or "")


def columns_of(expression: str) -> set[str]:
    """The columns a JMESPath expression speaks of; what it makes by itself is none."""
    return set(_columns(jmespath.compile(expression).parsed))


_FIRST_ONLY = {"subexpression", "pipe", "projection", "value_projection", "filter_projection", "index_expression",
               "flatten"}  # fmt: skip


def _columns(node: Mapping[str, Any]) -> Iterator[str]:
    if node["type"] == "field":
        yield node["value"]
    elif node["type"] != "expref":
        children = node["children"]
        for child in children[:1] if node["type"] in _FIRST_ONLY else children:
            yield from _columns(child)


class Loader:
    """Files of one register, as its backend file describes them."""

    def __init__(
        self,
        config: CaseConfig,
        *,
        ways: Sequence[Finding],
        bounds: Bounds,
        encoding: str | None,
        delimiter: str | None,
        sheet: str | None,
        as_of_cell: str | None,
        as_of_column: str | None,
    ) -> None:
        self._config = config
        self._told: list[str] = []
        self._mapper = Mapper(config, self._told.append)
        self._bounds = bounds
        self._as_of_cell = as_of_cell
        self._as_of_column = reader(as_of_column) if as_of_column else None
        self._number = reader(config.fields.number)
        self._ways = [(way.key, reader(way.column) if way.column else None) for way in ways]
        expressions = [
            *config.fields.model_dump(exclude_none=True).values(),
            *(way.column for way in ways),
            as_of_column,
        ]
        if config.steps is not None:
            expressions.append(config.steps.each)
        self._columns = set[str]().union(*(columns_of(each) for each in expressions if each))
        self._layout = Layout(frozenset(self._columns), encoding, delimiter, sheet)

    def load(self, path: Path, day: date, going_on: Callable[[], bool]) -> Book:
        """day: that of the file. Raises Unreadable with the reason, OSError, and Interrupted when not going_on."""
        sheet = table(path, self._layout, self._bounds)
        names = self._names(sheet)
        if self._as_of_cell is not None:
            day = self._day_of(sheet.cell(self._as_of_cell), self._as_of_cell)
        return self._book(sheet, names, day, going_on)

    def _names(self, sheet: Table) -> list[str]:
        """The header's names; what our file speaks of in our file's spelling. A name that stands twice counts once."""
        ours = {plain(name): name for name in self._columns}
        names: list[str] = []
        for place, name in enumerate(sheet.names):
            known = ours.pop(plain(name), None) if name is not None else None
            names.append(known or f"\0{place}")
        return names

    def _day_of(self, value: Any, where: str) -> date:
        day = self._mapper.day(value)
        if day is None:
            raise Unreadable(f"no date in {where}, where the day of the register should stand")
        return day

    def _book(self, sheet: Table, names: list[str], day: date, going_on: Callable[[], bool]) -> Book:
        rows: list[tuple[Any, ...]] = []
        places = array("L")
        bad: list[Bad] = []
        found: list[dict[str, tuple[int, ...]]] = [{} for _ in self._ways]
        seen: dict[tuple[str, str, int | None], tuple[int, bool]] = {}
        shared: dict[Any, Any] = {}
        newest: date | None = None
        for count, row in enumerate(sheet.rows):
            if count % 256 == 0 and not going_on():
                raise Interrupted
            if not row.cells and not row.fault:
                continue
            record = dict(zip_longest(names, row.cells[: len(names)]))
            self._told.clear()
            case = self._case(row, record, len(names) if sheet.torn else None)
            if isinstance(case, Bad):
                bad.append(case)
                continue
            number = str(self._number(record))
            asked = reference(number)
            same = (asked.exact, fold(case.organisation.get("fa", "")), case.year)
            values = tuple(shared.setdefault(value, value) for value in record.values())
            if same in seen:
                first, secret = seen[same]
                bad.append(Bad(row.place, Reason.TWICE, number))
                if case.secret and not secret:  # one of the two is confidential, and nobody knows which
                    rows[first], seen[same] = values, (first, True)
                continue
            seen[same] = (len(rows), case.secret)
            self._index(found, asked, record, len(rows))
            rows.append(values)
            places.append(row.place)
            if self._as_of_column is not None:
                there = self._mapper.day(self._as_of_column(record))
                newest = max(filter(None, (newest, there)), default=None)
        if self._as_of_column is not None:
            if newest is None:
                raise Unreadable("no date in the column where the day of the register should stand")
            day = newest
        return Book(day, names, rows, places, found, bad)

    def _case(self, row: Row, record: dict[str, Any], width: int | None) -> Case | Bad:
        """The row as a case, or what is wrong with it."""
        number = self._number(record) if row.cells else None
        if row.fault:
            return Bad(row.place, Reason.QUOTES)
        if width is not None and len(row.cells) > width:
            return Bad(row.place, Reason.WIDE, next(str(cell) for cell in row.cells[width:] if cell is not None))
        if number is None or isinstance(number, bool) or not str(number).strip():
            return Bad(row.place, Reason.NO_NUMBER)
        if isinstance(number, date) or len(str(number)) > MAX_NUMBER:
            return Bad(row.place, Reason.NUMBER, str(number))
        if not any(map(str.isalnum, str(number))):
            return Bad(row.place, Reason.NO_NUMBER, str(number))
        try:
            [case] = self._mapper.cases([record], None)
        except BackendGarbage:
            return Bad(row.place, Reason.OTHER, str(number))
        if self._told:
            return Bad(row.place, Reason.STATE if case.state is State.UNKNOWN else Reason.DATE, self._told[0])
        return case

    def _index(
        self, found: Sequence[dict[str, tuple[int, ...]]], number: Reference, record: dict[str, Any], place: int
    ) -> None:
        for index, (key, column) in zip(found, self._ways, strict=True):
            if column is None:
                has = form(number, key)
            else:
                value = column(record)
                short = not isinstance(value, bool | date) and 0 < len(str(value or "")) <= MAX_NUMBER
                has = form(reference(str(value)), key) if short else ""
            if has:
                index[has] = (*index.get(has, ()), place)


class Interrupted(Exception):
    """The gateway stops; nobody needs this file any more."""


def uploaded(pattern: str, octets: bytes) -> str | None:
    """What a file that was handed to us is called among the files of this pattern; None when no name fits.

    Nobody but the pattern has a say in it, and the file in its ending.
    """
    before, star, after = pattern.partition("*")
    joined = f"{before}{'-' if before[-1:].isalnum() else ''}uploaded{after.replace('*', '')}" if star else before
    ending = ".xlsx" if octets.startswith(b"PK") else ".csv"
    name = joined if joined.lower().endswith((".csv", ".xlsx", ".txt")) else joined + ending
    fits = fnmatchcase(fold(name), fold(pattern)) and not name.startswith((".", "~$")) and not name.endswith(REPORT)
    return name if fits and name.lower().endswith(".xlsx") == (ending == ".xlsx") else None


def report(path: Path, bad: Sequence[Bad]) -> Path | None:
    """Write the bad rows of a file beside it; None when there is nothing to say. Raises OSError.

    No cell of it is a formula to a spreadsheet.
    """
    there = path.with_name(path.stem + REPORT)
    if not bad and not there.exists():
        return None
    new = there.with_name(f".{there.name}.new")
    with new.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["row", "reason", "value", "علت"])
        for each in bad:
            english, persian = each.reason.value
            writer.writerow([each.place, english, _as_text(each.value), persian])
    os.replace(new, there)
    return there


def _as_text(value: str) -> str:
    shown = value.strip()[:MAX_SHOWN]
    return (
        f"'{shown}" if value.startswith(tuple(_NOT_IN_A_REPORT)) or shown.startswith(tuple(_NOT_IN_A_REPORT)) else shown
    )
