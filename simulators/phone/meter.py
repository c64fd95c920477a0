"""What a text costs on the network, as the page shows it."""

import math
from typing import Any

from menus.alphabet import Alphabet, alphabet_of, segments, size

PAGE_OCTETS = 160
"""3GPP TS 24.080: the most octets of a USSD string."""

PART_OCTETS = 140
"""3GPP TS 23.040 cl. 9.2.3.24: the user data of one SMS."""


def screen(text: str, max_septets: int, max_units: int) -> dict[str, Any]:
    """A USSD page against what its channel allows."""
    limit = max_septets if alphabet_of(text) is Alphabet.GSM7 else max_units
    return {**_measured(text), "of": limit, "of_octets": PAGE_OCTETS}


def message(text: str) -> dict[str, Any]:
    """An SMS, and how many it is charged as."""
    return {**_measured(text), "parts": segments(text), "of_octets": PART_OCTETS * segments(text)}


def _measured(text: str) -> dict[str, Any]:
    gsm, used = alphabet_of(text) is Alphabet.GSM7, size(text)
    octets = math.ceil(used * 7 / 8) if gsm else used * 2
    return {"alphabet": "GSM 7 bit" if gsm else "UCS-2", "unit": "septets" if gsm else "units", "used": used,
            "octets": octets}  # fmt: skip
