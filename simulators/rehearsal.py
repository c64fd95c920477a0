"""Conversations as data, played over the wire against a running gateway and compared with what they say.

    lang: fa                    the language it is written in, for the reader
    wire: [ussd, sms]           what it needs, for the reader
    from: "+989161234567"       the phone; a fresh one for each play without it
    steps:
      - dial: "*4*061#"         see is the whole screen, its pages joined, navigation (0, 00, 9) left out
      - see: |-
          ...
      - type: "1"
      - text: "12345"           an SMS to 4040
      - sms: |-                 the next SMS on this phone
          ...
      - wait: 2                 seconds

`<day>` in a text stands for any date as screens write it and `<year>` for any Jalali year, since the demo's dates move
with the calendar.
"""

import asyncio
import difflib
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from simulators.aggregator import Call, Shown

ACTS = frozenset({"dial", "type", "text", "see", "sms", "wait"})
HEADER = frozenset({"lang", "from", "wire", "proof", "steps"})
MAX_PAGES = 20
SMS_WITHIN_S = 25.0
"""How long an SMS may take: the promise says it follows, the slow office takes 12 s."""


class Mismatch(Exception):
    """The gateway said something else; the message is a diff."""


class NotAConversation(Exception):
    """The file is not understood; says where and what was expected."""


@dataclass(frozen=True, slots=True)
class Step:
    act: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Conversation:
    phone: str | None
    steps: tuple[Step, ...]


def read(path: Path) -> Conversation:
    """Raises NotAConversation with file and line."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise NotAConversation(f"{path}: {error}") from None
    if not isinstance(node, yaml.MappingNode):
        raise NotAConversation(f"{path}:1: lang: and steps: were expected")
    phone: str | None = None
    steps: list[Step] = []
    for key, value in node.value:
        line = key.start_mark.line + 1
        if key.value not in HEADER:
            raise NotAConversation(f"{path}:{line}: {key.value} is none of {', '.join(sorted(HEADER))}")
        if key.value == "steps":
            if not isinstance(value, yaml.SequenceNode):
                raise NotAConversation(f"{path}:{line}: steps: is a list, each beginning with a dash")
            steps = [_step(path, each) for each in value.value]
        elif key.value == "from":
            phone = str(value.value)
    if not steps:
        raise NotAConversation(f"{path}:1: steps: is missing")
    return Conversation(phone, tuple(steps))


def _step(path: Path, node: Any) -> Step:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode) or len(node.value) != 1 or node.value[0][0].value not in ACTS:
        raise NotAConversation(f"{path}:{line}: one of {', '.join(sorted(ACTS))} was expected: - dial: '*4*061#'")
    key, value = node.value[0]
    if not isinstance(value, yaml.ScalarNode):
        raise NotAConversation(f"{path}:{line}: {key.value} takes a text")
    if key.value == "wait" and not value.value.replace(".", "", 1).isdecimal():
        raise NotAConversation(f"{path}:{line}: wait takes seconds, for example 2")
    return Step(key.value, value.value, line)


class Phone(Protocol):
    """What a play needs of the telecom side."""

    def call(self) -> Call: ...

    async def send(self, text: str) -> None: ...

    async def next_sms(self, within_s: float) -> str:
        """The next SMS not yet read. Raises TimeoutError."""
        ...


def fresh_msisdn(chance: random.Random) -> str:
    return f"+98916{chance.randrange(10_000_000):07}"


async def play(conversation: Conversation, phone: Phone) -> None:
    """Raises Mismatch, or CallFailed when the gateway gave no screen."""
    call: Call | None = None
    shown: Shown | None = None
    for step in conversation.steps:
        match step.act:
            case "dial":
                call = phone.call()
                shown = await call.dial(step.value)
            case "type":
                if call is None or shown is None or shown.over:
                    raise Mismatch(f"line {step.line}: nothing is open to type {step.value!r} into")
                shown = await call.type(step.value)
            case "see":
                if call is None or shown is None:
                    raise Mismatch(f"line {step.line}: nothing was dialled yet")
                texts, shown = await _all_pages(call, shown)
                _compare(step, texts)
            case "text":
                await phone.send(step.value)
            case "sms":
                try:
                    _compare(step, [await phone.next_sms(SMS_WITHIN_S)])
                except TimeoutError:
                    raise Mismatch(f"line {step.line}: no SMS came within {SMS_WITHIN_S:.0f} s") from None
            case _:
                await asyncio.sleep(float(step.value))


async def _all_pages(call: Call, shown: Shown) -> tuple[list[str], Shown]:
    texts = [shown.text]
    while not shown.over and _items(shown.text, keep=lambda key: key == "9") and len(texts) < MAX_PAGES:
        shown = await call.type("9")
        texts.append(shown.text)
    return texts, shown


_KEY = re.compile(r"(?:^|(?<= ))(\d{1,2})\)")


def _items(text: str, keep: Callable[[str], bool]) -> list[str]:
    """The numbered items of a screen whose number is kept."""
    found = []
    for line in text.split("\n"):
        starts = list(_KEY.finditer(line))
        for place, match in enumerate(starts):
            end = starts[place + 1].start() if place + 1 < len(starts) else len(line)
            if keep(match[1]):
                found.append(line[match.start() : end].strip())
    return found


def normal(text: str) -> list[str]:
    """A screen without navigation, one item a line; words broken over pages run on."""
    lines: list[str] = []
    for line in text.replace("\u200e", "").strip().split("\n"):
        first = _KEY.search(line)
        if first is None or first.start() > 0:
            lines.append(line.strip())
        else:
            lines += _items(line, keep=lambda key: key not in ("0", "00", "9"))
    return [line for line in lines if line]


_DAY = r"(?:\d{4}/)?\d\d/\d\d|\d{1,2} [A-Z][a-z]{2}(?: \d{4})?"
_YEAR = r"1[34]\d\d"


def _compare(step: Step, pages: list[str]) -> None:
    """Line by line; of several pages the words alone, since a long line may be broken between two of them."""
    between = "\n" if len(pages) == 1 else " "
    wanted, got = normal(step.value), normal("\n".join(pages))
    pattern = re.escape(between.join(wanted))
    for wildcard, stands_for in (("<day>", _DAY), ("<year>", _YEAR)):
        pattern = pattern.replace(re.escape(wildcard), f"(?:{stands_for})")
    if re.fullmatch(pattern, between.join(got)) is None:
        diff = difflib.unified_diff(wanted, got, "expected", "seen", lineterm="", n=9)
        raise Mismatch(f"line {step.line}:\n" + "\n".join(diff))
