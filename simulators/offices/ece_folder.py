"""Letters as a secretariat's system exports them: one ECE file each (protocols.md G6), and one for each reply.

Written under a temporary name and renamed, as a well-mannered system does. Every other file is written as the second
vendor would: a Gregorian day, codes without names where the letter is open.
"""

import uuid
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from lxml import etree

from simulators.offices.data import Letter
from simulators.offices.days import jalali

NAMESPACE = "http://www.irica.com/ECE/1383-12/SendSchema"
CITIZEN = "شهروند"


def write(folder: Path, letters: Iterable[Letter]) -> list[Path]:
    """The files that now stand in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for place, letter in enumerate(letters):
        second = bool(place % 2)
        first_desk, registered = letter.referrals[0]
        desk = letter.referrals[-1][0] or first_desk
        letter_file = _letter(
            letter.number, registered, second,
            sender=(CITIZEN, ""), receiver=(letter.organisation, desk),
            subject=letter.subject, classification=letter.confidentiality,
        )  # fmt: skip
        written.append(_put(folder / f"letter-{place:03}.xml", letter_file))
        if letter.reply_number:
            reply = _letter(
                letter.reply_number, letter.state_date, second,
                sender=(letter.organisation, desk), receiver=(CITIZEN, ""),
                subject=f"پاسخ: {letter.subject}", classification=letter.confidentiality, related=letter.number,
            )  # fmt: skip
            written.append(_put(folder / f"reply-{place:03}.xml", reply))
    return written


def _put(path: Path, octets: bytes) -> Path:
    temporary = path.with_suffix(".part")
    temporary.write_bytes(octets)
    return temporary.replace(path)


def _letter(
    number: str,
    day: date,
    second: bool,
    *,
    sender: tuple[str, str],
    receiver: tuple[str, str],
    subject: str,
    classification: str,
    related: str = "",
) -> bytes:
    letter = etree.Element(_name("Letter"), nsmap={None: NAMESPACE})
    etree.SubElement(letter, _name("Protocol"), Name="ECE", Version="1.01")
    guid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{sender}{receiver}{number}{day}"))
    etree.SubElement(letter, _name("Software"), SoftwareDeveloper="Rasad", Version="1", GUID=guid)
    for name, (organisation, department) in (("Sender", sender), ("Receiver", receiver)):
        party = etree.SubElement(letter, _name(name))
        for key, value in (("Organization", organisation), ("Department", department), ("Code", "0")):
            party.set(key, value)
    etree.SubElement(letter, _name("LetterNo")).text = number
    written = etree.SubElement(letter, _name("LetterDateTime"), ShowAs="gregorian" if second else "jalali")
    written.text = f"{day.isoformat() if second else jalali(day).replace('/', '-')}T10:30:00"
    relations = etree.SubElement(letter, _name("RelatedLetters"))
    if related:
        etree.SubElement(etree.SubElement(relations, _name("RelatedLetter")), _name("LetterNo")).text = related
    etree.SubElement(letter, _name("Subject")).text = subject
    etree.SubElement(letter, _name("Priority"), Code="1", Name="عادی")
    plain = classification == "عادی"
    named = "" if second and plain else classification
    etree.SubElement(letter, _name("Classification"), Code="1" if plain else "2", Name=named)
    origin = etree.SubElement(etree.SubElement(letter, _name("Origins")), _name("Origin"), Extension="txt")
    origin.text = "2YbYp9mF2Yc="
    return etree.tostring(letter, encoding="utf-8", xml_declaration=True)


def _name(local: str) -> str:
    return f"{{{NAMESPACE}}}{local}"
