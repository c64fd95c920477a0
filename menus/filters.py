"""The filters a text may use: `{{ case.due_on | day }}`. One function each: a value and its context to a text, or
None when this language has nothing to say, and then the part of the text it stands in is left out."""

import re
import unicodedata
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from babel.core import UnknownLocaleError
from babel.dates import format_timedelta
from persiantools.jdatetime import JalaliDate

from menus.alphabet import shown
from menus.inputs import day_of
from menus.templates import LINK, Context, Filter


def plain(value: Any, context: Context) -> str | None:
    """A text or number as it is; of names, the one in the reader's language."""
    if isinstance(value, dict):
        value = value.get(context.language) or value.get(context.fallback)
    text = value if type(value) is str else "" if value is None else str(value)
    if _usual(text):
        return text
    text = shown(text)
    plainly = unicodedata.normalize("NFKC", text)
    if ("." in plainly or ":" in plainly) and LINK.search(plainly):
        return None  # outgoing texts carry no link, whoever wrote it
    return _breakable(text) or None


LONGEST_WORD = 24
"""A longer word of an office is broken: on a page of 70 it could stand nowhere. Ours are the checker's to refuse."""


_WORD = (
    r"[0-9A-Za-z(),/\-\u0621-\u063a\u0641-\u064a\u0660-\u0669\u067e\u0686\u0698\u06a9\u06af\u06cc\u06f0-\u06f9\u200c]"
    rf"{{1,{LONGEST_WORD}}}"
)
_usual = re.compile(rf"{_WORD}(?: {_WORD})*").fullmatch
"""Words of such letters: nothing has to be done to a text of these, and nearly every text is one."""


def _breakable(text: str) -> str:
    lines = text.split("\n")
    if all(len(word) <= LONGEST_WORD for line in lines for word in line.split(" ")):
        return text
    return "\n".join(" ".join(piece for word in line.split(" ") for piece in _pieces(word)) for line in lines)


def _pieces(word: str) -> list[str]:
    pieces = []
    while len(word) > LONGEST_WORD:
        end = LONGEST_WORD
        while end > 1 and unicodedata.category(word[end]).startswith("M"):
            end -= 1  # a mark stays with its letter
        pieces.append(word[:end])
        word = word[end:]
    return [*pieces, word]


def label(value: Any, context: Context) -> str | None:
    """A state in the reader's words; the checker has seen to it that each has one."""
    return context.labels.get(str(value))


_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _date(value: Any) -> date | None:
    """An office's day, or one that was typed."""
    return value if isinstance(value, date) else day_of(value) if isinstance(value, str) else None


def day(value: Any, context: Context) -> str | None:
    """A date the reader knows: Jalali `07/25`, with the year when it is another; in English `17 Oct`.

    Never with hyphens, which fall apart between right-to-left letters (protocols.md D7).
    """
    value = _date(value)
    if value is None:
        return None
    if context.language == "en":
        short = f"{value.day} {_MONTHS_EN[value.month - 1]}"
        return short if value.year == context.today.year else f"{short} {value.year}"
    try:
        jalali = jalali_of(value)
    except ValueError:  # before the calendar or after it: an office's slip, and no day anybody could read
        return None
    short = f"{jalali.month:02}/{jalali.day:02}"
    return short if jalali.year == jalali_of(context.today).year else f"{jalali.year}/{short}"


@lru_cache(1024)
def jalali_of(value: date) -> JalaliDate:
    return JalaliDate(value)  # type: ignore[no-untyped-call]  # the library annotates its methods, not this one


def relative(value: Any, context: Context) -> str | None:
    """A date as so many days from now: `3 روز پیش`, `خلال 5 أيام`, `in 2 days`. Words and plurals are CLDR's; today is
    the menu's own label."""
    value = _date(value)
    if value is None:
        return None
    value = value.date() if isinstance(value, datetime) else value
    if value == context.today:
        return context.labels.get("today")
    try:
        # 10,000: never weeks or months, which nobody counts deadlines in.
        words = format_timedelta(
            value - context.today, granularity="day", threshold=10_000, add_direction=True, locale=context.language
        )
    except UnknownLocaleError:
        return day(value, context)
    return shown(words)


_DIGITS = {
    "fa": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"),
    "ar": str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"),
}


def digits(value: Any, context: Context) -> str | None:
    """A number in the reader's own digits. Not for what she types back: that stays as her keys are."""
    text = plain(value, context)
    return text.translate(_DIGITS.get(context.language, {})) if text is not None else None


def masked(value: Any, context: Context) -> str | None:
    """A number that is nobody else's affair: its first three and last two characters (protocols.md G2). The signs
    between are Latin letters, which keep the halves in their order between right-to-left ones."""
    text = plain(value, context)
    if text is None:
        return None
    return text[:3] + "x" * (len(text) - 5) + text[-2:] if len(text) > 5 else "x" * len(text)


FILTERS: dict[str, Filter] = {
    "": plain,
    "label": label,
    "day": day,
    "relative": relative,
    "digits": digits,
    "masked": masked,
}
