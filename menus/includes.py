"""`include: case_choices`: a screen takes over the keys of a block, so that what many screens share is written once.

What the screen says itself stands; its choices come first, the block's behind them. Blocks stand under `blocks:` in
any file of the menu and include nothing themselves.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from menus.source import Document, Fault, Path, meant

Blocks = Mapping[str, tuple[Document, dict[str, Any]]]
"""Block name to the document it stands in and its keys."""


def taken_over(
    document: Document, name: str, data: dict[str, Any], blocks: Blocks
) -> tuple[Document, dict[str, Any], list[str], list[Fault]]:
    """The screen with its blocks' keys, a document that knows where each was written, the blocks, and what is wrong."""
    wanted = [data["include"]] if isinstance(data["include"], str) else data["include"]
    if not isinstance(wanted, list) or not all(isinstance(each, str) for each in wanted):
        fault = document.fault((name, "include"), "include: the name of a block was expected, or a list of names")
        return document, _without_include(data), [], [fault]
    whole = _without_include(data)
    elsewhere: dict[Path, tuple[Document, Path]] = {}
    faults: list[Fault] = []
    known = [each for each in wanted if each in blocks]
    for block in wanted:
        if block not in blocks:
            there_are = ", ".join(sorted(blocks)) or "none"
            instead = meant(block, blocks) or f"; there are {there_are}"
            faults.append(document.fault((name, "include"), f"there is no block {block}{instead}"))
            continue
        where, keys = blocks[block]
        for key, value in keys.items():
            at = ("blocks", block, key)
            if key not in whole:
                whole[key] = value
                elsewhere[(name, key)] = (where, at)
            elif key == "choices" and isinstance(value, list) and isinstance(whole[key], list):
                for place in range(len(value)):
                    elsewhere[(name, key, len(whole[key]) + place)] = (where, (*at, place))
                whole[key] = [*whole[key], *value]
    return replace(document, elsewhere={**document.elsewhere, **elsewhere}), whole, known, faults


def _without_include(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != "include"}
