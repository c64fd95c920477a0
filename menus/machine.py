"""The dialogue machine: step(menu, dialogue, event, today) -> Step(dialogue, screen or ask).

Frozen values in and out; the day is an argument and every id is the caller's. A turn runs step until it has a
screen, answering each Ask with Answered. Then `shown` notes on the dialogue which page the citizen has before her,
so that the next event is read against what she saw. The same machine serves gateway, checker and tests.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import msgspec

from menus import inputs, templates
from menus.definition import PREVIOUS, SERVICES, AskDef, Branch, ByLanguage, Entry, Menu, ScreenDef
from menus.filters import FILTERS
from menus.folding import fold
from menus.ports import FINAL, Answer, Ask, Case, Found, Reference, Several, outcome
from menus.screens import Page, Screen

MAX_TRAIL = 8
"""Screens behind us that 0 can return to."""

MAX_ASKS = 8
"""Asks in one turn. A menu that needs more has a loop without a screen."""

ASTRAY = "astray"
"""Dialogue.mistaken when what was typed is no choice of the screen; otherwise it is an inputs.Mistake."""

Wire = Literal["ussd", "sms"]


class Dialogue(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the machine remembers between two events, on either wire.

    id: names it once and for all, the caller's to choose; at: the screen shown or the ask waiting; trail: the screens
    behind it, oldest first; asked: the last ask of an office; keys: what may be typed on the page shown, to the index
    of its choice; turns: events taken so far.
    """

    menu: str
    wire: Wire
    language: str
    id: str = ""
    at: str = ""
    trail: tuple[str, ...] = ()
    values: dict[str, Reference] = {}
    asked: str = ""
    picked: int | None = None
    page: int = 0
    pages: int = 1
    keys: dict[str, int] = {}
    mistaken: str = ""
    """What was wrong with the last entry, said instead of the screen's text on all its pages."""
    turns: int = 0
    chain: bool = False
    """Arguments that may be the answers of a session we no longer know: a single menu digit came first."""
    held: Answer | None = None
    """The last answer, for further pages and screens. Stored beside the rest, since it is larger."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session or conversation begins. arguments: what was dialled behind the code, or sent with a keyword; before:
    the dialogue this phone was in the middle of, when there is one."""

    arguments: tuple[str, ...] = ()
    entry: str | None = None
    before: Dialogue | None = None
    kept: Dialogue | None = None
    """The answer this phone was promised, on its screen: it is shown first."""


@dataclass(frozen=True, slots=True)
class Typed:
    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    answer: Answer


Event = Opened | Typed | Answered


@dataclass(frozen=True, slots=True)
class Step:
    dialogue: Dialogue
    then: Screen | Ask


class NoWayOut(Exception):
    """The menu led through more asks than a turn may have. The author's; the checker finds it."""


def outright(menu: Menu, dialogue: Dialogue, name: str, today: date) -> Step:
    """A screen by its name, outside any event: what the gateway itself has to say (`failed`, `expired`)."""
    return _go(menu, dialogue, name, today)


def ask_again(menu: Menu, dialogue: Dialogue) -> Step | None:
    """The last question to an office once more, its answer to be read by SMS; None when this menu no longer has it."""
    if not isinstance(menu.nodes.get(dialogue.asked), AskDef):
        return None
    return _go(menu, by_sms(dialogue), dialogue.asked, date.min)


def by_sms(dialogue: Dialogue) -> Dialogue:
    """The dialogue as it goes on by SMS: what was asked is known, nothing is behind it."""
    return msgspec.structs.replace(dialogue, wire="sms", chain=False, trail=(), held=None)


def begin(menu: Menu, wire: Wire, language: str | None = None, *, dialogue_id: str = "") -> Dialogue:
    """A dialogue before its first event."""
    known = language if language in menu.languages else menu.default_language
    return Dialogue(menu=menu.version, wire=wire, language=known, id=dialogue_id)


def step(menu: Menu, dialogue: Dialogue, event: Event, today: date) -> Step:
    """One event. Answered is only understood by a dialogue whose last step was an Ask."""
    match event:
        case Opened():
            return _opened(menu, _count(dialogue), event, today)
        case Typed(text):
            return _typed(menu, _count(dialogue), text, today)
        case Answered(answer):
            return _answered(menu, dialogue, answer, today)


def case_shown(dialogue: Dialogue) -> Case | None:
    """The case this dialogue is about, once an office has answered."""
    return _case(dialogue)


def with_stop(menu: Menu, screen: Screen) -> Screen:
    """A notice: the screen with what to do who wants no more of them."""
    (end,) = menu.stop_notices[screen.language].fixed or ()
    return replace(screen, parts=(*screen.parts, templates.Filled(f"\n{end.text}", 0)), short=None)


def unfinished(menu: Menu, dialogue: Dialogue) -> bool:
    """Whether she was asked to type something, or whether to go on with that: what a dropped call leaves."""
    node = menu.nodes.get(dialogue.at)
    return dialogue.at == "resume" or (isinstance(node, ScreenDef) and node.input is not None)


def shown(dialogue: Dialogue, pages: tuple[Page, ...]) -> tuple[Dialogue, Page]:
    """The page of these that is before the citizen now, and the dialogue that knows it. pages: up to that one at
    least; the last of them says whether there are more."""
    number = min(dialogue.page, len(pages) - 1)
    page = pages[number]
    return msgspec.structs.replace(dialogue, page=number, pages=len(pages) + pages[-1].more, keys=page.keys), page


# --- events ---------------------------------------------------------------------------------------------------------


def _count(dialogue: Dialogue) -> Dialogue:
    return msgspec.structs.replace(dialogue, turns=dialogue.turns + 1)


def _opened(menu: Menu, dialogue: Dialogue, event: Opened, today: date) -> Step:
    arguments = tuple(fold(argument) for argument in event.arguments)
    entry = menu.entries.get(event.entry) if event.entry else None
    if entry is None and not arguments and event.kept is not None and event.kept.at in menu.nodes:
        return _go(menu, _taken_over(dialogue, event.kept, ()), event.kept.at, today)
    if entry is None and not arguments and event.before is not None and unfinished(menu, event.before):
        return _resumed(menu, dialogue, event.before, today)
    if entry is None and not arguments:
        return _go(menu, dialogue, menu.start, today)
    if entry is None and arguments[0].startswith("0"):
        entry = next((each for each in menu.entries.values() if each.code == arguments[0]), None)
        arguments = arguments[1:] if entry else arguments
    named = entry is not None
    entry = entry or menu.entries[menu.arguments]
    if not arguments:
        return _go(menu, dialogue, entry.next, today)
    return _entered(menu, dialogue, entry, arguments, today, named=named)


def _resumed(menu: Menu, dialogue: Dialogue, before: Dialogue, today: date) -> Step:
    """She dialled again: the screen she was at is behind the question whether to go on, so that 0 leads there too."""
    trail = before.trail if before.at == "resume" else _left(before).trail
    return _go(menu, _taken_over(dialogue, before, trail), "resume", today)


def _taken_over(dialogue: Dialogue, other: Dialogue, trail: tuple[str, ...]) -> Dialogue:
    """What another dialogue knew, in this one."""
    return msgspec.structs.replace(
        other, id=dialogue.id, wire=dialogue.wire, turns=dialogue.turns, trail=trail, keys={}, page=0, pages=1,
        mistaken="", chain=False,
    )  # fmt: skip


def _entered(
    menu: Menu, dialogue: Dialogue, entry: Entry, arguments: tuple[str, ...], today: date, *, named: bool
) -> Step:
    """Arguments go into the first screen's input, as if typed there."""
    first = menu.nodes[entry.next]
    if not isinstance(first, ScreenDef) or first.input is None:
        return _go(menu, dialogue, entry.next, today)
    found = inputs.read(first.input.kind, "*".join(arguments))
    if isinstance(found, Reference) and dialogue.wire == "sms" and not named and len(found.exact) == 1:
        return _go(menu, dialogue, "not_understood", today)  # the answer to a screen we no longer remember
    if isinstance(found, Reference):
        a_menu_digit_first = len(fold(arguments[0])) == 1  # also alone: what she chose on a screen we know no more
        chain = dialogue.wire == "ussd" and not named and a_menu_digit_first
        entered = msgspec.structs.replace(_with(dialogue, first.input.into, found), chain=chain)
        return _onward(menu, entered, first.then, today)
    if named:
        return _screen(menu, msgspec.structs.replace(dialogue, at=first.name, mistaken=found), today)
    # Nothing that could be a number: on a phone the tail of a session we no longer know, by SMS a word of hers.
    return _go(menu, dialogue, "not_understood" if dialogue.wire == "sms" else "session_ended", today)


def _typed(menu: Menu, dialogue: Dialogue, text: str, today: date) -> Step:
    dialogue = msgspec.structs.replace(dialogue, chain=False)  # she is here: whatever she types now is this session's
    node = menu.nodes.get(dialogue.at)
    if not isinstance(node, ScreenDef):
        return _go(menu, dialogue, menu.start, today)
    # Of a text longer than any phone sends, the beginning might be a key that was never typed.
    key = fold(text).strip(" #") if len(text) <= 4 * inputs.MAX_TYPED else ""
    match key:
        case "00":
            return _go(menu, msgspec.structs.replace(dialogue, trail=()), menu.start, today)
        case "0":
            return _back(menu, dialogue, today)
        case "9" if dialogue.page + 1 < dialogue.pages:
            return _screen(menu, msgspec.structs.replace(dialogue, page=dialogue.page + 1), today)
    if key in dialogue.keys:
        return _chosen(menu, dialogue, node, dialogue.keys[key], today)
    if node.input is not None:
        found = inputs.read(node.input.kind, text)
        if isinstance(found, Reference):
            return _onward(menu, _with(_left(dialogue), node.input.into, found), node.then, today)
        return _screen(menu, msgspec.structs.replace(dialogue, page=0, mistaken=found), today)
    again = _asked_anew(menu, dialogue, text)
    if again is not None:
        return _go(menu, again, dialogue.asked, today)
    return _screen(menu, msgspec.structs.replace(dialogue, page=0, mistaken=ASTRAY), today)


def _with(dialogue: Dialogue, into: str, found: Reference) -> Dialogue:
    """One input more. What was typed is kept for the newest alone, as it was, until the ask it is for has gone."""
    before = {name: msgspec.structs.replace(each, typed="") for name, each in dialogue.values.items()}
    return msgspec.structs.replace(dialogue, values={**before, into: found})


MIN_ANEW = 3
"""Digits at least of a number that is taken for a new question where no number was asked for."""


def _asked_anew(menu: Menu, dialogue: Dialogue, text: str) -> Dialogue | None:
    """Behind an answer, another number is another question of the same kind, not a wrong choice."""
    ask = menu.nodes.get(dialogue.asked)
    given = ask.given if isinstance(ask, AskDef) else None
    for node in menu.nodes.values():
        if not isinstance(node, ScreenDef) or node.input is None or node.input.into != given:
            continue
        if any(each.next == dialogue.asked for each in node.then):
            found = inputs.read(node.input.kind, text)
            if isinstance(found, Reference) and sum(char.isdecimal() for char in found.exact) >= MIN_ANEW:
                return _with(_left(dialogue), node.input.into, found)
    return None


def _back(menu: Menu, dialogue: Dialogue, today: date) -> Step:
    if dialogue.page:
        return _screen(menu, msgspec.structs.replace(dialogue, page=dialogue.page - 1), today)
    if dialogue.trail:
        before = msgspec.structs.replace(dialogue, trail=dialogue.trail[:-1])
        return _go(menu, before, dialogue.trail[-1], today)
    return _go(menu, dialogue, menu.start, today)


def _chosen(menu: Menu, dialogue: Dialogue, node: ScreenDef, place: int, today: date) -> Step:
    if node.pick is not None and node.next is not None:
        ask = menu.nodes[node.next]
        picked = msgspec.structs.replace(_left(dialogue), picked=place)
        case = _case(picked)
        if not isinstance(ask, AskDef) or case is None:
            return _go(menu, dialogue, menu.start, today)
        return _branch(menu, picked, ask, "found", today)
    choice = node.choices[place]
    if choice.language is not None:
        dialogue = msgspec.structs.replace(dialogue, language=choice.language)
    if choice.next == PREVIOUS:
        return _back(menu, msgspec.structs.replace(dialogue, page=0), today)
    return _go(menu, _left(dialogue), choice.next, today)


def _left(dialogue: Dialogue) -> Dialogue:
    """The dialogue as it leaves the screen it is at: 0 will come back here."""
    trail = dialogue.trail if dialogue.trail[-1:] == (dialogue.at,) else (*dialogue.trail, dialogue.at)
    return msgspec.structs.replace(dialogue, trail=trail[-MAX_TRAIL:])


def _answered(menu: Menu, dialogue: Dialogue, answer: Answer, today: date) -> Step:
    node = menu.nodes[dialogue.at]
    if not isinstance(node, AskDef):
        raise TypeError(f"the dialogue asked nothing: it is at {dialogue.at}")
    if node.route not in SERVICES:
        dialogue = msgspec.structs.replace(dialogue, held=_slim(answer), picked=None)
    return _branch(menu, dialogue, node, outcome(answer), today)


MAX_LABEL = 40
"""Characters of a case in a list; an organisation that needs more is told by the number of its case."""

MAX_HELD_OCTETS = 4096
"""What an answer may take beside its dialogue."""

MAX_CASES = 16
"""Cases in a list, about four pages of a phone. Behind them the whole number tells more than a longer list would."""


def _slim(answer: Answer) -> Answer:
    """The answer as it is kept: without what its screens could not show anyway, the oldest steps first."""
    match answer:
        case Several(cases=cases):
            kept = cases[:MAX_CASES]
            if len(kept) == len(cases) and len(_encoder.encode(answer)) <= MAX_HELD_OCTETS:
                return answer
            if len(_encoder.encode(Several(kept, answer.as_of))) > MAX_HELD_OCTETS:
                kept = tuple(msgspec.structs.replace(case, steps=()) for case in kept)
            while len(kept) > 1 and len(_encoder.encode(Several(kept, answer.as_of))) > MAX_HELD_OCTETS:
                kept = kept[:-1]
            return Several(kept, answer.as_of)
        case Found(case=case):
            while case.steps and len(_encoder.encode(Found(case, answer.as_of, answer.down))) > MAX_HELD_OCTETS:
                case = msgspec.structs.replace(case, steps=case.steps[1:])
            return Found(case, answer.as_of, answer.down)
        case _:
            return answer


def _branch(menu: Menu, dialogue: Dialogue, node: AskDef, word: str, today: date) -> Step:
    if word == "missing" and dialogue.chain:
        return _go(menu, dialogue, "session_ended", today)
    return _onward(menu, dialogue, (*node.branches.get(word, ()), _otherwise(menu, word)), today)


def _otherwise(menu: Menu, word: str) -> Branch:
    return Branch(word if word in menu.nodes else "unavailable")


def _onward(menu: Menu, dialogue: Dialogue, branches: tuple[Branch, ...], today: date) -> Step:
    """To the first of these that holds; the last one always does."""
    return _go(menu, dialogue, next(each.next for each in branches if _holds(each, dialogue, today)), today)


def _holds(branch: Branch, dialogue: Dialogue, today: date) -> bool:
    for key, wanted in branch.when.items():
        value = _fact(dialogue, key, today)
        if bool(value) != wanted if isinstance(wanted, bool) else str(value) not in wanted:
            return False
    return True


def _fact(dialogue: Dialogue, key: str, today: date) -> object:
    """What a condition speaks of: the case before her, or what she typed."""
    case = _case(dialogue)
    if key == "as_of":
        return _as_of(dialogue)
    if key == "down":
        return isinstance(dialogue.held, Found) and dialogue.held.down
    if key == "overdue":
        return case is not None and case.due_on is not None and case.due_on < today and case.state not in FINAL
    if key in Case.__struct_fields__:
        return getattr(case, key, None)
    typed = dialogue.values.get(key.removeprefix("typed."))
    return typed.exact if typed else None


def _as_of(dialogue: Dialogue) -> date | None:
    return dialogue.held.as_of if isinstance(dialogue.held, Found | Several) else None


# --- where it leads -------------------------------------------------------------------------------------------------


def _go(menu: Menu, dialogue: Dialogue, name: str, today: date) -> Step:
    node = menu.nodes[name]
    if name == menu.start:  # whatever comes now is another question: nothing of the last one is kept
        dialogue = msgspec.structs.replace(dialogue, trail=(), values={}, held=None, picked=None)
    dialogue = msgspec.structs.replace(dialogue, at=name, page=0, mistaken="")
    if isinstance(node, ScreenDef):
        return _screen(menu, dialogue, today)
    if node.route not in SERVICES:
        dialogue = msgspec.structs.replace(dialogue, asked=name)
    reference = dialogue.values.get(node.given) if node.given else None
    return Step(dialogue, Ask(node.route, dialogue.turns, reference, dialogue.id))


def _asked(menu: Menu, dialogue: Dialogue) -> str | None:
    """The number the last question was about, as it was typed."""
    node = menu.nodes.get(dialogue.asked)
    if not isinstance(node, AskDef) or node.given is None or node.given not in dialogue.values:
        return None
    return dialogue.values[node.given].exact


def _case(dialogue: Dialogue) -> Case | None:
    match dialogue.held:
        case Found(case=case):
            return case
        case Several(cases=cases) if dialogue.picked is not None and dialogue.picked < len(cases):
            return cases[dialogue.picked]
    return None


def _screen(menu: Menu, dialogue: Dialogue, today: date) -> Step:
    node = menu.nodes[dialogue.at]
    assert isinstance(node, ScreenDef)
    language = dialogue.language
    typed = {name: each.exact for name, each in dialogue.values.items()}
    said = {"case": _case(dialogue), "as_of": _as_of(dialogue), "asked": _asked(menu, dialogue), "typed": typed}

    def filled(texts: ByLanguage, fallback: str = "", **more: object) -> tuple[templates.Filled, ...]:
        values = {**said, **more} if more else said
        context = templates.Context(values, language, menu.labels[language], today, fallback)
        return templates.fill(texts[language], context, FILTERS, menu.ranks)

    by_sms = dialogue.wire == "sms" and node.sms is not None
    text = node.sms if by_sms and node.sms is not None else node.text
    if dialogue.mistaken and node.mistaken:
        kinds = {**node.mistaken, **(node.sms_mistaken if dialogue.wire == "sms" else {})}
        mistake = inputs.Mistake(dialogue.mistaken)
        text = kinds.get(mistake) or kinds[inputs.Mistake.MALFORMED]
    elif dialogue.mistaken and (node.choices or node.pick):
        text = menu.wrong_choice
    parts = filled(text)
    items: tuple[templates.Filled, ...] = ()
    if node.lines is not None and not by_sms:
        steps = reversed(templates.look_up(said, node.each) or ())  # where it is now comes first
        lines = [templates.joined(filled(node.lines, item=item)) for item in steps]
        items = tuple(templates.Filled(f"\n{line}", 0) for line in lines if line)
    offered = tuple(place for place, choice in enumerate(node.choices) if _holds(choice.then, dialogue, today))
    choices = [node.choices[place] for place in offered]
    labels = tuple([templates.joined(filled(choice.text)) for choice in choices])
    if node.pick is not None and isinstance(dialogue.held, Several):
        # Here a name in another language is better than none: without it she could not tell the cases apart.
        labels = _told_apart(_in_words(menu, node.pick[language], dialogue.held, language, today))
    screen = Screen(
        name=node.name,
        language=language,
        parts=parts + items,
        labels=() if by_sms else labels,
        listed=node.pick is not None,
        open=node.input is not None if node.end is None else not node.end,
        back=bool(dialogue.trail),
        home=node.name != menu.start,
        silent=node.silent_by_sms and dialogue.wire == "sms",
        offered=offered if len(offered) < len(node.choices) else (),
    )
    shorter_text = language in node.short and text is node.text
    if not by_sms and (shorter_text or any(language in choice.short for choice in choices)):
        in_short = [filled(choice.short if language in choice.short else choice.text) for choice in choices]
        screen = replace(
            screen,
            short=replace(
                screen,
                parts=filled(node.short) + items if shorter_text else screen.parts,
                labels=tuple([templates.joined(parts) for parts in in_short]) or screen.labels,
            ),
        )
    return Step(dialogue, screen)


def _in_words(
    menu: Menu, words: templates.Template, held: Several, language: str, today: date
) -> list[tuple[str, str]]:
    """Each case as the list names it, and its number."""
    values: dict[str, Case] = {}
    context = templates.Context(values, language, menu.labels[language], today, menu.default_language)
    found = []
    for case in held.cases:
        values["case"] = case
        found.append((templates.label(words, context, FILTERS), case.number))
    return found


def _told_apart(cases: list[tuple[str, str]]) -> tuple[str, ...]:
    """Labels of cases, (words, number) each: the number instead of words that are too long, and behind equal ones."""
    labels = [words if 0 < len(words) <= MAX_LABEL else number for words, number in cases]
    if len(set(labels)) == len(labels):
        return tuple(labels)
    times = Counter(labels)
    pairs = zip(labels, (number for _, number in cases), strict=True)
    return tuple(f"{label} {number}" if times[label] > 1 and label != number else label for label, number in pairs)


# --- between two events ---------------------------------------------------------------------------------------------

_encoder = msgspec.msgpack.Encoder()
_dialogue = msgspec.msgpack.Decoder(Dialogue)
_held = msgspec.msgpack.Decoder(Answer)


def encode(dialogue: Dialogue) -> tuple[bytes, bytes]:
    """The dialogue and, beside it, the answer it holds (empty when none)."""
    held = b"" if dialogue.held is None else _encoder.encode(dialogue.held)
    return _encoder.encode(msgspec.structs.replace(dialogue, held=None)), held


def decode(dialogue: bytes, held: bytes) -> Dialogue:
    """What encode gave. Raises msgspec.ValidationError for bytes of another shape."""
    found = _dialogue.decode(dialogue)
    return msgspec.structs.replace(found, held=_held.decode(held)) if held else found
