"""Texts with values: what may be written, what is left out, and in which order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menus.filters import FILTERS
from menus.templates import Context, Filled, TemplateError, Value, fill, joined, label, look_up, parse, shortened


def said(source, ranks=None, /, **values):
    return joined(filled(source, ranks, **values))


def filled(source, ranks=None, /, **values):
    context = Context(values, "fa", {"closed": "بسته شد"}, None)
    return fill(parse(source), context, FILTERS, ranks or {})


@given(
    st.lists(st.sampled_from(["{{ a }}", " {{ b }}", "[ {{ a }}]", "[, {{ b }} {{ c }}]", "words ", " "])).map("".join),
    st.fixed_dictionaries({}, optional={name: st.sampled_from(["x", " y ", 1405]) for name in "abc"}),
)
def test_a_label_is_the_text_of_one_line(source, values):
    context = Context(values, "fa", {}, None)
    template = parse(source)

    assert label(template, context, FILTERS) == joined(fill(template, context, FILTERS, {}))


@pytest.mark.parametrize(
    ("source", "piece"),
    [
        ("{{ }}", "{{ }} is not understood; write {{ case.number }}"),
        ("{{ Case.Number }}", "is not understood"),
        ("{{ case.number | day day }}", "is not understood"),
        ("{{ case.number || day }}", "is not understood"),
        ("{{ case.number | }}", "is not understood"),
        ("{{ case.number + 1 }}", "is not understood"),
        ("{{ case. number }}", "is not understood"),
        ("{{ case.number", "{{ is not understood"),
        ("{{ case.number }", "is not understood"),
        ("case.number }}", "}} is not part of this language"),
        ("{% if closed %}", "{% is not part of this language"),
        ("{# note #}", "{# is not part of this language"),
        ("100%}", "%} is not part of this language"),
        ("[a [ {{ x }}]]", "a part in [ ] cannot stand inside another"),
        ("a]", "a ] without its [; for the sign itself write ]]"),
        ("[{{ x }}", "a [ without its ]; for the sign itself write [["),
        ("[urgent]", "a part in [ ] needs a {{ value }}; for the sign itself write [["),
        ("[]", "a part in [ ] needs a {{ value }}"),
    ],
)
def test_a_text_with_a_mistake_says_what_to_write(source, piece):
    with pytest.raises(TemplateError) as found:
        parse(source)

    assert piece in str(found.value)


def test_a_value_has_a_path_and_may_have_filters():
    template = parse("نامه {{case.number}} تا {{  case.due_on|day  }} {{ typed.day2 | masked|digits }}")

    assert template.values == (
        Value(("case", "number")),
        Value(("case", "due_on"), ("day",)),
        Value(("typed", "day2"), ("masked", "digits")),
    )
    assert [value.name for value in template.values] == ["case.number", "case.due_on", "typed.day2"]


@pytest.mark.parametrize("plain", ["50% { } %", "a\nb", "{ x }", "%", "", "1) 2*3#"])
def test_signs_that_mean_nothing_stay_themselves(plain):
    assert said(plain) == plain


def test_doubled_brackets_are_brackets():
    assert said("[[1]] {{ x }} ]][[", x="y") == "[1] y ]["


@given(st.text(st.characters(exclude_characters="\n\x00{}%"), max_size=50))
def test_any_text_can_be_written(text):
    source = text.replace("[", "[[").replace("]", "]]")

    assert said(source) == text.strip(" ")


@given(st.text("[]{}|%# ab.\n", max_size=40))
def test_a_text_is_parsed_or_refused_with_words(source):
    assert verdict(source) != ""


def verdict(source):
    """The template, or what is said against it. Anything else that may be raised is not caught."""
    try:
        return parse(source)
    except TemplateError as error:
        return str(error)


def test_a_part_in_brackets_goes_with_its_value():
    source = "نامه {{ n }}[، {{ desk }}][، از {{ day }}]."

    assert said(source, n="5", desk="حقوقی", day="07/25") == "نامه 5، حقوقی، از 07/25."
    assert said(source, n="5", day="07/25") == "نامه 5، از 07/25."
    assert said(source, n="5") == "نامه 5."


def test_a_part_with_two_values_needs_both():
    source = "a[ {{ x }} of {{ y }}]"

    assert said(source, x=2, y=4) == "a 2 of 4"
    assert said(source, x=2) == "a"


def test_a_line_without_its_value_is_left_out_whole():
    source = "نامه {{ n }}\nتا {{ due }}\n{{ desk }}\nپایان"

    assert said(source, n="5", desk="حقوقی") == "نامه 5\nحقوقی\nپایان"
    assert said(source) == "پایان"
    assert said(source, n="5", due="x", desk="y") == "نامه 5\nتا x\ny\nپایان"


def test_an_empty_text_counts_as_absent_and_zero_does_not():
    assert said("a\n{{ x }}\nb", x="") == "a\nb"
    assert said("a\n{{ x }}\nb", x="\u202e \u200f") == "a\nb"
    assert said("a\n{{ x }}\nb", x=0) == "a\n0\nb"


def test_names_in_several_languages_give_the_readers_and_nothing_for_a_stranger():
    assert said("{{ desk }}", desk={"fa": "حقوقی", "en": "Legal"}) == "حقوقی"
    assert said("a[ {{ desk }}]", desk={"en": "Legal"}) == "a"


def test_foreign_texts_lose_their_direction_overrides():
    assert said("{{ desk }}!", desk="\u202eabc\u202c\x07") == "abc!"


def test_what_is_left_out_leaves_no_empty_line():
    assert said("[{{ a }}]\n[{{ b }}]\n[{{ c }}]\nend", b="B") == "B\nend"
    assert joined((Filled("\na\n\n", 0), Filled("\n\nb\n", 0))) == "a\nb"


def test_look_up_walks_mappings_and_attributes_and_ends_in_none():
    value = Value(("case", "number"))

    assert look_up({"a": {"b": 1}}, ("a", "b")) == 1
    assert look_up({"value": value}, ("value", "name")) == "case.number"
    assert look_up({"a": None}, ("a", "b")) is None
    assert look_up({}, ("a",)) is None
    assert look_up({"value": value}, ("value", "nothing")) is None


def test_the_rank_of_a_part_is_that_of_its_least_important_value_and_0_outside_brackets():
    parts = filled("{{ x }}[ {{ y }}][ {{ x }} {{ y }}]", {"x": 1, "y": 3}, x="a", y="b")

    assert parts == (Filled("a", 0), Filled(" b", 3), Filled(" a b", 3))


def test_parts_of_the_highest_rank_go_first_and_only_as_many_as_needed():
    parts = (Filled("letter", 0), Filled(" desk", 1), Filled(" since", 2), Filled(" end", 0))

    assert shortened(parts, lambda text: len(text) <= 99) == "letter desk since end"
    assert shortened(parts, lambda text: len(text) <= 15) == "letter desk end"
    assert shortened(parts, lambda text: len(text) <= 10) == "letter end"


def test_what_must_stay_is_never_cut():
    assert shortened((Filled("letter", 0), Filled(" desk", 1)), lambda text: False) == "letter"
    assert shortened((), lambda text: False) == ""


@given(st.lists(st.builds(Filled, st.text("ab ", min_size=1, max_size=9), st.integers(0, 3)), max_size=8))
def test_shortening_keeps_the_order_and_everything_of_rank_0(parts):
    least = joined(tuple(part for part in parts if part.rank == 0))

    assert shortened(tuple(parts), lambda text: len(text) <= len(least)) == least


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("a\n{{ desk }}[ since {{ on }}]\nb", {"on": "x"}, "a\nb"),
        ("a\n{{ desk }}[ since {{ on }}]\nb", {"desk": "d"}, "a\nd\nb"),
        ("a\n{{ desk }}[ since {{ on }}]\nb", {"desk": "d", "on": "x"}, "a\nd since x\nb"),
        ("[{{ on }} ]{{ desk }}", {"on": "x"}, ""),
        ("[{{ on }} ]{{ desk }}", {"desk": "d"}, "d"),
        ("a[, {{ on }}][. by {{ due }}]", {"due": "y"}, "a. by y"),
    ],
)
def test_a_line_with_an_absent_value_goes_with_all_that_stands_on_it(source, values, expected):
    context = Context(values, "en", {}, None)

    assert expected == joined(fill(parse(source), context, {"": lambda value, _: str(value)}, {}))


def test_an_empty_part_after_a_full_one_is_a_mistake():
    with pytest.raises(TemplateError, match="needs a"):
        parse("[{{ a }}][]")


def test_blanks_at_line_ends_are_stripped():
    assert joined((Filled("a ", 0), Filled("\n  b ", 0), Filled(" \n \nc", 0))) == "a\nb\nc"
    assert said("a[ {{ x }}] \n[{{ y }}] b") == "a\nb"
