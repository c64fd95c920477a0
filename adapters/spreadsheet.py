"""A file of CSV or XLSX to rows of plain values, within bounds. Knows no register and no letter.

Clerks save as they can, so encoding, delimiter and the row of the header are found by what the file should hold: the
names of its columns. Names are compared folded and without blanks.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from menus.ports import fold

HEADER_WITHIN = 20
"""Rows in which the header is looked for: titles, logos and dates stand above it."""

DELIMITERS = ",;\t|"
MAX_CELL = 32_767
"""Characters. Excel's own limit; in a CSV, more is a quote that was never closed."""

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
# Where a row or a cell stands. Both are a number, so the furthest of them is known without reading the sheet.
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]{0,3})([0-9]{0,9})["']""")
_CHUNK = 1 << 20
_OVERLAP = 64
# cp1256 has no Persian yeh, and what a Persian keyboard wrote as one comes out as an Arabic one.
_FROM_CP1256 = str.maketrans("يك", "یک")


class Unreadable(Exception):
    """This file is no table of these columns. Says why and where, never what stands in it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    octets: int
    unpacked_octets: int
    rows: int
    columns: int
    cells: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read. columns: the names it must have; encoding, delimiter and sheet: None where found."""

    columns: frozenset[str]
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """place counts from 1 as spreadsheets do; fault is what is wrong with it as a row, "" for nothing."""

    place: int
    cells: list[Any]
    fault: str = ""


class Table:
    """A header, the rows above it (top) and an iterator over those below. torn: a row wider than the header has lost
    its order, since delimiters alone say which cell is which."""

    def __init__(self, rows: Iterator[Row], layout: Layout, *, torn: bool) -> None:
        self.torn = torn
        self.top: list[Row] = []
        wanted = {plain(name): name for name in layout.columns}
        missing = set(wanted)
        for row in islice(rows, HEADER_WITHIN):
            self.top.append(row)
            here = {plain(str(cell)) for cell in row.cells if cell is not None}
            if not wanted.keys() - here:
                break
            missing = min(missing, wanted.keys() - here, key=len)
        else:
            names = ", ".join(sorted(wanted[each] for each in missing))
            raise Unreadable(f"no header in the first {HEADER_WITHIN} rows: there is no column {names}")
        self.names = [None if cell is None else str(cell) for cell in self.top[-1].cells]
        self.rows = rows

    def cell(self, name: str) -> Any:
        """The value at `B1`, no further down than the header."""
        found = re.fullmatch(r"([A-Z]{1,2})([0-9]{1,2})", name)
        row, column = (int(found[2]) - 1, _column(found[1]) - 1) if found else (len(self.top), 0)
        cells = self.top[row].cells if row < len(self.top) else []
        return cells[column] if column < len(cells) else None


def plain(name: str) -> str:
    """A column's name as it is compared."""
    return fold(name).replace(" ", "")


def table(path: Path, layout: Layout, bounds: Bounds) -> Table:
    """Raises Unreadable, here or while its rows are read, and OSError."""
    if path.stat().st_size > bounds.octets:
        raise Unreadable(f"more than {bounds.octets} octets")
    data = path.read_bytes()
    if data.startswith(_OLE):
        raise Unreadable("an Excel file of the old kind, or one with a password; save it as .xlsx without one")
    packed = data.startswith(b"PK")
    rows = _of_xlsx(data, layout, bounds) if packed else _of_csv(data, layout)
    return Table(_bounded(rows, bounds), layout, torn=not packed)


def _bounded(rows: Iterator[Row], bounds: Bounds) -> Iterator[Row]:
    cells = 0
    for count, row in enumerate(rows, start=1):
        width = len(row.cells)
        cells += width
        if count > bounds.rows:
            raise Unreadable(f"more than {bounds.rows} rows")
        if width > bounds.columns:
            raise Unreadable(f"more than {bounds.columns} columns in row {row.place}")
        if cells > bounds.cells:
            raise Unreadable(f"more than {bounds.cells} cells")
        yield row


# --- CSV --------------------------------------------------------------------------------------------------------------


def _of_csv(data: bytes, layout: Layout) -> Iterator[Row]:
    text = _decoded(data, layout.encoding)
    delimiter = layout.delimiter
    if said := re.match(r"sep=(.)\r?\n", text):  # Excel's own way of saying it
        delimiter = delimiter or said[1]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or _delimiter(text, layout), strict=True)
    place = 0
    while True:
        place += 1
        try:
            cells = [each.strip() or None for each in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error) or "field larger" in str(error):
                raise Unreadable(f"a quote that is never closed, in row {place} or above") from None
            yield Row(place, [], "quotes")
            continue
        if any(each and len(each) > MAX_CELL for each in cells):
            raise Unreadable(f"a cell of more than {MAX_CELL} characters in row {place}; perhaps a quote not closed")
        while cells and cells[-1] is None:
            cells.pop()
        yield Row(place, cells)


def _decoded(data: bytes, encoding: str | None) -> str:
    if encoding is None:
        encoding = _encoding(data)
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"not {encoding} at octet {error.start}") from None
    if "\0" in text:
        raise Unreadable("no text: it has zeros in it")
    return text.translate(_FROM_CP1256) if encoding == "cp1256" else text


def _encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = data[:4096]
    # Without a mark: every other octet of a delimiter, a digit or a line end is a zero.
    for odd, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[odd::2].count(0) > len(head) // 16 and not head[1 - odd :: 2].count(0):
            return encoding
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1256"
    return "utf-8"


def _delimiter(text: str, layout: Layout) -> str:
    """The one that shows most of the columns we look for."""
    wanted = {plain(name) for name in layout.columns}
    lines = text.splitlines()[:HEADER_WITHIN]

    def shown(delimiter: str) -> int:
        try:
            return max(
                (len(wanted & set(map(plain, row))) for row in csv.reader(lines, delimiter=delimiter)), default=0
            )
        except csv.Error:
            return 0

    return max(DELIMITERS, key=shown)


# --- XLSX -------------------------------------------------------------------------------------------------------------


def _of_xlsx(data: bytes, layout: Layout, bounds: Bounds) -> Iterator[Row]:
    try:
        _measured(data, bounds)
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = book.sheet_names
        if layout.sheet is None:
            sheet = book.get_sheet_by_index(0)
        else:
            found = [name for name in names if plain(name) == plain(layout.sheet)]
            if not found:
                raise Unreadable(f"no sheet {layout.sheet}")
            sheet = book.get_sheet_by_name(found[0])
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Unreadable(f"no XLSX, or a broken one: {type(error).__name__}") from None
    except BaseException as error:
        # What the reader's own language raises for a file that trips it is no Exception, and no fault of ours.
        if type(error).__name__ != "PanicException":
            raise
        raise Unreadable("an XLSX that its reader cannot take") from None
    left = sheet.start[1] if sheet.start else 0
    for place, row in enumerate(sheet.iter_rows(), start=1):
        cells: list[Any] = [None] * left + [_value(each) for each in row]
        while cells and cells[-1] is None:
            cells.pop()
        yield Row(place, cells)


def _measured(data: bytes, bounds: Bounds) -> None:
    """Refuse what is small packed and huge unpacked, or one cell at the far end of a sheet: the whole rectangle up to
    the last cell is held in memory. Only then the file is given to its reader."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        parts = packed.infolist()
        # A part is unpacked to the size it declares and no further.
        if sum(part.file_size for part in parts) > bounds.unpacked_octets or len(parts) > 1000:
            raise Unreadable(f"more than {bounds.unpacked_octets} octets when unpacked")
        for part in parts:
            if "worksheets/" not in part.filename.replace("\\", "/").lower():
                continue
            with packed.open(part) as sheet:
                rows, columns = _extent(iter(lambda: sheet.read(_CHUNK), b""))
            if rows > bounds.rows:
                raise Unreadable(f"more than {bounds.rows} rows, empty ones counted")
            if columns > bounds.columns:
                raise Unreadable(f"more than {bounds.columns} columns, empty ones counted")
            if rows * columns > bounds.cells:
                raise Unreadable(f"more than {bounds.cells} cells, empty ones counted")


def _extent(chunks: Iterator[bytes]) -> tuple[int, int]:
    rows, columns, tail = 0, 0, b""
    names: set[bytes] = set()
    for chunk in chunks:
        tail += chunk
        for name, row in set(_PLACE.findall(tail)):
            names.add(name)
            rows = max(rows, int(row or 0))
        tail = tail[-_OVERLAP:]
    columns = max((_column(name.decode().upper()) for name in names), default=0)
    return rows, columns


def _column(name: str) -> int:
    """A is 1, AA is 27."""
    number = 0
    for letter in name:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _value(cell: Any) -> Any:
    match cell:
        case str():
            return cell.strip() or None
        case float() if cell == cell // 1:
            return int(cell)
        case datetime():
            return cell.date()
        case bool() | int() | date() | None:
            return cell
        case _:
            return str(cell)
