"""The telecom side of a USSD call over HTTP: a subscriber who dials and replies, and the aggregator's requests for it.

Sessions are pure, and written from the aggregators' documents, not from the gateway's dialects. A new one is its class
and its line in SESSIONS. What carries the requests is handed in: the phones' client (desk_phone.py), or load's
(wire.py).
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

ANSWER_WITHIN_S = 10.0
"""After this an aggregator ends the session with its own error text."""


class CallFailed(Exception):
    """The gateway refused, failed or said nothing: what the caller's phone would show as an error.

    kind: the same in a word or two, for whoever counts them.
    """

    def __init__(self, message: str, kind: str = "refused") -> None:
        self.kind = kind
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Shown:
    """A screen on the phone; over when the network has ended the session."""

    text: str
    over: bool


@dataclass(frozen=True, slots=True)
class Request:
    """tail: behind the channel's address, with its slash; query: encoded, without its question mark."""

    method: str
    tail: str = ""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """headers: their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: str


Carry = Callable[[Request], Awaitable[Response]]
"""Takes a request to the gateway's channel. Raises CallFailed when no answer came."""


class Session(Protocol):
    """One USSD session in one aggregator's spelling; it may remember what was said."""

    def __init__(self, msisdn: str, session_id: str, service_code: str) -> None: ...

    def dialled(self, arguments: str) -> Request:
        """arguments: what stands in the dial string behind the service code, `12345` of `*4*061*12345#`."""
        ...

    def typed(self, text: str) -> Request: ...

    def shown(self, response: Response) -> Shown:
        """Of an answer with status 200. Raises CallFailed when it is none of this aggregator's."""
        ...

    def hung_up(self) -> Request | None:
        """What the gateway is told when she hangs up; None: nothing."""
        ...


class AfricasTalking:
    """Posts the callback of Africa's Talking: a form whose `text` is all inputs so far joined by `*`."""

    def __init__(self, msisdn: str, session_id: str, service_code: str) -> None:
        self._fixed = {
            "sessionId": session_id,
            "serviceCode": service_code,
            "phoneNumber": msisdn,
            "networkCode": "43211",
        }
        self._inputs: list[str] = []

    def dialled(self, arguments: str) -> Request:
        self._inputs = [arguments] if arguments else []
        return self._post()

    def typed(self, text: str) -> Request:
        self._inputs.append(text)
        return self._post()

    def _post(self) -> Request:
        form = urlencode({**self._fixed, "text": "*".join(self._inputs)})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Request("POST", headers=headers, body=form.encode("ascii"))

    def shown(self, response: Response) -> Shown:
        word, _, text = response.body.partition(" ")
        if word not in ("CON", "END"):
            raise CallFailed("the answer begins with neither CON nor END", kind="unreadable")
        return Shown(text, over=word == "END")

    def hung_up(self) -> Request | None:
        return None


SESSIONS: Mapping[str, type[Session]] = {"africastalking": AfricasTalking}
"""The aggregators there are, by the name of the dialect they speak."""


class Call:
    """One USSD session. dial first, then type until a screen is over. Raises CallFailed."""

    def __init__(self, session: Session, service_code: str, carry: Carry) -> None:
        self._session, self._service_code, self._carry = session, service_code, carry

    async def dial(self, code: str) -> Shown:
        own = re.escape(self._service_code.rstrip("#"))
        found = re.fullmatch(rf"{own}(?:\*(?P<arguments>.*?))?#?", code)
        if found is None:
            raise CallFailed(f"the network knows no code {code} here; dial {self._service_code}")
        return await self._shown(self._session.dialled(found["arguments"] or ""))

    async def type(self, text: str) -> Shown:
        return await self._shown(self._session.typed(text))

    async def hang_up(self) -> None:
        """Whatever the gateway says to it: nobody is on the line."""
        request = self._session.hung_up()
        if request is not None:
            await self._carry(request)

    async def _shown(self, request: Request) -> Shown:
        response = await self._carry(request)
        if response.status != 200:
            raise CallFailed(f"HTTP {response.status}: {response.body.strip()}", kind=f"HTTP {response.status}")
        return self._session.shown(response)


def no_session_for(dialect: str) -> str:
    return f"no aggregator here speaks {dialect}; there are {', '.join(SESSIONS)}"
