"""Octets to text and back, by data_coding: SMPP v3.4 cl. 5.2.19, 3GPP TS 23.038 cl. 4 and 5.

GSM 7 bit goes unpacked over SMPP, a septet an octet. What cannot be read is replaced, never refused: half a citizen's
text tells more than none.
"""

from collections.abc import Mapping
from typing import Literal

from menus.alphabet import GSM7, GSM7_EXTENSION, Alphabet, alphabet_of, cost

ESCAPE = 0x1B
# TS 23.038 cl. 6.2.1.1: the septet behind the escape.
_EXTENSION = dict(zip(GSM7_EXTENSION, b"\x0a\x14\x28\x29\x2f\x3c\x3d\x3e\x40\x65", strict=True))
_EXTENDED = {septet: char for char, septet in _EXTENSION.items()}
_SEPTETS = {char: bytes([place]) for place, char in enumerate(GSM7) if place != ESCAPE}
_SEPTETS |= {char: bytes([ESCAPE, septet]) for char, septet in _EXTENSION.items()}

_PYTHON: Mapping[int, str] = {1: "ascii", 3: "latin-1", 6: "iso8859-5", 7: "iso8859-8", 8: "utf-16-be"}

# TS 23.038 cl. 5: the text begins with its language.
WITH_LANGUAGE, WITH_LANGUAGE_UCS2 = 0x10, 0x11

GSM7_CODING = 0
UCS2_CODING = 8

Default = Literal["gsm7", "latin1", "ascii"]
"""What an SMSC means by data_coding 0, its default alphabet: cl. 5.2.19 leaves it to the SMSC."""

_DEFAULT: Mapping[Default, int] = {"gsm7": GSM7_CODING, "latin1": 3, "ascii": 1}


def meant(default: Default, data_coding: int) -> int:
    """The data_coding that says the same to everybody."""
    return data_coding or _DEFAULT[default]


def decoded(data_coding: int, octets: bytes) -> str:
    """What a citizen wrote; an empty text for what is no text (8 bit data, the Japanese and Korean ones)."""
    kind = _kind(data_coding)
    if kind is None:
        return ""
    octets = octets[_before(data_coding, octets) :]
    text = gsm7(octets) if kind == "gsm7" else octets.decode(kind, "replace")
    return text.removeprefix("\ufeff").replace("\0", "")


def _kind(data_coding: int) -> str | None:
    if data_coding in _PYTHON:
        return _PYTHON[data_coding]
    if data_coding == WITH_LANGUAGE_UCS2:
        return "utf-16-be"
    # An SMSC's default alphabet; USSD's own, its language unspecified, within it, or said; a mailbox's notice.
    if data_coding in (0x00, 0x0F, WITH_LANGUAGE) or 0x20 <= data_coding <= 0x2F or 0xC0 <= data_coding <= 0xDF:
        return "gsm7"
    # TS 23.038 cl. 5, general data coding, without or with a header: the alphabet stands in bits 3 and 2
    if 0x40 <= data_coding <= 0x7F or 0x90 <= data_coding <= 0x9F:
        return ("gsm7", None, "utf-16-be", None)[(data_coding >> 2) & 3]
    if data_coding >= 0xF0:  # cl. 4, message class: bit 2
        return None if data_coding & 0x04 else "gsm7"
    return None


def _before(data_coding: int, octets: bytes) -> int:
    """How many octets stand before the text."""
    if data_coding == WITH_LANGUAGE:  # two letters and a CR
        return 3 if octets[2:3] == b"\r" else 0
    if data_coding == WITH_LANGUAGE_UCS2:  # two letters, packed
        return 2
    if 0x90 <= data_coding <= 0x9F and octets and octets[0] < len(octets):  # a user data header
        return 1 + octets[0]
    return 0


def gsm7(octets: bytes) -> str:
    found = []
    escaped = False
    for octet in octets:
        if octet == ESCAPE and not escaped:
            escaped = True
            continue
        if octet > 0x7F:
            found.append("\ufffd")
        elif escaped:
            # cl. 6.2.1.1: what the extension does not have is shown as in the default table.
            found.append(_EXTENDED.get(octet, " " if octet == ESCAPE else GSM7[octet]))
        else:
            found.append(GSM7[octet])
        escaped = False
    return "".join(found) + (" " if escaped else "")  # an escape with nothing behind it is a space


def alphabet_for(text: str, default: Default) -> Alphabet:
    """How to write a text. Whatever the SMSC's alphabet is, the phone gets GSM 7 bit or UCS-2; so a text goes as UCS-2
    when either of the two lacks a character of it."""
    alphabet = alphabet_of(text)
    if alphabet is Alphabet.GSM7 and default != "gsm7":
        try:
            text.encode(_PYTHON[_DEFAULT[default]])
        except UnicodeEncodeError:
            return Alphabet.UCS2
    return alphabet


def encoded(text: str, alphabet: Alphabet, default: Default = "gsm7") -> bytes:
    """Raises KeyError for GSM 7 bit asked of a text that is not; what only the SMSC's alphabet lacks is replaced."""
    if alphabet is Alphabet.UCS2:
        return text.encode("utf-16-be", "replace")
    if default == "gsm7":
        return b"".join([_SEPTETS[char] for char in text])
    return text.encode(_PYTHON[_DEFAULT[default]], "replace")


def cut(text: str, alphabet: Alphabet, most: int) -> list[str]:
    """In pieces of so many septets or units. No surrogate pair and no escape is parted from its character: TS 23.040
    cl. 9.2.3.24.1."""
    pieces, used = [""], 0
    for char in text:
        units = cost(char, alphabet)
        if used + units > most:
            pieces.append("")
            used = 0
        pieces[-1] += char
        used += units
    return pieces
