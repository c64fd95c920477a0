"""The menus this process holds: the one new dialogues begin with, by version those that running ones began with, and
by phone those that somebody tries."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from menus.definition import Menu

log = structlog.get_logger()

KEPT = 64
"""Versions held in memory. At one edit a minute more than any session lives; an older one is looked for again."""

FIND_WITHIN_S = 0.5
"""What a caller on the line waits for a version not in memory: a dialogue begun anew is better than a late one."""

Find = Callable[[str], Awaitable[Menu | None]]
"""A version from where all are kept. None: it is not there, or is no menu for this process; it may raise."""


class Menus:
    def __init__(self, menu: Menu, find: Find) -> None:
        self._current = menu
        self._held: dict[str, Menu | None] = {menu.version: menu}
        """None for a version that is known not to be found: it would be looked for in vain with each dialogue."""
        self._drafts: Mapping[str, str] = {}
        self._find = find
        self._finding: dict[str, asyncio.Task[Menu | None]] = {}

    @property
    def current(self) -> Menu:
        return self._current

    async def of(self, msisdn_tag: str) -> Menu:
        """What a dialogue of this phone begins with: the draft it tries, or what everybody has."""
        draft = self._drafts.get(msisdn_tag)
        return (await self.version(draft) if draft is not None else None) or self._current

    def try_out(self, drafts: Mapping[str, str]) -> None:
        """From now on these phones begin with these versions, and no others do: tag to version."""
        self._drafts = drafts

    async def version(self, version: str, within_s: float | None = None) -> Menu | None:
        """None when it cannot be found, or not in time: the dialogue begins anew. Never raises. within_s: where nobody
        waits on the line."""
        if version == self._current.version:
            return self._current
        if version in self._held:
            return self._held[version]
        # Whoever asks meanwhile waits for the same search; it goes on when their time is over, for the next to find.
        if version not in self._finding:
            self._finding[version] = asyncio.create_task(self._found(version), name=f"menu {version}")
        try:
            async with asyncio.timeout(FIND_WITHIN_S if within_s is None else within_s):
                return await asyncio.shield(self._finding[version])
        except TimeoutError:
            log.warning("menu_version_late", menu=version)
            return None

    def publish(self, menu: Menu) -> None:
        """From now on dialogues begin with this menu; those that run stay on theirs."""
        self._current = menu
        self._hold(menu.version, menu)

    async def stop(self) -> None:
        tasks = list(self._finding.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _found(self, version: str) -> Menu | None:
        try:
            menu = await self._find(version)
        except Exception:
            # Nothing is known of it now; the next dialogue may ask again.
            log.exception("menu_version_not_found", menu=version)
            return None
        else:
            self._hold(version, menu)
            return menu
        finally:
            del self._finding[version]

    def _hold(self, version: str, menu: Menu | None) -> None:
        known = self._held.pop(version, None)
        self._held[version] = menu or known
        for oldest in list(self._held)[:-KEPT]:
            del self._held[oldest]
