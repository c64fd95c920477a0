"""How often somebody outside may be asked: so many times in any minute, and no more than two seconds' worth at once."""

from collections import deque
from collections.abc import Callable

MINUTE_S = 60.0


class Pace:
    def __init__(self, per_minute: float, monotonic: Callable[[], float]) -> None:
        self._per_s, self._monotonic = per_minute / MINUTE_S, monotonic
        self._left, self._since = 1.0, monotonic()
        # Less than one a minute is kept by what is left alone.
        self._at_most = max(1, int(per_minute))
        self._lately: deque[float] = deque()

    def allowed(self) -> int:
        """How many may be asked now."""
        now = self._monotonic()
        self._left = min(max(1.0, 2 * self._per_s), self._left + (now - self._since) * self._per_s)
        self._since = now
        while self._lately and now - self._lately[0] >= MINUTE_S:
            self._lately.popleft()
        return min(int(self._left), self._at_most - len(self._lately))

    def taken(self) -> None:
        """One of them is."""
        self._left -= 1
        self._lately.append(self._since)
