"""YAML with places: plain data from a text, and the line of every value in it; all faults at once.

Operators write these files, so what YAML does behind one's back is a fault here: equal keys, the words and numbers
of YAML 1.1 that change meaning (`no`, `012`, `1:30`), aliases, tags. Used for menus and for the gateway's settings.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from menus.secrecy import given_away

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
_LOOK = "look here and on the line above for a missing quote, a colon outside quotes or wrong indentation"
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
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise Faulty([Fault(file, mark.line + 1 if mark else 1, f"this is not YAML: {what}; {_LOOK}")]) from None
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


Model = TypeVar("Model", bound=BaseModel)


def typed(model: type[Model], document: Document, data: Any, path: Path = ()) -> Model:
    """data as a model, or Faulty with the file's lines in words an operator understands."""
    try:
        return model.model_validate(data, context={"file": document.file})  # for names of files beside it
    except ValidationError as error:
        raise Faulty(
            [
                document.fault((*path, *problem["loc"]), explain(problem))
                for problem in error.errors(include_url=False, include_context=True)
            ]
        ) from None


def explain(problem: Any) -> str:
    """One pydantic error in plain words: the key, what is wrong, what was expected."""
    key = ".".join(str(part) for part in problem["loc"]) or "this file"
    context: dict[str, Any] = problem.get("ctx", {})
    match problem["type"]:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            return f"{key} is not a key we know here"
        case "string_type":
            return (
                f'{key}: a text was expected; put it in quotes: "{problem["input"]}"'
                if isinstance(problem["input"], int | float)
                else f"{key}: a text was expected"
            )
        case "literal_error" | "enum":
            return f"{key}: {problem['input']!r} is none of {context.get('expected')}"
        case "value_error":
            return f"{key}: {context.get('error', problem['msg'])}"
        case kind if kind.endswith(("_type", "_parsing")):
            return f"{key}: {problem['msg'].lower()}"
        case _:
            return f"{key}: {problem['msg']}"
