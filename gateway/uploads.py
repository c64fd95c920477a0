"""`POST /backends/{backend}/register`: an office hands us its register, CSV or XLSX, signed as announcements are.

It is checked wholly before it replaces the one that is served. A repeated or older one is refused: by the time it was
signed at, which is the time of the file from then on.
"""

import asyncio
from collections.abc import Mapping

import msgspec
import structlog
from aiohttp import web

from adapters.contract import BackendFailed, FileRefused, Fillable, Taken
from gateway.clock import Clock
from gateway.signed import NotTaken, signed

log = structlog.get_logger()

BODY_WITHIN_S = 60.0
STORED_WITHIN_S = 60.0
"""A folder on a dead file server answers nobody."""

MAX_AT_ONCE = 4
"""Bodies in memory before anybody knows whose they are."""

MAX_SHOWN = 1000
"""Bad rows in an answer; all of them stand in the report beside the file."""

RETRY_AFTER_S = 5


class Uploads:
    def __init__(self, registers: Mapping[str, Fillable], secrets: Mapping[str, str], clock: Clock) -> None:
        self._registers, self._secrets, self._clock = registers, secrets, clock
        self._at_once = 0

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/backends/{backend}/register", self._take)]

    async def _take(self, request: web.Request) -> web.Response:
        backend = request.match_info["backend"]
        secret, register = self._secrets.get(backend), self._registers.get(backend)
        if secret is None or register is None:
            return _refused(404, "no register of this name takes files")
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return _refused(415, "the body must not be compressed")
        if request.content_type.startswith("multipart/"):
            return _refused(415, "send the file itself and no form: curl --data-binary @FILE")
        if self._at_once >= MAX_AT_ONCE:
            return _later("others are being read; send it again")
        self._at_once += 1
        try:
            at, octets = await signed(
                request, secret, self._clock, max_octets=register.max_octets, within_s=BODY_WITHIN_S
            )
            async with asyncio.timeout(STORED_WITHIN_S):
                taken = await register.take(octets, at)
        except NotTaken as refused:
            return refused.response()
        except FileRefused as refused:
            log.warning("register_upload_refused", backend=backend, reason=str(refused), bad=len(refused.bad))
            return _json({"refused": str(refused), **_bad(refused.bad)}, 422)
        except (BackendFailed, TimeoutError) as failure:
            log.warning("register_upload_not_stored", backend=backend, reason=str(failure) or "no answer in time")
            return _later(f"not stored: {str(failure) or 'no answer in time'}; send it again")
        finally:
            self._at_once -= 1
        log.info("register_uploaded", backend=backend, file=taken.file, rows=taken.rows, bad=len(taken.bad))
        return _json(_told(taken), 200)


def _json(said: dict[str, object], status: int) -> web.Response:
    """In UTF-8, to be read by a clerk on a terminal."""
    body = msgspec.json.encode(said)
    return web.Response(status=status, body=body, content_type="application/json", charset="utf-8")


def _told(taken: Taken) -> dict[str, object]:
    return {"file": taken.file, "as_of": taken.as_of.isoformat(), "rows": taken.rows, **_bad(taken.bad)}


def _bad(rows: tuple[Mapping[str, object], ...]) -> dict[str, object]:
    return {"bad": len(rows), "bad_rows": [dict(each) for each in rows[:MAX_SHOWN]]}


def _refused(status: int, why: str) -> web.Response:
    return NotTaken(status, why).response()


def _later(why: str) -> web.Response:
    return web.Response(status=503, text=why, headers={"Retry-After": str(RETRY_AFTER_S)})
