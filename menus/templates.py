"""Texts with values in them: `{{ value | filter }}` and `[a part that may be left out]`, nothing else.

A part in brackets is left out when a value in it is absent, and when room is short the parts with the least
important values go first. A line with an absent value outside brackets is left out whole. There are no conditions
and no loops, so what a text can become, and how long, is known before anybody reads it. `[[` and `]]` are brackets.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Filter = Callable[[Any, "Context"], "str | None"]


class Context(NamedTuple):
    """What a template may look at: values by name, the language, the labels of it, the day."""

    values: Mapping[str, Any]
    language: str
    labels: Mapping[str, str]
    today: Any
    fallback: str = ""
    """The language of a name that has none in the reader's; empty: it is left out."""


@dataclass(frozen=True, slots=True)
class Value:
    """`{{ case.due_on | day | digits }}`: a path of names and the filters it goes through."""

    path: tuple[str, ...]
    filters: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Part:
    """A run of literals and values, left out as a whole when optional."""

    pieces: tuple[str | Value, ...]
    optional: bool

    @property
    def values(self) -> tuple[Value, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Value))


@dataclass(frozen=True, slots=True)
class Template:
    """fixed: what it always says, when there is no value in it: most texts and nearly all labels."""

    source: str
    parts: tuple[Part, ...]
    fixed: "tuple[Filled, ...] | None" = None

    @property
    def values(self) -> tuple[Value, ...]:
        return tuple(value for part in self.parts for value in part.values)

    @property
    def outline(self) -> str:
        """What the author wrote, with a letter in place of each value."""
        return "".join(piece if isinstance(piece, str) else "x" for part in self.parts for piece in part.pieces)


class TemplateError(Exception):
    """The author's: what is wrong with a text, and what to write."""


LINK = re.compile(r"://|www\.|[^\W_]\.[a-z]{2,}", re.IGNORECASE)
"""What a phone shows as a link. No text of ours has one, nor any value in it."""

_TOKENS = re.compile(r"\[\[|\]\]|\[|\]|\{\{[^{}]*\}\}|\{[{%#]|[%}]\}|[^\[\]{}%]+|.", re.DOTALL)
_VALUE = re.compile(r"\{\{\s*([a-z_]+(?:\.[a-z][a-z0-9_]*)*)\s*((?:\|\s*[a-z_]+\s*)*)\}\}")


def parse(source: str) -> Template:
    """The text as parts. Raises TemplateError with what to write instead."""
    parts: list[Part] = []
    pieces: list[str | Value] = []
    optional = False

    def close() -> None:
        nonlocal pieces
        if pieces:
            parts.append(Part(tuple(pieces), optional))
        pieces = []

    for sign in _TOKENS.findall(source):
        if sign == "[":
            if optional:
                raise TemplateError("a part in [ ] cannot stand inside another")
            close()
            optional = True
        elif sign == "]":
            if not optional:
                raise TemplateError("a ] without its [; for the sign itself write ]]")
            if not any(isinstance(piece, Value) for piece in pieces):
                raise TemplateError("a part in [ ] needs a {{ value }}; for the sign itself write [[")
            close()
            optional = False
        elif sign.startswith("{{"):
            found = _VALUE.fullmatch(sign)
            if found is None:
                raise TemplateError(
                    f"{sign} is not understood; write {{{{ case.number }}}} or {{{{ case.due_on | day }}}}"
                )
            pieces.append(Value(tuple(found[1].split(".")), tuple(re.findall(r"[a-z_]+", found[2]))))
        elif sign in ("{%", "{#", "%}", "}}"):
            raise TemplateError(f"{sign} is not part of this language; only {{{{ value | filter }}}} is")
        else:
            pieces.append({"[[": "[", "]]": "]"}.get(sign, sign))
    if optional:
        raise TemplateError("a [ without its ]; for the sign itself write [[")
    close()
    whole = "".join(piece for part in parts for piece in part.pieces if isinstance(piece, str))
    has_values = any(part.values for part in parts)
    fixed = None if has_values else (Filled(joined((Filled(whole, 0),)), 0),)
    return Template(source, tuple(parts), fixed)


def look_up(values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value at a path of mappings and attributes, None where it ends early."""
    found: Any = values
    for name in path:
        found = found.get(name) if isinstance(found, dict) else getattr(found, name, None)
        if found is None:
            return None
    return found


_PLAIN = ("",)
_ABSENT = "\0"  # no text has it: shown() drops controls


class Filled(NamedTuple):
    """A part with its values in place. rank: 0 stays, higher goes earlier when room is short."""

    text: str
    rank: int


def fill(
    template: Template, context: Context, filters: Mapping[str, Filter], ranks: Mapping[str, int]
) -> tuple[Filled, ...]:
    """The parts that have something to say, in order. ranks: value name to how early it may go."""
    if template.fixed is not None:
        return template.fixed
    lines: list[list[Filled]] = [[]]
    for part in template.parts:
        filled = _part(part, context, filters, ranks)
        if filled is None:
            continue
        first, *more = filled.text.split("\n")
        lines[-1].append(Filled(first, filled.rank))
        lines += [[Filled(line, filled.rank)] for line in more]
    whole = [line for line in lines if not any(_ABSENT in each.text for each in line)]
    return tuple(
        Filled("\n" + each.text, each.rank) if row and place == 0 else each
        for row, line in enumerate(whole)
        for place, each in enumerate(line)
    )


def label(template: Template, context: Context, filters: Mapping[str, Filter]) -> str:
    """What joined(fill(...)) gives of a text of one line: a list has two dozen of these."""
    text = ""
    for part in template.parts:
        said = ""
        for piece in part.pieces:
            value = piece if isinstance(piece, str) else _value(piece, context, filters)
            if value is not None:
                said += value
            elif part.optional:
                said = ""
                break
            else:
                return ""
        text += said
    return text.strip(" ")


def _part(part: Part, context: Context, filters: Mapping[str, Filter], ranks: Mapping[str, int]) -> Filled | None:
    """The part with its values in place; None when it may be left out and one of them is absent."""
    text, rank = "", 0
    for piece in part.pieces:
        if isinstance(piece, str):
            text += piece
            continue
        value = _value(piece, context, filters)
        if value is not None:
            text += value
        elif part.optional:
            return None
        else:
            text += _ABSENT
        if part.optional:
            rank = max(rank, ranks.get(piece.name, 0))
    return Filled(text, rank)


def _value(value: Value, context: Context, filters: Mapping[str, Filter]) -> str | None:
    found: Any = context.values
    for name in value.path:  # look_up, spared the call: no other loop turns as often
        found = found.get(name) if isinstance(found, dict) else getattr(found, name, None)
    for name in value.filters or _PLAIN:
        if found is None:
            return None
        found = filters[name](found, context)
    return None if found is None else str(found)


def joined(parts: tuple[Filled, ...]) -> str:
    """The parts as one text. What was left out leaves no empty line behind."""
    text = parts[0].text if len(parts) == 1 else "".join([part.text for part in parts])
    if "\n" not in text:
        return text.strip(" ")
    lines = text.split("\n")
    return "\n".join(line.strip(" ") for line in lines if line.strip(" "))


def shortened(parts: tuple[Filled, ...], fits: Callable[[str], bool]) -> str:
    """All parts when they fit, else without those of the highest rank, one after the other. Never cuts."""
    kept = list(parts)
    while not fits(joined(tuple(kept))):
        worst = max(kept, key=lambda part: part.rank, default=None)
        if worst is None or worst.rank == 0:
            break
        kept.remove(worst)
    return joined(tuple(kept))
