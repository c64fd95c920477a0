"""An SMS as an entry point: a keyword, a keyword and a number, or a number alone."""

import re

from menus import inputs
from menus.definition import Menu
from menus.machine import Opened

MAX_SMS = 1000
"""Characters looked at. What a citizen asks stands at the beginning; the rest is kept, not read."""


def opened_by(menu: Menu, text: str) -> tuple[Opened, str | None]:
    """How a conversation opens with this text, and the language its keyword is written in, if it has one.

    Separators are those of protocols.md F9; text without a keyword is taken for the arguments of a dial.
    """
    words = [word for word in re.split(r"[\s,:;#]+", inputs.fold(text[:MAX_SMS])) if word]
    words[:1] = re.split(r"(?<=\D)[*/]", words[0], maxsplit=1) if words else []  # letter*12345
    if not words:
        return Opened(), None
    for entry in menu.entries.values():
        for count in (3, 2, 1):
            keyword = " ".join(words[:count])
            if keyword in entry.keywords:
                return Opened(tuple(words[count:]), entry.journey), entry.keywords[keyword]
    return Opened(tuple(words)), None
