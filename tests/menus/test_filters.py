"""Dates, labels and plain values as citizens read them."""

from datetime import date, datetime

import pytest
from persiantools.jdatetime import JalaliDate

from menus.filters import FILTERS, day, label, plain
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


@pytest.mark.parametrize("value", [None, "", "2026-11-22", 5, {}])
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
    assert set(FILTERS) == {"", "label", "day"}


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
