"""Persian and Arabic for terminals that print letters from left to right and do not join them.

Terminals that arrange lines themselves get the text as it is; the others get it as it is to be seen, from left to
right, in the joined forms of its letters.
"""

from collections.abc import Mapping
from enum import StrEnum

from arabic_reshaper import reshape
from bidi.algorithm import get_display

VTE_THAT_ARRANGES = 5800
"""GNOME's terminal library does since 0.58."""

_ARRANGE = {"Apple_Terminal", "mintty"}
_INVISIBLE = dict.fromkeys(map(ord, "\u200c\u200d\u200e\u200f\u2066\u2067\u2068\u2069"))


class Rtl(StrEnum):
    AUTO = "auto"
    TERMINAL = "terminal"
    VISUAL = "visual"


def arranges(environ: Mapping[str, str]) -> bool:
    """Whether this terminal is known to do it itself."""
    vte = environ.get("VTE_VERSION", "")
    return (
        (vte.isdecimal() and int(vte) >= VTE_THAT_ARRANGES)
        or "KONSOLE_VERSION" in environ
        or environ.get("TERM_PROGRAM") in _ARRANGE
        or environ.get("TERM", "").startswith("mlterm")
    )


def visual(text: str) -> str:
    """Line by line, each in the direction of its first letter."""
    return "\n".join(str(get_display(reshape(line))).translate(_INVISIBLE) for line in text.split("\n"))


def shown_as(rtl: Rtl, environ: Mapping[str, str], on_a_terminal: bool) -> Rtl:
    """What `auto` comes to: a file or a pipe gets the text itself."""
    if rtl is not Rtl.AUTO:
        return rtl
    return Rtl.TERMINAL if arranges(environ) or not on_a_terminal else Rtl.VISUAL
