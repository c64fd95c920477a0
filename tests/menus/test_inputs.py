"""What citizens type: the key of a text, every kind of input in every spelling, dial strings."""

import re
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persiantools.jdatetime import JalaliDate

from menus import folding, inputs, keywords, ports, templates
from menus.inputs import Kind, Mistake, behind, dialled, fold, luhn_ok, read
from menus.ports import Reference
from menus.widest import NUMBERS
from tests.spent import cpu_s

PERSIAN, ARABIC, WIDE = "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩", "０１２３４５６７８９"


# --- fold -----------------------------------------------------------------------------------------------------------


@given(st.text())
def test_folding_twice_is_folding_once(text):
    assert fold(fold(text)) == fold(text)


@given(st.text("يىےئكڪۀہھەةأإٱؤءًَـ\u200c\u200f \t×٫٬،aİẞΑﻻﷺ１٣۷", max_size=30))
def test_folding_twice_is_folding_once_for_what_people_paste(text):
    assert fold(fold(text)) == fold(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_what_a_keypad_types_is_folded_like_any_text(text):
    assert fold(text) == fold(text + "\u200c")  # a sign that falls away, and takes the shorter way with it


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
    found = read(Kind.LETTER_NUMBER, typed)

    assert found == Reference(
        exact="220/1396/12345", loose="12345/1396/220", running="12345", typed=raw(typed, "220/1396/12345")
    )


def raw(typed, exact):
    """What is kept of an input beside its reference: how it was typed, where that is another text."""
    return "" if typed.strip() == exact else typed.strip()


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
        ("00/7", "0/7", "7"),
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


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.FREE_TEXT])
def test_what_is_too_long_is_refused_and_not_read_by_its_beginning(kind):
    usual = NUMBERS[kind]

    assert read(kind, usual + "*" * 800 + "5") == Mistake.MALFORMED
    assert read(kind, usual + "*" * 700).exact == usual


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
    code = "2001000344"

    assert read(Kind.TRACKING_CODE, typed) == Reference(code, code, code, raw(typed, code))


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


# --- what is kept of an input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "typed", "kept"),
    [
        (Kind.LETTER_NUMBER, "12345", ""),
        (Kind.LETTER_NUMBER, " 12345 ", ""),
        (Kind.LETTER_NUMBER, "12345#", "12345#"),
        (Kind.LETTER_NUMBER, "۱۲۳۴۵", "۱۲۳۴۵"),
        (Kind.TRACKING_CODE, "2 - 0 - 0 - 1 - 0 - 0 - 0 - 3 - 4 - 4", "2 - 0 - 0 - 1 - 0 - 0 - "),
        (Kind.NATIONAL_ID, "12345679", "12345679"),
        (Kind.DATE, "2025-10-17", "2025-10-17"),
        (Kind.RATING, "٥", "٥"),
        (Kind.YES_NO, "بله", "بله"),
        (Kind.YES_NO, "yes", ""),
        (Kind.FREE_TEXT, "  جواب   نيامد ", ""),
    ],
)
def test_the_raw_text_is_kept_only_where_it_was_read_as_something_else(kind, typed, kept):
    assert kept == read(kind, typed).typed
    assert len(kept) <= inputs.MAX_KEPT


@given(st.sampled_from(Kind), st.text(max_size=60) | st.text("0123456789۰۱٢٣/*-. yesنه", max_size=15))
def test_whatever_is_typed_is_a_reference_or_a_mistake_and_read_again_the_same_reference(kind, typed):
    found = read(kind, typed)

    if isinstance(found, Mistake):
        assert found in Mistake
        return
    assert 0 < len(found.exact) <= inputs.WIDTHS[kind]
    assert len(found.typed) <= inputs.MAX_KEPT
    assert found.exact == read(kind, found.exact).exact


# --- receipt codes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["1040610014", "104 061 0014", "۱۰۴۰۶۱۰۰۱۴", "104-061-0014#"])
def test_a_receipt_code_in_any_spelling(typed):
    code = "1040610014"

    assert Reference(code, code, code, raw(typed, code)) == read(Kind.RECEIPT_CODE, typed)


@pytest.mark.parametrize(
    ("typed", "mistake"),
    [
        ("1040610015", Mistake.CHECK_DIGIT),
        ("1040610041", Mistake.CHECK_DIGIT),
        ("0000000018", Mistake.MALFORMED),  # a good check digit, but no receipt begins with a zero
        ("۰000000018", Mistake.MALFORMED),
        ("104061001", Mistake.MALFORMED),
        ("10406100144", Mistake.MALFORMED),
        ("receipt", Mistake.MALFORMED),
        ("", Mistake.MALFORMED),
    ],
)
def test_what_is_no_receipt_code(typed, mistake):
    assert mistake == read(Kind.RECEIPT_CODE, typed)


# --- national ids (protocols.md G2) -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    ["1234567891", "0012345679", "0100000010", "1990000010", "1740000021", "0000000183", "001-234567-9", "۰۰۱۲۳۴۵۶۷۹"],
)
def test_a_national_id_of_ten_digits(typed):
    digits = re.sub("[^0-9]", "", fold(typed))

    assert Reference(digits, digits, digits, raw(typed, digits)) == read(Kind.NATIONAL_ID, typed)


@pytest.mark.parametrize(
    ("typed", "exact"), [("012345679", "0012345679"), ("12345679", "0012345679"), ("100000010", "0100000010")]
)
def test_a_national_id_that_lost_its_zeros_has_them_again(typed, exact):
    assert Reference(exact, exact, exact, typed) == read(Kind.NATIONAL_ID, typed)


@pytest.mark.parametrize(
    ("typed", "mistake"),
    [
        ("1234567890", Mistake.CHECK_DIGIT),
        ("0012345678", Mistake.CHECK_DIGIT),
        ("2134567891", Mistake.CHECK_DIGIT),  # two digits changed places
        *((digit * 10, Mistake.MALFORMED) for digit in "0123456789"),
        ("1111111", Mistake.MALFORMED),
        ("2345679", Mistake.MALFORMED),
        ("00012345679", Mistake.MALFORMED),
        ("001234567x", Mistake.MALFORMED),
        ("", Mistake.MALFORMED),
    ],
)
def test_what_is_no_national_id(typed, mistake):
    assert mistake == read(Kind.NATIONAL_ID, typed)


# --- services (protocols.md G8) ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["13061709000", "1306 1709 000", "۱۳۰۶۱۷۰۹۰۰۰"])
def test_a_service_has_eleven_digits(typed):
    assert Reference(*["13061709000"] * 3, raw(typed, "13061709000")) == read(Kind.SERVICE_ID, typed)


@pytest.mark.parametrize("typed", ["1306170900", "130617090000", "1306170900x", ""])
def test_what_is_no_service(typed):
    assert Mistake.MALFORMED == read(Kind.SERVICE_ID, typed)


# --- dates (protocols.md G3) ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "exact"),
    [
        *((typed, "1404/07/25") for typed in ("1404/07/25", "1404*7*25", "1404-07-25", "1404.7.25", "1404 7 25", "۱۴۰۴/۷/۲۵",
                                              "25/7/1404", "04/07/25", "14040725", "040725", "1404/07/25#")),
        *((typed, "1404/07/25") for typed in ("2025-10-17", "17/10/2025", "20251017", "٢٠٢٥/١٠/١٧")),
        ("50/1/1", "1350/01/01"),
        ("99/12/29", "1399/12/29"),
        ("00/1/1", "1400/01/01"),
        ("49/1/1", "1449/01/01"),
        ("25/07/04", "1425/07/04"),  # two digits in front are the year
        ("1403/12/30", "1403/12/30"),
        ("2024/2/29", "1402/12/10"),
        ("2025/03/20", "1403/12/30"),
        ("2025/03/21", "1404/01/01"),
        ("1396-07-17", "1396/07/17"),
        ("2017-10-09", "1396/07/17"),
    ],
)  # fmt: skip
def test_a_day_in_either_calendar_and_any_order_is_one_jalali_day(typed, exact):
    assert Reference(exact, exact, exact, raw(typed, exact)) == read(Kind.DATE, typed)


@pytest.mark.parametrize(
    "typed",
    ["", "/", "1404", "1404/7", "7/25", "1404/13/1", "1404/0/1", "1404/7/0", "1404/7/31", "1404/12/30", "2025/2/29",
     "2025/17/10", "7/25/1404", "404/7/25", "1/1/1", "1404/7/25/1", "17101404", "1404072", "0000/1/1", "0001/01/10", "00010110", "0404/7/25", "9999/12/31",
     "1404/7/25 صبح", "فردا", "1404/7/२५"],
)  # fmt: skip
def test_what_is_no_day(typed):
    assert Mistake.MALFORMED == read(Kind.DATE, typed)


@given(st.dates(date(1972, 1, 1), date(2070, 1, 1)))
def test_every_day_is_the_same_however_it_is_written(day):
    jalali = JalaliDate(day)
    spellings = [f"{day:%Y-%m-%d}", f"{day:%d/%m/%Y}", f"{jalali.year}*{jalali.month}*{jalali.day}",
                 f"{jalali.year % 100:02}{jalali.month:02}{jalali.day:02}"]  # fmt: skip

    assert [f"{jalali.year}/{jalali.month:02}/{jalali.day:02}"] * 4 == [
        read(Kind.DATE, typed).exact for typed in spellings
    ]


# --- answers of one key -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["1", "2", "3", "4", "5", "۳", "٤", "5#", "*3"])
def test_a_rating_is_a_digit_from_one_to_five(typed):
    assert fold(typed).strip("*#") == read(Kind.RATING, typed).exact


@pytest.mark.parametrize("typed", ["0", "6", "9", "12", "1.5", "-", "", "خوب", "²", "५"])
def test_what_is_no_rating(typed):
    assert Mistake.MALFORMED == read(Kind.RATING, typed)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        *(
            (typed, "yes")
            for typed in ("1", "۱", "١", "1#", "بله", "بلي", "آره", "اره", "نعم", "اي", "Yes", "y", " yes. ")
        ),
        *((typed, "no") for typed in ("2", "۲", "٢", "نه", "خیر", "خير", "لا", "كلا", "NO", "n")),
    ],
)
def test_yes_and_no_in_three_languages(typed, answer):
    assert answer == read(Kind.YES_NO, typed).exact


@pytest.mark.parametrize("typed", ["", "3", "0", "12", "yes no", "شاید", "بله نه", "yess"])
def test_what_is_neither_yes_nor_no(typed):
    assert Mistake.MALFORMED == read(Kind.YES_NO, typed)


# --- free texts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("جواب نیامد", "جواب نیامد"),
        ("  جواب\n\tنیامد  ", "جواب نیامد"),
        ("Late, again!", "Late, again!"),
        ("۵", "۵"),
        ("\u202eabc\u202c\x07", "abc"),
        ("بد 😀 بود", "بد بود"),
        ("كتابـــي", "كتابي"),
        ("ا" * 120, "ا" * 120),
    ],
)
def test_a_free_text_is_kept_as_it_may_be_shown_and_has_no_key(typed, text):
    assert Reference(text, "", "") == read(Kind.FREE_TEXT, typed)


@pytest.mark.parametrize("typed", ["", "   ", "...", "؟!", "😀", "\u200f", "ا" * 121, "ab " * 41])
def test_what_says_nothing_or_too_much_is_no_free_text(typed):
    assert Mistake.MALFORMED == read(Kind.FREE_TEXT, typed)


def test_what_only_blanks_make_too_long_is_a_free_text():
    assert "a b" == read(Kind.FREE_TEXT, "a" + " " * 300 + "b").exact


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


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_no_text_keeps_a_pattern_busy(text, menu):
    within_s = 0.02

    for kind in Kind:
        assert cpu_s(lambda kind=kind: read(kind, text)) < within_s, kind
    for pattern in (inputs._LETTER_NUMBER, inputs._DATE, inputs._DATE_IN_ONE):
        assert cpu_s(lambda pattern=pattern: pattern.fullmatch(text)) < within_s, pattern
    assert cpu_s(lambda: ports._BETWEEN_PARTS.split(text)) < within_s
    assert cpu_s(lambda: keywords.opened_by(menu, text)) < within_s
    assert cpu_s(lambda: templates.joined((templates.Filled(text, 0),))) < within_s


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


@pytest.mark.parametrize(
    ("dial", "expected"),
    [
        ("*4*061#", ""),
        ("*4*061", ""),
        ("4*061", ""),
        ("4*061#", ""),
        ("**4*061#", ""),
        ("*#*4*061#", ""),
        ("#4*061#", ""),
        (" *4*061# ", ""),
        ("*4*061%23", ""),
        ("*۴*۰۶۱#", ""),
        ("×٤×٠٦١#", ""),
        ("＊４＊０６１＃", ""),
        ("\u200e*4*061#\u200e", ""),
        ("*4*061*12345#", "12345"),
        ("*4*061*12345", "12345"),
        ("4*061*12345", "12345"),
        ("*4*061*01*12345#", "01*12345"),
        ("*4*061*220*1396*54321#", "220*1396*54321"),
        ("*4*061**12345#", "*12345"),
        ("*4*061*#", ""),
        ("*4*061*1*", "1*"),
        ("*4*061*1*نامه  من", "1*نامه  من"),
        ("*4*061*۱۲۳۴۵#", "۱۲۳۴۵"),
        ("*4*0611#", None),
        ("*4*06#", None),
        ("*4#", None),
        ("*14*061#", None),
        ("*061*4#", None),
        ("", None),
        ("#", None),
    ],
)
def test_what_is_dialled_behind_a_service_code(dial, expected):
    """protocols.md A4 and its tolerances."""
    assert expected == behind("*4*061#", dial)
