"""The telecom side of a USSD call over HTTP: a subscriber who dials and replies, and the aggregator's request for it.

Written from the aggregator's documents, not from the gateway's dialect; one class each.
"""

import re
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp

ANSWER_WITHIN_S = 10.0
"""After this an aggregator ends the session with its own error text."""


class CallFailed(Exception):
    """The gateway refused, failed or said nothing: what the caller's phone would show as an error."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A screen on the phone; over when the network has ended the session."""

    text: str
    over: bool


class Call(Protocol):
    """One USSD session. dial first, then type until a screen is over. Raises CallFailed."""

    async def dial(self, code: str) -> Shown: ...

    async def type(self, text: str) -> Shown: ...


@dataclass(slots=True)
class AfricasTalkingCall:
    """Posts the callback of Africa's Talking: a form whose `text` is all inputs so far joined by `*`."""

    http: aiohttp.ClientSession
    url: str
    msisdn: str
    session_id: str
    service_code: str = "*4*061#"
    inputs: list[str] = field(default_factory=list)

    async def dial(self, code: str) -> Shown:
        """The part of the dial string behind the service code arrives as inputs of the first request."""
        own = re.escape(self.service_code.rstrip("#"))
        found = re.fullmatch(rf"{own}(?:\*(?P<rest>.*?))?#?", code)
        if found is None:
            raise CallFailed(f"the network knows no code {code} here; dial {self.service_code}")
        self.inputs = [found["rest"]] if found["rest"] else []
        return await self._post()

    async def type(self, text: str) -> Shown:
        self.inputs.append(text)
        return await self._post()

    async def _post(self) -> Shown:
        form = {
            "sessionId": self.session_id,
            "serviceCode": self.service_code,
            "phoneNumber": self.msisdn,
            "networkCode": "43211",
            "text": "*".join(self.inputs),
        }
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        try:
            async with self.http.post(self.url, data=form, timeout=timeout) as response:
                body = await response.text()
        except TimeoutError:
            raise CallFailed(f"no answer within {ANSWER_WITHIN_S:.0f} s") from None
        except aiohttp.ClientError as error:
            raise CallFailed(f"the gateway cannot be reached: {error}") from None
        if response.status != 200:
            raise CallFailed(f"HTTP {response.status}: {body.strip()}")
        word, _, text = body.partition(" ")
        if word not in ("CON", "END"):
            raise CallFailed("the answer begins with neither CON nor END")
        return Shown(text, over=word == "END")
