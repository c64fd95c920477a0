"""What is wrong with a menu that loads: what a citizen would meet, found before she does.

loader.py sees what is written; this drives the machine and the renderer with sample values and looks at what comes
out: texts that fit nowhere, screens nobody reaches, questions without end, ends without a phone number. The samples
are invented here; no office is asked, no clock is read, and the same menu always has the same problems.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

import msgspec

from menus import reach, samples, widest
from menus.alphabet import Alphabet, Capacity, alphabet_of, fits, segments, size
from menus.definition import RESERVED, SERVICES, AskDef, Branch, Menu, ScreenDef
from menus.folding import fold
from menus.inputs import WIDTHS, Kind, Mistake
from menus.machine import Answered, Dialogue, Step, Typed, Wire, begin, outright, shown, step
from menus.ports import (
    Answer,
    Ask,
    Case,
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
from menus.source import Path
from menus.templates import Template, joined
from menus.widest import ANOTHER_YEAR, Wide

TODAY = date(2026, 11, 22)

LONG_AGO = date(2026, 1, 4)

COUNTS = (1, 8, 20)
"""Items of a list: one, as many as a page numbers, and more than that."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. language and channel are empty where all are meant; equal channels stand together."""

    screen: str
    language: str
    channel: str
    message: str
    path: Path = field(default=(), compare=False)
    """Where it is written, for Menu.place; empty: the screen as a whole."""

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


def _channels(capacities: Mapping[str, Capacity]) -> list[_Channel]:
    names: dict[Capacity, list[str]] = {}
    for name, capacity in capacities.items():
        names.setdefault(capacity, []).append(name)
    return [_Channel(", ".join(same), capacity) for capacity, same in names.items()]


def check(menu: Menu, capacities: Mapping[str, Capacity]) -> list[Problem]:
    """Every problem of this menu on these channels, each once, always in the same order; never raises for a menu."""
    lost = [Problem(name, "", "", what) for name, what in (*reach.unreached(menu), *reach.loops(menu))]
    problems = [*lost, *_keywords(menu), *_dead_ends(menu), *_too_much_kept(menu)]
    for channel in _channels(capacities):
        for language in menu.languages:
            problems += _outcomes(menu, channel, language)
            problems += _overflows(menu, channel, language)
    return list(dict.fromkeys(problems))


MANY_PAGES = 3
"""Pages of a screen that are worth a note. What is asked for by its own word, as help is, may take more."""


def notes(menu: Menu, capacities: Mapping[str, Capacity]) -> list[Problem]:
    """What is no mistake, but is worth a look before it is published."""
    whole = _with_all_choices(menu)
    asked_for = {entry.next for entry in menu.entries.values()} - {menu.start}
    found = []
    for channel in _channels(capacities):
        for language in menu.languages if channel.wire == "ussd" else ():
            for node in reach.screens(whole):
                if node.name in asked_for or node.text[language].fixed is None or node.lines or node.pick:
                    continue
                then = outright(whole, begin(menu, channel.wire, language), node.name, TODAY).then
                assert isinstance(then, Screen)
                count = len(render(then, channel.capacity, menu.navigation[language]))
                if node.name == menu.start and count > 1:
                    what = (
                        f"the first screen takes {count} pages: who does not press 9 never sees the rest; "
                        "shorten its text and its choices, or give them short: words"
                    )
                    found.append(Problem(node.name, language, channel.name, what, (node.name, "choices")))
                elif count >= MANY_PAGES:
                    what = (
                        f"takes {count} pages, and hardly anybody reads the third; "
                        "shorten the text, or give it a short: one"
                    )
                    found.append(Problem(node.name, language, channel.name, what, (node.name, "text", language)))
    return found


def _too_much_kept(menu: Menu) -> Iterator[Problem]:
    octets = widest.octets(menu)
    if octets >= widest.MAX_DIALOGUE_OCTETS:
        wide = max(reach.screens(menu), key=lambda each: WIDTHS[each.input.kind] if each.input else 0)
        told = (
            f"all inputs of this menu together keep {octets} octets, a dialogue has {widest.MAX_DIALOGUE_OCTETS}; "
            "let inputs that are not needed at once share one name (into:)"
        )
        yield Problem(wide.name, "", "", told, (wide.name, "input"))


# --- words and ends ---------------------------------------------------------------------------------------------------

MAX_KEYWORD_WORDS = 4
"""keywords.py looks at so many words at once."""

MIN_KEYWORD = 3
"""Letters at least of a keyword: one or two are an office's sign in a letter number, or a slip."""


def _keywords(menu: Menu) -> Iterator[Problem]:
    for entry in menu.entries.values():
        for word, language in entry.keywords.items():
            if len(word.split()) > MAX_KEYWORD_WORDS:
                what = f"has more than {MAX_KEYWORD_WORDS} words, and no SMS is looked at for so many; shorten it"
            elif not fits(word, Capacity()):
                what = f"is longer than an SMS ({size(word)}), so nobody can send it; shorten it"
            elif len(word) < MIN_KEYWORD:
                what = f"is as short as an office's sign in a letter number; take one of {MIN_KEYWORD} letters or more"
            else:
                continue
            told = f'the keyword "{word[:40]}" of {entry.journey} {what}'
            yield Problem(entry.next, language, "", told, (f"entry {entry.journey}", "keywords", language))


# --- ends without help ------------------------------------------------------------------------------------------------

BAD_NEWS = ("missing", "refused", "late", "unavailable")

_DIAL_CODE = re.compile(r"[0-9]*[*#][0-9*#]*")
_PHONE = re.compile(r"[0-9]{3,}")


def _dead_ends(menu: Menu) -> Iterator[Problem]:
    """Bad news must leave a way on or a person to call, in each language."""
    bad_news = set(RESERVED)
    for ask in reach.asks(menu):
        bad_news |= {
            target for word in reach.words(ask) if word in BAD_NEWS for target in reach.behind(menu, ask, word)
        }
    for screen in reach.screens(menu):
        if screen.name not in bad_news or screen.input is not None:
            continue
        for language in menu.languages:
            goes_on = screen.pick is not None or any(not choice.then.when for choice in screen.choices)
            if not goes_on and not _has_phone(menu, screen, "ussd", language):
                told = "ends without choices and without a phone number; add one"
                yield Problem(screen.name, language, "", told, (screen.name, "text", language))
            # By SMS a text of its own comes without the choices.
            own_text = screen.sms is not None and not screen.silent_by_sms
            if own_text and not _has_phone(menu, screen, "sms", language):
                told = "its text by SMS ends without a phone number; add one"
                yield Problem(screen.name, language, "", told, (screen.name, "sms", language))


def _has_phone(menu: Menu, screen: ScreenDef, wire: Wire, language: str) -> bool:
    """Three digits or more that are no dial code and no value: a value may be absent, and is no phone of ours."""
    try:
        dialogue = widest.dialogue(menu, wire, language, None, Wide(menu))
        nobody = msgspec.structs.replace(dialogue, values=dict.fromkeys(dialogue.values, Reference("?", "?", "?")))
        then = outright(menu, nobody, screen.name, TODAY).then
    except Exception:
        return True  # told among what does not fit: it cannot be shown at all
    return isinstance(then, Screen) and bool(_PHONE.search(_DIAL_CODE.sub(" ", fold(joined(then.parts)))))


# --- what does not fit ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Variant:
    """One way a screen may read, with the key its text stands under. made: may fail, so it is called later."""

    key: str
    made: Callable[[], Step]


def _overflows(menu: Menu, channel: _Channel, language: str) -> Iterator[Problem]:
    """One for each text or label that fits nowhere."""
    menu = _with_all_choices(menu)
    reached = reach.reached(menu, channel.wire)
    for node in reach.screens(menu):
        if channel.wire == "sms" and node.name not in reached:
            continue
        told: set[Path] = set()
        for variant in _variants(menu, channel, language, node):
            problem = _unfit(menu, channel, language, node, variant)
            if problem is not None and problem.path not in told:
                told.add(problem.path)
                yield problem


def _with_all_choices(menu: Menu) -> Menu:
    """As if every choice were offered: where all of them fit, some of them do."""
    nodes = {
        name: replace(node, choices=tuple(replace(each, then=Branch(each.next)) for each in node.choices))
        if isinstance(node, ScreenDef)
        else node
        for name, node in menu.nodes.items()
    }
    return replace(menu, nodes=nodes)


def _variants(menu: Menu, channel: _Channel, language: str, node: ScreenDef) -> Iterator[_Variant]:
    """This screen with every sample, as it is and after each mistake."""
    by_sms = channel.wire == "sms" and node.sms is not None
    typed = widest.mistyped(node.input.kind) if node.input else ("?",) if node.choices or node.pick is not None else ()
    mistakes: tuple[str, ...] = ("mistaken", "check_digit") if node.input else ("wrong_choice",)
    if channel.wire == "sms":
        own = {"mistaken": Mistake.MALFORMED, "check_digit": Mistake.CHECK_DIGIT}
        mistakes = tuple(f"sms_{key}" if own.get(key) in node.sms_mistaken else key for key in mistakes)
    for wide, held in _held(menu, language, node):
        dialogue = widest.dialogue(menu, channel.wire, language, held, wide)
        there = msgspec.structs.replace(dialogue, at=node.name)
        yield _Variant("sms" if by_sms else "text", partial(outright, menu, dialogue, node.name, TODAY))
        for key, text in zip(mistakes, typed, strict=False):
            yield _Variant(key, partial(step, menu, there, Typed(text), TODAY))


def _held(menu: Menu, language: str, node: ScreenDef) -> Iterator[tuple[Wide, Answer]]:
    """The answers worth trying here: every state where one is told, every length where there is a list."""
    texts = [*node.text.values(), *(node.sms or {}).values(), *(node.pick or {}).values()]
    has_state = any(value.name == "case.state" for text in texts for value in text.values)
    states = list(State) if has_state else [State.IN_PROGRESS]
    for wide in widest.wide(menu):
        for state in states:
            if node.pick is not None:
                for count in COUNTS:
                    yield wide, Several((wide.case(language, state),) * count)
            else:
                for count in COUNTS if node.each else (1,):
                    yield wide, Found(wide.case(language, state, count), ANOTHER_YEAR)
    if node.pick is not None:
        for wide in widest.labels_of_every_width(menu):
            number = widest.unlimited(wide).number("case.number")
            case = msgspec.structs.replace(wide.case(language, State.IN_PROGRESS), number=number)
            yield wide, Several((case, case))


def _unfit(menu: Menu, channel: _Channel, language: str, node: ScreenDef, variant: _Variant) -> Problem | None:
    """What keeps this from being sent, in an operator's words; None when it can be."""
    text: Path = (node.name, variant.key, language)
    try:
        then = variant.made().then
        if not isinstance(then, Screen) or then.silent:
            return None
        try:
            render(then, channel.capacity, menu.navigation[language])
        except TooLong:
            message, path = _too_long(menu, then, node, channel.capacity, text)
            return Problem(node.name, language, channel.name, message, path)
    except Exception as error:
        return Problem(node.name, language, channel.name, f"cannot be shown: {_spoken(error)}", text)
    return None


def _too_long(menu: Menu, screen: Screen, node: ScreenDef, capacity: Capacity, text: Path) -> tuple[str, Path]:
    if screen.short is not None:
        screen, text = screen.short, (node.name, "short" if node.short else text[1], text[2])
    with_values = "with every value as wide as fields: allows"
    said = _texts(menu, node, screen.language)
    if capacity.parts > 1 and not any(each.values for each in said):
        return f"longer than {capacity.parts} SMS; shorten it, or give it a shorter sms:", text
    if capacity.parts > 1:
        return (
            (
                f"longer than {capacity.parts} SMS {with_values}; shorten it, give it a shorter sms:, "
                "or put a part in [ ] whose value has a leave_out"
            ),
            text,
        )
    pieces = [*screen.labels, *joined(screen.parts).split()]
    longest = max(pieces, key=size)
    room = capacity.max_septets if alphabet_of(longest) is Alphabet.GSM7 else capacity.max_units
    if any(longest in each.source for each in said):  # the author's own words
        what = "this choice" if longest in screen.labels else f'the word "{longest}"'
        navigation = "" if size(longest) > room // 2 else ", or the words of navigation"
        return (
            f"{what} has {size(longest)} letters, and a page holds {room} with its navigation; shorten it{navigation}",
            _written(menu, screen, node, longest, text),
        )
    return (
        (
            f'fits no page of {room} {with_values}, longest is "{longest}" ({size(longest)}); '
            "shorten that choice or word, the width of its field, or the words of navigation"
        ),
        _written(menu, screen, node, longest, text),
    )


def _texts(menu: Menu, node: ScreenDef, language: str) -> list[Template]:
    """Whatever this screen may say in this language."""
    choices = [each for choice in node.choices for each in (choice.text, choice.short)]
    mistakes = [*node.mistaken.values(), *node.sms_mistaken.values(), menu.wrong_choice]
    all_of_them = [node.text, node.short, node.sms, node.lines, node.pick, *choices, *mistakes]
    return [texts[language] for texts in all_of_them if texts is not None and language in texts]


def _written(menu: Menu, screen: Screen, node: ScreenDef, longest: str, text: Path) -> Path:
    """Where the word or label stands: in a choice, among the labels of states, in a list's lines, else in the text."""
    language = text[-1]
    if longest in screen.labels and node.pick is not None:
        return (node.name, "pick", language)
    if longest in screen.labels:
        place = screen.labels.index(longest)
        return (node.name, "choices", place, node.choices[place].name, "text", language)
    for state, label in menu.labels[screen.language].items():
        if longest in label.split():
            return ("labels", state, language)
    if text[1] == "wrong_choice":
        return ("wrong_choice", language)
    said = node.text[screen.language].source
    return (node.name, "lines", language) if node.lines is not None and longest not in said else text


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
    for ask in reach.asks(menu):
        for arrival in _driven(menu, channel, language, _asking(menu, channel, language, ask), set()):
            if isinstance(arrival, Problem):
                yield arrival
            elif not arrival.screen.silent:
                message = _unsaid(arrival) or _longer_than_one_sms(menu, channel, language, arrival)
                if message:
                    node = menu.nodes[arrival.screen.name]
                    by_sms = channel.wire == "sms" and isinstance(node, ScreenDef) and node.sms is not None
                    path = (arrival.screen.name, "sms" if by_sms else "text", language)
                    yield Problem(arrival.screen.name, language, channel.name, message, path)


def _asking(menu: Menu, channel: _Channel, language: str, ask: AskDef) -> Dialogue:
    """Where the dialogue stands while this is asked. Behind a service lies an answer; the others bring their own."""
    number = _number(menu, ask)
    held = Found(_usual(State.IN_PROGRESS, number)) if ask.route in SERVICES else None
    there = widest.dialogue(menu, channel.wire, language, held, Wide(menu))
    usual = {name: Reference(*(widest.NUMBERS[kind],) * 3) for name, kind in menu.inputs.items()}
    there = msgspec.structs.replace(there, at=ask.name, values=usual)
    return there if ask.route in SERVICES else msgspec.structs.replace(there, asked=ask.name)


def _number(menu: Menu, ask: AskDef) -> str:
    return widest.NUMBERS[menu.inputs.get(ask.given or "", Kind.LETTER_NUMBER)]


def _usual(state: State, number: str) -> Case:
    return samples.case("sample", number, TODAY, state, closed_with="5512")


def _answers(menu: Menu, ask: AskDef) -> Iterator[Answer]:
    """A sample of every outcome: found in each state with usual values and with hardly any, lists of each length."""
    number = _number(menu, ask)
    usual = [_usual(state, number) for state in State]
    tried: dict[str, Iterable[Answer]] = {
        "found": [
            *(Found(case) for case in usual),
            *(msgspec.structs.replace(Found(case), as_of=TODAY, down=down) for case in usual for down in (False, True)),
            *(Found(msgspec.structs.replace(case, due_on=LONG_AGO)) for case in usual),
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
    for word in reach.words(ask):
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
