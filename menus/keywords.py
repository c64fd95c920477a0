"""An SMS as an entry point: a keyword, a number or both, in the words people write around them."""

import re

from menus.definition import Entry, Menu, ScreenDef
from menus.folding import fold
from menus.machine import Opened

MAX_SMS = 1000
"""Characters looked at. What a citizen asks stands at the beginning; the rest is kept, not read."""

# A number as it is written in one go: `12345`, `220/1396/54321`, `12345/96/ص`.
_SIGN = r"[a-z\u0621-\u064a\u066e-\u06d3]{1,3}"
_BETWEEN = r"[/*.\-_]"
_NUMBER = re.compile(rf"(?:(?<!\w){_SIGN}{_BETWEEN})*[0-9]+(?:{_BETWEEN}(?:[0-9]+|{_SIGN}(?!\w)))*")
_ONLY_A_NUMBER = re.compile(r"[0-9/*.\-_ #]+")
_SEPARATORS = re.compile(r"[\s,:;#()]+")


def opened_by(menu: Menu, text: str) -> tuple[Opened, str | None]:
    """How a conversation opens with this text, and the language its keyword is written in, if it has one.

    A keyword may stand anywhere (`پیگیری نامه 12345`), the longest one counts. Around one number words are only words
    (`12345 چی شد؟`); without a number they are handed on as they are, for the machine to say what it expects.
    """
    key = re.sub(r"([^\W\d_]{3,})([0-9])", r"\1 \2", fold(text[:MAX_SMS]))  # نامه12345
    key = re.sub(r"([^\W\d_]{3,})[*/]", r"\1 ", key)  # letter*12345
    words = [word for each in _SEPARATORS.split(key) if (word := each.strip(".!?\"'«»…"))]
    if not words:
        return Opened(), None
    entry, language, around = _entry(menu, words)
    rest = " ".join(around)
    return Opened(_arguments(rest, named=entry is not None), entry.journey if entry else None), language


def _entry(menu: Menu, words: list[str]) -> tuple[Entry | None, str | None, list[str]]:
    """The entry of the longest keyword among these words, its language, and the words around it.

    Of keywords of one length, one that takes a number goes first when there is a number, then the one said first.
    """
    number = any(char.isdecimal() for word in words for char in word)
    for count in range(min(4, len(words)), 0, -1):
        found = [
            (number and not _takes_a_number(menu, entry), start, entry, keyword)
            for start in range(len(words) - count + 1)
            for keyword in [" ".join(words[start : start + count])]
            for entry in menu.entries.values()
            if keyword in entry.keywords
        ]
        if found:
            _, start, entry, keyword = min(found, key=lambda each: each[:2])
            return entry, entry.keywords[keyword], words[:start] + words[start + count :]
    return None, None, words


def _takes_a_number(menu: Menu, entry: Entry) -> bool:
    node = menu.nodes.get(entry.next)
    return isinstance(node, ScreenDef) and node.input is not None


def _arguments(rest: str, *, named: bool) -> tuple[str, ...]:
    if _ONLY_A_NUMBER.fullmatch(rest):
        return tuple(part for part in re.split(r"[ *#]+", rest) if part)
    numbers = _NUMBER.findall(rest)
    # Of several, the first behind a keyword is the one it names; without one nobody knows which is meant.
    return (numbers[0],) if len(numbers) == 1 or (numbers and named) else tuple(rest.split())
