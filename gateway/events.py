"""`POST /backends/{backend}/events`: an office says that cases of its own changed.

What changed is not believed, it is looked up; so a repeated announcement does no harm, and none can put words into our
mouth.
"""

from collections.abc import Mapping, Sequence

import msgspec
import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from gateway.clock import Clock
from gateway.signed import NotTaken, signed
from gateway.sms.follows import Follows

log = structlog.get_logger()

MAX_OCTETS = 16_384
MAX_NUMBERS = 100
BODY_WITHIN_S = 5.0


class _Announced(msgspec.Struct, forbid_unknown_fields=False):
    """`{"numbers": ["12345", ...]}`; whatever else an office likes to say is not read."""

    numbers: list[str]


class Events:
    def __init__(
        self, follows: Follows, secrets: Mapping[str, str], routes: Mapping[str, Sequence[str]], clock: Clock
    ) -> None:
        """secrets: of the backends that announce changes; routes: which routes each backend answers."""
        self._follows, self._secrets, self._routes, self._clock = follows, secrets, routes, clock

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/backends/{backend}/events", self._take)]

    async def _take(self, request: web.Request) -> web.Response:
        backend = request.match_info["backend"]
        secret = self._secrets.get(backend)
        if secret is None:
            return _refused(404, "no backend of this name announces changes")
        try:
            _, body = await signed(request, secret, self._clock, max_octets=MAX_OCTETS, within_s=BODY_WITHIN_S)
        except NotTaken as refused:
            return refused.response()
        try:
            numbers = msgspec.json.decode(body, type=_Announced).numbers
        except (msgspec.DecodeError, RecursionError):
            return _refused(400, 'expected {"numbers": ["12345"]}')
        if len(numbers) > MAX_NUMBERS:
            return _refused(400, f"at most {MAX_NUMBERS} numbers at once")
        try:
            count = await self._follows.announced(self._routes.get(backend, ()), numbers)
        except SQLAlchemyError:
            log.exception("announcement_not_stored", backend=backend)
            return web.Response(status=503, text="not stored; send it again", headers={"Retry-After": "5"})
        log.info("office_announced", backend=backend, numbers=len(numbers), followed=count)
        return web.json_response({"followed": count}, status=202)


def _refused(status: int, why: str) -> web.Response:
    return NotTaken(status, why).response()
