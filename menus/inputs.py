"""What citizens type, read: numbers of letters (protocols.md G4), codes with check digits, a person's and a service's
number (G2, G8), dates, and answers of one key. Also dial strings (A4)."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum

from persiantools.jdatetime import JalaliDate

from menus.alphabet import shown
from menus.folding import fold
from menus.ports import Reference, luhn_ok, reference

MAX_TYPED = 182
"""No phone sends more in one USSD answer (TS 23.038: 160 octets hold 182 septets)."""

MAX_KEPT = 24
"""Characters of an input as it was typed that are kept beside what it was read as."""


class Kind(StrEnum):
    """The kinds of input a menu may ask for."""

    LETTER_NUMBER = "letter_number"
    TRACKING_CODE = "tracking_code"
    RECEIPT_CODE = "receipt_code"
    NATIONAL_ID = "national_id"
    SERVICE_ID = "service_id"
    DATE = "date"
    RATING = "rating"
    YES_NO = "yes_no"
    FREE_TEXT = "free_text"


class Mistake(StrEnum):
    """Why an input is refused; a menu may have a text for each."""

    MALFORMED = "malformed"
    CHECK_DIGIT = "check_digit"


CHECKED = frozenset({Kind.TRACKING_CODE, Kind.RECEIPT_CODE, Kind.NATIONAL_ID})
"""Kinds whose last digit checks the others: a slip is told from a number that is none at all."""

WIDTHS: Mapping[Kind, int] = {
    Kind.LETTER_NUMBER: 20,
    Kind.TRACKING_CODE: 10,
    Kind.RECEIPT_CODE: 10,
    Kind.NATIONAL_ID: 10,
    Kind.SERVICE_ID: 11,
    Kind.DATE: 10,
    Kind.RATING: 1,
    Kind.YES_NO: 3,
    Kind.FREE_TEXT: 120,
}
"""Characters at most of what each kind is read as. A longer text is refused, since a dialogue must stay small."""


WORDS: Mapping[Kind, tuple[str, ...]] = {Kind.YES_NO: ("yes", "no"), Kind.RATING: ("1", "2", "3", "4", "5")}
"""What an input of these kinds is read as, for who branches on it."""


def read(kind: Kind, typed: str) -> Reference | Mistake:
    """What was typed as a reference, or what is wrong with it. Never raises."""
    if len(typed) > 4 * MAX_TYPED:  # the beginning of it might read as another number
        return Mistake.MALFORMED
    if kind is Kind.FREE_TEXT:
        text = " ".join(shown(typed).split())
        says = len(text) <= WIDTHS[kind] and any(char.isalnum() for char in text)
        return Reference(text, "", "") if says else Mistake.MALFORMED  # no key: nobody looks a sentence up
    key = fold(typed).strip("*#/ -._")
    found = _READERS[kind](key)
    if isinstance(found, str) and not isinstance(found, Mistake):
        found = Reference(found, found, found)
    if isinstance(found, Mistake) or found.exact == (raw := typed.strip()[:MAX_KEPT]):
        return found
    return Reference(found.exact, found.loose, found.running, typed=raw)


# protocols.md G5: SHAMS gives a letter number 20 characters at most. A part of letters is an office's sign, not a word.
_PART = r"(?:[0-9]+|[a-z\u0621-\u064a\u066e-\u06d3]{1,3})"
_LETTER_NUMBER = re.compile(rf"(?=.{{1,20}}$)(?=.*[0-9]){_PART}(?:[/\-._ *#]+{_PART}){{0,5}}")
_BETWEEN_DIGITS = re.compile(r"[ *\-/.]")


def _letter_number(key: str) -> Reference | Mistake:
    return reference(key) if _LETTER_NUMBER.fullmatch(key) else Mistake.MALFORMED


def _digits(key: str, least: int, most: int) -> str | None:
    """The digits of a code, in whatever groups they were typed. A code is not a number: its leading zeros stay."""
    digits = _BETWEEN_DIGITS.sub("", key)
    return digits if re.fullmatch(rf"[0-9]{{{least},{most}}}", digits) else None


def _tracking_code(key: str) -> str | Mistake:
    digits = _digits(key, 10, 10)
    return Mistake.MALFORMED if digits is None else digits if luhn_ok(digits) else Mistake.CHECK_DIGIT


def _receipt_code(key: str) -> str | Mistake:
    """Nine random digits of which the first is not 0, and a Luhn digit."""
    return Mistake.MALFORMED if key.startswith("0") else _tracking_code(key)


def _national_id(key: str) -> str | Mistake:
    """protocols.md G2. Shorter ones lost their leading zeros; ten equal digits pass the sum and are nobody's."""
    digits = _digits(key, 8, 10)
    if digits is None or len(set(digits)) == 1:
        return Mistake.MALFORMED
    digits = digits.zfill(10)
    rest = sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    return digits if int(digits[9]) == (rest if rest < 2 else 11 - rest) else Mistake.CHECK_DIGIT


def _service_id(key: str) -> str | Mistake:
    """protocols.md G8: eleven digits; no check digit is published."""
    return _digits(key, 11, 11) or Mistake.MALFORMED


_DATE = re.compile(r"([0-9]{1,4})[/\-._ *]+([0-9]{1,2})[/\-._ *]+([0-9]{1,4})")
_DATE_IN_ONE = re.compile(r"([0-9]{4}|[0-9]{2})([0-9]{2})([0-9]{2})")
_JALALI = range(1200, 1500)
"""Years a citizen of today can mean; any other number is a Gregorian one, or none."""


def _date(key: str) -> str | Mistake:
    """A day as `1404/07/25` in the Jalali calendar; Gregorian years are understood, and so is the day first."""
    parts = _DATE.fullmatch(key) or _DATE_IN_ONE.fullmatch(key)
    if parts is None:
        return Mistake.MALFORMED
    first, month, last = parts.groups()
    year, day = (last, first) if len(last) > 2 else (first, last)
    if len(year) not in (2, 4) or len(day) > 2:
        return Mistake.MALFORMED
    number = int(year)
    if len(year) == 2:  # protocols.md G3: two digits are a year from 1350 to 1449
        number += 1300 if number >= 50 else 1400
    try:
        if number in _JALALI:
            found = JalaliDate(number, int(month), int(day))  # type: ignore[no-untyped-call]  # the library's __new__
        else:
            found = JalaliDate(date(number, int(month), int(day)))  # type: ignore[no-untyped-call]  # as above
    except ValueError:
        return Mistake.MALFORMED
    if found.year not in _JALALI:
        return Mistake.MALFORMED
    return f"{found.year}/{found.month:02}/{found.day:02}"


def day_of(kept: str) -> date | None:
    """The day that an input of the kind date was kept as; None for anything else."""
    try:
        year, month, day = map(int, kept.split("/"))
        return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]  # as above
    except ValueError:
        return None


def _rating(key: str) -> str | Mistake:
    return key if re.fullmatch(r"[1-5]", key) else Mistake.MALFORMED


_YES = frozenset(map(fold, ("1", "بله", "بلی", "آره", "نعم", "اي", "yes", "y")))
_NO = frozenset(map(fold, ("2", "نه", "خیر", "لا", "كلا", "no", "n")))


def _yes_no(key: str) -> str | Mistake:
    return "yes" if key in _YES else "no" if key in _NO else Mistake.MALFORMED


_READERS: Mapping[Kind, Callable[[str], Reference | str | Mistake]] = {
    Kind.LETTER_NUMBER: _letter_number,
    Kind.TRACKING_CODE: _tracking_code,
    Kind.RECEIPT_CODE: _receipt_code,
    Kind.NATIONAL_ID: _national_id,
    Kind.SERVICE_ID: _service_id,
    Kind.DATE: _date,
    Kind.RATING: _rating,
    Kind.YES_NO: _yes_no,
}


def dialled(code: str) -> list[str]:
    """The parts of a dial string (protocols.md A4) in ASCII, without `*` and `#`: `*4*061*12345#` is 4, 061, 12345."""
    inner = fold(code).replace(" ", "").strip("#")
    return inner.lstrip("*").split("*") if inner.strip("*") else []


_STARS, _HASHES = "*\uff0a\ufe61×∗٭⁎⋆★", "#\uff03\ufe5f♯"
_STAR = re.compile(f"[{_STARS}]")
_MARKS = " \u200e\u200f"


def behind(code: str, dial: str) -> str | None:
    """What was dialled behind a service code, as it was dialled: `12345` of `*4*061*12345#`. None: another code.

    Signs at both ends may be missing, since some aggregators drop them; what follows may be a whole chain of inputs.
    """
    ours = dialled(code)
    bare = dial.strip().replace("%23", "#").rstrip(_HASHES + _MARKS).lstrip(_STARS + _HASHES + _MARKS)
    parts = _STAR.split(bare, len(ours))
    if [fold(part).replace(" ", "") for part in parts[: len(ours)]] != ours:
        return None
    return parts[-1] if len(parts) > len(ours) else ""
