"""What menus need from the world: a question (Ask) and its answer.

The one module of this package that adapters may import, so it names no screen and no wire.
Texts that an office may give in several languages are `Names`: language code to text.
"""

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Protocol

import msgspec

from menus.folding import fold

__all__ = ["Answer", "Ask", "Backend", "Case", "CaseStep", "Done", "Found", "Late", "Missing", "Names", "Reference",
           "Refused", "Several", "State", "Unavailable", "fold", "luhn_ok", "outcome", "reference"]  # fmt: skip

Names = Mapping[str, str]
"""Language code ("fa", "ar", "en") to text. A language that is missing has no text: nothing is guessed."""


class State(StrEnum):
    """Where a case stands; the canonical list every office's own words are mapped to."""

    RECEIVED = "received"
    REGISTERED = "registered"
    REFERRED = "referred"
    SEEN = "seen"
    IN_PROGRESS = "in_progress"
    NEEDS_CITIZEN = "needs_citizen"
    FORWARDED_OUT = "forwarded_out"
    ANSWERED = "answered"
    REJECTED = "rejected"
    CLOSED = "closed"
    UNKNOWN = "unknown"  # a word of the office nobody mapped; citizens read it as "under review"


FINAL = frozenset({State.ANSWERED, State.REJECTED, State.CLOSED})
"""States after which nothing is owed any more."""


class CaseStep(msgspec.Struct, frozen=True, array_like=True):
    """One desk a case came to. on is None while nobody wrote down the day."""

    desk: dict[str, str]
    on: date | None = None


class Case(msgspec.Struct, frozen=True, omit_defaults=True):
    """A letter or request being followed, as far as a citizen may read it.

    number is the office's own spelling; registered_on is the day it came to the office; due_on is the day the answer is
    owed; step and steps_total count from 1; secret is true for whatever the office does not call open. subject and
    sender are for who has proved that the case is hers: by its receipt code (proven), or by calling from citizen_phone,
    the number the office has of her.
    """

    kind: str
    number: str
    state: State
    organisation: dict[str, str] = {}
    year: int | None = None
    desk: dict[str, str] = {}
    registered_on: date | None = None
    changed_on: date | None = None
    due_on: date | None = None
    steps: tuple[CaseStep, ...] = ()
    step: int | None = None
    steps_total: int | None = None
    answer_number: str | None = None
    lacking: dict[str, str] = {}
    phone: str | None = None
    secret: bool = False
    subject: str = ""
    sender: str = ""
    citizen_phone: str = ""
    proven: bool = False


def luhn_ok(digits: str) -> bool:
    """ISO/IEC 7812-1 annex B: the last digit checks the others."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


class Reference(msgspec.Struct, frozen=True, omit_defaults=True):
    """A number as it was asked for, in the three forms an office may understand.

    exact: parts in the order typed, joined by "/"; loose: the same parts sorted, since a screen that mixes
    writing directions shows them in either order; running: the part that counts letters, by itself.
    typed: what she typed, when it was read as something else.
    """

    exact: str
    loose: str
    running: str
    typed: str = ""

    @property
    def receipt_code(self) -> str | None:
        """The number as a receipt code, when it has the form of one: knowing it proves whose case it is."""
        code = self.exact
        return code if re.fullmatch(r"[1-9][0-9]{9}", code) and luhn_ok(code) else None


class Ask(msgspec.Struct, frozen=True):
    """A question to the world: `route` names an entry of the routes file or one of the gateway's own services.

    route, dialogue and step (events so far) together name this one question: an effect keyed by them is had once.
    """

    route: str
    step: int
    reference: Reference | None = None
    dialogue: str = ""


class Found(msgspec.Struct, frozen=True, tag="found"):
    case: Case
    as_of: date | None = None
    """The day of a last known answer; None when the office answered just now."""
    down: bool = False
    """The office does not answer now; this is what it said on that day."""


class Several(msgspec.Struct, frozen=True, tag="several"):
    cases: tuple[Case, ...]
    as_of: date | None = None
    """As in Found."""


class Missing(msgspec.Struct, frozen=True, tag="missing"):
    """The office has no such number, or one it does not show."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The gateway or the office does not answer this caller (too many guesses, no proof)."""


class Late(msgspec.Struct, frozen=True, tag="late"):
    """No answer within the time there was; the same question may be asked again."""


class Unavailable(msgspec.Struct, frozen=True, tag="unavailable"):
    """The office's system failed or answered nothing usable."""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """One of the gateway's own services did what was asked, and it is stored."""


Answer = Found | Several | Missing | Refused | Late | Unavailable | Done

OUTCOMES: tuple[str, ...] = ("found", "several", "missing", "refused", "late", "unavailable", "done")


def outcome(answer: Answer) -> str:
    """The word a menu branches on."""
    return str(answer.__struct_config__.tag)


class Backend(Protocol):
    """An office's system. Never raises for what the office does: that is an Answer."""

    async def ask(self, ask: Ask, within_s: float) -> Answer: ...


# protocols.md G4: what separates the parts of a letter number on paper, on a keypad and in a database.
_BETWEEN_PARTS = re.compile(r"[/\-._\s*#]+")
_YEARS = frozenset(map(str, range(1350, 1450)))  # G4: four digits in this window are a year


def reference(number: str) -> Reference:
    """The three forms of a number. Spelling does not count, nor do leading zeros."""
    folded = _BETWEEN_PARTS.split(fold(number))
    parts = tuple(part.lstrip("0") or "0" if part.isdecimal() else part for part in folded if part)
    counts = [part for part in parts if part.isdecimal()]
    # The number itself decides between two of one length: the order they were typed in must not.
    longest = max(counts, key=lambda part: (part not in _YEARS, len(part), part), default="")
    return Reference(exact="/".join(parts), loose="/".join(sorted(parts)), running=longest)
