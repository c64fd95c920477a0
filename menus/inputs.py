"""What citizens type, read: letter numbers (protocols.md G4), tracking codes, dial strings."""

import re
from enum import StrEnum

from menus.folding import fold
from menus.ports import Reference, reference

MAX_TYPED = 182
"""No phone sends more in one USSD answer (TS 23.038: 160 octets hold 182 septets)."""


class Kind(StrEnum):
    """The kinds of input a menu may ask for."""

    LETTER_NUMBER = "letter_number"
    TRACKING_CODE = "tracking_code"


class Mistake(StrEnum):
    """Why an input is refused; a menu may have a text for each."""

    MALFORMED = "malformed"
    CHECK_DIGIT = "check_digit"


# protocols.md G5: SHAMS gives a letter number 20 characters at most. A part of letters is an office's sign, not a word.
_PART = r"(?:[0-9]+|[a-z\u0621-\u064a\u066e-\u06d3]{1,3})"
_LETTER_NUMBER = re.compile(rf"(?=.{{1,20}}$)(?=.*[0-9]){_PART}(?:[/\-._ *#]+{_PART}){{0,5}}")
_TRACKING_CODE = re.compile(r"[0-9]{10}")


def read(kind: Kind, typed: str) -> Reference | Mistake:
    """What was typed as a reference, or what is wrong with it."""
    key = fold(typed[: 4 * MAX_TYPED]).strip("*#/ -._")
    if kind is Kind.TRACKING_CODE:
        digits = re.sub(r"[ *\-/.]", "", key)
        if not _TRACKING_CODE.fullmatch(digits):
            return Mistake.MALFORMED
        # A code is not a number: its leading zeros stay.
        return Reference(digits, digits, digits) if luhn_ok(digits) else Mistake.CHECK_DIGIT
    return reference(key) if _LETTER_NUMBER.fullmatch(key) else Mistake.MALFORMED


def luhn_ok(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: the last digit checks the others."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def dialled(code: str) -> list[str]:
    """The parts of a dial string (protocols.md A4) in ASCII, without `*` and `#`: `*4*061*12345#` is 4, 061, 12345."""
    inner = fold(code).replace(" ", "").strip("#")
    return inner.lstrip("*").split("*") if inner.strip("*") else []
