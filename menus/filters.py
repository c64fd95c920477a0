"""The filters a text may use: `{{ case.due_on | day }}`. One function each: a value and its context to a text, or
None when this language has nothing to say, and then the part of the text it stands in is left out."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

from persiantools.jdatetime import JalaliDate

from menus.alphabet import shown
from menus.templates import Context, Filter


def plain(value: Any, context: Context) -> str | None:
    """A text or number as it is; of names, the one in the reader's language."""
    if isinstance(value, Mapping):
        value = value.get(context.language) or value.get(context.fallback)
    text = shown(str(value)) if value is not None else ""
    if _LINK.search(unicodedata.normalize("NFKC", text)):
        return None  # outgoing texts carry no link, whoever wrote it
    return _breakable(text) or None


_LINK = re.compile(r"://|www\.|[^\W_]\.[a-z]{2,}", re.IGNORECASE)

LONGEST_WORD = 24
"""A longer word of an office is broken: on a page of 70 it could stand nowhere. Ours are the checker's to refuse."""


def _breakable(text: str) -> str:
    return " ".join(
        word[start : start + LONGEST_WORD]
        for word in text.split(" ")
        for start in range(0, len(word) or 1, LONGEST_WORD)
    )


def label(value: Any, context: Context) -> str | None:
    """A state in the reader's words; the checker has seen to it that each has one."""
    return context.labels.get(str(value))


_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(value: Any, context: Context) -> str | None:
    """A date the reader knows: Jalali `07/25`, with the year when it is another; in English `17 Oct`.

    Never with hyphens, which fall apart between right-to-left letters (protocols.md D7).
    """
    if not isinstance(value, date):
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


def jalali_of(value: date) -> JalaliDate:
    return JalaliDate(value)  # type: ignore[no-untyped-call]  # the library annotates its methods, not this one


FILTERS: dict[str, Filter] = {"": plain, "label": label, "day": day}
