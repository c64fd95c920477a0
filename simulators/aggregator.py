"""The telecom side of a USSD call over HTTP: a subscriber who dials and replies, and the aggregators there are.

A new one is its module in aggregators/ and its line in SESSIONS. What carries the requests is handed in: the phones'
client (desk_phone.py), or load's (wire.py).
"""

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import suppress

from simulators.aggregators.africastalking import AfricasTalking
from simulators.aggregators.inoti import Inoti
from simulators.aggregators.plain_json import PlainJson
from simulators.aggregators.restcomm import RestComm
from simulators.aggregators.session import ANSWER_WITHIN_S, CallFailed, Carry, Request, Response, Session, Shown
from simulators.aggregators.smpp import Smpp
from simulators.aggregators.truroute import TruRoute

__all__ = ["ANSWER_WITHIN_S", "SESSIONS", "Call", "CallFailed", "Carry", "Request", "Response", "Session", "Shown",
           "no_session_for"]  # fmt: skip

SAME_AGAIN_AFTER_S = 1.05
"""The soonest that a caller types the same thing once more, where the gateway cannot know it from a repetition."""

SESSIONS: Mapping[str, type[Session]] = {
    "africastalking": AfricasTalking,
    "inoti": Inoti,
    "json": PlainJson,
    "restcomm": RestComm,
    "smpp": Smpp,
    "truroute": TruRoute,
}
"""The aggregators there are, by the name of the dialect they speak."""


class Call:
    """One USSD session. dial first, then type until a screen is over. Raises CallFailed."""

    def __init__(self, session: Session, service_code: str, carry: Carry) -> None:
        self._session, self._service_code, self._carry = session, service_code, carry
        self._last = ""
        self._shown_at = 0.0

    async def dial(self, code: str) -> Shown:
        own = re.escape(self._service_code.rstrip("#"))
        found = re.fullmatch(rf"{own}(?:\*(?P<arguments>.*?))?#?", code)
        if found is None:
            raise CallFailed(f"the network knows no code {code} here; dial {self._service_code}")
        self._last = found["arguments"] or ""
        return await self._shown(self._session.dialled(self._last))

    async def type(self, text: str) -> Shown:
        if text == self._last and not self._session.TELLS_REPEATS:
            # No caller reads a screen and answers it in a second; a gateway may take that for the same request again.
            await asyncio.sleep(max(0.0, self._shown_at + SAME_AGAIN_AFTER_S - time.monotonic()))
        self._last = text
        return await self._shown(self._session.typed(text))

    async def hang_up(self) -> None:
        """Whatever the gateway says to it: nobody is on the line."""
        request = self._session.hung_up()
        if request is not None:
            with suppress(CallFailed):
                await self._carry(request)

    async def _shown(self, request: Request) -> Shown:
        response = await self._carry(request)
        if response.status != 200:
            raise CallFailed(f"HTTP {response.status}: {response.body.strip()}", kind=f"HTTP {response.status}")
        self._shown_at = time.monotonic()
        return self._session.shown(response)


def no_session_for(dialect: str) -> str:
    return f"no aggregator here speaks {dialect}; there are {', '.join(SESSIONS)}"
