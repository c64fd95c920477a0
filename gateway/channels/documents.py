"""Bodies that are documents, by the same careful readers that offices' answers pass: JSON as RFC 8259 has it and no
further, XML without document type, shallow and small. And XML the other way."""

import json
import re
from typing import Any

from lxml import etree

from adapters import strict_json, xml
from adapters.xml import Element
from gateway.channels.contract import MAX_BODY_OCTETS, Refusal, WireRequest

__all__ = ["Element", "json_answer", "json_object", "sound", "whole", "xml_answer", "xml_root", "xml_text"]

_XML_KINDS = ("text/xml", "application/xml")
_LIMITS = xml.Limits(max_octets=MAX_BODY_OCTETS, max_depth=8, max_nodes=200)
"""One input of one caller: a RestComm dialog has some twenty nodes, four deep."""

# XML 1.0, 2.2: what no document may hold, not even escaped.
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def json_object(request: WireRequest) -> dict[str, Any]:
    """The object a request's body is. Raises Refusal."""
    if request.content_type != "application/json":
        raise Refusal(415, "the body must be application/json")
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise Refusal(415, "JSON comes in UTF-8")
    try:
        found = strict_json.parsed(request.body.decode("utf-8"))
    except ValueError as error:
        why = "not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise Refusal(400, f"the body is refused: {why}") from None
    if not isinstance(found, dict):
        raise Refusal(400, "the body must be a JSON object")
    return found


def json_answer(body: str) -> dict[str, Any]:
    """What a provider answered; empty when that is no JSON object. Not as strict as with those who call us: messages
    that are handed out once must not be lost by one that has half a character in it."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def whole(text: str) -> str:
    """The text without halves of characters and NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def xml_root(request: WireRequest, name: str) -> Element:
    """The root of a request's body, which must have this name. Raises Refusal."""
    if request.content_type not in _XML_KINDS:
        raise Refusal(415, f"the body must be {' or '.join(_XML_KINDS)}")
    try:
        found = xml.parse(request.body, _LIMITS, charset=request.charset)
    except xml.XmlRefused as refused:
        raise Refusal(400, f"the body is refused: {refused}") from None
    if found.name != name:
        raise Refusal(400, f"the root element must be {name}")
    return found


def xml_answer(body: str, name: str) -> Element | None:
    """The root of what a gateway answered, as strictly read; None when it is none of this name."""
    try:
        found = xml.parse(body.encode("utf-8", "replace"), _LIMITS, charset="utf-8")
    except xml.XmlRefused:
        return None
    return found if found.name == name else None


def xml_text(root: etree._Element) -> str:
    return etree.tostring(root, encoding="unicode")


def sound(text: str) -> str:
    """The text as an XML document may hold it."""
    return _NO_CHARACTER.sub("", text)
