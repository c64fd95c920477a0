"""A menu as the machine reads it: frozen typed objects, made by loader.py from what authors wrote."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from menus import inputs, templates
from menus.screens import Navigation
from menus.source import Path

ByLanguage = Mapping[str, templates.Template]


@dataclass(frozen=True, slots=True)
class Branch:
    """Where it leads when all of `when` holds: field of the case, as_of, overdue or typed.NAME, to the words one of
    which it must be, or whether there must be one."""

    next: str
    when: Mapping[str, tuple[str, ...] | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    name: str
    text: ByLanguage
    then: Branch
    language: str | None = None
    short: ByLanguage = field(default_factory=dict)

    @property
    def next(self) -> str:
        return self.then.next


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
    short: ByLanguage = field(default_factory=dict)
    sms: ByLanguage | None = None
    lines: ByLanguage | None = None
    each: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    pick: ByLanguage | None = None
    input: InputDef | None = None
    mistaken: Mapping[inputs.Mistake, ByLanguage] = field(default_factory=dict)
    sms_mistaken: Mapping[inputs.Mistake, ByLanguage] = field(default_factory=dict)
    then: tuple[Branch, ...] = ()
    """Where an input or a pick leads: the first that holds, and the last always does."""
    end: bool | None = None
    silent_by_sms: bool = False

    @property
    def next(self) -> str | None:
        return self.then[-1].next if self.then else None


@dataclass(frozen=True, slots=True)
class AskDef:
    """given: the input whose value it is asked with."""

    name: str
    route: str
    given: str | None
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
    stop_notices: ByLanguage
    fields: Mapping[str, FieldDef]
    """Value name (case.desk) to its width and rank."""
    places: Mapping[Path, tuple[str, int]]
    """Where each value was written: its keys, the screen's name first, to file and line."""
    ranks: Mapping[str, int]
    """Value name to how early it goes when room is short: the fields' leave_out, at hand."""

    @property
    def routes(self) -> frozenset[str]:
        """What it asks of offices."""
        return frozenset(node.route for node in self.nodes.values() if isinstance(node, AskDef)) - SERVICES.keys()

    @property
    def inputs(self) -> dict[str, inputs.Kind]:
        """Each name that inputs are kept as, to its kind."""
        found = (node.input for node in self.nodes.values() if isinstance(node, ScreenDef))
        return {each.into: each.kind for each in found if each is not None}

    def place(self, path: Path) -> tuple[str, int]:
        """File and line of the value at path, or of the nearest thing around it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, ("common.yaml", 1))

    @property
    def default_language(self) -> str:
        return self.languages[0]


SERVICES: Mapping[str, str | None] = {
    "escalate": None,
    "remember_language": None,
    "rate": "score",
    "follow": None,
    "unfollow": None,
}
"""Asks the gateway answers itself, and what each is given. escalate: answer the last question by SMS once it is known;
remember_language: open this phone's next dialogue in the language of this one; rate: keep what she thinks of how the
case she sees was handled; follow: an SMS at each change of it; unfollow: no more of them."""

PREVIOUS = "previous"
"""As the target of a choice: the screen behind this one, where 0 leads too."""

RESERVED = frozenset(
    {
        "missing", "refused", "late", "unavailable", "session_ended", "not_understood", "failed", "busy", "expired",
        "resume",
    }
)  # fmt: skip
"""Screens every menu has: where an outcome without a branch goes, what a lost session or a strange SMS reads, what is
said when something of ours failed or there is no room for one more caller, what follows a promise that could not be
kept, and what asks a caller who dials again in the middle of an entry whether to go on."""
