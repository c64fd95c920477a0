"""Numbers as people type them: whatever is typed is read or refused, and no spelling leads to another number."""

import re
import unicodedata
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menus.inputs import Kind, Mistake, dialled, fold, read
from menus.ports import Reference
from tests.corpora import ARABIC, PERSIAN, TYPED, WIDE
from tests.experiments import often

DIGITS = {digit: str(value) for script in ("0123456789", PERSIAN, ARABIC, WIDE) for value, digit in enumerate(script)}
SCRIPTS = ["0123456789", PERSIAN, ARABIC, WIDE]
LETTERS = {"ص": "صﺹ", "ی": "یيىﻱ", "ک": "کكﻙ", "ه": "هہةھ", "م": "مﻡ", "a": "aAａＡ", "ab": ["ab", "AB", "aＢ"]}
"""A letter of a number and how else it may be written."""

WRITTEN_AS_TYPED = {Kind.LETTER_NUMBER, Kind.TRACKING_CODE, Kind.RECEIPT_CODE, Kind.SERVICE_ID, Kind.RATING}
"""Kinds whose digits are read as they stand: not in another order (date), with zeros put in (national id) or in words."""


def number_of(found):
    """What was read, without how it was typed."""
    return msgspec.structs.replace(found, typed="")


@pytest.mark.experiment(
    "B6", "only ASCII, Persian, Arabic-Indic and full-width digits become digits, and folding twice is folding once"
)
def test_only_digits_of_four_scripts_become_digits(figure):
    @often(20_000)
    @given(st.one_of(TYPED, st.text(max_size=40)))
    def tried(text):
        key = fold(text)
        figure.count("runs")
        figure.count("digits", len(re.findall("[0-9]", key)))

        assert [DIGITS[char] for char in text if char in DIGITS] == re.findall("[0-9]", key)
        assert key == fold(key)

    tried()


@pytest.mark.experiment(
    "B6", "whatever is typed or dialled is read or refused: no input raises, and what is read reads the same again"
)
def test_whatever_is_typed_is_read_or_refused(figure):
    @often(20_000)
    @given(TYPED)
    def tried(text):
        figure.count("runs")
        for kind in Kind:
            found = read(kind, text)
            figure.count("read" if isinstance(found, Reference) else "refused")
            if isinstance(found, Mistake):
                continue
            assert number_of(found) == read(kind, found.exact)
            if kind not in WRITTEN_AS_TYPED:
                continue
            # Nothing is made up and nothing lost: all the digits typed, in their order, but for zeros before a part.
            typed = "".join(DIGITS.get(char, "") for char in text)
            assert re.fullmatch("".join(f"0*{part}" for part in re.findall("[0-9]+", found.exact)), typed) is not None
        assert all(part == fold(part).replace(" ", "") for part in dialled(text))

    tried()


# --- two spellings of one number ------------------------------------------------------------------------------------

NUMBERS = [
    *["1", "2", "12", "21", "96", "98", "220", "202", "1396", "1402", "1349", "12345", "54321", "1000", "9999999"] * 8,
    *map(str, Random("numbers").sample(range(1, 1_000_000), 100)),
]
parts = st.builds(
    lambda number, more: [number, *more],
    st.sampled_from(NUMBERS),
    st.lists(st.sampled_from([*NUMBERS, *[*LETTERS] * 8]), max_size=3),
)
hands = st.integers(0, 2**32).map(lambda seed: Hand(Random(seed)))


class Hand:
    """Somebody who writes a number down, her own way: one seed, one way."""

    def __init__(self, chance):
        self.chance = chance

    def writes(self, parts):
        between = self.chance.choice(
            ["/", "*", "-", " ", ".", "_", "#", "×", "–", "⁄", "\\", " / ", "*/", "\u200f/", "٫"]
        )
        inside = self.chance.choice(["", "", "", "\u200c", "\u200e", "\u202b", "\u2066", "\ufeff", "\u0640"])
        before, behind = (self.chance.choice(["", "", " ", "*", "\u200f", "#", "\n", "-", "\u200c"]) for _ in range(2))
        return before + between.join(inside.join(self.part(part)) for part in parts) + behind

    def part(self, part):
        if part in LETTERS:
            return self.chance.choice(LETTERS[part])
        return self.digits("0" * self.chance.choice([0, 0, 0, 1, 3]) + part)

    def digits(self, number):
        """In one script, or in all of them mixed."""
        script = self.chance.choice([*SCRIPTS, None])
        return "".join((script or self.chance.choice(SCRIPTS))[int(digit)] for digit in number)


@pytest.mark.experiment(
    "B6", "two spellings of one letter number are one number or a refusal, and turned round they share the loose key"
)
def test_two_spellings_are_one_number(figure):
    @often(20_000)
    @given(parts, hands, st.booleans())
    def tried(parts, hand, turned):
        plain = read(Kind.LETTER_NUMBER, "/".join(parts))
        spelled = hand.writes(parts[::-1] if turned else parts)
        found = read(Kind.LETTER_NUMBER, spelled)
        figure.count("runs")
        figure.count("refused", isinstance(found, Mistake))

        assert isinstance(plain, Reference) == (len("/".join(parts)) <= 20)
        if isinstance(plain, Reference) and isinstance(found, Reference):
            figure.count("read twice")
            assert plain.loose == found.loose
            if not turned:
                assert number_of(plain) == number_of(found)

    tried()


@pytest.mark.experiment("B6", "two numbers that differ are never read as one, however they are spelled")
def test_two_numbers_are_never_one(figure):
    @often(20_000)
    @given(parts, parts, hands)
    def tried(one, other, hand):
        first, second = (read(Kind.LETTER_NUMBER, hand.writes(each)) for each in (one, other))
        figure.count("runs")
        if isinstance(first, Reference) and isinstance(second, Reference):
            figure.count("read both")
            assert (sorted(one) == sorted(other)) == (first.loose == second.loose)
            assert (one == other) == (first.exact == second.exact)

    tried()


@pytest.mark.experiment(
    "B6",
    "a tracking code is its ten digits in any script and grouping, or refused; a wrong digit is never another code",
)
def test_a_tracking_code_in_any_spelling(figure):
    @often(20_000)
    @given(st.text("0123456789", min_size=9, max_size=9), hands, st.integers(0, 9))
    def tried(body, hand, place):
        code = body + check_digit(body)
        wrong = code[:place] + str((int(code[place]) + hand.chance.randint(1, 9)) % 10) + code[place + 1 :]
        between = hand.chance.choice(["", " ", "-", "*", "."])
        cut = hand.chance.randint(1, 9)
        figure.count("runs")

        assert Reference(code, code, code) == number_of(
            read(Kind.TRACKING_CODE, hand.digits(code[:cut]) + between + hand.digits(code[cut:]))
        )
        assert Mistake.CHECK_DIGIT == read(Kind.TRACKING_CODE, hand.digits(wrong))

    tried()


def check_digit(body):
    """ISO/IEC 7812-1 annex B by its table: every other digit from the right counts double, its digits added."""
    doubled = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]
    total = sum(doubled[int(digit)] if place % 2 == 0 else int(digit) for place, digit in enumerate(reversed(body)))
    return str(-total % 10)


def test_the_table_of_digits_is_unicodes():
    assert {char: str(unicodedata.digit(char)) for char in DIGITS} == DIGITS
