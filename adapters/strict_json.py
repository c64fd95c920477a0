"""JSON as RFC 8259 has it and no further: what two readers could take for two things is none.

Python's own parser takes NaN, keeps the last of equal keys, makes infinity of 1e999 and nests until its stack ends.
"""

import json
import math
from typing import Any, Never

MAX_DEPTH = 32
"""Lists and objects inside each other. An answer about a letter needs five."""

MAX_DIGITS = 32
"""Of one number."""


def parsed(text: str) -> Any:
    """The text as data. Raises ValueError, which says nothing of the content."""
    try:
        found = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refused, parse_int=_whole, parse_float=_finite
        )
    except RecursionError:
        raise ValueError("nested too deep") from None
    except json.JSONDecodeError:
        raise ValueError("no JSON") from None
    _sound(found)
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("equal keys in one object")
    return found


def _refused(_: str) -> Never:
    raise ValueError("a number that is none")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError("a number of too many digits")
    return int(digits)


def _finite(digits: str) -> float:
    found = float(digits)
    if len(digits) > MAX_DIGITS or not math.isfinite(found):
        raise ValueError("a number that is none")
    return found


def _sound(value: Any) -> None:
    """No deeper than MAX_DEPTH, and no half of a character."""
    level, depth = [value], 0
    while level:
        depth += 1
        below: list[Any] = []
        for each in level:
            if isinstance(each, str):
                _whole_characters(each)
            elif isinstance(each, dict):
                for key in each:
                    _whole_characters(key)
                below += each.values()
            elif isinstance(each, list):
                below += each
        if depth > MAX_DEPTH and below:
            raise ValueError("nested too deep")
        level = below


def _whole_characters(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("half of a character") from None
