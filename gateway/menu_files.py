"""Menu files on disk: to (name, text) pairs, to the menus this process serves by version, and watched for changes."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from menus import loader
from menus.alphabet import Capacity
from menus.check import check
from menus.definition import Menu
from menus.source import Fault, Faulty

log = structlog.get_logger()

LOOK_EVERY_S = 0.3
"""How long an edited file waits to be looked at: an author who saves and dials must not wonder."""

KEPT = 64
"""Versions kept for dialogues that began with them. At one edit a minute more than any session lives."""


def read_folder(folder: Path) -> list[tuple[str, str]]:
    """(path, text) of each YAML file in the folder. Raises Faulty when there is none or one cannot be read."""
    faults: list[Fault] = []
    pairs: list[tuple[str, str]] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            pairs.append((str(path), path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            faults.append(Fault(str(path), 1, f"cannot be read as UTF-8: {error}"))
    if not pairs and not faults:
        faults.append(Fault(str(folder), 1, "there is no menu here: no *.yaml file"))
    if faults:
        raise Faulty(faults)
    return pairs


class Menus:
    """The menu new dialogues begin with, and every version a running one may still be on."""

    def __init__(self, menu: Menu) -> None:
        self._current = menu
        self._versions = {menu.version: menu}

    @property
    def current(self) -> Menu:
        return self._current

    def version(self, version: str) -> Menu | None:
        """None when this process does not know it: the dialogue is from another time and begins anew."""
        return self._versions.get(version)

    def publish(self, menu: Menu) -> None:
        """From now on dialogues begin with this menu; those that run stay on theirs."""
        self._current = menu
        self._versions.pop(menu.version, None)
        self._versions[menu.version] = menu
        for oldest in list(self._versions)[:-KEPT]:
            del self._versions[oldest]


@dataclass(frozen=True, slots=True)
class House:
    """What a menu must fit: the routes there are and what each channel carries."""

    routes: Collection[str]
    capacities: Mapping[str, Capacity]


def loaded(pairs: list[tuple[str, str]], house: House) -> Menu:
    """The menu in these files, every screen of it walked. Raises Faulty with all that is wrong, file and line."""
    menu = loader.load(pairs, house.routes)
    faults = []
    for problem in check(menu, house.capacities):
        file, line = menu.places.get(problem.screen, (pairs[0][0], 1))
        faults.append(Fault(file, line, str(problem)))
    if faults:
        raise Faulty(faults)
    return menu


async def watch(folder: Path, menus: Menus, house: House, tell: Callable[[str], None]) -> None:
    """Publish each change of the folder's files; a faulty one is told, and the old menu serves on. Until cancelled."""
    known = last = menus.current.version
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        # In a thread: reading and walking a menu takes as long as many turns.
        seen, pairs, faulty = await asyncio.to_thread(_seen, folder)
        still, last = seen == last, seen
        if seen == known or not still:  # nothing new, or an editor is in the middle of saving
            continue
        known = seen
        try:
            if faulty is not None:
                raise faulty
            menu = await asyncio.to_thread(loaded, pairs, house)
        except Faulty as found:
            tell(f"{found}\nthe menu is not published; version {menus.current.version} serves on")
            log.warning("menu_refused", faults=len(found.faults), serving=menus.current.version)
        else:
            menus.publish(menu)
            tell(f"menu {menu.version} is published")
            log.info("menu_published", menu=menu.version)


def _seen(folder: Path) -> tuple[str, list[tuple[str, str]], Faulty | None]:
    """What stands in the folder now: a name for exactly this, the files, and why they cannot be read."""
    try:
        pairs = read_folder(folder)
    except Faulty as faulty:
        return str(faulty), [], faulty
    return loader.version_of(pairs), pairs, None
