"""Conversations as data, played over the wire against a running gateway and compared with what they say.

    lang: fa                    the language it is written in, for the reader
    wire: [ussd, sms]           what the gateway is reached by; without it what the steps need
    proof: [phone]              only from the phone in `from:`, since an office knows it as hers; receipt: by a code
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

In a text `<day>` stands for any date as screens write it and `<year>` for any Jalali year, since the demo's dates move
with the calendar; `<number>` for any number and `<words>` for any words, which is how a recording masks them. What
stands in `[brackets]` may be missing: a narrow channel has no room for it. `<more>` at the end: whatever else there is
is not asked for, and no further page.
"""

import asyncio
import difflib
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from simulators.aggregator import Shown

ACTS = frozenset({"dial", "type", "text", "see", "sms", "wait"})
HEADER = frozenset({"lang", "from", "wire", "proof", "steps"})
WIRES = ("ussd", "sms")
PROOFS = ("phone", "receipt")
NEEDS = {"dial": "ussd", "type": "ussd", "see": "ussd", "text": "sms"}
"""An SMS may come by any wire, so `sms` needs none."""
NUMBER = "<number>"
WORDS = "<words>"
MORE = "<more>"
MAX_PAGES = 20
SMS_WITHIN_S = 25.0
"""How long an SMS may take: the promise says it follows, the slow office takes 12 s."""


class Mismatch(Exception):
    """The gateway said something else; the message is a diff."""


class NoSms(Mismatch):
    """No SMS came at all."""


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
    wires: frozenset[str] = frozenset(WIRES)
    proofs: frozenset[str] = frozenset()

    def excluded(self, wire: str, msisdn: str | None = None) -> str | None:
        """Why it cannot be played by this wire, or from the one phone there is; None when it can."""
        if wire not in self.wires:
            return f"its wire is {' and '.join(sorted(self.wires))}"
        if msisdn is not None and "phone" in self.proofs and self.phone != msisdn:
            return f"its proof is the phone {self.phone}"
        return None


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
    wires: frozenset[str] | None = None
    proofs: frozenset[str] = frozenset()
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
        elif key.value == "wire":
            wires = _some_of(WIRES, path, key.value, value)
        elif key.value == "proof":
            proofs = _some_of(PROOFS, path, key.value, value)
    if not steps:
        raise NotAConversation(f"{path}:1: steps: is missing")
    if "phone" in proofs and phone is None:
        raise NotAConversation(f"{path}:1: proof: [phone] needs from: with that phone's number")
    for step in steps:
        if wires is not None and NEEDS.get(step.act, next(iter(wires))) not in wires:
            raise NotAConversation(f"{path}:{step.line}: {step.act} is not of wire: {', '.join(sorted(wires))}")
    needed = frozenset(NEEDS[step.act] for step in steps if step.act in NEEDS)
    return Conversation(phone, tuple(steps), wires or needed or frozenset(WIRES), proofs)


def files(paths: Sequence[Path]) -> list[Path]:
    """These files, and those in these folders. Raises NotAConversation where there is none."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        if not inside:
            raise NotAConversation(f"{path}: no conversation here: no *.yaml file")
        found += inside
    return found


def _some_of(known: tuple[str, ...], path: Path, name: str, node: yaml.Node) -> frozenset[str]:
    """A word or a list of words. Raises NotAConversation."""
    words = node.value if isinstance(node, yaml.SequenceNode) else [node]
    found = [str(each.value) for each in words]
    if not found or any(each not in known for each in found):
        raise NotAConversation(f"{path}:{node.start_mark.line + 1}: {name} takes some of {', '.join(known)}")
    return frozenset(found)


def _step(path: Path, node: Any) -> Step:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode) or len(node.value) != 1 or node.value[0][0].value not in ACTS:
        raise NotAConversation(f"{path}:{line}: one of {', '.join(sorted(ACTS))} was expected: - dial: '*4*061#'")
    key, value = node.value[0]
    if not isinstance(value, yaml.ScalarNode):
        raise NotAConversation(f"{path}:{line}: {key.value} takes a text")
    if key.value == "wait" and not value.value.replace(".", "", 1).isdecimal():
        raise NotAConversation(f"{path}:{line}: wait takes seconds, for example 2")
    if key.value in ("see", "sms"):
        if re.fullmatch(r"[^\[\]]*(\[[^\[\]]*\][^\[\]]*)*", value.value) is None:
            raise NotAConversation(f"{path}:{line}: a bracket without its other half: [what may be missing]")
    elif NUMBER in value.value:
        raise NotAConversation(f"{path}:{line}: {NUMBER} was masked; write one that the demo has, for example 12345")
    return Step(key.value, value.value, line)


class Line(Protocol):
    """A USSD session: dial first, then type until a screen is over. Raises CallFailed."""

    async def dial(self, code: str) -> Shown: ...

    async def type(self, text: str) -> Shown: ...


class Phone(Protocol):
    """What a play needs of the telecom side."""

    def call(self) -> Line: ...

    async def send(self, text: str) -> None: ...

    async def next_sms(self, within_s: float) -> str:
        """The next SMS not yet read. Raises TimeoutError."""
        ...


def fresh_msisdn(chance: random.Random) -> str:
    return f"+98916{chance.randrange(10_000_000):07}"


async def play(conversation: Conversation, phone: Phone) -> None:
    """Raises Mismatch, or CallFailed when the gateway gave no screen."""
    call: Line | None = None
    shown: Shown | None = None
    for step in conversation.steps:
        match step.act:
            case "dial":
                call = phone.call()
                shown = await call.dial(step.value)
            case "type":
                if call is None or shown is None or shown.over:
                    before = f"; the session ended with:\n{shown.text}" if shown else ""
                    raise Mismatch(f"line {step.line}: nothing is open to type {step.value!r} into{before}")
                shown = await call.type(step.value)
            case "see":
                if call is None or shown is None:
                    raise Mismatch(f"line {step.line}: nothing was dialled yet")
                texts = [shown.text]
                if not step.value.endswith(MORE):
                    texts, shown = await _all_pages(call, shown)
                _compare(step, texts)
            case "text":
                await phone.send(step.value)
            case "sms":
                try:
                    _compare(step, [await phone.next_sms(SMS_WITHIN_S)])
                except TimeoutError:
                    raise NoSms(f"line {step.line}: no SMS came within {SMS_WITHIN_S:.0f} s") from None
            case _:
                await asyncio.sleep(float(step.value))


async def _all_pages(call: Line, shown: Shown) -> tuple[list[str], Shown]:
    texts = [shown.text]
    while wants_more(shown.text, shown.over) and len(texts) < MAX_PAGES:
        shown = await call.type("9")
        texts.append(shown.text)
    return texts, shown


def wants_more(text: str, over: bool) -> bool:
    """Whether this page offers another."""
    return not over and bool(_items(text, keep=lambda key: key == "9"))


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


_SIGNS = {
    "<day>": r"(?:(?:\d{4}/)?\d\d/\d\d|\d{1,2} [A-Z][a-z]{2}(?: \d{4})?)",
    "<year>": r"1[34]\d\d",
    NUMBER: r"\d[\d/*-]*",
    WORDS: r"\S.*?",
    "[": "(?:",
    "]": ")?",
}
_SIGN = re.compile("(" + "|".join(re.escape(sign) for sign in _SIGNS) + ")")


def _pattern(lines: Sequence[str], between: str) -> str:
    """A line that is in brackets as a whole may be missing with its end."""
    found = ""
    for line in lines:
        pattern = "".join(_SIGNS.get(part, re.escape(part)) for part in _SIGN.split(line))
        start = between if found else ""
        whole = line.startswith("[") and line.find("]") == len(line) - 1
        found += f"(?:{start}{pattern})?" if whole else start + pattern
    return found


def _compare(step: Step, pages: list[str]) -> None:
    """Line by line; of several pages the words alone, since a long line may be broken between two of them."""
    between = "\n" if len(pages) == 1 else " "
    wanted, got = normal(step.value.removesuffix(MORE)), normal("\n".join(pages))
    pattern = _pattern(wanted, between)
    if step.value.endswith(MORE):
        pattern += r"(?:\s[\s\S]*)?"
    if re.fullmatch(pattern, between.join(got)) is None:
        raise Mismatch(f"line {step.line}:\n" + "\n".join(_difference(wanted, got)))


def _difference(wanted: Sequence[str], got: Sequence[str]) -> Iterator[str]:
    """Both line by line; a line that says what was expected is no difference, whichever day it names."""
    said = [next((each for each in wanted if re.fullmatch(_pattern([each], ""), line)), line) for line in got]
    yield "--- expected"
    yield "+++ seen"
    names = dict(zip(said, got, strict=True))
    for line in difflib.ndiff(wanted, said):
        if line.startswith(("- ", "+ ")):
            yield line[0] + line[2:]
        elif line.startswith("  "):
            yield " " + names[line[2:]]
