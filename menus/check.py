"""What is wrong with a menu that loads: what a citizen would meet, found before she does.

loader.py sees what is written; this drives the machine and the renderer with sample values and looks at what comes
out: texts that fit nowhere, screens nobody reaches, questions without end, ends without a phone number. The samples
are invented here; no office is asked, no clock is read, and the same menu always has the same problems.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

import msgspec

from menus import samples
from menus.alphabet import Alphabet, Capacity, alphabet_of, segments, size
from menus.definition import RESERVED, SERVICES, AskDef, Menu, ScreenDef
from menus.folding import fold
from menus.inputs import Kind
from menus.language import RawField
from menus.machine import (
    MAX_ASKS,
    MAX_LABEL,
    Answered,
    Dialogue,
    Step,
    Typed,
    Wire,
    begin,
    outright,
    shown,
    step,
)
from menus.ports import (
    OUTCOMES,
    Answer,
    Ask,
    Case,
    CaseStep,
    Found,
    Late,
    Missing,
    Reference,
    Refused,
    Several,
    State,
    Unavailable,
    outcome,
)
from menus.render import TooLong, render
from menus.screens import Screen
from menus.templates import joined


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. language and channel are empty where all are meant; equal channels stand together."""

    screen: str
    language: str
    channel: str
    message: str

    def __str__(self) -> str:
        where = ", ".join(filter(None, [self.language, self.channel]))
        return f"{self.screen} [{where}]: {self.message}" if where else f"{self.screen}: {self.message}"


@dataclass(frozen=True, slots=True)
class _Channel:
    """Channels that hold the same are one to us: what fits one fits all."""

    name: str
    capacity: Capacity

    @property
    def wire(self) -> Wire:
        return "sms" if self.capacity.parts > 1 else "ussd"


def check(menu: Menu, capacities: Mapping[str, Capacity]) -> list[Problem]:
    """Every problem of this menu on these channels, each once, always in the same order; never raises for a menu."""
    names: dict[Capacity, list[str]] = {}
    for name, capacity in capacities.items():
        names.setdefault(capacity, []).append(name)
    channels = [_Channel(", ".join(same), capacity) for capacity, same in names.items()]
    problems: list[Problem] = [*_unreached(menu), *_loops(menu), *_keywords(menu), *_dead_ends(menu)]
    for channel in channels:
        for language in menu.languages:
            problems += _outcomes(menu, channel, language)
            problems += _overflows(menu, channel, language)
    return list(dict.fromkeys(problems))


# --- where a menu leads -----------------------------------------------------------------------------------------------


def _asks(menu: Menu) -> list[AskDef]:
    return [node for node in menu.nodes.values() if isinstance(node, AskDef)]


def _screens(menu: Menu) -> list[ScreenDef]:
    return [node for node in menu.nodes.values() if isinstance(node, ScreenDef)]


def _words(ask: AskDef) -> tuple[str, ...]:
    """The outcomes that may come back: our own services say done or unavailable, offices everything else."""
    return ("done", "unavailable") if ask.route in SERVICES else tuple(word for word in OUTCOMES if word != "done")


def _behind(menu: Menu, ask: AskDef, word: str) -> list[str]:
    """Where an outcome may lead, as the machine decides it: the branches, else the screen of that name."""
    branches = ask.branches.get(word, ())
    sure = any(not branch.when for branch in branches)
    otherwise = [] if sure else [word if word in menu.nodes else "unavailable"]
    return [branch.next for branch in branches] + otherwise


def _next(menu: Menu, name: str, wire: Wire) -> list[str]:
    match menu.nodes.get(name):
        case ScreenDef() as screen:
            # By SMS a text of its own comes without numbered choices.
            chosen = [] if wire == "sms" and screen.sms else [choice.next for choice in screen.choices]
            return chosen + ([screen.next] if screen.next else [])
        case AskDef() as ask:
            return [target for word in _words(ask) for target in _behind(menu, ask, word)]
        case None:
            return []


def _reached(menu: Menu, wire: Wire) -> set[str]:
    """Every screen and ask a citizen can come to on this wire."""
    waiting = [menu.start, *(entry.next for entry in menu.entries.values()), *sorted(RESERVED)]
    if wire == "sms":  # what was asked on a phone may be answered by SMS
        by_phone = _reached(menu, "ussd")
        waiting += [ask.name for ask in _asks(menu) if ask.name in by_phone]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _next(menu, name, wire)
    return found


def _unreached(menu: Menu) -> Iterator[Problem]:
    reached = _reached(menu, "ussd")
    for name, node in menu.nodes.items():
        if name not in reached and isinstance(node, AskDef):
            yield Problem(name, "", "", "nobody asks this; lead to it with next: or delete it")
        elif name not in reached:
            yield Problem(name, "", "", "no choice, outcome or entry leads here; lead to it with next: or delete it")


def _loops(menu: Menu) -> Iterator[Problem]:
    """Asks behind asks, for any sequence of outcomes: a ring of them never ends, a long row is more than a turn may."""
    asks = {ask.name for ask in _asks(menu)}
    follows = {name: [to for to in dict.fromkeys(_next(menu, name, "ussd")) if to in asks] for name in sorted(asks)}
    told: set[frozenset[str]] = set()
    for name in follows:
        ring = _way(follows, name, name)
        if ring and frozenset(ring) not in told:
            told.add(frozenset(ring))
            yield Problem(
                name, "", "", f"asks follow one another without end ({' > '.join([*ring, name])}); put a screen between"
            )
    if told:
        return  # where there are rings, no row has a length
    for name in follows:
        row = _longest(follows, name, {})
        behind_another = any(name in targets for targets in follows.values())
        if len(row) > MAX_ASKS and not behind_another:
            yield Problem(
                name, "", "", f"{len(row)} asks follow one another, at most {MAX_ASKS} may: {' > '.join(row)}"
            )


def _way(follows: Mapping[str, list[str]], start: str, goal: str) -> list[str]:
    """The shortest row of asks from start whose last leads to goal, or nothing."""
    rows, seen = [[start]], {start}
    for row in rows:
        for target in follows[row[-1]]:
            if target == goal:
                return row
            if target not in seen:
                seen.add(target)
                rows.append([*row, target])
    return []


def _longest(follows: Mapping[str, list[str]], name: str, known: dict[str, list[str]]) -> list[str]:
    if name not in known:
        rows = [_longest(follows, target, known) for target in follows[name]]
        known[name] = [name, *max(rows, key=len, default=[])]
    return known[name]


MAX_KEYWORD_WORDS = 4
"""keywords.py looks at so many words at once."""

MIN_KEYWORD = 3
"""Letters at least of a keyword: one or two are an office's sign in a letter number, or a slip."""


def _keywords(menu: Menu) -> Iterator[Problem]:
    for entry in menu.entries.values():
        for word, language in entry.keywords.items():
            if len(word.split()) > MAX_KEYWORD_WORDS:
                what = f"has more than {MAX_KEYWORD_WORDS} words, and no SMS is looked at for so many; shorten it"
            elif len(word) < MIN_KEYWORD:
                what = f"is as short as an office's sign in a letter number; take one of {MIN_KEYWORD} letters or more"
            else:
                continue
            yield Problem(entry.next, language, "", f'the keyword "{word}" of {entry.journey} {what}')


# --- ends without help ------------------------------------------------------------------------------------------------

BAD_NEWS = ("missing", "refused", "late", "unavailable")

_DIAL_CODE = re.compile(r"[0-9]*[*#][0-9*#]*")
_PHONE = re.compile(r"[0-9]{3,}")


def _dead_ends(menu: Menu) -> Iterator[Problem]:
    """Bad news must leave a way on or a person to call, in each language."""
    told = set(RESERVED)
    for ask in _asks(menu):
        told |= {target for word in _words(ask) if word in BAD_NEWS for target in _behind(menu, ask, word)}
    for screen in _screens(menu):
        if screen.name not in told or screen.input is not None:
            continue
        for language in menu.languages:
            goes_on = screen.choices or screen.pick is not None
            if not goes_on and not _has_phone(menu, screen, "ussd", language):
                yield Problem(screen.name, language, "", "ends without choices and without a phone number; add one")
            # By SMS a text of its own comes without the choices.
            own_text = screen.sms is not None and not screen.silent_by_sms
            if own_text and not _has_phone(menu, screen, "sms", language):
                yield Problem(screen.name, language, "", "its text by SMS ends without a phone number; add one")


def _has_phone(menu: Menu, screen: ScreenDef, wire: Wire, language: str) -> bool:
    """Three digits or more that are no dial code and no value: a value may be absent, and is no phone of ours."""
    try:
        then = outright(menu, _dialogue(menu, wire, language, None, "?"), screen.name, TODAY).then
    except Exception:
        return True  # told among what does not fit: it cannot be shown at all
    return isinstance(then, Screen) and bool(_PHONE.search(_DIAL_CODE.sub(" ", fold(joined(then.parts)))))


# --- samples ----------------------------------------------------------------------------------------------------------

TODAY = date(2026, 11, 22)
ANOTHER_YEAR = date(2028, 9, 30)
"""Another year in both calendars, and days in two digits: the longest a date is written."""

COUNTS = (1, 8, 20)
"""Items of a list: one, as many as a page numbers, and more than that."""

DEFAULT_WIDTH: int = RawField.model_fields["width"].default

_LETTERS = {Alphabet.UCS2: "ق", Alphabet.GSM7: "W"}
_NUMBER = {Kind.LETTER_NUMBER: "12345", Kind.TRACKING_CODE: "2001000344"}
_MISTYPED = {Kind.LETTER_NUMBER: ("?",), Kind.TRACKING_CODE: ("?", "2001000345")}
"""What brings out each mistake's text: nothing that could be a number, and a wrong check digit."""


def _alphabet(menu: Menu, language: str) -> Alphabet:
    """An office's names are written in the alphabet in which the menu speaks this language."""
    words = menu.navigation[language]
    return alphabet_of(words.back + words.more + words.main)


def _dialogue(menu: Menu, wire: Wire, language: str, held: Answer | None, asked: str) -> Dialogue:
    """A dialogue in which every input was given and an office was asked about the first of them."""
    reference = Reference(asked, asked, asked)
    names = {screen.input.into for screen in _screens(menu) if screen.input is not None}
    ask = next((ask.name for ask in _asks(menu) if ask.number in names), "")
    start = begin(menu, wire, language)
    return msgspec.structs.replace(start, values=dict.fromkeys(sorted(names), reference), asked=ask, held=held)


def _usual(state: State, number: str) -> Case:
    return samples.case("sample", number, TODAY, state, closed_with="5512")


_NO_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class _Wide:
    """Values as wide as fields: allows. word: letters until a space (none: filters.py breaks what is too long);
    sign: what a number begins with; at_most: a width below which all values stay."""

    menu: Menu
    word: int = _NO_LIMIT
    sign: str = ""
    at_most: int = _NO_LIMIT

    def width(self, name: str) -> int:
        field = self.menu.fields.get(name)
        return min(field.width if field else DEFAULT_WIDTH, self.at_most)

    def names(self, name: str, language: str) -> dict[str, str]:
        letter = _LETTERS[_alphabet(self.menu, language)]
        letters = "".join(" " if place % (self.word + 1) == self.word else letter for place in range(self.width(name)))
        return {language: letters[:-1] + letter}  # a space at the end would make it narrower

    def number(self, name: str) -> str:
        return (self.sign + "9" * self.width(name))[: self.width(name)]

    def count(self, name: str) -> int:
        return int("9" * self.width(name))

    def case(self, language: str, state: State, steps: int = 1) -> Case:
        return Case(
            kind="sample",
            number=self.number("case.number"),
            state=state,
            organisation=self.names("case.organisation", language),
            year=self.count("case.year"),
            desk=self.names("case.desk", language),
            changed_on=ANOTHER_YEAR,
            due_on=ANOTHER_YEAR,
            steps=(CaseStep(self.names("item.desk", language), ANOTHER_YEAR),) * steps,
            step=self.count("case.step"),
            steps_total=self.count("case.steps_total"),
            answer_number=self.number("case.answer_number"),
            lacking=self.names("case.lacking", language),
            phone=self.number("case.phone"),
        )


def _wide(menu: Menu) -> tuple[_Wide, ...]:
    """Short words, one unbroken word, and an office's sign, which turns even an English text to UCS-2."""
    return _Wide(menu, word=5), _Wide(menu), _Wide(menu, sign="ص/")


# --- what does not fit ------------------------------------------------------------------------------------------------


def _overflows(menu: Menu, channel: _Channel, language: str) -> Iterator[Problem]:
    """At most one a screen: what mends the first mends the others, or they are told next time."""
    reached = _reached(menu, channel.wire)
    for node in _screens(menu):
        if channel.wire == "sms" and node.name not in reached:
            continue
        tried = (_unfit(menu, channel, language, each) for each in _variants(menu, channel, language, node))
        message = next(filter(None, tried), None)
        if message:
            yield Problem(node.name, language, channel.name, message)


def _variants(menu: Menu, channel: _Channel, language: str, node: ScreenDef) -> Iterator[Callable[[], Step]]:
    """This screen with every sample, as it is and after each mistake. Called one by one: one may fail."""
    typed = _MISTYPED[node.input.kind] if node.input else ("?",) if node.choices or node.pick is not None else ()
    for wide, held in _held(menu, language, node):
        dialogue = _dialogue(menu, channel.wire, language, held, wide.number("asked"))
        there = msgspec.structs.replace(dialogue, at=node.name)
        yield partial(outright, menu, dialogue, node.name, TODAY)
        for text in typed:
            yield partial(step, menu, there, Typed(text), TODAY)


def _held(menu: Menu, language: str, node: ScreenDef) -> Iterator[tuple[_Wide, Answer]]:
    """The answers worth trying here: every state where one is told, every length where there is a list."""
    texts = [*node.text.values(), *(node.sms or {}).values(), *(node.pick or {}).values()]
    has_state = any(value.name == "case.state" for text in texts for value in text.values)
    states = list(State) if has_state else [State.IN_PROGRESS]
    for wide in _wide(menu):
        for state in states:
            if node.pick is not None:
                for count in COUNTS:
                    yield wide, Several((wide.case(language, state),) * count)
            else:
                for count in COUNTS if node.each else (1,):
                    yield wide, Found(wide.case(language, state, count), ANOTHER_YEAR)
    if node.pick is not None:
        # A label longer than MAX_LABEL is told by its number alone, so the widest values are not the widest label.
        for at_most in range(4, MAX_LABEL + 1, 4):
            wide = _Wide(menu, at_most=at_most)
            number = replace(wide, at_most=_NO_LIMIT).number("case.number")
            case = msgspec.structs.replace(wide.case(language, State.IN_PROGRESS), number=number)
            yield wide, Several((case, case))


def _unfit(menu: Menu, channel: _Channel, language: str, made: Callable[[], Step]) -> str | None:
    """What keeps this from being sent, in an operator's words; None when it can be."""
    try:
        then = made().then
        if not isinstance(then, Screen) or then.silent:
            return None
        try:
            render(then, channel.capacity, menu.navigation[language])
        except TooLong:
            return _too_long(then, channel.capacity)
    except Exception as error:
        return f"cannot be shown: {_spoken(error)}"
    return None


def _too_long(screen: Screen, capacity: Capacity) -> str:
    widest = "with every value as wide as fields: allows"
    if capacity.parts > 1:
        return (
            f"longer than {capacity.parts} SMS {widest}; shorten it, give it a shorter sms:, "
            "or put a part in [ ] whose value has a leave_out"
        )
    pieces = [*screen.labels, *joined(screen.parts).split()]
    longest = max(pieces, key=size)
    room = capacity.max_septets if alphabet_of(longest) is Alphabet.GSM7 else capacity.max_units
    return (
        f'fits no page of {room} {widest}, longest is "{longest}" ({size(longest)}); '
        "shorten that choice or word, the width of its field, or the words of navigation"
    )


def _spoken(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


# --- what answers lead to ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A screen an answer led to. behind: the ask and the outcome, in words; found: a case is shown."""

    screen: Screen
    behind: str
    found: bool


def _outcomes(menu: Menu, channel: _Channel, language: str) -> Iterator[Problem]:
    """Every outcome of every ask must end at a screen that says something; by SMS what was found, in one segment."""
    for ask in _asks(menu):
        for arrival in _driven(menu, channel, language, _asking(menu, channel, language, ask), set()):
            if isinstance(arrival, Problem):
                yield arrival
            elif not arrival.screen.silent:
                message = _unsaid(arrival) or _longer_than_one_sms(menu, channel, language, arrival)
                if message:
                    yield Problem(arrival.screen.name, language, channel.name, message)


def _asking(menu: Menu, channel: _Channel, language: str, ask: AskDef) -> Dialogue:
    """Where the dialogue stands while this is asked. Behind a service lies an answer; the others bring their own."""
    number = _number(menu, ask)
    held = Found(_usual(State.IN_PROGRESS, number)) if ask.route in SERVICES else None
    dialogue = msgspec.structs.replace(_dialogue(menu, channel.wire, language, held, number), at=ask.name)
    return dialogue if ask.route in SERVICES else msgspec.structs.replace(dialogue, asked=ask.name)


def _number(menu: Menu, ask: AskDef) -> str:
    kinds = [each.input.kind for each in _screens(menu) if each.input is not None and each.input.into == ask.number]
    return _NUMBER[kinds[0] if kinds else Kind.LETTER_NUMBER]


def _answers(menu: Menu, ask: AskDef) -> Iterator[Answer]:
    """A sample of every outcome: found in each state with usual values and with hardly any, lists of each length."""
    number = _number(menu, ask)
    usual = [_usual(state, number) for state in State]
    tried: dict[str, Iterable[Answer]] = {
        "found": [
            *(Found(case) for case in usual),
            *(msgspec.structs.replace(Found(case), as_of=TODAY) for case in usual),
            *(Found(msgspec.structs.replace(case, answer_number=None)) for case in usual),
            *(Found(Case(kind="sample", number=number, state=state)) for state in State),
        ],
        "several": [Several((usual[0],) * count) for count in COUNTS],
        "missing": [Missing()],
        "refused": [Refused()],
        "late": [Late()],
        "unavailable": [Unavailable()],
        "done": [samples.DONE],
    }
    for word in _words(ask):
        yield from tried[word]


def _driven(
    menu: Menu, channel: _Channel, language: str, dialogue: Dialogue, seen: set[tuple[str, str]]
) -> Iterator[_Arrival | Problem]:
    """Where every answer leads from the ask this dialogue is at, through the asks behind it. seen: ends in rings."""
    ask = menu.nodes[dialogue.at]
    assert isinstance(ask, AskDef)
    for answer in _answers(menu, ask):
        word = outcome(answer)
        behind = f"{ask.name}: {word}"
        try:
            then = step(menu, dialogue, Answered(answer), TODAY)
            if isinstance(then.then, Screen):
                yield _Arrival(then.then, behind, isinstance(answer, Found))
                yield from _picked(menu, channel, language, then, behind)
        except Exception as error:
            yield Problem(ask.name, language, channel.name, f"{word} leads to no screen: {_spoken(error)}")
            continue
        if isinstance(then.then, Ask) and (then.dialogue.at, word) not in seen:
            seen.add((then.dialogue.at, word))
            yield from _driven(menu, channel, language, then.dialogue, seen)


def _picked(menu: Menu, channel: _Channel, language: str, arrived: Step, behind: str) -> Iterator[_Arrival]:
    """The screen behind the first of several cases."""
    screen = arrived.then
    assert isinstance(screen, Screen)
    try:
        pages = render(screen, channel.capacity, menu.navigation[language])
    except TooLong:
        return  # told among what does not fit
    if screen.listed:
        then = step(menu, shown(arrived.dialogue, pages)[0], Typed("1"), TODAY).then
        if isinstance(then, Screen):
            yield _Arrival(then, f"{behind}, one picked", found=then.name != screen.name)


def _unsaid(arrival: _Arrival) -> str | None:
    if joined(arrival.screen.parts):
        return None
    return f"says nothing after {arrival.behind}, where its values are absent; add a line without a value"


def _longer_than_one_sms(menu: Menu, channel: _Channel, language: str, arrival: _Arrival) -> str | None:
    """What is found costs a citizen, or the governorate, one SMS: the parts that may go are left out for it."""
    if channel.wire != "sms" or not arrival.found:
        return None
    screen = replace(arrival.screen, parts=tuple(part for part in arrival.screen.parts if part.rank == 0))
    try:
        (page,) = render(screen, channel.capacity, menu.navigation[language])
    except TooLong:
        return None  # told among what does not fit
    if segments(page.text) == 1:
        return None
    single = channel.capacity.max_septets if alphabet_of(page.text) is Alphabet.GSM7 else channel.capacity.max_units
    return (
        f"takes {segments(page.text)} SMS with usual values ({size(page.text)}, one holds {single}); "
        "shorten it, or put a part in [ ] whose value has a leave_out"
    )
