"""/healthz: the process answers. /readyz: it can do its work, or the reasons why not.

A bind that is down is told, and takes nobody away from the channels that work; a process of binds alone, none of which
stands, is not ready.
"""

from collections.abc import Callable, Mapping

from aiohttp import web

from gateway.menu_versions import Menus
from gateway.storage.database import Database


class Health:
    def __init__(
        self,
        database: Database,
        menus: Menus,
        binds: Mapping[str, Callable[[], Mapping[str, str]]],
        *,
        only_binds: bool,
    ) -> None:
        """binds: channel to each of its binds, `bound` or why it is not. only_binds: there is no other channel."""
        self._database, self._menus, self._binds, self._only_binds = database, menus, binds, only_binds

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/healthz", self._alive), web.get("/readyz", self._ready)]

    async def _alive(self, _: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _ready(self, _: web.Request) -> web.Response:
        reasons = [] if await self._database.alive() else ["the database does not answer"]
        binds = {channel: dict(states()) for channel, states in self._binds.items()}
        down = [
            f"{channel} {bind}: {why}" for channel, its in binds.items() for bind, why in its.items() if why != "bound"
        ]
        if self._only_binds and down and len(down) == sum(map(len, binds.values())):
            reasons += down
        body = {"ready": not reasons, "reasons": reasons, "menu": self._menus.current.version, "binds": binds}
        return web.json_response(body, status=503 if reasons else 200)
