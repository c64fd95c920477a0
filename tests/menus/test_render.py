"""Pages: never larger than their capacity, never cut, and whole again when joined."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from menus.alphabet import Capacity, fits, segments
from menus.render import PER_PAGE, TooLong, render
from menus.screens import Navigation, Screen
from menus.templates import Filled, joined

ENGLISH = Navigation(back="Back", more="More", main="Main menu")
PERSIAN = Navigation(back="بازگشت", more="ادامه", main="منوی اصلی")
SMS = Capacity(parts=3)


def screen(text="", **more):
    parts = (Filled(text, 0),) if isinstance(text, str) else text
    return Screen(**{"name": "a_screen", "language": "fa", "parts": parts} | more)


words = st.text("abن€م‌", min_size=1, max_size=25)
bodies = st.lists(st.lists(words, max_size=20).map(" ".join), max_size=6).map("\n".join)
labels = st.lists(st.lists(words, min_size=1, max_size=2).map(" ".join), max_size=25).map(tuple)
capacities = st.sampled_from([Capacity(), Capacity(182, 91), Capacity(160, 63), Capacity(100, 50)])
navigations = st.sampled_from([ENGLISH, PERSIAN])
flags = st.fixed_dictionaries({"open": st.booleans(), "back": st.booleans(), "home": st.booleans()})


# --- what holds for any screen --------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(bodies, labels, capacities, navigations, flags, st.booleans())
def test_no_page_is_larger_than_its_capacity(body, labels, capacity, navigation, flags, listed):
    labels = labels if listed else labels[:PER_PAGE]

    pages = rendered(screen(body, labels=labels, listed=listed, **flags), capacity, navigation)

    assert [page.text for page in pages if not fits(page.text, capacity)] == []


@settings(max_examples=200)
@given(bodies, capacities, navigations, flags)
def test_pages_joined_are_the_whole_text(body, capacity, navigation, flags):
    pages = rendered(screen(body, **flags), capacity, navigation)

    assert "".join(page.glue + page.body for page in pages) == joined((Filled(body, 0),))
    assert all(page.body in page.text for page in pages)


@settings(max_examples=200)
@given(st.text("ab \n€ن", max_size=400), capacities, navigations)
def test_any_spacing_survives_paging(text, capacity, navigation):
    pages = rendered(screen(text), capacity, navigation)

    assert "".join(page.glue + page.body for page in pages) == joined((Filled(text, 0),))


@settings(max_examples=200)
@given(bodies, labels, capacities, navigations, st.booleans())
def test_each_choice_stands_on_one_page_and_its_key_leads_to_it(body, labels, capacity, navigation, listed):
    labels = labels if listed else labels[:PER_PAGE]

    pages = rendered(screen(body, labels=labels, listed=listed), capacity, navigation)

    if listed:
        shown = [(key, place) for page in pages for key, place in page.keys.items()]
        assert [place for _, place in shown] == list(range(len(labels)))
        assert all(f"{key}){labels[place]}" in page.text for page in pages for key, place in page.keys.items())
    else:
        every = {str(place + 1): place for place in range(len(labels))}
        assert all(page.keys == every for page in pages)
        for key, place in every.items():
            assert sum(f"{key}){labels[place]}" in page.text for page in pages) >= 1
    assert all(len(page.keys) <= PER_PAGE for page in pages)


@settings(max_examples=200)
@given(bodies, labels, capacities, navigations, flags)
def test_9_is_shown_exactly_where_there_is_more(body, labels, capacity, navigation, flags):
    pages = rendered(screen(body, labels=labels, listed=True, **flags), capacity, navigation)

    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]
    assert [f"9){navigation.more}" in page.text for page in pages] == [page.more for page in pages]


@settings(max_examples=200)
@given(bodies, labels, capacities, navigations, flags)
def test_a_session_ends_on_the_last_page_of_what_awaits_no_answer(body, labels, capacity, navigation, flags):
    pages = rendered(screen(body, labels=labels, listed=True, **flags), capacity, navigation)

    assert [page.end for page in pages[:-1]] == [False] * (len(pages) - 1)
    assert pages[-1].end == (not labels and not flags["open"])


def rendered(a_screen, capacity, navigation):
    """Pages, of screens whose words fit a page; the others are what TooLong is for."""
    try:
        return render(a_screen, capacity, navigation)
    except TooLong:
        assume(False)


# --- one page -------------------------------------------------------------------------------------------------------


def test_a_screen_with_choices_has_them_numbered_and_the_way_back():
    (page,) = render(screen("Letter 5", labels=("Steps", "SMS"), back=True, home=True), Capacity(), ENGLISH)

    assert page.text == "Letter 5\n1)Steps 2)SMS 0)Back"
    assert page.keys == {"1": 0, "2": 1}
    assert not page.more
    assert not page.end


def test_without_a_way_back_there_is_the_way_home():
    (page,) = render(screen("Letter 5", labels=("Steps",), home=True), Capacity(), ENGLISH)

    assert page.text == "Letter 5\n1)Steps 00)Main menu"


def test_the_main_menu_shows_neither():
    (page,) = render(screen("Rasad", labels=("Letters",)), Capacity(), ENGLISH)

    assert page.text == "Rasad\n1)Letters"


def test_short_choices_share_a_line_and_long_ones_do_not():
    (page,) = render(screen("", labels=("Yes", "No", "I do not know yet")), Capacity(), ENGLISH)

    assert page.text == "1)Yes 2)No\n3)I do not know yet"


def test_a_screen_that_ends_the_session_offers_nothing():
    (page,) = render(screen("Bye", back=True, home=True), Capacity(), ENGLISH)

    assert page.text == "Bye"
    assert page.end


@pytest.mark.parametrize(("length", "with_back"), [(61, True), (62, False), (70, False)])
def test_the_way_back_is_shown_only_where_there_is_room(length, with_back):
    (page,) = render(screen("ن" * length, open=True, back=True), Capacity(), PERSIAN)  # 0)بازگشت and a line end: 9

    assert ("0)بازگشت" in page.text) == with_back


@pytest.mark.parametrize(("length", "pages"), [(70, 1), (71, 2)])
def test_what_fits_to_the_unit_is_one_page(length, pages):
    body = "ن" * 35 + "\n" + "ن" * (length - 36)

    assert len(render(screen(body), Capacity(), PERSIAN)) == pages


# --- several pages --------------------------------------------------------------------------------------------------


def test_pages_break_between_lines_when_lines_fit():
    body = "\n".join(["ن" * 30] * 4)

    pages = render(screen(body), Capacity(), PERSIAN)

    assert {line for page in pages for line in page.body.split("\n")} == {"ن" * 30}
    assert len(pages) > 1
    assert [page.glue for page in pages[1:]] == ["\n"] * (len(pages) - 1)


def test_a_line_longer_than_a_page_breaks_between_words():
    pages = render(screen("کلمه " * 30 + "پایان"), Capacity(), PERSIAN)

    assert len(pages) > 1
    assert all(page.glue == " " for page in pages[1:])
    assert all(word in ("کلمه", "پایان") for page in pages for word in page.body.split())


@pytest.mark.parametrize(
    "too_long",
    [
        screen("ن" * 71),
        screen("سلام\n" + "ن" * 71),
        screen("سلام " + "ن" * 71 + " سلام"),
        screen("", labels=("ن" * 71,)),
        screen("", labels=("ن" * 71, "b"), listed=True),
    ],
)
def test_a_word_or_a_label_longer_than_a_page_is_refused_and_never_cut(too_long):
    with pytest.raises(TooLong):
        render(too_long, Capacity(), PERSIAN)


def test_a_list_of_any_length_is_numbered_anew_on_each_page():
    names = tuple(f"Office {row}" for row in range(20))

    pages = render(screen("Which?", labels=names, listed=True), Capacity(), ENGLISH)

    assert [len(page.keys) for page in pages] == [8, 8, 4]
    assert [page.keys["1"] for page in pages] == [0, 8, 16]
    assert pages[1].text.startswith("1)Office 8\n2)Office 9\n")


@pytest.mark.parametrize("until", range(4))
def test_pages_behind_the_wanted_one_need_not_be_made(until):
    names = tuple(f"Office {row}" for row in range(20))
    asked = screen("Which?", labels=names, listed=True)
    pages = render(asked, Capacity(), ENGLISH)

    made = render(asked, Capacity(), ENGLISH, until=until)

    assert made == pages[: until + 1]
    assert made[-1].more == (until < 2)


def test_choices_of_one_screen_keep_their_numbers_over_pages():
    names = tuple(f"A rather long label {row}" for row in range(8))

    pages = render(screen("Which?", labels=names), Capacity(), ENGLISH)

    assert len(pages) > 1
    assert all(page.keys["8"] == 7 for page in pages)
    assert "8)A rather long label 7" in pages[-1].text


# --- by SMS ---------------------------------------------------------------------------------------------------------


def test_an_sms_of_one_segment_is_said_in_full():
    parts = (Filled("letter", 0), Filled(" desk", 1), Filled(" since", 2))

    (page,) = render(screen(parts), SMS, ENGLISH)

    assert page.text == "letter desk since"
    assert page.end


def test_an_sms_leaves_out_what_matters_least_to_be_one_segment():
    parts = (Filled("ن" * 50, 0), Filled("م" * 15, 1), Filled("س" * 15, 2))

    (page,) = render(screen(parts), SMS, PERSIAN)

    assert page.text == "ن" * 50 + "م" * 15


def test_an_sms_that_cannot_be_one_segment_says_everything():
    parts = (Filled("ن" * 80, 0), Filled("م" * 15, 1), Filled("س" * 15, 2))

    (page,) = render(screen(parts), SMS, PERSIAN)

    assert page.text == "ن" * 80 + "م" * 15 + "س" * 15
    assert segments(page.text) == 2


def test_an_sms_longer_than_its_parts_is_refused():
    assert segments(render(screen("ن" * 201), SMS, PERSIAN)[0].text) == 3
    with pytest.raises(TooLong):
        render(screen("ن" * 202), SMS, PERSIAN)


def test_an_sms_has_its_choices_and_no_navigation():
    (page,) = render(screen("Down", labels=("SMS me",), back=True, home=True), SMS, ENGLISH)

    assert page.text == "Down\n1)SMS me"
    assert page.keys == {"1": 0}
    assert not page.end


@settings(max_examples=200)
@given(st.lists(st.builds(Filled, st.text("نab ", min_size=1, max_size=60), st.integers(0, 3)), max_size=6))
def test_an_sms_is_one_segment_whenever_leaving_out_can_make_it_so(parts):
    least = joined(tuple(part for part in parts if part.rank == 0))

    try:
        (page,) = render(screen(tuple(parts)), SMS, PERSIAN)
    except TooLong:
        assume(False)

    possible = segments(least) == 1
    assert (segments(page.text) == 1) == possible
    if not possible:
        assert page.text == joined(tuple(parts))
