"""What a dialogue has been through, kept beside it from turn to turn: a machine's step does not need to know."""

import msgspec

MAX_SCREENS = 24
"""Of a dialogue that went on for longer the newest are kept; its record has the number of its turns."""

MAX_ASKED = 12


class Trail(msgspec.Struct, frozen=True, array_like=True):
    """began: seconds since 1970; screens: by name, in order; asked: each question with its outcome, `letters:found`;
    slowest_ms: the longest turn, without the way back."""

    began: float = 0.0
    screens: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    slowest_ms: int = 0

    def on(self, screen: str, asked: tuple[str, ...], ms: int) -> "Trail":
        """One turn further."""
        return Trail(
            self.began,
            (*self.screens, screen)[-MAX_SCREENS:],
            (*self.asked, *asked)[-MAX_ASKED:],
            max(self.slowest_ms, ms),
        )
