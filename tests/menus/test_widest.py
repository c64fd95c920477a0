"""Values as wide as a menu allows, and how large a dialogue of it can become."""

import msgspec
import pytest

from menus import machine, widest
from menus.alphabet import Alphabet, Capacity
from menus.check import check
from menus.inputs import CHECKED, WIDTHS, Kind, Mistake, read
from menus.ports import Reference
from menus.widest import MAX_DIALOGUE_OCTETS, Wide
from tests.menus.small import asking, small


@pytest.mark.parametrize("kind", Kind)
def test_a_usual_value_of_each_kind_is_one(kind):
    found = read(kind, widest.NUMBERS[kind])

    assert widest.NUMBERS[kind] == found.exact
    assert len(found.exact) <= WIDTHS[kind]


@pytest.mark.parametrize("kind", Kind)
def test_what_is_mistyped_brings_out_each_mistake(kind):
    expected = [Mistake.MALFORMED, Mistake.CHECK_DIGIT] if kind in CHECKED else [Mistake.MALFORMED]

    assert expected == [read(kind, typed) for typed in widest.mistyped(kind)]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("language", ["fa", "ar", "en"])
def test_what_she_may_have_typed_is_as_wide_as_its_kind_may_be(every_input, kind, language):
    typed = Wide(every_input, word=5).typed(kind, language)

    assert len(typed) <= max(WIDTHS[kind], 20)
    if kind in (Kind.FREE_TEXT, Kind.TRACKING_CODE, Kind.RECEIPT_CODE, Kind.NATIONAL_ID, Kind.SERVICE_ID):
        assert WIDTHS[kind] == len(typed)


def test_a_day_she_typed_is_as_wide_as_any_before_and_behind(every_input):
    """In English `days ago` is the longer, in Arabic what is still to come."""
    days = {Wide(every_input, word=5).typed(Kind.DATE, "en"), Wide(every_input).typed(Kind.DATE, "en")}

    assert days == {read(Kind.DATE, day).exact for day in days}
    assert {"1200/07/20", "1499/12/29"} == days


@pytest.mark.parametrize(("letters", "fits"), [(60, True), (61, False)])
def test_a_day_she_typed_is_checked_with_its_year(letters, fits):
    """A text that fits only while the day is of this year is refused."""
    text = "ق" * letters + "{{ typed.it | day }}"
    found = check(asking("date", behind=f'  text: {{en: "x", fa: "{text}"}}\n'), {"ussd": Capacity()})

    assert fits == (not [each for each in found if each.screen == "read"])


def test_words_are_as_long_as_they_are_wanted_and_the_whole_as_wide():
    menu = small("first: {text: Hello}\n")

    assert "WWWWW WWWWW WW" == Wide(menu, word=5).letters(14, "en")
    assert "ق" * 14 == Wide(menu).letters(14, "fa")
    assert "ص/9999" == Wide(menu, sign="ص/", at_most=6).number("case.number")


def test_an_offices_names_are_in_the_alphabet_of_the_menus_own_words(every_input):
    assert [Alphabet.UCS2, Alphabet.UCS2, Alphabet.GSM7] == [widest.alphabet(every_input, language) for language in every_input.languages]  # fmt: skip


def test_a_small_menu_keeps_little_and_every_input_more(menu):
    sizes = {kind: widest.octets(asking(kind)) for kind in Kind}

    assert widest.octets(small("first: {text: Hello}\n")) < min(sizes.values())
    assert Kind.FREE_TEXT == max(sizes, key=sizes.get)
    assert widest.octets(menu) < MAX_DIALOGUE_OCTETS


@pytest.mark.parametrize("kind", Kind)
def test_a_dialogue_with_the_longest_input_is_no_larger_than_was_said(citizen, kind):
    menu = asking(kind)
    longest = {Kind.LETTER_NUMBER: "۲۲۰/۱۳۹۶/۵۴۳۲۱۰۹۸۷۶۵", Kind.FREE_TEXT: "ق" * 120}.get(kind, widest.NUMBERS[kind])

    her = citizen(menu=menu, office=None).opens().types("1", longest)

    assert "read" == her.at
    assert max(len(core) for _, core, _ in her.kept) <= widest.octets(menu)


def test_what_is_kept_of_an_input_is_counted_in_octets():
    keys = {"a": Reference("12345", "12345", "12345", typed="۱" * 24)}
    dialogue = machine.Dialogue("m", "ussd", "fa", values=keys)
    without = msgspec.structs.replace(dialogue, values={})

    assert len(machine.encode(dialogue)[0]) - len(machine.encode(without)[0]) > 48


def many_texts(count):
    screens = "".join(
        f"s{n}:\n  text: Words?\n  input: {{as: free_text, into: w{n}}}\n  mistaken: {{en: What?, fa: نشد}}\n  next: {f's{n + 1}' if n + 1 < count else 'main'}\n"
        for n in range(count)
    )
    return screens.replace("s0:", "first:", 1)


def test_a_menu_that_keeps_more_than_a_dialogue_may_hold_is_a_problem_at_its_widest_input():
    few, many = small(many_texts(1)), small(many_texts(12))
    assert [] == [problem for problem in check(few, {}) if "octets" in problem.message]

    (problem,) = [problem for problem in check(many, {}) if "octets" in problem.message]
    assert f"all inputs of this menu together keep {widest.octets(many)} octets" in problem.message
    assert ("letters.yaml", 5) == many.place(problem.path)


def test_inputs_that_share_a_name_are_kept_once():
    shared = many_texts(12)
    for n in range(12):
        shared = shared.replace(f"into: w{n}}}", "into: words}")

    assert [] == [problem for problem in check(small(shared), {}) if "octets" in problem.message]
