"""The one safe way XML from outside is read: capped, without DTD, network or files; and what it says as plain records.

A document type is refused before the parser sees the document, so nothing in it can name an entity, a file or an
address. Octets are counted before parsing, depth and nodes while parsing. We decode the document ourselves, strictly:
byte order mark, then the encoding the transport names, then the declared one, then UTF-8 (RFC 7303, 3).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "windows-1256": "windows-1256",
    "iso-8859-1": "iso-8859-1",
}
"""What offices send. An encoding that is not here is refused: some (UTF-7) hide what others would see."""

_DECLARED = re.compile(rb"""\A\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_DECLARATION = re.compile(r"<\?xml\s[^>]{0,300}\?>")
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_CHUNK = 16_384


class XmlRefused(ValueError):
    """A document we do not read. Says why in our own words, never what stands in it."""


@dataclass(frozen=True, slots=True)
class Limits:
    max_octets: int = 65_536
    max_depth: int = 32
    max_nodes: int = 10_000
    """Elements, attributes, comments and processing instructions together."""


@dataclass(slots=True)
class Element:
    """An element as read. attributes: by Clark name, `{namespace}name`. text: its own, stripped, not its children's."""

    namespace: str
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Element]" = field(default_factory=list)
    text: str = ""

    def child(self, name: str) -> "Element | None":
        """The first child of this name in this element's own namespace."""
        return next((each for each in self.children if (each.namespace, each.name) == (self.namespace, name)), None)


def parse(
    octets: bytes, limits: Limits, *, charset: str | None = None, without: Collection[str] = frozenset()
) -> Element:
    """The root of a document. Raises XmlRefused.

    charset: what the transport says the encoding is. without: local names of elements whose content is not kept
    (attachments): it is counted, and never held.
    """
    if len(octets) > limits.max_octets:
        raise XmlRefused(f"more than {limits.max_octets} octets")
    text = _decoded(octets, charset)
    if _has_document_type(text):
        raise XmlRefused("a document type, and with it entities")
    builder = _Builder(limits, frozenset(without))
    parser = etree.XMLParser(  # type: ignore[call-overload]  # the stubs want every method a target may have
        target=builder, encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    whole = text.encode("utf-8")
    try:
        for at in range(0, len(whole), _CHUNK):
            parser.feed(whole[at : at + _CHUNK])
        root = parser.close()
    except etree.XMLSyntaxError:
        raise XmlRefused("no well-formed XML") from None  # its message quotes the document
    assert isinstance(root, Element)
    return root


def records(element: Element, lists: Collection[str] = frozenset()) -> Any:
    """What an element says, as JSON could: a text, or a dict of its children and attributes.

    Names are local ones, whatever their namespace. A child that stands there again, and always one of `lists`, is a
    list; an attribute is "@name"; text beside attributes or children is "#text"; `xsi:nil` is None; nothing is "".
    """
    if element.attributes.get(_NIL) in ("true", "1"):
        return None
    found: dict[str, Any] = {f"@{_split(name)[1]}": value for name, value in element.attributes.items()}
    repeated: set[str] = set()
    for child in element.children:
        name, value = child.name, records(child, lists)
        if name not in found:
            found[name] = [value] if name in lists else value
        elif name in lists or name in repeated:
            found[name].append(value)
        else:
            found[name] = [found[name], value]
        repeated |= {name} if isinstance(found[name], list) else set()
    if not found:
        return element.text
    return {**found, "#text": element.text} if element.text else found


class _Builder:
    """lxml's parser target. Counts while the document is read, so that nothing large is ever built."""

    def __init__(self, limits: Limits, without: frozenset[str]) -> None:
        self._limits = limits
        self._without = without
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._dropping = 0
        self._nodes = 0
        self._root: Element | None = None

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > self._limits.max_nodes:
            raise XmlRefused(f"more than {self._limits.max_nodes} nodes")

    def start(self, tag: str, attributes: dict[str, str], /) -> None:
        self._count(1 + len(attributes))
        if len(self._open) + self._dropping >= self._limits.max_depth:
            raise XmlRefused(f"deeper than {self._limits.max_depth} elements")
        namespace, name = _split(tag)
        if self._dropping or name in self._without:
            self._dropping += 1
            return
        element = Element(namespace, name, dict(attributes))
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)
        self._texts.append([])

    def end(self, _: str, /) -> None:
        if self._dropping:
            self._dropping -= 1
            return
        self._open.pop().text = "".join(self._texts.pop()).strip()

    def data(self, text: str, /) -> None:
        if self._texts and not self._dropping:
            self._texts[-1].append(text)

    def pi(self, target: str, data: str | None = None, /) -> None:
        self._count(1)

    def comment(self, _: str, /) -> None:
        self._count(1)

    def doctype(self, name: str, public_id: str | None, system_id: str | None, /) -> None:
        raise XmlRefused("a document type, and with it entities")

    def close(self) -> Element:
        if self._root is None:
            raise XmlRefused("no well-formed XML")
        return self._root


def _decoded(octets: bytes, charset: str | None) -> str:
    declared = _DECLARED.match(octets)
    name = declared[1].decode("ascii").lower() if declared else None
    mark, marked = next(((mark, code) for mark, code in _BYTE_ORDER_MARKS if octets.startswith(mark)), (b"", None))
    encoding = marked or _ENCODINGS.get((charset or name or "utf-8").lower())
    if encoding is None:
        raise XmlRefused("an encoding we do not read")
    try:
        text = octets[len(mark) :].decode(encoding)
    except UnicodeDecodeError:
        raise XmlRefused("octets that are not in the encoding it says") from None
    text = text.lstrip()
    declaration = _DECLARATION.match(text)
    # The declaration speaks of octets we have decoded already; the parser gets UTF-8 and is not to be told otherwise.
    return text[declaration.end() :] if declaration else text


def _has_document_type(text: str) -> bool:
    """Before the root element there are only comments, processing instructions, and what we look for (XML 1.0, 2.8)."""
    at = text.find("<")
    while at >= 0:
        if text.startswith("<!--", at):
            at = text.find("-->", at + 4)
        elif text.startswith("<?", at):
            at = text.find("?>", at + 2)
        else:
            return text.startswith("<!", at)
        at = text.find("<", at) if at >= 0 else at
    return False


def _split(name: str) -> tuple[str, str]:
    """A Clark name as namespace and local name."""
    namespace, brace, local = name.rpartition("}")
    return (namespace[1:], local) if brace else ("", name)
