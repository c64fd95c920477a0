"""One ECE file to one letter: Electronic Correspondence Exchange, as secretariat systems write it (protocols.md G6).

No schema of it is public. Paths and attributes are those of two systems that write it; whether a value is an attribute
or an element, and how its name is cased, does not matter here. Attachments are dropped while reading, never decoded.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from persiantools.jdatetime import JalaliDate

from adapters import xml
from menus.ports import Reference, fold, reference

NAMESPACE = "http://www.irica.com/ECE/1383-12/SendSchema"

_LONG_AGO = 1700
"""Jalali years are below, Gregorian ones above, for some centuries."""

_WRITTEN = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})(?:[t ]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?))?")
_BETWEEN_NUMBERS = re.compile(r"[,;،؛\n]+")
_NUMBER_NAMES = frozenset({"letterno", "no", "number"})


class NoLetter(ValueError):
    """A file that is no ECE letter. Says why in our own words, never what stands in it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """record: what a Mapper reads. written: ISO day and time, by which a correction is newer. Organisations and guid
    are folded, for comparing. related: the numbers in RelatedLetters, in their exact form."""

    record: dict[str, Any]
    number: Reference
    guid: str
    sender: str
    receiver: str
    written: str
    related: tuple[str, ...]


def read(octets: bytes, limits: xml.Limits, namespaces: Collection[str]) -> Letter:
    """The letter in a file, without its state: that is the office's to say. Raises NoLetter."""
    try:
        root = xml.parse(octets, limits, without={"Origin", "Origins", "Attachment", "Attachments"})
    except xml.XmlRefused as refused:
        raise NoLetter(str(refused)) from None
    if root.name != "Letter":
        raise NoLetter("its root is no Letter")
    if root.namespace not in namespaces:
        found = "".join(char if char.isprintable() else "?" for char in root.namespace[:100])
        raise NoLetter(
            f"its Letter is in the namespace `{found}`, which is not of `namespaces` ({', '.join(namespaces)})"
        )
    number = _said(root, "LetterNo")
    if not reference(number).exact:
        raise NoLetter("no LetterNo")
    day, clock = _written(_said(root, "LetterDateTime"))
    sender, receiver = _part(root, "Sender"), _part(root, "Receiver")
    related = _part(root, "RelatedLetters")
    classification, priority = _part(root, "Classification"), _part(root, "Priority")
    record = {
        "number": number,
        "organisation": _said(receiver, "Organization"),
        "desk": _said(receiver, "Department") or _said(receiver, "Position"),
        "date": day.isoformat(),
        "year": JalaliDate(day).year,  # type: ignore[no-untyped-call]  # the library annotates its methods only
        "subject": _said(root, "Subject"),
        "sender": _said(sender, "Name") or _said(sender, "Organization"),
        # Codes differ from vendor to vendor, and names are sometimes empty: then the code is the office's word.
        "secrecy": _said(classification, "Name") or classification.text or _said(classification, "Code"),
        "secrecy_code": _said(classification, "Code"),
        "priority": _said(priority, "Name") or priority.text,
        "priority_code": _said(priority, "Code"),
        "letter": xml.records(root),
    }
    return Letter(
        record=record,
        number=reference(number),
        guid=fold(_said(_part(root, "Software"), "GUID")).strip("{}"),
        sender=fold(_said(sender, "Organization")),
        receiver=fold(_said(receiver, "Organization")),
        written=f"{day.isoformat()}T{clock}",
        related=tuple(dict.fromkeys(reference(each).exact for each in _numbers(related))),
    )


def _part(element: xml.Element, name: str) -> xml.Element:
    """A child by name in any case; an empty one when there is none."""
    found = (each for each in element.children if each.name.lower() == name.lower())
    return next(found, xml.Element(element.namespace, name))


def _said(element: xml.Element, name: str) -> str:
    """A value, wherever the vendor put it: an attribute or a child, in any case."""
    for attribute, value in element.attributes.items():
        if attribute.rpartition("}")[2].lower() == name.lower() and value.strip():
            return value.strip()
    return _part(element, name).text


def _written(text: str) -> tuple[date, str]:
    """Day and time of LetterDateTime. Its ShowAs is not needed: the year shows in which calendar the day stands, also
    where a vendor writes a Gregorian day to be shown as Jalali."""
    found = _WRITTEN.match(fold(text))
    if found is None:
        raise NoLetter("no LetterDateTime we can read")
    year, month, day = (int(part) for part in found.groups()[:3])
    try:
        written = (
            date(year, month, day) if year > _LONG_AGO else JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]  # as above
        )
    except ValueError:
        raise NoLetter("a LetterDateTime that is no day") from None
    return written, (found[4] or "00:00").rjust(5, "0")


def _numbers(element: xml.Element) -> list[str]:
    """Every number under RelatedLetters: what is called a number, else plain text, several of it by commas."""
    named = [
        value for name, value in element.attributes.items() if name.rpartition("}")[2].lower() in _NUMBER_NAMES
    ]  # fmt: skip
    plain = element.name.lower() in {*_NUMBER_NAMES, "relatedletters", "relatedletter"}
    texts = _BETWEEN_NUMBERS.split(element.text) if plain else []
    below = [number for child in element.children for number in _numbers(child)]
    return [each.strip() for each in (*named, *texts, *below) if each.strip()]
