"""What is published stands in the database; this process serves it, and sees within a second when it changes.

Whoever publishes, a command or another process, writes a row; nobody has to be told or restarted.
"""

import asyncio
from datetime import datetime

import structlog

from gateway.crash_points import reached
from gateway.menu_files import Edition, House, loaded
from gateway.menu_versions import Menus
from gateway.storage.menus import StoredMenus
from menus import loader
from menus.definition import Menu
from menus.source import Faulty

log = structlog.get_logger()

LOOK_EVERY_S = 0.5
"""How long a publication waits to be seen. With the second it takes to walk a menu, new dials have it within two."""


class Publications:
    """What is published, stored and served as one; menus is what this process serves of it."""

    def __init__(self, stored: StoredMenus, house: House, menu: Menu, *, refused: str | None = None) -> None:
        """refused: the published version, when it cannot be served here and menu serves instead."""
        self._stored, self._house, self._refused = stored, house, refused
        self.menus = Menus(menu, self._find)
        # A look between storing a menu and serving it would bring back the one before.
        self._one_at_a_time = asyncio.Lock()

    async def publish(self, edition: Edition) -> None:
        """For all processes on this database. Raises SQLAlchemyError when it is not stored; then nothing changes."""
        async with self._one_at_a_time:
            await self._stored.publish(edition.menu.version, edition.files)
            self.menus.publish(edition.menu)
            log.info("menu_published", menu=edition.menu.version)

    async def follow(self) -> None:
        """Serve what is published, whoever published it. Until cancelled."""
        away = False
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look()
            except Exception:
                # The database may be away for a while: what is served stays, and one line says so.
                if not away:
                    log.exception("publications_out_of_sight", serving=self.menus.current.version)
                away = True
            else:
                if away:
                    log.info("publications_in_sight")
                away = False

    async def try_out(self, msisdn_tag: str, edition: Edition, for_s: float) -> datetime:
        """This phone alone has this menu, in all processes on this database; until when. Raises SQLAlchemyError."""
        async with self._one_at_a_time:
            until = await self._stored.bind(msisdn_tag, edition.menu.version, edition.files, for_s)
            self.menus.try_out(await self._stored.drafts())
            return until

    async def no_more(self, msisdn_tag: str) -> bool:
        """This phone has what all have; False when it did before. Raises SQLAlchemyError."""
        async with self._one_at_a_time:
            had = await self._stored.unbind(msisdn_tag)
            self.menus.try_out(await self._stored.drafts())
            return had

    async def look(self) -> None:
        """Take over the published version, if it is another one and can be served here; and who tries which draft."""
        async with self._one_at_a_time:
            self.menus.try_out(await self._stored.drafts())
            version = await self._stored.published()
            if version == self._refused:
                return
            self._refused = None
            if version is None or version == self.menus.current.version:
                return
            try:
                menu = await _loaded(self._stored, version, self._house)
            except Faulty as faulty:
                self._refused = version
                _say_refused(version, faulty, self.menus.current.version)
                return
            reached("in_menu_swap")
            self.menus.publish(menu)
            log.info("menu_taken_over", menu=menu.version)

    async def _find(self, version: str) -> Menu | None:
        """A version for dialogues that began with it. It was walked when it was published and is not walked again."""
        files = await self._stored.files(version)
        if files is None:
            return None
        try:
            return await asyncio.to_thread(loader.load, files, self._house.routes)
        except Faulty as faulty:
            _say_refused(version, faulty, self.menus.current.version)
            return None


async def opened(stored: StoredMenus, house: House, ours: Edition | Faulty) -> Publications:
    """The published menu, and the drafts; before anything is published ours, and that is the first publication.

    When the published one cannot be served here (another release, other channels) ours is served and not published.
    Raises the faults of ours when it is needed.
    """
    found = await _opened(stored, house, ours)
    found.menus.try_out(await stored.drafts())
    return found


async def _opened(stored: StoredMenus, house: House, ours: Edition | Faulty) -> Publications:
    version = await stored.published()
    if version is None:
        first = _sound(ours)
        await stored.publish(first.menu.version, first.files, first=True)
        return Publications(stored, house, first.menu)
    if isinstance(ours, Edition) and ours.menu.version == version:
        return Publications(stored, house, ours.menu)
    try:
        return Publications(stored, house, await _loaded(stored, version, house))
    except Faulty as faulty:
        _say_refused(version, faulty, None if isinstance(ours, Faulty) else ours.menu.version)
        return Publications(stored, house, _sound(ours).menu, refused=version)


def _sound(ours: Edition | Faulty) -> Edition:
    if isinstance(ours, Faulty):
        raise ours
    return ours


async def _loaded(stored: StoredMenus, version: str, house: House) -> Menu:
    """A published version, walked. In a thread: that takes as long as many turns. Raises Faulty."""
    files = await stored.files(version)
    assert files is not None, "a publication refers to its version"
    return await asyncio.to_thread(loaded, files, house)


def _say_refused(version: str, faulty: Faulty, serving: str | None) -> None:
    """faults: `file:line: what is wrong`, of the files as they were published."""
    log.error("published_menu_refused", menu=version, faults=[str(fault) for fault in faulty.faults], serving=serving)
