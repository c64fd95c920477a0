"""A screen as meaning: what is said and what may be answered, not how it is laid out. render.py makes pages of it."""

from dataclasses import dataclass

from menus.templates import Filled


@dataclass(frozen=True, slots=True)
class Screen:
    """What the citizen sees next.

    labels: the choices in order, numbered when rendered; listed: numbering starts anew on each page, for lists of
    any length. open: an answer is awaited though there is no choice. back: there is a screen to go back to;
    home: this is not the main menu. silent: nothing is sent on this wire.
    """

    name: str
    language: str
    parts: tuple[Filled, ...]
    labels: tuple[str, ...] = ()
    listed: bool = False
    open: bool = False
    back: bool = False
    home: bool = False
    silent: bool = False
    offered: tuple[int, ...] = ()
    """The place of each label among the screen's choices, where some of them are not offered now."""
    short: "Screen | None" = None
    """The same in fewer words, for where this would take another page."""


@dataclass(frozen=True, slots=True)
class Navigation:
    """The words behind 0, 9 and 00 in one language."""

    back: str
    more: str
    main: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page as the network carries it, measured and never cut afterwards.

    body and glue are what joins to the whole text again; keys: what may be typed, to the index of its choice.
    """

    text: str
    body: str
    glue: str
    keys: dict[str, int]
    more: bool
    end: bool
