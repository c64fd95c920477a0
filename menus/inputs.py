"""What citizens type, in one form: digits of three scripts, look-alike signs, letter numbers, tracking codes.

protocols.md D5 (search key), D6 (digits), G4 (letter numbers). The raw text is whoever called us's to keep.
"""

import re
import unicodedata
from enum import StrEnum

from menus.ports import Reference, reference

MAX_TYPED = 182
"""No phone sends more in one USSD answer (TS 23.038: 160 octets hold 182 septets)."""

# What is left of Persian and Arabic letters once their marks are off: hamza, madda and the rest are marks in NFD.
_LETTERS = {
    **dict.fromkeys("يىۍے", "ی"),
    **dict.fromkeys("كڪ", "ک"),
    **dict.fromkeys("ہھەة", "ه"),
    "ٱ": "ا",
}
_SIGNS = {
    **dict.fromkeys("×∗٭⁎⋆★", "*"),
    "♯": "#",
    **dict.fromkeys("⁄∕\\", "/"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("،؛؟", " "),
    "٪": "%",
    "٫": ".",
    "٬": "",
}
_DROP = dict.fromkeys([0x0621, 0x0640, 0x00AD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060,
                       0x061C, *range(0x2066, 0x206A), 0xFEFF])  # fmt: skip
_TABLE = str.maketrans(_LETTERS | _SIGNS) | _DROP


def fold(text: str) -> str:
    """The search key of a text: Persian letters, ASCII digits, plain signs, no marks, single spaces, lower case.

    Idempotent. Only the Persian, the Arabic-Indic and the full-width digits become ASCII digits: other scripts'
    digits and superscripts stay what they are, so that no stranger's sign turns into a number.
    """
    kept = "".join(_plain(char) for char in text)
    # Unicode 3.13: NFD around the case folding is what makes a second pass find nothing to do.
    return " ".join(_bare(_bare(kept).translate(_TABLE).casefold()).split())


def _bare(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", text) if unicodedata.category(char) != "Mn")


def _plain(char: str) -> str:
    code = ord(char)
    if 0x06F0 <= code <= 0x06F9 or 0x0660 <= code <= 0x0669:
        return str(unicodedata.decimal(char))
    if 0xFB50 <= code <= 0xFDFF or 0xFE50 <= code <= 0xFEFE or 0xFF01 <= code <= 0xFF5E:
        return unicodedata.normalize("NFKC", char)  # presentation and full-width forms
    if code in (0x00A0, 0x202F):
        return " "
    return "" if 0xD800 <= code <= 0xDFFF else char


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
