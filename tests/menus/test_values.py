"""What a text may speak of: every value with the filters it takes, in the order it takes them."""

import pytest

from menus import values
from menus.inputs import Kind
from menus.ports import Case
from menus.templates import parse

KEPT = {"number": Kind.LETTER_NUMBER, "person": Kind.NATIONAL_ID, "words": Kind.FREE_TEXT, "sure": Kind.YES_NO, "day": Kind.DATE, "score": Kind.RATING}  # fmt: skip


def said_of(text, *, in_lines=False):
    (value,) = parse(text).values
    return values.misused(value, KEPT, in_lines=in_lines)


@pytest.mark.parametrize(
    "text",
    [
        "{{ case.number }}",
        "{{ case.number | digits }}",
        "{{ case.number | masked }}",
        "{{ case.number | masked | digits }}",
        "{{ case.number | digits | masked }}",
        "{{ case.phone | digits }}",
        "{{ case.year | digits }}",
        "{{ case.desk }}",
        "{{ case.state | label }}",
        "{{ case.due_on | day }}",
        "{{ case.due_on | relative }}",
        "{{ case.due_on | day | digits }}",
        "{{ case.changed_on | relative | digits }}",
        "{{ as_of | day }}",
        "{{ as_of | relative | digits }}",
        "{{ asked }}",
        "{{ asked | digits }}",
        "{{ typed.number }}",
        "{{ typed.number | digits }}",
        "{{ typed.day }}",
        "{{ typed.day | digits }}",
        "{{ typed.day | day }}",
        "{{ typed.day | relative }}",
        "{{ typed.day | day | digits }}",
        "{{ typed.score | digits }}",
        "{{ typed.words }}",
        "{{ typed.sure }}",
        "{{ typed.person | masked }}",
        "{{ typed.person | masked | digits }}",
    ],
)
def test_a_value_may_be_written_so(text):
    assert said_of(text) is None


@pytest.mark.parametrize("text", ["{{ item.desk }}", "{{ item.on | day }}", "{{ item.on | relative | digits }}"])
def test_an_item_is_known_in_lines_alone(text):
    assert said_of(text, in_lines=True) is None
    assert "is only known in lines:" in said_of(text)


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("{{ case.number | day }}", "case.number is written {{ case.number }}, and behind it | digits or | masked"),
        ("{{ case.number | digits | digits }}", "case.number is written {{ case.number }}"),
        ("{{ case.desk | digits }}", "case.desk is written {{ case.desk }}"),
        ("{{ case.desk | masked }}", "case.desk is written {{ case.desk }}"),
        ("{{ case.state }}", "case.state is written {{ case.state | label }}"),
        ("{{ case.state | label | digits }}", "case.state is written {{ case.state | label }}"),
        (
            "{{ case.due_on }}",
            "case.due_on is written {{ case.due_on | day }} or {{ case.due_on | relative }}, and behind it | digits",
        ),
        ("{{ case.due_on | digits }}", "case.due_on is written {{ case.due_on | day }} or"),
        ("{{ case.due_on | digits | day }}", "case.due_on is written {{ case.due_on | day }} or"),
        ("{{ case.due_on | day | relative }}", "case.due_on is written {{ case.due_on | day }} or"),
        ("{{ as_of }}", "as_of is written {{ as_of | day }} or {{ as_of | relative }}"),
        ("{{ typed.words | digits }}", "typed.words is written {{ typed.words }}"),
        ("{{ typed.sure | label }}", "typed.sure is written {{ typed.sure }}"),
        (
            "{{ typed.day | label }}",
            "typed.day is written {{ typed.day }} or {{ typed.day | day }} or {{ typed.day | relative }}, and behind it | digits",
        ),
        ("{{ typed.number | day }}", "typed.number is written {{ typed.number }}, and behind it | digits or | masked"),
    ],
)
def test_a_value_written_otherwise_is_refused_with_the_way_to_write_it(text, way):
    assert said_of(text).startswith(way)


@pytest.mark.parametrize(
    "text", ["{{ typed.person }}", "{{ typed.person | digits }}", "{{ typed.person | digits | masked }}"]
)
def test_a_persons_number_is_never_shown_whole(text):
    assert "typed.person is written {{ typed.person | masked }}, and behind it | digits" == said_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ case.steps }}",
        "{{ case.kind }}",
        "{{ case.secret }}",
        "{{ case.yaer }}",
        "{{ number }}",
        "{{ typed.pin }}",
        "{{ typed }}",
        "{{ case }}",
        "{{ case.desk.fa }}",
        "{{ typed.person.exact | masked }}",
    ],
)
def test_there_is_no_other_value(text):
    assert said_of(text).startswith("there is no value ")


def test_the_values_there_are_are_those_of_a_case_and_of_the_menus_inputs():
    told = values.known(KEPT)

    assert ("as_of", "asked", "case.answer_number") == told[:3]
    assert ("item.on", "typed.day", "typed.number", "typed.person", "typed.score") == told[-7:-2]


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("{{ case.yaer }}", "; did you mean case.year?"),
        ("{{ number }}", "; did you mean case.number?"),
        ("{{ typed.persn }}", "; did you mean typed.person?"),
        ("{{ person }}", "; did you mean typed.person?"),
        ("{{ typed.pin }}", ""),
    ],
)
def test_what_is_written_nearly_so_is_offered(text, instead):
    assert said_of(text).endswith(f"there is no value {text[3:-3]}{instead}")


def test_an_unknown_filter_is_told_with_those_there_are():
    assert "there is no filter upper; there are day, digits, label, masked, relative" == said_of("{{ asked | upper }}")


def test_every_field_of_a_case_has_a_sort_but_those_nobody_reads_out():
    told = {name for name in Case.__struct_fields__ if values.sort_of(("case", name), {}) is not None}

    assert set(Case.__struct_fields__) - {"steps", "kind", "secret", "citizen_phone", "proven"} == told


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_input_may_be_shown_somehow(kind):
    sort = values.sort_of(("typed", "it"), {"it": kind})

    assert ("masked" in sort.first) == (kind is Kind.NATIONAL_ID)
    assert values.sort_of(("typed", "it"), {}) is None
