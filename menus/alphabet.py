"""What a text costs on the network, and where it may be cut.

3GPP TS 23.038 cl. 6.2.1: the GSM 7 bit default alphabet; one character outside it turns the whole text to UCS-2,
counted in UTF-16 code units. 3GPP TS 23.040 cl. 9.2.3.24.1: the sizes of the parts of a long SMS.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

GSM7 = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""Position is the septet's value. ESC (0x1B) is no character of a text."""

# TS 23.038 cl. 6.2.1.1: these ten cost an escape and a septet.
GSM7_EXTENSION = "\f^{}\\[~]|€"

_COST = {char: 1 for char in GSM7 if char != "\x1b"} | dict.fromkeys(GSM7_EXTENSION, 2)


class Alphabet(Enum):
    GSM7 = "gsm7"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Capacity:
    """What fits one page, in septets when the text is all GSM 7 bit and in UTF-16 units otherwise.

    parts > 1 is an SMS that may take so many segments.
    """

    max_septets: int = 160
    max_units: int = 70
    parts: int = 1


def alphabet_of(text: str) -> Alphabet:
    return Alphabet.GSM7 if all(map(_COST.__contains__, text)) else Alphabet.UCS2


def cost(text: str, alphabet: Alphabet) -> int:
    """Septets or UTF-16 code units, by the alphabet. Raises KeyError for a character GSM 7 bit does not have."""
    # Every page is counted many times before it is one, so both sums are left to C.
    if alphabet is Alphabet.GSM7:
        return sum(map(_COST.__getitem__, text))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def size(text: str) -> int:
    """Septets when all of it is GSM 7 bit, else UTF-16 code units."""
    return cost(text, alphabet_of(text))


def fits(text: str, capacity: Capacity) -> bool:
    if capacity.parts > 1:
        return segments(text) <= capacity.parts
    alphabet = alphabet_of(text)
    return cost(text, alphabet) <= (capacity.max_septets if alphabet is Alphabet.GSM7 else capacity.max_units)


def segments(text: str) -> int:
    """How many SMS the network counts. A character never straddles two parts (TS 23.040 cl. 9.2.3.24.1)."""
    alphabet = alphabet_of(text)
    single, part = (160, 153) if alphabet is Alphabet.GSM7 else (70, 67)
    if cost(text, alphabet) <= single:
        return 1
    count, used = 1, 0
    for char in text:
        units = cost(char, alphabet)
        if used + units > part:
            count, used = count + 1, 0
        used += units
    return count


# protocols.md D5, display column: what we drop from texts that come from outside before we show them. Of what has no
# picture of its own (Unicode's Default_Ignorable_Code_Point) only ZWNJ stays: the rest costs units and hides things.
_DROPPED = dict.fromkeys(
    [
        *range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0),  # C0 and C1 but the line feed
        0x00AD, 0x034F, 0x0640, 0x061C, *range(0x064B, 0x0653),
        0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810),
        0x200B, 0x200D, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x2070),
        0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0, *range(0xFFF9, 0xFFFC),
    ]
)  # fmt: skip
_DROPPED |= {0x00A0: " ", 0x202F: " ", 0x09: " ", 0x0D: "\n", 0x2028: "\n", 0x2029: "\n"}


_FOREIGN = re.compile("[" + "".join(map(re.escape, map(chr, sorted(_DROPPED)))) + "\ud800-\udfff\U00010000-\U0010ffff]")
"""Whatever `shown` has something to do with."""


def shown(text: str) -> str:
    """A foreign text as it may be shown: no controls, no direction overrides, nothing above U+FFFF.

    Links are left to whoever decides what is shown; white space at line ends is dropped.
    """
    if not _FOREIGN.search(text) and unicodedata.is_normalized("NFC", text):  # nearly every text there is
        return "\n".join([line.strip() for line in text.split("\n")]).strip("\n") if "\n" in text else text.strip()
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).translate(_DROPPED)
    text = "".join(char for char in text if char <= "\uffff" and not "\ud800" <= char <= "\udfff")
    # Once more: what stood between a letter and its mark may be gone now.
    text = unicodedata.normalize("NFC", text)
    return "\n".join(line.strip() for line in text.split("\n")).strip("\n")
