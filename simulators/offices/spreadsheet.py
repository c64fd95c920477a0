"""The secretariat's letters as an office without software keeps them: a register in a spreadsheet, CSV or XLSX.

config/backends files of `kind: register` read it; docs/backends.md has one. A row a letter; the desks it came to stand
beside each other. Dates are Jalali texts, or days of Excel.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from simulators.offices.data import Letter
from simulators.offices.days import jalali

DESKS = 4
"""Pairs of columns for the desks a letter came to."""

HEADER = [
    "ردیف",
    "شماره نامه",
    "سازمان",
    "سال",
    "موضوع",
    "وضعیت",
    "تاریخ وضعیت",
    "نزد",
    "مهلت پاسخ",
    "شماره پاسخ",
    "طبقه‌بندی",
    "تلفن",
    "کد رسید",
    *(name for place in range(1, DESKS + 1) for name in (f"واحد {place}", f"تاریخ {place}")),
]


def rows(letters: Iterable[Letter]) -> list[list[object]]:
    """The header and a row for each letter; None is an empty cell."""
    return [[*HEADER], *(_row(place, letter) for place, letter in enumerate(letters, start=1))]


def write_csv(path: Path, letters: Iterable[Letter], *, encoding: str = "utf-8-sig", delimiter: str = ",") -> None:
    """As Excel saves it where lists are separated by this sign."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows(letters))


def write_xlsx(path: Path, letters: Iterable[Letter], *, title: str = "دفتر ثبت نامه‌ها") -> None:
    """With a title in merged cells above the header, as clerks like it. Needs openpyxl, which comes with the tests."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.title = "نامه‌ها"
    sheet.sheet_view.rightToLeft = True
    sheet.append([title])
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(HEADER))
    for row in rows(letters):
        sheet.append(row)
    book.save(path)


def _row(place: int, letter: Letter) -> list[object]:
    desks = [cell for desk, day in letter.referrals[-DESKS:] for cell in (desk, jalali(day))]
    return [
        place,
        letter.number,
        letter.organisation,
        letter.registered_in,
        letter.subject,
        letter.state,
        jalali(letter.state_date),
        letter.referrals[-1][0],
        jalali(letter.deadline) if letter.deadline else None,
        letter.reply_number,
        letter.confidentiality,
        letter.phone,
        letter.receipt_code,
        *desks,
        *[None] * (2 * DESKS - len(desks)),
    ]
