"""Any text an office may write, on any page: nothing lost, nothing too long, nothing cut in two."""

import re
import unicodedata
from datetime import date
from functools import cache

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menus import filters
from menus.alphabet import Capacity, segments, shown
from menus.render import TooLong, render
from menus.screens import Navigation, Screen
from menus.templates import Context, Filled, joined
from tests.corpora import LATIN_TEXTS, TEXTS
from tests.experiments import often

PERSIAN = Navigation(back="بازگشت", more="ادامه", main="منوی اصلی")
ENGLISH = Navigation(back="Back", more="More", main="Main menu")
CAPACITIES = [Capacity(), Capacity(182, 91), Capacity(160, 63), Capacity(60, 60), Capacity(182, 80)]
GSM = gsm0338.Codec()
ESCAPE = 0x1B

pages_of = st.fixed_dictionaries(
    {
        "text": st.one_of(TEXTS, TEXTS, LATIN_TEXTS),
        "capacity": st.sampled_from(CAPACITIES),
        "navigation": st.sampled_from([PERSIAN, ENGLISH]),
        "flags": st.fixed_dictionaries({"open": st.booleans(), "back": st.booleans(), "home": st.booleans()}),
    }
)


def units_of(text):
    """The text as it goes over the air, by other people's encoders: (is GSM 7 bit, septets or UTF-16 units)."""
    try:
        return True, list(GSM.encode(text)[0])
    except UnicodeEncodeError:
        raw = text.encode("utf-16-be")
        return False, [raw[place] << 8 | raw[place + 1] for place in range(0, len(raw), 2)]


def parts_of(text):
    """How many SMS it takes: cut as late as possible, and never behind an escape or half a surrogate pair."""
    gsm, units = units_of(text)
    single, part = (160, 153) if gsm else (70, 67)
    if len(units) <= single:
        return 1
    count = 0
    while units:
        cut = min(part, len(units))
        if cut < len(units) and (units[cut - 1] == ESCAPE if gsm else 0xD800 <= units[cut - 1] <= 0xDBFF):
            cut -= 1
        units = units[cut:]
        count += 1
    return count


def fits_a_page(text, capacity):
    gsm, units = units_of(text)
    return len(units) <= (capacity.max_septets if gsm else capacity.max_units)


def screen(text, **flags):
    return Screen(name="a_screen", language="fa", parts=(Filled(text, 0),), **flags)


@pytest.mark.experiment(
    "B5", "pages joined are the text, none is over capacity, no character or letter with marks is cut"
)
def test_pages_joined_are_the_text_and_nothing_is_cut(figure):
    @often(20_000)
    @given(pages_of)
    def tried(drawn):
        text, capacity, navigation = shown(drawn["text"]), drawn["capacity"], drawn["navigation"]
        whole = joined((Filled(text, 0),))
        more = f"\n9){navigation.more}"
        figure.count("runs")
        try:
            pages = render(screen(text, **drawn["flags"]), capacity, navigation)
        except TooLong:
            figure.count("refused")
            assert [] != [word for word in re.split("[ \n]", whole) if not fits_a_page(word + more, capacity)]
            return

        assert whole == "".join(page.glue + page.body for page in pages)
        assert [] == [page.text for page in pages if not fits_a_page(page.text, capacity)]
        assert [] == [page.text for page in pages if page.body not in page.text]
        for page in pages[1:]:
            assert page.glue in (" ", "\n")  # so what it begins with belongs to no letter of the page before
        figure.count("pages", len(pages))
        figure.most("most pages", len(pages))

    tried()


@pytest.mark.experiment("B5", "the segments of an SMS are never under-counted, and a refused SMS is truly too long")
def test_segments_are_those_of_a_count_of_its_own(figure):
    @often(20_000)
    @given(st.one_of(TEXTS, LATIN_TEXTS), st.integers(2, 4))
    def tried(text, parts):
        text = shown(text)
        whole = joined((Filled(text, 0),))
        figure.count("runs")
        count = parts_of(text)
        figure.count("longer than one", count > 1)

        assert count == segments(text)
        try:
            (page,) = render(screen(text), Capacity(parts=parts), PERSIAN)
        except TooLong:
            assert parts_of(whole) > parts
        else:
            assert whole == page.text
            assert parts_of(page.text) <= parts

    tried()


@pytest.mark.experiment(
    "B5", "an office's text is shown without controls, overrides and invisible signs, and nothing else is lost"
)
def test_what_is_shown_is_the_text_without_what_nobody_should_see(figure):
    @often(20_000)
    @given(TEXTS)
    def tried(text):
        clean = shown(text)
        figure.count("runs")
        figure.count("changed", clean != text)

        assert clean == shown(clean)
        assert clean == unicodedata.normalize("NFC", clean)
        assert [] == [f"{ord(char):04x}" for char in clean if unseen(char)]
        assert [] == [line for line in clean.split("\n") if line != line.strip()]
        assert seen(text) == seen(clean)

    tried()


@cache
def unseen(char):
    """By Unicode's own categories: controls, halves of pairs, format signs, selectors; all but the two we need."""
    if char in "\n\u200c" or 0x0600 <= ord(char) <= 0x0605 or char in "\u06dd\u070f\u0890\u0891\u08e2":
        return False  # a line end, ZWNJ, and signs of Arabic and Syriac that have a picture
    named = unicodedata.name(char, "")
    return (
        unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        or char > "\uffff"
        or re.search("VARIATION SELECTOR|HANGUL.* FILLER|VOWEL INHERENT|GRAPHEME JOINER|TATWEEL", named) is not None
        or 0x064B <= ord(char) <= 0x0652
    )


def seen(text):
    """What has a picture, in order and decomposed, so that neither spaces nor compositions count."""
    kept = (char for char in unicodedata.normalize("NFC", text) if not unseen(char) and not char.isspace())
    return unicodedata.normalize("NFD", "".join(char for char in kept if char != "\u200c"))


@pytest.mark.experiment(
    "B5", "an office's text of any words finds a page on every channel: nobody's name locks a screen"
)
def test_an_offices_text_always_finds_a_page(figure):
    context = Context({}, "fa", {}, date(2026, 11, 22))

    @often(20_000)
    @given(pages_of)
    def tried(drawn):
        figure.count("runs")
        text = filters.plain(drawn["text"], context)
        if text is None:
            figure.count("nothing to say")
            return

        pages = render(screen(text, **drawn["flags"]), drawn["capacity"], drawn["navigation"])
        assert joined((Filled(text, 0),)) == "".join(page.glue + page.body for page in pages)

    tried()
