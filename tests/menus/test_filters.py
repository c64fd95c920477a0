"""Dates, labels and plain values as citizens read them."""

from datetime import date, datetime, timedelta

import pytest
from persiantools.jdatetime import JalaliDate

from menus.filters import FILTERS, day, digits, label, masked, plain, relative
from menus.templates import Context


def reader(language, today=date(2026, 11, 22)):
    return Context({}, language, {"closed": "بسته شد"}, today)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (date(2026, 11, 22), "09/01"),
        (date(2026, 10, 17), "07/25"),
        (date(2026, 3, 21), "01/01"),  # Nowruz of 1405
        (date(2026, 3, 20), "1404/12/29"),
        (date(2027, 3, 20), "12/29"),
        (date(2027, 3, 21), "1406/01/01"),
        (date(2025, 3, 20), "1403/12/30"),  # 1403 is a leap year
    ],
)
def test_a_day_in_persian_has_its_year_when_it_is_another(value, expected):
    assert day(value, reader("fa")) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (date(2026, 10, 7), "7 Oct"),
        (date(2026, 1, 1), "1 Jan"),
        (date(2025, 12, 31), "31 Dec 2025"),
        (date(2027, 1, 1), "1 Jan 2027"),
    ],
)
def test_a_day_in_english_has_its_year_when_it_is_another(value, expected):
    assert day(value, reader("en")) == expected


def test_the_year_left_out_is_the_readers_calendar_year():
    last_of_december = reader("fa", today=date(2027, 1, 2))

    assert day(date(2026, 12, 31), last_of_december) == "10/10"
    assert day(date(2026, 12, 31), reader("en", today=date(2027, 1, 2))) == "31 Dec 2026"


@pytest.mark.parametrize(
    ("typed", "persian", "english", "from_now"),
    [
        ("1405/09/01", "09/01", "22 Nov", None),
        ("1405/07/25", "07/25", "17 Oct", "36 days ago"),
        ("1404/12/29", "1404/12/29", "20 Mar", "247 days ago"),
        ("1406/01/01", "1406/01/01", "21 Mar 2027", "in 119 days"),
    ],
)
def test_a_day_that_was_typed_is_shown_as_those_of_offices_are(typed, persian, english, from_now):
    assert (persian, persian, english) == tuple(day(typed, reader(language)) for language in ("fa", "ar", "en"))
    assert from_now == relative(typed, reader("en"))


@pytest.mark.parametrize("value", [None, "", "2026-11-22", 5, {}, "1405/13/01", "?", "1405/9", "yes", "a/b/c"])
def test_what_is_no_day_is_absent(value):
    assert day(value, reader("fa")) is None
    assert day(value, reader("en")) is None


def test_a_moment_is_its_day():
    assert day(datetime(2026, 10, 7, 23, 59), reader("en")) == "7 Oct"  # noqa: DTZ001


def test_a_day_never_has_a_hyphen():
    days = [JalaliDate(1400 + year, month, 1).to_gregorian() for year in range(8) for month in range(1, 13)]

    assert not [text for value in days for text in [day(value, reader("fa"))] if "-" in text]


def test_a_label_is_the_state_in_the_readers_words():
    assert label("closed", reader("fa")) == "بسته شد"
    assert label("nothing", reader("fa")) is None


def test_a_plain_value_is_a_text_a_number_or_the_readers_name():
    assert plain("12345", reader("fa")) == "12345"
    assert plain(1405, reader("fa")) == "1405"
    assert plain({"fa": "حقوقی", "en": "Legal"}, reader("en")) == "Legal"
    assert plain({"fa": "حقوقی"}, reader("en")) is None
    assert plain(None, reader("en")) is None
    assert plain(" \u200e", reader("en")) is None


def test_these_are_the_filters_authors_may_use():
    assert set(FILTERS) == {"", "label", "day", "relative", "digits", "masked"}


@pytest.mark.parametrize("value", [date.min, date(621, 1, 1), date.max])
def test_a_day_no_calendar_has_is_left_out(value):
    assert day(value, Context({}, "fa", {}, date(2026, 11, 22))) is None


def test_a_word_no_page_could_hold_is_broken():
    shown = plain("ا" * 80, Context({}, "fa", {}, None))

    assert ("ا" * 80, True) == (shown.replace(" ", ""), max(map(len, shown.split())) <= 24)


@pytest.mark.parametrize(
    "text",
    ["http://a.b", "https://a", "www.a", "a.ir", "sub.a-b.com/x", "دفتر t.me/x", "BIT.LY/5", "x.org", "نام: a.net!"],
)
def test_a_foreign_text_with_a_link_is_left_out(text):
    assert plain(text, reader("fa")) is None
    assert plain({"fa": text}, reader("fa")) is None


@pytest.mark.parametrize("text", ["220/1396.54321", "دفتر فنی. طبقه 2", "12.5", "a.b", "comma", "ir", "1405.09.01"])
def test_what_is_no_link_stays(text):
    assert plain(text, reader("fa")) == text


def test_a_name_falls_back_only_where_a_language_to_fall_back_to_is_given():
    context = Context({}, "en", {}, date(2026, 11, 22), "fa")

    assert plain({"fa": "حقوقی"}, context) == "حقوقی"
    assert plain({"fa": "حقوقی", "en": ""}, context) == "حقوقی"
    assert plain({"fa": "حقوقی", "en": "Legal"}, context) == "Legal"
    assert plain({"ar": "x"}, context) is None


@pytest.mark.parametrize(("length", "words"), [(24, 1), (25, 2), (48, 2), (49, 3)])
def test_a_word_is_broken_at_24_characters(length, words):
    assert len(plain("ب" * length, reader("fa")).split()) == words


@pytest.mark.parametrize(
    "link",
    [
        "evil.\u200bir",
        "ht\u200ctp:\u200b//x",
        "سایتevil.ir",
        "evil.irرا",
        "evil.shop",
        "ｅvil．ir",
        "www.x",
        "HTTP://X",
    ],
)
def test_no_link_passes_however_it_is_dressed(link):
    assert plain(f"دفتر {link} حقوقی", Context({}, "fa", {}, None)) is None


# --- relative, digits, masked -----------------------------------------------------------------------------------------

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("days", "fa", "ar", "en"),
    [
        (-400, "400 روز پیش", "قبل 400 يوم", "400 days ago"),
        (-11, "11 روز پیش", "قبل 11 يوما", "11 days ago"),
        (-3, "3 روز پیش", "قبل 3 أيام", "3 days ago"),
        (-2, "2 روز پیش", "قبل يومين", "2 days ago"),
        (-1, "1 روز پیش", "قبل يوم واحد", "1 day ago"),
        (1, "1 روز دیگر", "خلال يوم واحد", "in 1 day"),
        (2, "2 روز دیگر", "خلال يومين", "in 2 days"),
        (7, "7 روز دیگر", "خلال 7 أيام", "in 7 days"),
        (40, "40 روز دیگر", "خلال 40 يوما", "in 40 days"),
    ],
)
def test_a_day_from_now_is_so_many_days_with_the_languages_own_plurals(days, fa, ar, en):
    value = TODAY + timedelta(days=days)

    assert [fa, ar, en] == [relative(value, reader(language)) for language in ("fa", "ar", "en")]


def test_today_is_the_menus_own_word_and_nothing_without_one():
    assert "امروز" == relative(TODAY, Context({}, "fa", {"today": "امروز"}, TODAY))
    assert relative(TODAY, Context({}, "fa", {}, TODAY)) is None


@pytest.mark.parametrize("value", [None, "", "2026-11-22", 5, {}])
def test_what_is_no_day_is_not_so_many_days_from_now(value):
    assert relative(value, reader("fa")) is None


def test_a_moment_is_as_far_as_its_day():
    assert "in 2 days" == relative(datetime(2026, 11, 24, 23, 59), reader("en"))  # noqa: DTZ001


def test_in_a_language_nobody_counts_days_for_the_day_itself_is_said():
    context = Context({}, "xx", {}, TODAY)

    assert day(date(2026, 11, 24), context) == relative(date(2026, 11, 24), context)


@pytest.mark.parametrize("language", ["fa", "ar", "en"])
def test_days_from_now_fit_the_smallest_phone(language):
    said = [relative(TODAY + timedelta(days=days), reader(language)) for days in range(-999, 1000) if days]

    assert max(map(len, said)) <= 14
    assert not [text for text in said if "\n" in text or "-" in text]


@pytest.mark.parametrize(
    ("value", "fa", "ar", "en"),
    [
        ("12345", "۱۲۳۴۵", "١٢٣٤٥", "12345"),
        (1405, "۱۴۰۵", "١٤٠٥", "1405"),
        ("220/1396/5", "۲۲۰/۱۳۹۶/۵", "٢٢٠/١٣٩٦/٥", "220/1396/5"),
        ("3 روز پیش", "۳ روز پیش", "٣ روز پیش", "3 روز پیش"),
        ("12/ص", "۱۲/ص", "١٢/ص", "12/ص"),
        ("001xxxxx79", "۰۰۱xxxxx۷۹", "٠٠١xxxxx٧٩", "001xxxxx79"),
        ("", None, None, None),
        (None, None, None, None),
    ],
)
def test_digits_are_the_readers_own(value, fa, ar, en):
    assert [fa, ar, en] == [digits(value, reader(language)) for language in ("fa", "ar", "en")]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0012345679", "001xxxxx79"),
        ("06133360001", "061xxxxxx01"),
        ("123456", "123x56"),
        ("12345", "xxxxx"),
        ("1", "x"),
        (1405, "xxxx"),
        ("", None),
        (None, None),
    ],
)
def test_of_a_masked_number_the_first_three_and_the_last_two_are_shown(value, shown):
    assert shown == masked(value, reader("fa"))


@pytest.mark.parametrize("filter_", [digits, masked])
def test_no_link_passes_a_filter(filter_):
    assert filter_("evil.ir/123", reader("en")) is None
