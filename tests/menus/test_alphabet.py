"""The cost of texts, against two independent implementations of TS 23.038 and the borders of TS 23.040."""

import unicodedata

import gsm0338
import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from menus.alphabet import (
    GSM7,
    GSM7_EXTENSION,
    Alphabet,
    Capacity,
    alphabet_of,
    cost,
    fits,
    segments,
    shown,
    size,
)

LATIN = st.text(st.sampled_from(GSM7.replace("\x1b", "") + GSM7_EXTENSION), max_size=500)
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1b"), max_size=300)


def test_the_position_in_the_table_is_the_septet():
    oracle = gsm0338.Codec()

    assert [(char, bytes([place])) for place, char in enumerate(GSM7) if char != "\x1b"] == [
        (char, oracle.encode(char)[0]) for char in GSM7 if char != "\x1b"
    ]
    assert len(GSM7) == 128


@pytest.mark.parametrize("char", GSM7_EXTENSION)
def test_a_character_of_the_extension_costs_two(char):
    assert size(char) == 2
    assert alphabet_of(char) is Alphabet.GSM7


@pytest.mark.parametrize("char", ["`", "\t", "\x1b", "ن", "۱", "١", "‌", "ç", "’", "😀"])
def test_one_character_outside_the_table_turns_the_whole_text_to_ucs2(char):
    assert alphabet_of("abc" + char) is Alphabet.UCS2


def test_ucs2_is_counted_in_utf_16_units():
    assert size("نامه ۱۲۳۴۵ ثبت شد.") == 18
    assert size("ن😀") == 3
    assert size("می‌خواهد\n") == 9


def test_gsm7_has_no_cost_for_a_character_it_does_not_have():
    with pytest.raises(KeyError):
        cost("نامه", Alphabet.GSM7)


@given(LATIN)
def test_septets_are_the_bytes_of_the_oracle(text):
    encoded, _ = gsm0338.Codec().encode(text)

    assert size(text) == len(encoded)


@given(ANY)
def test_the_alphabet_and_the_units_are_those_of_the_oracles(text):
    alphabet = alphabet_of(text)

    assert (alphabet is Alphabet.GSM7) == (text == "" or smsutil.is_valid_gsm(text))
    if alphabet is Alphabet.UCS2:
        assert size(text) == len(text.encode("utf-16-be")) // 2


@given(st.one_of(LATIN, ANY, st.text("ن😀", max_size=300), st.text("a€", max_size=500)))
def test_segments_are_those_of_the_oracle(text):
    assert segments(text) == len(smsutil.split(text).parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the euro does not straddle: 152, 2 + 151, 1
        ("ن" * 70, 1),
        ("ن" * 71, 2),
        ("ن" * 134, 2),
        ("ن" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),  # 33 pairs a part, one unit each stays empty
    ],
)
def test_segments_at_the_borders(text, expected):
    assert segments(text) == expected


@pytest.mark.parametrize(
    ("capacity", "septets", "units"),
    [
        (Capacity(), 160, 70),
        (Capacity(182, 91), 182, 91),
        (Capacity(parts=2), 306, 134),
        (Capacity(parts=3), 459, 201),
    ],
)
def test_what_fits_is_the_limit_of_the_alphabet_and_not_one_more(capacity, septets, units):
    assert fits("a" * septets, capacity)
    assert not fits("a" * (septets + 1), capacity)
    assert fits("ن" * units, capacity)
    assert not fits("ن" * (units + 1), capacity)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("دفتر\u202eحقوقی\u202c", "دفترحقوقی"),
        ("\u2066a\u2069\u200e\u200f\u061c", "a"),
        ("a\x00b\x1bc\x85d\x7f", "abcd"),
        ("می\u200cخواهد", "می\u200cخواهد"),
        ("ســـلام", "سلام"),
        ("مُحَمَّد", "محمد"),
        ("a\u00a0b\u202fc", "a b c"),
        ("a 😀b", "a b"),
        ("a\ud800b", "ab"),
        ("\ufeffa\u00ad", "a"),
        ("a \r\n b\rc\n", "a\nb\nc"),
        ("a\u2028b\u2029c\td", "a\nb\nc d"),
        ("☎\ufe0f 1\u034f\u2061\u180b\u3164\ufffb", "☎ 1"),
    ],
)
def test_shown_keeps_what_is_read_and_drops_the_rest(text, expected):
    assert shown(text) == expected


@given(st.text(st.characters(), max_size=100))
def test_shown_has_no_controls_no_overrides_and_only_two_byte_characters(text):
    clean = shown(text)

    assert not [char for char in clean if unicodedata.category(char) in ("Cc", "Cs") and char != "\n"]
    assert not set(clean) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert not [char for char in clean if char > "\uffff"]


@given(st.text(max_size=100))
def test_what_may_be_shown_stays_as_it_is(text):
    assert shown(shown(text)) == shown(text)
