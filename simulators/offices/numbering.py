"""Numbers that look like chance and can be computed both ways: from a case's place in the data to its number, and back.

So a million cases are found by number without a table of them. spread: places over a range, evenly however many are
taken; Codes: ten digits with a Luhn digit, in no order anybody could guess.
"""

import hashlib
import math
from collections.abc import Collection
from dataclasses import dataclass

_GOLDEN = (math.sqrt(5) - 1) / 2
"""Multiples of it fill a circle evenly (Knuth, The Art of Computer Programming, vol. 3, 6.4, theorem S)."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One to one between 0..size-1 and itself: neighbours lie apart, and the first n lie evenly."""

    size: int
    shift: int = 0

    @property
    def _stride(self) -> int:
        found = round(self.size * _GOLDEN)
        while math.gcd(found, self.size) != 1:
            found += 1
        return found

    def __call__(self, place: int) -> int:
        return (place * self._stride + self.shift) % self.size

    def back(self, value: int) -> int:
        return (value - self.shift) * pow(self._stride, -1, self.size) % self.size


def luhn_digit(digits: str) -> str:
    """ISO/IEC 7812-1 annex B: what behind these digits checks them."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


_HALF = 30_000
"""30,000 by 30,000 are the nine-digit numbers whose first digit is not 0."""

_FIRST = 100_000_000
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Codes:
    """One to one between places and ten-digit codes: the first digit is not 0, the last is Luhn's.

    A Feistel network under a key (Luby and Rackoff, 1988). taken: codes that are somebody else's; they are stepped over
    (cycle walking), and so are places that have the same digits.
    """

    key: str
    taken: Collection[str] = frozenset()

    def code(self, place: int) -> str:
        """Raises ValueError for a place without one: beyond 899,999,999, or with the digits of one that is taken."""
        if not 0 <= place < _HALF * _HALF or _written(place) in self.taken:
            raise ValueError(f"there is no code for {place}")
        while True:
            left, right = divmod(place, _HALF)
            for number in range(_ROUNDS):
                left, right = right, (left + self._mixed(number, right)) % _HALF
            place = left * _HALF + right
            if (found := _written(place)) not in self.taken:
                return found

    def place(self, code: str) -> int | None:
        """None when it is no code of ours."""
        if len(code) != 10 or not code.isascii() or not code.isdecimal() or code[0] == "0" or code in self.taken:
            return None
        if luhn_digit(code[:9]) != code[9]:
            return None
        place = int(code[:9]) - _FIRST
        while True:
            left, right = divmod(place, _HALF)
            for number in reversed(range(_ROUNDS)):
                left, right = (right - self._mixed(number, left)) % _HALF, left
            place = left * _HALF + right
            if _written(place) not in self.taken:
                return place

    def _mixed(self, number: int, half: int) -> int:
        digest = hashlib.blake2b(f"{self.key} {number} {half}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big")


def _written(place: int) -> str:
    nine = str(_FIRST + place)
    return nine + luhn_digit(nine)
