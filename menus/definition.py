"""A menu as the machine reads it: frozen typed objects, made by loader.py from what authors wrote."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from menus import inputs, templates
from menus.screens import Navigation

ByLanguage = Mapping[str, templates.Template]


@dataclass(frozen=True, slots=True)
class Choice:
    name: str
    text: ByLanguage
    next: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class InputDef:
    """What kind of input a screen takes, and the name it is kept as."""

    kind: inputs.Kind
    into: str


@dataclass(frozen=True, slots=True)
class ScreenDef:
    """pick: choices are the cases of the last answer, labelled by this text; each: a list of lines, one per item."""

    name: str
    text: ByLanguage
    sms: ByLanguage | None = None
    lines: ByLanguage | None = None
    each: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    pick: ByLanguage | None = None
    input: InputDef | None = None
    mistaken: Mapping[inputs.Mistake, ByLanguage] = field(default_factory=dict)
    sms_mistaken: Mapping[inputs.Mistake, ByLanguage] = field(default_factory=dict)
    next: str | None = None
    end: bool | None = None
    silent_by_sms: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    next: str
    when: Mapping[str, tuple[str, ...] | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskDef:
    name: str
    route: str
    number: str | None
    branches: Mapping[str, tuple[Branch, ...]]


@dataclass(frozen=True, slots=True)
class Entry:
    journey: str
    code: str | None
    keywords: Mapping[str, str]
    """Folded keyword to the language it is written in."""
    next: str


@dataclass(frozen=True, slots=True)
class FieldDef:
    """width: characters at most; leave_out: how early it goes when room is short, 0 for never."""

    width: int
    leave_out: int


@dataclass(frozen=True, slots=True)
class Menu:
    """A whole menu, checked. version is the hash of its files: equal text, equal menu."""

    version: str
    languages: tuple[str, ...]
    start: str
    arguments: str
    nodes: Mapping[str, ScreenDef | AskDef]
    entries: Mapping[str, Entry]
    navigation: Mapping[str, Navigation]
    labels: Mapping[str, Mapping[str, str]]
    wrong_choice: ByLanguage
    fields: Mapping[str, FieldDef]
    """Value name (case.desk) to its width and rank."""
    places: Mapping[str, tuple[str, int]]
    """Screen or ask to the file and line it begins at, to tell an author where."""
    ranks: Mapping[str, int]
    """Value name to how early it goes when room is short: the fields' leave_out, at hand."""

    @property
    def routes(self) -> frozenset[str]:
        """What it asks of offices."""
        return frozenset(node.route for node in self.nodes.values() if isinstance(node, AskDef)) - SERVICES

    @property
    def default_language(self) -> str:
        return self.languages[0]


SERVICES = frozenset({"escalate", "remember_language"})
"""Asks the gateway answers itself. escalate: answer the last question by SMS once it is known; remember_language: open
this phone's next dialogue in the language of this one."""

RESERVED = frozenset(
    {"missing", "refused", "late", "unavailable", "session_ended", "not_understood", "failed", "expired"}
)
"""Screens every menu has: where an outcome without a branch goes, what a lost session or a strange SMS reads, what is
said when something of ours failed, and what follows a promise that could not be kept."""
