"""/sim/v1/smsc: calls of the demo's phones through its SMSC, for phones that live in other processes."""

import msgspec
from aiohttp import web

from simulators.aggregator import CallFailed
from simulators.smsc import Smsc

OPEN = 1000
"""Calls remembered; the oldest go first."""


class _Did(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """dial or type; neither: she hung up."""

    msisdn: str
    session: str
    dial: str | None = None
    type: str | None = None


class SmscDesk:
    def __init__(self, smsc: Smsc) -> None:
        self._smsc = smsc
        self._numbers: dict[str, int] = {}

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/sim/v1/smsc", self._call)]

    async def _call(self, request: web.Request) -> web.Response:
        """{msisdn, session, dial} or {msisdn, session, type}: what the phone shows; without either she hung up."""
        try:
            did = msgspec.json.decode(await request.read(), type=_Did)
        except (msgspec.DecodeError, RecursionError) as error:
            example = '{"msisdn": "+98...", "session": "1", "dial": "*4*061#"}'
            return web.Response(status=400, text=f"expected {example}: {error}")
        try:
            if did.dial is not None:
                self._numbers[did.session], shown = await self._smsc.dial(did.msisdn, did.dial)
                if len(self._numbers) > OPEN:
                    del self._numbers[next(iter(self._numbers))]
            elif did.session not in self._numbers:
                return web.Response(status=404, text="this call is over")
            elif did.type is not None:
                shown = await self._smsc.type(did.msisdn, self._numbers[did.session], did.type)
            else:
                await self._smsc.hang_up(did.msisdn, self._numbers.pop(did.session))
                return web.Response(status=204)
        except CallFailed as failed:
            return web.Response(status=504, text=str(failed))
        return web.json_response({"text": shown.text, "over": shown.over})
