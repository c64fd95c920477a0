"""What a kind of backend supplies, and how it fails.

BackendFailed             no usable answer; not the citizen's fault
  BackendUnreachable      the office's system or the way to it is down
    NotListening            nothing takes connections there
    NotResolved             its name has no address
    CutOff                  it ended the connection before its answer was whole
    BadCertificate          it is not who its certificate should say it is, or there is no TLS between us
    NotAllowedThere         its address is one we do not connect to
  BackendBusy             it asks us to come again later (after_s)
  BackendError            it says itself that it failed
  BackendGarbage          it answered something its file does not describe; the message names what, never the content
    Redirected              it sends us elsewhere, and we do not go
    TooLarge                more octets than its file allows
      Bomb                    so many only when unpacked
    NotReadable             no JSON, another charset, nested too deep
      WebPage                 a page for people: maintenance, a log-in, the proxy in between
    ContractBreach          it answered about another number than was asked: somebody else's case
  NotAsked                it was spared the question
    BreakerOpen             it has failed too often just now
    Quarantined             it has shown other people's cases

The names of the classes are the reasons that are counted (guard.Report).
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Literal, Protocol, Self, runtime_checkable

from menus.ports import Answer, Ask


class BackendFailed(Exception):
    """No usable answer from an office. Ask again later; the citizen reads that the office's system is down.

    again: asking the same at once may help, and the question may be repeated without harm.
    """

    again = False


class BackendUnreachable(BackendFailed):
    pass


class NotListening(BackendUnreachable):
    pass


class NotResolved(BackendUnreachable):
    pass


class CutOff(BackendUnreachable):
    pass


class BadCertificate(BackendUnreachable):
    pass


class NotAllowedThere(BackendUnreachable):
    pass


class BackendBusy(BackendFailed):
    after_s: float | None = None
    """What the office said we should wait, in seconds."""


class BackendError(BackendFailed):
    pass


class BackendGarbage(BackendFailed):
    pass


class Redirected(BackendGarbage):
    pass


class TooLarge(BackendGarbage):
    pass


class Bomb(TooLarge):
    pass


class NotReadable(BackendGarbage):
    pass


class WebPage(NotReadable):
    pass


class ContractBreach(BackendGarbage):
    pass


class NotAsked(BackendFailed):
    pass


class BreakerOpen(NotAsked):
    pass


class Quarantined(NotAsked):
    pass


class Progress:
    """Where a question stands; what it was doing when its time ran out is what is counted about it."""

    def __init__(self) -> None:
        self.doing = "connecting"


@contextmanager
def in_progress() -> Iterator[Progress]:
    """Around the work of a look_up. When that is cancelled, the CancelledError carries what it was doing."""
    progress = Progress()
    try:
        yield progress
    except asyncio.CancelledError as cancelled:
        cancelled.add_note(progress.doing)
        raise


class BackendUnusable(Exception):
    """What a file describes cannot be used, found only when it is opened. The engineer's; says what to mend."""


class Lookup(Protocol):
    """One way to reach an office, without the rules around it (see guard).

    Entered once before the first question and left after the last. Entering raises BackendUnusable at most, and not
    for an office that is down. look_up raises BackendFailed and may be cancelled at any point. Whether a question may
    be repeated is said by the failure (BackendFailed.again).
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def look_up(self, ask: Ask) -> Answer: ...


News = Callable[[Literal["info", "warning"], str, Mapping[str, object]], None]
"""Told what operators should know between two questions: how much it matters, the event's name and its facts, which
name files and counts and nothing of what stands in them."""


@runtime_checkable
class Watched(Protocol):
    """A lookup that answers from what it read before, and so has news of its own. Called before it is entered."""

    def tells(self, news: News, today: Callable[[], date]) -> None: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that is served now. bad: its rows that are not, each with `row`, `reason` and `value`."""

    file: str
    as_of: date
    rows: int
    bad: tuple[Mapping[str, object], ...]


class FileRefused(Exception):
    """A file that was handed to a Fillable cannot be served, and the one before goes on. Says why; bad as in Taken."""

    def __init__(self, why: str, bad: tuple[Mapping[str, object], ...] = ()) -> None:
        super().__init__(why)
        self.bad = bad


@runtime_checkable
class Fillable(Protocol):
    """A lookup that answers from a file, which may also be handed to it while it is entered."""

    @property
    def max_octets(self) -> int: ...

    async def take(self, octets: bytes, at: int) -> Taken:
        """Check this file wholly, store it where it outlives us, and serve it. at: its time, in seconds since 1970.

        Raises FileRefused, also for one that is not newer than what is there, and BackendFailed when it is not stored.
        """
        ...


Trace = Callable[[str, str], None]
"""Told what passes between a Lookup and its office, by whoever connects one (`rasad backend try`): what it is, and its
text. `request` as it is sent, without what proves who we are (Authorization, passwords, cookies); `answer` as it came;
`record`, that the Mapper begins one, and `field`, a line for each value it takes over; `fault`, why an answer cannot be
used, with its content; `news`, what a Watched one tells."""


def untold(_what: str, _text: str) -> None:
    """The Trace of a service at work: what an office said is written nowhere."""


@runtime_checkable
class Traceable(Protocol):
    """A Lookup that can be listened to. Optional: without it `rasad backend try` shows the outcome and the screens."""

    def traced(self, trace: Trace) -> Lookup:
        """Another one like this, not entered yet, that tells trace what passes."""
        ...
