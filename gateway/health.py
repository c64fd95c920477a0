"""/healthz: the process answers. /readyz: it can do its work, or the reasons why not.

A bind that is down is told, and takes nobody away from the channels that work; a process of binds alone, none of which
stands, is not ready. Without sessions it is degraded, and still ready: SMS goes on, and so do questions in one dial.
"""

from collections.abc import Callable, Mapping

from aiohttp import web

from gateway.menu_versions import Menus
from gateway.sessions.store import SessionStore
from gateway.storage.database import Database


class Health:
    def __init__(
        self,
        database: Database,
        sessions: SessionStore,
        menus: Menus,
        binds: Mapping[str, Callable[[], Mapping[str, str]]],
        *,
        only_binds: bool,
    ) -> None:
        """binds: channel to each of its binds, `bound` or why it is not. only_binds: there is no other channel."""
        self._database, self._sessions, self._menus = database, sessions, menus
        self._binds, self._only_binds = binds, only_binds

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/healthz", self._alive), web.get("/readyz", self._ready)]

    async def _alive(self, _: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _ready(self, _: web.Request) -> web.Response:
        reasons = [] if await self._database.alive() else ["the database does not answer"]
        trouble = await self._sessions.trouble()
        binds = {channel: dict(states()) for channel, states in self._binds.items()}
        down = [
            f"{channel} {bind}: {why}" for channel, its in binds.items() for bind, why in its.items() if why != "bound"
        ]
        if self._only_binds and down and len(down) == sum(map(len, binds.values())):
            reasons += down
        body = {
            "ready": not reasons,
            "degraded": bool(reasons or trouble or down),
            "reasons": [*reasons, *([trouble] if trouble else [])],
            "menu": self._menus.current.version,
            "binds": binds,
        }
        return web.json_response(body, status=503 if reasons else 200)
