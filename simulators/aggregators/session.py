"""What an aggregator's side of a USSD session is: what the caller does to requests, and answers to screens. Pure."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

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
    """One USSD session in one aggregator's spelling; it may remember what was said.

    TELLS_REPEATS: whether the gateway can know a request sent twice from the same thing typed twice.
    """

    TELLS_REPEATS: bool

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
