"""One question to one office, shown as it goes, for whoever connects it: the request, the raw answer, what became of
each value, the outcome and the screens a citizen would read. On this terminal only; no log has any of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from html import escape
from pathlib import Path

import msgspec

from gateway.disclosure import disclosed
from gateway.settings_files import VARIABLE
from gateway.settings_offices import RouteLine
from menus import inputs, machine, samples, see
from menus.definition import AskDef, Menu
from menus.machine import Answered, Dialogue, Step, Typed
from menus.ports import Answer, Ask, Found, Missing, Reference, Several, outcome, reference
from menus.render import TooLong, render
from menus.screens import Screen

MOST_CHARACTERS = 2_000
"""Of one text of an office: enough to see what it is."""

ANSWERED = frozenset({"found", "several", "missing"})
"""Outcomes that are an answer, of whatever content."""


# --- what passed between us and the office ----------------------------------------------------------------------------


@dataclass(slots=True)
class Heard:
    """What is told while the question is asked. secrets: texts that are shown as ***."""

    secrets: Sequence[str] = ()
    told: list[tuple[str, str]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    reason: str = ""
    took_s: float = 0.0

    def trace(self, what: str, text: str) -> None:
        self.told.append((what, shown(text, self.secrets)))

    def unmapped(self, word: str) -> None:
        self.words.append(shown(word, self.secrets))

    def report(self, _outcome: str, reason: str, took_s: float) -> None:
        self.reason, self.took_s = shown(reason, self.secrets), took_s

    def lines(self) -> Iterator[str]:
        """What passed, under a heading where it changes."""
        before = ""
        for what, text in self.told:
            if what == "record":
                yield "\n-- what became of it"
            elif what not in (before, "field"):
                yield f"\n-- {what}"
            if text:
                yield text
            before = what
        if self.words:
            yield "\n-- without a meaning"
            yield from dict.fromkeys(f"'{word}': {_mending(word)}" for word in self.words)


def _mending(word: str) -> str:
    if not word:
        return "a record says no state: look at fields.state"
    if _LIKE_A_DAY.match(word):
        return "no day of our time as this file's calendar reads it: look at calendar:, or have it mended"
    return "add it to states:, or mend its date"


_LIKE_A_DAY = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")


def shown(text: str, secrets: Sequence[str]) -> str:
    """The text as a terminal may have it: no secret, nothing that steers a terminal, and no more than a page."""
    for secret in secrets:
        text = re.sub("".join(map(_any_spelling, secret)), "***", text)
    text = _IN_AN_ADDRESS.sub("://***@", text)
    plain = "".join(char if _harmless(char) else repr(char)[1:-1] for char in text)
    left = len(plain) - MOST_CHARACTERS
    return plain if left <= 0 else f"{plain[:MOST_CHARACTERS]} ... and {left} characters more"


def _any_spelling(char: str) -> str:
    """A pattern of this character as it is and as addresses, forms and XML spell it."""
    encoded = "".join(f"%{octet:02x}" for octet in char.encode("utf-8", "surrogatepass"))
    return f"(?:{re.escape(char)}|{re.escape(escape(char, quote=True))}|(?i:{encoded})" + (
        r"|\+)" if char == " " else ")"
    )


def _harmless(char: str) -> bool:
    return char.isprintable() or char in "\n\u200c\u200d"  # a line end, and what joins and parts Persian letters


_IN_AN_ADDRESS = re.compile(r"://[^/\s@]*@")
_SHORTEST_SECRET = 3


def secrets_in(text: str, environ: Mapping[str, str]) -> list[str]:
    """What a backend's file takes from the environment: all but addresses and paths is taken for a secret."""
    values = {environ.get(name, "") for name in VARIABLE.findall(text)}
    found = [value for value in values if len(value) >= _SHORTEST_SECRET and not _names_a_place(value)]
    return sorted(found, key=len, reverse=True)  # the longest first: it may have another in it


def _names_a_place(value: str) -> bool:
    return "://" in value or Path(value).exists()


# --- what a citizen reads ---------------------------------------------------------------------------------------------


def asking(menu: Menu, routes: Mapping[str, Sequence[RouteLine]], backend: str) -> list[AskDef]:
    """The asks of the menu that may come to this backend."""
    ours = {name for name, lines in routes.items() if any(backend in line.backends for line in lines)}
    return [node for node in menu.nodes.values() if isinstance(node, AskDef) and node.route in ours]


def as_typed(menu: Menu, ask: AskDef | None, number: str) -> tuple[Reference, inputs.Mistake | None]:
    """The number as the menu would read it, and what a citizen who types it would be told instead."""
    kind = menu.inputs.get(ask.given or "") if ask is not None else None
    found = inputs.read(kind, number) if kind is not None else reference(number)
    return (reference(number), found) if isinstance(found, inputs.Mistake) else (found, None)


def elsewhere(routes: Mapping[str, Sequence[RouteLine]], ask: AskDef, backend: str, number: str) -> str | None:
    """The backend a citizen's question would go to instead, "" for none; None when it comes to this one."""
    line = next((line for line in routes[ask.route] if line.fits(number)), None)
    if line is None:
        return ""
    return None if backend in line.backends else ", ".join(line.backends)


NOBODY = ""
"""The caller whose screens are shown: no phone an office knows."""


def screens(menu: Menu, ask: AskDef, asked: Reference, answer: Answer, language: str, today: date) -> Iterator[str]:
    """What this answer reads like on both wires, every page; and behind a list of cases each of them."""
    for wire in see.WIRES:
        start = machine.begin(menu, wire, language)
        values = {ask.given: asked} if ask.given else {}
        start = msgspec.structs.replace(start, asked=ask.name, at=ask.name, values=values)
        step = _to_a_screen(menu, machine.step(menu, start, Answered(disclosed(answer, NOBODY)), today), today)
        yield from _pages(menu, step, "")
        if wire == "ussd" and isinstance(step.then, Screen) and step.then.listed:
            for place, label in enumerate(step.then.labels):
                yield from _pages(menu, _picked(menu, step.dialogue, place, today), f", {place + 1}) {label}")


def _to_a_screen(menu: Menu, step: Step, today: date) -> Step:
    for _ in range(machine.MAX_ASKS):
        if isinstance(step.then, Ask):  # one of our own services, which would have done it
            step = machine.step(menu, step.dialogue, Answered(samples.DONE), today)
    return step


def _picked(menu: Menu, dialogue: Dialogue, place: int, today: date) -> Step:
    there = msgspec.structs.replace(dialogue, keys={"1": place})
    return _to_a_screen(menu, machine.step(menu, there, Typed("1"), today), today)


def _pages(menu: Menu, step: Step, how: str) -> Iterator[str]:
    wire, screen = step.dialogue.wire, step.then
    if not isinstance(screen, Screen):
        yield f"\n-- {wire}{how}: the menu leads to no screen"
        return
    yield f"\n-- {wire}: {screen.name}{how}"
    if screen.silent:
        yield "(nothing is sent)"
        return
    try:
        pages = render(screen, see.WIRES[wire], menu.navigation[screen.language])
    except TooLong as error:
        yield f"cannot be shown: {error}"
        return
    yield "\n(next page)\n".join(page.text for page in pages)


# --- how it ended -----------------------------------------------------------------------------------------------------


_PERHAPS_NOT_MISSING = (
    "if the office has this number, look at the answer above, at path and `cases`, and at the form of the number it was"
    " asked for"
)


def ended(answer: Answer, heard: Heard) -> str:
    """The outcome in a sentence."""
    match answer:
        case Found(case=case) if case.secret:
            what = "found, and secret: a citizen reads what she reads of a number that is missing"
        case Several(cases=cases):
            what = f"several: {len(cases)} cases"
        case _:
            what = outcome(answer)
    if isinstance(answer, Missing):
        return f"{what} ({round(heard.took_s * 1000)} ms): {_PERHAPS_NOT_MISSING}"
    return f"{what} ({round(heard.took_s * 1000)} ms)" + (f": {heard.reason}" if heard.reason else "")


_HINTS = (
    (r"no file of this register", "look at `folder` and `file`, and at the reason under news"),
    (r"no letter in its folder", "look at `folder`, `suffixes` and `namespaces`, and at its directory aside/"),
    (
        r"no connection: (28P01|28000)",
        (
            "the database does not let us in: look at user and password in `url`, where @ : / % of a password are"
            " written %40 %3A %2F %25"
        ),
    ),
    (r"no connection: 3D000", "the database has none of this name: look at what stands behind the last / of `url`"),
    (r"SQLITE_CANTOPEN", "the file is not there or not ours to read: look at its path in `url` (/// and then a /)"),
    (r"folder cannot be read", "look at `folder`, and whether this user may read it"),
    (
        r"BackendUnreachable|NotListening|NotResolved|CutOff",
        "nothing answers there: look at the address and port, and at firewall and VPN between",
    ),
    (
        r"HTTP \d+ with a page for people",
        "a page in HTML, of a proxy or of a wrong path: look at the address and the path",
    ),
    (r"HTTP 40[13]", "the office does not let us in: look at the user, password or key it gave us"),
    (r"HTTP 3\d\d", "the office sends us elsewhere, and we do not follow: write the address it names"),
    (r"HTTP 4\d\d", "the office does not know such a request: look at the path and the names of the parameters"),
    (r"HTTP 5\d\d", "the office's own system failed: ask its engineers, with the request above"),
    (r"no JSON|WebPage|NotReadable", "the answer is in another format: look at the address, and at what came"),
    (
        r"records cannot be found",
        (
            "look at `cases`: where in the answer the records are; where the office means that it has none, say so with"
            " missing_when"
        ),
    ),
    (r"does not fit", "look at `fields` and `steps`, beginning with `fields.number`"),
    (r"another number", "look at which form of the number the office is asked for, and at `fields.number` and `echo`"),
    (r"SOAP fault", "the office says so itself: look at the fault in its answer, and at `missing_faults`"),
    (r"database refuses", "look at the database's own words in the fault above, and at the SELECT"),
    (r"more than \d+ octets", "the office answers with too much: ask for one number, or raise the bound"),
)


def advice(answer: Answer, heard: Heard, deadline_s: float) -> str:
    """What to look at when no answer came."""
    if outcome(answer) == "late":
        return f"no answer within deadline_s ({deadline_s:g} s): look at address and firewall, or ask for more time"
    return next((hint for pattern, hint in _HINTS if re.search(pattern, heard.reason)), "look at the fault above")
