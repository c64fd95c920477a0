"""A folder of menu files, watched while somebody edits it: each good edit is published, a faulty one is told."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway.menu_files import Edition, House, loaded, read_folder
from gateway.publications import Publications
from menus import loader
from menus.source import Faulty

log = structlog.get_logger()

LOOK_EVERY_S = 0.3
"""How long an edited file waits to be looked at: an author who saves and dials must not wonder."""


async def watch(folder: Path, publications: Publications, house: House, tell: Callable[[str], None]) -> None:
    """Publish each change of the folder's files; a faulty one is told, and the old menu serves on. Until cancelled."""
    menus = publications.menus
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
            await publications.publish(Edition(menu, pairs))
        except Faulty as found:
            tell(f"{found}\nthe menu is not published; version {menus.current.version} serves on")
            log.warning("menu_refused", faults=len(found.faults), serving=menus.current.version)
        except SQLAlchemyError:
            tell(f"the database did not take the menu; version {menus.current.version} serves on until the next edit")
            log.exception("menu_not_stored", serving=menus.current.version)
        else:
            tell(f"menu {menu.version} is published")


def _seen(folder: Path) -> tuple[str, list[tuple[str, str]], Faulty | None]:
    """What stands in the folder now: a name for exactly this, the files, and why they cannot be read."""
    try:
        pairs = read_folder(folder)
    except Faulty as faulty:
        return str(faulty), [], faulty
    return loader.version_of(pairs), pairs, None
