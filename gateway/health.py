"""/healthz: the process answers. /readyz: it can do its work, or the reasons why not."""

from aiohttp import web

from gateway.menu_versions import Menus
from gateway.storage.database import Database


class Health:
    def __init__(self, database: Database, menus: Menus) -> None:
        self._database, self._menus = database, menus

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/healthz", self._alive), web.get("/readyz", self._ready)]

    async def _alive(self, _: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _ready(self, _: web.Request) -> web.Response:
        reasons = [] if await self._database.alive() else ["the database does not answer"]
        body = {"ready": not reasons, "reasons": reasons, "menu": self._menus.current.version}
        return web.json_response(body, status=503 if reasons else 200)
