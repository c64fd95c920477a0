"""YAML with places: plain data from a text, and the line of every value in it; all faults at once.

Operators write these files, so what YAML does behind one's back is a fault here: equal keys, the words and numbers
of YAML 1.1 that change meaning (`no`, `012`, `1:30`), aliases, tags. Used for menus and for the gateway's settings.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from menus.secrecy import given_away
from menus.unreadable import explained

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One mistake of an author: where, what is wrong and what was expected."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Faulty(Exception):
    """A file says something we cannot use. The author's to mend; every fault found is listed."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True, slots=True)
class Document:
    """One file as data. Every scalar is a str, int, float, bool or None; lines has the place of each path."""

    file: str
    data: Any
    lines: dict[Path, int]
    faults: list[Fault] = field(default_factory=list)
    seen: dict[int, Any] = field(default_factory=dict, repr=False)
    """What was read already, by the node's identity: an alias is the same node a second time."""

    elsewhere: "dict[Path, tuple[Document, Path]]" = field(default_factory=dict, repr=False)
    """Paths whose values were written in another place: what a screen took over with include."""

    def place(self, path: Path) -> tuple[str, int]:
        """File and line of the value at path, or of the nearest thing around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.elsewhere:
                document, there = self.elsewhere[path[:length]]
                return document.place((*there, *path[length:]))
            if path[:length] in self.lines:
                return self.file, self.lines[path[:length]]
        return self.file, self.lines.get((), 1)

    def line(self, path: Path) -> int:
        return self.place(path)[1]

    def fault(self, path: Path, message: str) -> Fault:
        return Fault(*self.place(path), message)


# YAML 1.1 (type repository: bool, int, float): words that a reader takes for text and YAML for something else.
_TRAPS = re.compile(
    r"(?i:y|n|yes|no|on|off)|[-+]?0[0-9_]+|[-+]?0[bx][0-9a-fA-F_]+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|[-+]?[0-9]+_[0-9_]*"
)

# A key and its value written together, which YAML takes for one word.
_NO_SPACE = re.compile(r"([a-z][a-z0-9_]*):(\S+.*)")
_STR = "tag:yaml.org,2002:str"
_MAX_DEPTH = 30


def read(file: str, text: str) -> Document:
    """Parse one file. Raises Faulty when it is no YAML; other faults are in the document, with what could be read."""
    document = Document(file, None, {})
    try:
        _scan(document, text)
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.reader.ReaderError as error:
        # The C parser counts octets of UTF-8.
        line = text.encode("utf-8", "surrogatepass")[: error.position].count(b"\n") + 1
        raise Faulty([Fault(file, line, f"a character no text file has: {error.reason}; delete it")]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise Faulty([Fault(file, *explained(text, error))]) from None
    if node is None:
        raise Faulty([Fault(file, 1, "the file is empty")])
    data = _value(node, (), document)
    return Document(file, data, document.lines, sorted(document.faults))


def _scan(document: Document, text: str) -> None:
    """What the composed tree no longer shows: where tags and aliases stand. And how deep it is, before anything
    recurses into it: what runs out of stack in C takes the process with it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            document.faults.append(Fault(document.file, line, "an alias (*name) stands for this; write it out"))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            implicit = event.implicit if isinstance(event.implicit, tuple) else (event.implicit,)
            if event.tag is not None and not any(implicit):
                document.faults.append(Fault(document.file, line, f"YAML tag {event.tag!r}: write plain values"))
            depth += isinstance(event, yaml.CollectionStartEvent)
            if depth > _MAX_DEPTH:
                raise Faulty([Fault(document.file, line, "nested too deep")])


def _value(node: yaml.Node, path: Path, document: Document) -> Any:
    line = node.start_mark.line + 1
    if id(node) in document.seen:  # an alias, told already: read once, so that a ring or a tree of them ends
        return document.seen[id(node)]
    document.seen[id(node)] = None
    document.lines.setdefault(path, line)
    if isinstance(node, yaml.MappingNode):
        found: Any = _mapping(node, path, document)
    elif isinstance(node, yaml.SequenceNode):
        found = [_value(child, (*path, place), document) for place, child in enumerate(node.value)]
    else:
        assert isinstance(node, yaml.ScalarNode)
        secret = given_away(next((str(key) for key in reversed(path) if isinstance(key, str)), ""), str(node.value))
        if secret:
            document.faults.append(Fault(document.file, line, secret))
        found = _scalar(node, document)
    document.seen[id(node)] = found
    return found


def _mapping(node: yaml.MappingNode, path: Path, document: Document) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            document.faults.append(Fault(document.file, line, "a key must be a word"))
            continue
        key = str(key_node.value)
        if not key_node.style and not value_node.value and (joined := _NO_SPACE.fullmatch(key)):
            document.faults.append(Fault(document.file, line, f"a space is missing behind {joined[1]}:"))
            key, value_node = joined[1], yaml.ScalarNode(_STR, joined[2].strip("\"'"), value_node.start_mark, style="'")
        if not key_node.style and _TRAPS.fullmatch(key):
            document.faults.append(
                Fault(document.file, line, f'YAML reads the key {key} as something else: write "{key}"')
            )
        if key == "<<":
            document.faults.append(Fault(document.file, line, "merge keys (<<) are not part of this language"))
            continue
        if key in result:
            first = document.lines[(*path, key)]
            document.faults.append(
                Fault(document.file, line, f"the key {key} stands here again, first on line {first}")
            )
            continue
        document.lines[(*path, key)] = line
        result[key] = _value(value_node, (*path, key), document)
    return result


def _scalar(node: yaml.ScalarNode, document: Document) -> Any:
    word = str(node.value)
    if node.style:  # quoted or a block; plain scalars have none, or an empty one from the C parser
        return word
    line = node.start_mark.line + 1
    if any(fault.line == line for fault in document.faults):
        return word  # its tag is what is wrong
    if _TRAPS.fullmatch(word):
        document.faults.append(Fault(document.file, line, f'YAML reads {word} as something else: write "{word}"'))
        return word
    if lost := _lost_quote(word):
        document.faults.append(Fault(document.file, line, f"{lost}; put quotes at both ends of it"))
        return word.replace("\\n", "\n").replace("\\t", " ").strip("\"'“”")  # what was meant, to be heard of once
    kind = node.tag.rpartition(":")[2]
    if kind == "bool":
        return word.lower() == "true"
    if kind == "null":
        return None
    try:
        return int(word) if kind == "int" else float(word) if kind == "float" else word
    except ValueError:
        document.faults.append(Fault(document.file, line, f'YAML reads {word[:40]} as a number: write "{word[:40]}"'))
        return word


def _lost_quote(word: str) -> str | None:
    """What of a text without quotes shows that it was to have some."""
    for sign in ("\\n", "\\t"):
        if sign in word:
            return f"the text has {sign} in it as letters"
    if word.count('"') % 2:
        return 'the text has a single " in it'
    if word.endswith("'") and word.count("'") % 2:
        return "the text has a single ' at its end"
    return "“ and ” are no quotes here" if word.startswith(("“", "”")) or word.endswith(("“", "”")) else None


_NEARLY = 0.75
"""How alike two words must be for one to be offered instead of the other: leters is like letters, requests unlike
questions."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """What is known and written nearly so. Of names with a dot the last word counts: among those that begin alike,
    then among all."""
    listed = [(each.rpartition("."), each) for each in known]
    first, _, last = word.rpartition(".")
    alike = {each[2]: name for each, name in reversed(listed) if each[0] == first}
    for ends in (alike, {each[2]: name for each, name in reversed(listed)}):
        if near := get_close_matches(last, ends, 1, _NEARLY):
            return ends[near[0]]
    return None


def meant(word: str, known: Iterable[str]) -> str:
    """`; did you mean text?`, or nothing."""
    near = nearest(word, known)
    return f"; did you mean {near}?" if near is not None else ""


def spoken(path: Path) -> str:
    """A path in an operator's words: a choice by its name, anything else in a list counted from 1."""
    words: list[str] = []
    for part in path:
        if words and words[-1].startswith("choices ") and isinstance(part, str):
            words[-1] = f"choice {part}:"
        elif words and isinstance(part, int):
            words[-1] += f" {part + 1}:"
        else:
            words.append(str(part))
    return ".".join(words).replace(":.", ": ").rstrip(":") or "this file"


Model = TypeVar("Model", bound=BaseModel)


def typed(model: type[Model], document: Document, data: Any, path: Path = ()) -> Model:
    """data as a model, or Faulty with the file's lines in words an operator understands."""
    try:
        return model.model_validate(data, context={"file": document.file})  # for names of files beside it
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=True)
        raise Faulty(
            [
                document.fault((*path, *problem["loc"]), explain(problem, near))
                for problem, near in _told_once(model, problems)
            ]
        ) from None


def _told_once(model: type[BaseModel], problems: Iterable[Any]) -> Iterator[tuple[Any, str]]:
    """Each problem with what an unknown key was meant for; that key is not told as missing besides."""
    unknown = [each["loc"] for each in problems if each["type"] == "extra_forbidden"]
    near = {loc: nearest(str(loc[-1]), _keys(model, loc[:-1])) for loc in unknown}
    there = {(*loc[:-1], key) for loc, key in near.items()}
    for problem in problems:
        key = near.get(problem["loc"])
        if problem["type"] != "missing" or problem["loc"] not in there:
            yield problem, f"; did you mean {key}?" if key else ""


def _keys(kind: Any, path: Path) -> list[str]:
    """The keys of whatever model stands at this path in a value of this kind."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {each.alias or name: each.annotation for name, each in kind.model_fields.items()}
        return _keys(fields.get(str(path[0])), path[1:]) if path else list(fields)
    within = [each for each in get_args(kind) if each is not Ellipsis]
    if get_origin(kind) in (Union, UnionType, Annotated):
        return [key for each in within for key in _keys(each, path)]
    return _keys(within[-1], path[1:]) if within and path else []


_WANTED = {
    "string": "a text was expected",
    "bool": "true or false was expected",
    "int": "a whole number was expected",
    "float": "a number was expected",
    "list": "a list was expected: [one, two], or lines that begin with a - and a space",
    "dict": "keys with values were expected: {key: value}, with a space behind each colon",
    "model": "keys with values were expected: {key: value}, with a space behind each colon",
}
"""What a value should have been, by the first word of pydantic's name for the error."""


def explain(problem: Any, near: str = "") -> str:
    """One pydantic error in plain words: the key, what is wrong, what was expected."""
    key = spoken(problem["loc"])
    context: dict[str, Any] = problem.get("ctx", {})
    wanted = _WANTED.get(problem["type"].partition("_")[0])
    match problem["type"]:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            return f"{key} is not a key we know here{near}"
        case "literal_error" | "enum":
            words = re.findall("'([^']*)'", str(context.get("expected")))
            instead = meant(str(problem["input"]), words)
            return f"{key}: {problem['input']!r} is none of {context.get('expected')}{instead}"
        case "value_error":
            return f"{key}: {context.get('error', problem['msg'])}"
        case kind if wanted and kind.endswith(("_type", "_parsing", "_from_float")):
            if problem["input"] is None:
                return f"{key}: nothing stands behind it; fill it in, or delete this line"
            quoted = kind == "string_type" and isinstance(problem["input"], int | float)
            return f'{key}: {wanted}; put it in quotes: "{problem["input"]}"' if quoted else f"{key}: {wanted}"
        case _:
            return f"{key}: {problem['msg'].replace('Input should be', 'must be')}"
