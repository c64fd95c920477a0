"""What citizens type: the key of a text, letter numbers in every spelling, tracking codes, dial strings."""

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menus import folding, inputs, keywords, ports, templates
from menus.inputs import Kind, Mistake, dialled, fold, luhn_ok, read
from menus.ports import Reference

PERSIAN, ARABIC, WIDE = "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９"


# --- fold -----------------------------------------------------------------------------------------------------------


@given(st.text())
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


@given(st.text("يىےئكڪۀہھەةأإٱؤءًَـ\u200c\u200f \t×٫٬،aİẞΑﻻﷺ１٣۷", max_size=30))
def test_folding_twice_is_folding_once_for_what_people_paste(text):
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize("digits", [PERSIAN, ARABIC, WIDE, "0123456789", "۰١2３۴٥6７۸٩"])
def test_digits_of_all_scripts_people_type_are_the_same(digits):
    assert fold(digits) == "0123456789"


@given(st.characters())
def test_only_the_three_scripts_give_ascii_digits(char):
    becomes_a_digit = bool(re.search("[0-9]", fold(char)))

    assert becomes_a_digit == (char in "0123456789" + PERSIAN + ARABIC + WIDE)


@pytest.mark.parametrize("char", ["१", "৩", "²", "₂", "①", "½", "Ⅷ", "𝟏", "߁"])
def test_digits_of_other_scripts_and_superscripts_are_no_digits(char):
    assert not re.search("[0-9]", fold(char))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("پيگيري", "پیگیری"),
        ("كتاب", "کتاب"),
        ("نامۀ", "نامه"),
        ("شمارهٔ", "شماره"),
        ("إدارة", "اداره"),
        ("مسؤول", "مسوول"),
        ("ﻧﺎﻣﻪ", "نامه"),
        ("پی\u200cگیری", "پیگیری"),
        ("نـــامه", "نامه"),
        ("مُدیر", "مدیر"),
        ("  نامه \u00a0\t 5\n", "نامه 5"),
        ("LETTER", "letter"),
        ("\u202eabc\u202c\ufeff", "abc"),
        ("4×061♯", "4*061#"),
        ("1∕2\\3⁄4", "1/2/3/4"),
        ("1–2—3−4", "1-2-3-4"),
        ("نامه،5؟", "نامه 5"),
        ("1٬234٫5", "1234.5"),
        ("a\ud800b", "ab"),
        ("", ""),
    ],
)
def test_the_key_of_a_text(text, expected):
    assert fold(text) == expected


# --- letter numbers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    ["220/1396/12345", "220*1396*12345", "220-1396-12345", "220.1396.12345", "220_1396_12345", "220 1396 12345",
     "220#1396#12345", "۲۲۰/۱۳۹۶/۱۲۳۴۵", "٢٢٠×١٣٩٦×١٢٣٤٥", "220–1396—12345", "220\\1396∕12345", " *220*1396*12345# ",
     "\u200f220/1396/12345\u200f", "0220/1396/012345", "220 / 1396 / 12345", "２２０／１３９６／１２３４５",
     "220/1396/12345."],
)  # fmt: skip
def test_all_spellings_of_a_letter_number_are_one_reference(typed):
    assert read(Kind.LETTER_NUMBER, typed) == Reference(exact="220/1396/12345", loose="12345/1396/220", running="12345")


@pytest.mark.parametrize(
    ("typed", "exact", "running"),
    [
        ("12345", "12345", "12345"),
        ("۱۱۰۷۱۸", "110718", "110718"),
        ("11/1/32610", "11/1/32610", "32610"),
        ("12345/96/ص", "12345/96/ص", "12345"),
        ("12345/96/ﺹ", "12345/96/ص", "12345"),
        ("14505/ق/م/ب/1402", "14505/ق/م/ب/1402", "14505"),
        ("5/1402", "5/1402", "5"),
        ("1402", "1402", "1402"),
        ("96/ك/7", "96/ک/7", "96"),
        ("00/7", "0/7", "0"),
    ],
)
def test_the_parts_of_a_letter_number(typed, exact, running):
    found = read(Kind.LETTER_NUMBER, typed)

    assert isinstance(found, Reference)
    assert found.exact == exact
    assert found.running == running


@pytest.mark.parametrize(
    ("one", "other"),
    [("96/12345", "12345/96"), ("220/1396/12345", "12345/1396/220"), ("12345/96/ص", "ص/96/12345")],
)
def test_parts_turned_round_by_a_screen_share_the_loose_key_alone(one, other):
    first, second = read(Kind.LETTER_NUMBER, one), read(Kind.LETTER_NUMBER, other)

    assert first.loose == second.loose
    assert first.running == second.running
    assert first.exact != second.exact


@pytest.mark.parametrize(
    "typed",
    ["", " ", "*", "#", "///", "سلام", "ص", "ص/ب", "abc", "نامه 12345", "12345ص", "1/abcd", "1,2", "1+2", "(5)",
     "12345؟ سلام", "1/2/3/4/5/6/7", "1" * 21, "1/" * 10 + "1", "१२३", "12²", "https://x.ir", "5😀", "-", "1\x002"],
)  # fmt: skip
def test_what_is_no_letter_number_is_refused(typed):
    assert read(Kind.LETTER_NUMBER, typed) == Mistake.MALFORMED


def test_a_letter_number_has_twenty_characters_at_most():
    assert read(Kind.LETTER_NUMBER, "1" * 20) == Reference("1" * 20, "1" * 20, "1" * 20)


@given(st.lists(st.integers(1, 9_999), min_size=1, max_size=4), st.sampled_from("/-._ *#"), st.sampled_from("/-._ *#"))
def test_the_separator_and_the_order_of_numbers_do_not_matter_to_the_loose_key(parts, one, other):
    straight = read(Kind.LETTER_NUMBER, one.join(map(str, parts)))
    reversed_ = read(Kind.LETTER_NUMBER, other.join(map(str, reversed(parts))))

    assert straight.loose == reversed_.loose


# --- tracking codes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["2001000344", "۲۰۰۱۰۰۰۳۴۴", "٢٠٠١٠٠٠٣٤٤", "200 100 0344", "200-100-0344", "2001*000344", "2001000344#"]
)
def test_a_tracking_code_in_any_spelling(typed):
    assert read(Kind.TRACKING_CODE, typed) == Reference("2001000344", "2001000344", "2001000344")


def test_a_tracking_code_keeps_its_zeros():
    found = read(Kind.TRACKING_CODE, "0000000018")

    assert found == Reference("0000000018", "0000000018", "0000000018")


def test_a_wrong_digit_is_told_from_a_code_of_the_wrong_shape():
    assert read(Kind.TRACKING_CODE, "2001000352") == Mistake.CHECK_DIGIT
    assert read(Kind.TRACKING_CODE, "200100034") == Mistake.MALFORMED
    assert read(Kind.TRACKING_CODE, "20010003440") == Mistake.MALFORMED
    assert read(Kind.TRACKING_CODE, "20010003ص4") == Mistake.MALFORMED
    assert read(Kind.TRACKING_CODE, "") == Mistake.MALFORMED


@given(st.text("0123456789", min_size=9, max_size=9), st.integers(0, 9), st.integers(1, 9))
def test_the_check_digit_finds_every_single_wrong_digit(body, place, shift):
    code = next(body + last for last in "0123456789" if luhn_ok(body + last))
    wrong = code[:place] + str((int(code[place]) + shift) % 10) + code[place + 1 :]

    assert isinstance(read(Kind.TRACKING_CODE, code), Reference)
    assert read(Kind.TRACKING_CODE, wrong) == Mistake.CHECK_DIGIT


# --- dial strings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("*4*061*12345#", ["4", "061", "12345"]),
        ("*4*061#", ["4", "061"]),
        ("4*061", ["4", "061"]),
        ("×4×061#", ["4", "061"]),
        ("*۴*٠٦١*۱۲۳۴۵#", ["4", "061", "12345"]),
        (" * 4 * 061 # ", ["4", "061"]),
        ("*4*061*220*1396*54321#", ["4", "061", "220", "1396", "54321"]),
        ("", []),
        ("#", []),
        ("*#", []),
    ],
)
def test_the_parts_of_what_was_dialled(code, expected):
    assert dialled(code) == expected


# --- time -----------------------------------------------------------------------------------------------------------

LONG = 30_000
ATTACKS = {
    "digits": "1" * LONG,
    "separators": "1" + "*" * LONG + "x",
    "alternating": "1/" * (LONG // 2) + "x",
    "letters and separators": "ab-" * (LONG // 3) + "!",
    "spaces": "1" + " " * LONG + "1",
    "new lines": "1\n" * (LONG // 2),
    "marks": "ا" + "\u064b" * LONG,
    "jumble": "1٣/*- صab.#_\u0301" * (LONG // 13),
}


def spent_ms(work) -> float:
    """The best of three, since another process may take the processor from under us."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times) * 1000


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_no_text_keeps_a_pattern_busy(text, menu):
    within_ms = 20

    assert spent_ms(lambda: read(Kind.LETTER_NUMBER, text)) < within_ms
    assert spent_ms(lambda: read(Kind.TRACKING_CODE, text)) < within_ms
    assert spent_ms(lambda: inputs._LETTER_NUMBER.fullmatch(text)) < within_ms
    assert spent_ms(lambda: ports._BETWEEN_PARTS.split(text)) < within_ms
    assert spent_ms(lambda: keywords.opened_by(menu, text)) < within_ms
    assert spent_ms(lambda: templates.joined((templates.Filled(text, 0),))) < within_ms


def test_unicode_digits_are_named_here_as_python_names_them():
    assert [unicodedata.decimal(char) for char in PERSIAN + ARABIC + WIDE] == [*range(10)] * 3


@pytest.mark.parametrize("text", ["أ\u0654", "\u1100\u0301\u1161", "\u09c7\u0301\u09be", "İ", "آ", "ۂ", "ۓ", "ﷺ"])
def test_folding_is_done_after_one_pass(text):
    assert inputs.fold(text) == inputs.fold(inputs.fold(text))


@pytest.mark.parametrize("typed", ["12/²", "12/½", "12/①", "12/५"])
def test_other_numerals_are_no_letters_of_a_number(typed):
    assert inputs.Mistake.MALFORMED is inputs.read(inputs.Kind.LETTER_NUMBER, typed)


def test_there_is_one_folding_whoever_imports_it():
    assert inputs.fold is ports.fold is folding.fold
