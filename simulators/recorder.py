"""What happened on a phone as a conversation file that plays back, with nobody in it.

Whatever is not known to be public is masked, rather than whatever is known to be private: names come in every form.
A word stays when the menu or names.yaml has it, a number when the menu or the handbook's rows have it or it has one or
two digits; any other becomes `<words>` or `<number>`, dates `<day>`, years `<year>`. What a screen said plays back with
these; a number that was typed must be replaced by one of the demo's, and the file says where. The phone's own number
and the times are left out.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import yaml

from simulators.rehearsal import MORE, NUMBER, WORDS, normal, wants_more

MORE_KEY = "9"

Act = Literal["dial", "type", "screen", "text", "sms"]


class Happened(msgspec.Struct, frozen=True):
    """over: the screen was the session's last; at_s: any clock, for their order."""

    act: Act
    value: str
    over: bool = False
    at_s: float = 0.0


class Public(msgspec.Struct, frozen=True):
    """What may stand in a file as it is. words: without digits, in any case; numbers: runs of digits, 0 to 9."""

    words: frozenset[str]
    numbers: frozenset[str]


def public_in(texts: Iterable[str]) -> Public:
    """The words and numbers of texts that everybody may read."""
    words: set[str] = set()
    numbers: set[str] = set()
    for text in texts:
        for found in _TOKEN.finditer(text):
            if found["digits"]:
                numbers.add(_ascii(found["digits"]))
            elif found["word"]:
                words.add(_folded(found["word"]))
    return Public(frozenset(words), frozenset(numbers))


def written(happened: Sequence[Happened], public: Public, lang: str | None = None) -> str:
    """The conversation file."""
    steps = list(_steps(sorted(happened, key=lambda each: each.at_s), public))
    texts = "\n".join(step.value for step in steps)
    head = f"lang: {lang or _language(texts)}\nsteps:\n"
    lines = [_line(step) for step in steps]
    unplayable = [place for place, step in enumerate(steps) if step.act not in ("see", "sms") and NUMBER in step.value]
    if not unplayable:
        return head + "".join(lines)
    first = 1 + head.count("\n")
    where = [str(first + 1 + "".join(lines[:place]).count("\n")) for place in unplayable]
    told = f"# {NUMBER} in line {', '.join(where)} was masked: before this is played, write one that the demo has.\n"
    return told + head + "".join(lines)


@dataclass(frozen=True, slots=True)
class _Step:
    act: str
    value: str


def _steps(happened: Sequence[Happened], public: Public) -> Iterator[_Step]:
    """Pages that were read to the last are one `see`, which presses the key for more by itself."""
    at = 0
    while at < len(happened):
        each = happened[at]
        at += 1
        if each.act != "screen":
            yield _Step(each.act, _seen([each.value], public) if each.act == "sms" else _masked(each.value, public))
            continue
        pages = [each]
        while wants_more(pages[-1].value, pages[-1].over) and _is_more(happened[at : at + 2]):
            pages.append(happened[at + 1])
            at += 2
        if not wants_more(pages[-1].value, pages[-1].over):
            yield _Step("see", _seen([page.value for page in pages], public))
            continue
        for place, page in enumerate(pages):
            if place:
                yield _Step("type", MORE_KEY)
            yield _Step("see", f"{_seen([page.value], public)}\n{MORE}")


def _is_more(following: Sequence[Happened]) -> bool:
    return [each.act for each in following] == ["type", "screen"] and following[0].value == MORE_KEY


def _seen(pages: Sequence[str], public: Public) -> str:
    """A line with brackets is masked as a whole: in a file they mean something."""
    lines = normal("\n".join(pages))
    return "\n".join(WORDS if "[" in line or "]" in line else _masked(_undated(line), public) for line in lines)


# -- masking

_TOKEN = re.compile(r"(?P<digits>\d+)|(?P<word>[^\W\d_](?:[^\W\d_]|[\u200c'\u2019\u064b-\u0652])*)")
_DAY = re.compile(r"(?<![\d/*])(?:\d{4}/)?\d\d/\d\d(?![\d/*])|(?<!\d)\d{1,2} [A-Z][a-z]{2}(?: \d{4})?(?!\w)")
_YEAR = re.compile(r"(?<![\d/*-])1[34]\d\d(?![\d/*-])")
SHORT = 2
"""Digits of a number that says nothing of anybody: keys, steps, marks."""


def _undated(line: str) -> str:
    return _YEAR.sub("<year>", _DAY.sub("<day>", line))


def _masked(text: str, public: Public) -> str:
    """What was typed keeps its days and years, since it must be typed again as it was."""
    parts = re.split(r"(<day>|<year>)", text)
    masked = "".join(
        part if place % 2 else _TOKEN.sub(lambda found: _token(found, public), part) for place, part in enumerate(parts)
    )
    masked = re.sub(rf"{WORDS}(?:\s+{WORDS})+", WORDS, masked)
    return re.sub(rf"{NUMBER}(?:[/*-]{NUMBER})+", NUMBER, masked)


def _token(found: "re.Match[str]", public: Public) -> str:
    if found["digits"]:
        digits = _ascii(found["digits"])
        return found[0] if len(digits) <= SHORT or digits in public.numbers else NUMBER
    return found[0] if _folded(found["word"]) in public.words else WORDS


def _ascii(digits: str) -> str:
    return "".join(str(int(digit)) for digit in digits)


_FOLDED: Mapping[int, str | None] = {ord("ي"): "ی", ord("ك"): "ک", 0x200C: None}
"""Not alef maksura: the Arabic word for `on` would become a name."""


def _folded(word: str) -> str:
    return word.casefold().translate(_FOLDED)


# -- writing


def _line(step: _Step) -> str:
    if step.act in ("see", "sms") and "\n" in step.value:
        lines = step.value.split("\n")
        return f"  - {step.act}: |-\n" + "".join(f"      {line}\n" for line in lines)
    quoted = yaml.safe_dump(step.value, allow_unicode=True, default_style='"', width=10_000).rstrip("\n")
    return f"  - {step.act}: {quoted}\n"


_ARABIC_ONLY = frozenset("ةىيكأإؤ")
_PERSIAN_ONLY = frozenset("یکگچپژ")


def _language(texts: str) -> str:
    """For the reader: the script most of it is in."""
    counts: Collection[tuple[int, str]] = (
        (sum(char in _PERSIAN_ONLY for char in texts), "fa"),
        (sum(char in _ARABIC_ONLY for char in texts), "ar"),
        (sum("a" <= char <= "z" for char in re.sub("<[a-z]+>", "", texts)) // 10, "en"),
    )
    return max(counts)[1]
