"""The phone's page and the demo's first one: files beside this module, as they stand, with nothing from elsewhere."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

FILES = Path(__file__).parent / "page"

KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

HEADERS = {
    # Own files and own /sim/v1 only: a text that got into a page as markup could still do nothing.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def routes() -> list[web.RouteDef]:
    files = {f"/phone/{path.name}": path for path in FILES.iterdir() if path.suffix in KINDS}
    files |= {"/": FILES / "start.html", "/phone": FILES / "phone.html"}
    return [web.get(address, _serving(path)) for address, path in sorted(files.items())]


def _serving(path: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    kind = f"{KINDS[path.suffix]}; charset=utf-8"

    async def serve(_: web.Request) -> web.StreamResponse:
        return web.FileResponse(path, headers={**HEADERS, "Content-Type": kind})

    return serve
