"""Values as wide as a menu allows, invented: what its texts must hold before anybody may read them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import msgspec

from menus import reach
from menus.alphabet import Alphabet, alphabet_of
from menus.definition import Menu
from menus.inputs import CHECKED, MAX_KEPT, WIDTHS, Kind
from menus.language import RawField
from menus.machine import MAX_LABEL, MAX_TRAIL, Dialogue, Wire, begin, encode
from menus.ports import Answer, Case, CaseStep, Reference, State

ANOTHER_YEAR = date(2028, 9, 30)
"""Another year in both calendars, and days in two digits: the longest a date is written."""

DEFAULT_WIDTH: int = RawField.model_fields["width"].default

_LETTERS = {Alphabet.UCS2: "ق", Alphabet.GSM7: "W"}

NUMBERS: Mapping[Kind, str] = {
    Kind.LETTER_NUMBER: "12345",
    Kind.TRACKING_CODE: "2001000344",
    Kind.RECEIPT_CODE: "1040610014",
    Kind.NATIONAL_ID: "0012345679",
    Kind.SERVICE_ID: "13061709000",
    Kind.DATE: "1405/09/30",
    Kind.RATING: "5",
    Kind.YES_NO: "yes",
    Kind.FREE_TEXT: "sample",
}
"""A usual value of each kind."""

_WRONG_CHECK = {Kind.TRACKING_CODE: "2001000345", Kind.RECEIPT_CODE: "1040610015", Kind.NATIONAL_ID: "1234567890"}
assert _WRONG_CHECK.keys() == CHECKED


_FAR_DAYS = ("1499/12/29", "1200/07/20")
"""Days as far from today as may be typed, in days of two digits: the widest whether `day` or `relative` writes them.
Both are tried, since some languages need more letters for what is to come, others for what is past."""


def mistyped(kind: Kind) -> tuple[str, ...]:
    """What brings out each mistake's text: nothing of the kind, and a wrong check digit."""
    return ("?", _WRONG_CHECK[kind]) if kind in CHECKED else ("?",)


def alphabet(menu: Menu, language: str) -> Alphabet:
    """An office's names are written in the alphabet in which the menu speaks this language."""
    words = menu.navigation[language]
    return alphabet_of(words.back + words.more + words.main)


_NO_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Wide:
    """Values as wide as fields: allows. word: letters until a space (none: filters.py breaks what is too long);
    sign: what a number begins with; at_most: a width below which all values stay."""

    menu: Menu
    word: int = _NO_LIMIT
    sign: str = ""
    at_most: int = _NO_LIMIT

    def width(self, name: str) -> int:
        field = self.menu.fields.get(name)
        return min(field.width if field else DEFAULT_WIDTH, self.at_most)

    def letters(self, count: int, language: str) -> str:
        letter = _LETTERS[alphabet(self.menu, language)]
        letters = "".join(" " if place % (self.word + 1) == self.word else letter for place in range(count))
        return letters[:-1] + letter  # a space at the end would make it narrower

    def names(self, name: str, language: str) -> dict[str, str]:
        return {language: self.letters(self.width(name), language)}

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
            registered_on=ANOTHER_YEAR,
            changed_on=ANOTHER_YEAR,
            due_on=ANOTHER_YEAR,
            steps=(CaseStep(self.names("item.desk", language), ANOTHER_YEAR),) * steps,
            step=self.count("case.step"),
            steps_total=self.count("case.steps_total"),
            answer_number=self.number("case.answer_number"),
            lacking=self.names("case.lacking", language),
            phone=self.number("case.phone"),
            subject=self.letters(self.width("case.subject"), language),
            sender=self.letters(self.width("case.sender"), language),
        )

    def typed(self, kind: Kind, language: str) -> str:
        """What she may have typed, as it is read. A letter number is asked about, so its width is that of `asked`."""
        if kind is Kind.LETTER_NUMBER:
            return self.number("asked")
        if kind is Kind.FREE_TEXT:
            return self.letters(WIDTHS[kind], language)
        if kind is Kind.DATE:
            return _FAR_DAYS[self.word < _NO_LIMIT]
        return NUMBERS[kind]


def wide(menu: Menu) -> tuple[Wide, ...]:
    """Short words, one unbroken word, and an office's sign, which turns even an English text to UCS-2."""
    return Wide(menu, word=5), Wide(menu), Wide(menu, sign="ص/")


def labels_of_every_width(menu: Menu) -> tuple[Wide, ...]:
    """A label longer than MAX_LABEL is told by its number alone, so the widest values are not the widest label."""
    return tuple(Wide(menu, at_most=at_most) for at_most in range(4, MAX_LABEL + 1, 4))


def unlimited(wide: Wide) -> Wide:
    return replace(wide, at_most=_NO_LIMIT)


def dialogue(menu: Menu, wire: Wire, language: str, held: Answer | None, wide: Wide) -> Dialogue:
    """A dialogue in which every input was given and an office was asked about one of them."""
    ask = next((ask.name for ask in reach.asks(menu) if ask.route in menu.routes), "")
    values = {}
    for name, kind in sorted(menu.inputs.items()):
        typed = wide.typed(kind, language)
        values[name] = Reference(typed, typed, typed)
    return msgspec.structs.replace(begin(menu, wire, language), values=values, asked=ask, held=held)


MAX_DIALOGUE_OCTETS = 700
"""What a dialogue may take in a store, without the answer held beside it."""


def octets(menu: Menu) -> int:
    """The largest a dialogue of this menu can become between two visits of its first screen, which forgets the rest."""
    language = max(menu.languages, key=lambda each: alphabet(menu, each) is Alphabet.UCS2)
    full = dialogue(menu, "ussd", language, None, Wide(menu, word=5))
    names = sorted((node.name for node in reach.screens(menu)), key=len)[-MAX_TRAIL:]
    keys = {str(place): place for place in range(1, 9)}
    whole = msgspec.structs.replace(
        full, id="0" * 32, at=names[-1], trail=tuple(names), keys=keys, page=1, pages=2, values={}
    )
    sizes = [0]
    for together in reach.inputs_of_each_way(menu):
        values = {}
        for place, name in enumerate(sorted(together)):
            exact = full.values[name].exact
            text = menu.inputs[name] is Kind.FREE_TEXT
            typed = "۹" * MAX_KEPT if place == 0 else ""  # only the newest has it
            values[name] = Reference(exact, "", "") if text else Reference(exact, exact, exact, typed=typed)
        sizes.append(len(encode(msgspec.structs.replace(whole, values=values))[0]))
    return max(sizes)
