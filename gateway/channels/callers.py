"""Whose session it is, where the notice of its end names nobody: by both sides' ids of it, as this process has seen.

Another process has seen others, so what is not found here is not known, and never guessed."""


class Callers:
    def __init__(self, for_s: float) -> None:
        """for_s: how long a session is remembered that says nothing."""
        self._for_s = for_s
        self._found: dict[tuple[str, str], tuple[str, float]] = {}
        """Channel and ids to the caller and when she was heard; the oldest first."""

    def heard(self, channel: str, ids: str, caller: str, now: float) -> None:
        self._found.pop((channel, ids), None)
        self._found[channel, ids] = caller, now
        while self._found[oldest := next(iter(self._found))][1] <= now - self._for_s:
            del self._found[oldest]

    def of(self, channel: str, ids: str, now: float) -> str:
        """Empty: not known."""
        caller, at = self._found.get((channel, ids), ("", now))
        return caller if now - at < self._for_s else ""
