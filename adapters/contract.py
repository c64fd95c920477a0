"""What a kind of backend supplies, and how it fails.

BackendFailed           no usable answer; not the citizen's fault
  BackendUnreachable    refused, reset, not resolved: the office's system or the way to it is down
  BackendGarbage        it answered something its file does not describe; the message names what, never the content
"""

from types import TracebackType
from typing import Protocol, Self

from menus.ports import Answer, Ask


class BackendFailed(Exception):
    """No usable answer from an office. Ask again later; the citizen reads that the office's system is down."""


class BackendUnreachable(BackendFailed):
    pass


class BackendGarbage(BackendFailed):
    pass


class Lookup(Protocol):
    """One way to reach an office, without the rules around it (see guard).

    Entered once before the first question and left after the last. look_up raises BackendFailed and may be
    cancelled at any point. Questions change nothing in an office, so a dropped one may be repeated within its time.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def look_up(self, ask: Ask) -> Answer: ...
