"""What `cases` finds in an answer: records, none, or that its file is wrong."""

import pytest

from adapters.contract import BackendGarbage
from adapters.records import Records

ROW = {"no": "12345"}


@pytest.mark.parametrize(
    ("cases", "said", "records"),
    [
        ("letters", {"letters": [ROW]}, [ROW]),
        ("letters", {"letters": ROW}, [ROW]),
        ("letters", {"letters": []}, []),
        ("letters", {"letters": None}, []),
        ("letters", {}, []),
        ("letters", [], []),
        ("letters", None, []),
        ("a.b.c", {"a": None}, []),
        ("a.b.c", {"a": {}}, []),
        ("a.b.c", {"a": {"b": ""}}, []),
        ("a.items || b", {"b": [ROW]}, [ROW]),
        ("a.items || b", {"b": None}, []),
        ("@", [], []),
        ("[0]", [], []),
        ("letters[?no == `1`]", {"letters": [ROW]}, []),
        ("letters[0]", {"letters": []}, []),
        ("letters[?no == `1`] | [0]", {"letters": [ROW]}, []),
    ],
)
def test_an_empty_place_is_no_case(cases, said, records):
    assert records == Records(cases).of(said)


@pytest.mark.parametrize(
    ("cases", "said", "why"),
    [
        ("caze", {"case": ROW, "count": 1}, "no `caze`; there is: case, count"),
        ("a.letter", {"a": {"letters": [ROW]}}, "no `letter`; there is: letters"),
        ("letters.item", {"letters": [ROW]}, "no `item`; there is no name, but a list"),
        ("result.item", {"result": "none"}, "no `item`; there is no name, but a text"),
        ("a.items || b", {"c": [ROW]}, "no `b`; there is: c"),
        ("letter[0]", {"letters": [ROW]}, "no `letter`; there is: letters"),
        ("letter[?no == `1`].x | [0]", {"letters": [ROW]}, "no `letter`; there is: letters"),
        ("x", {f"n{place}": 1 for place in range(13)}, "no `x`; there is: " + ", ".join(f"n{place}" for place in range(12)) + ", ..."),
    ],
)  # fmt: skip
def test_a_place_that_is_not_there_is_no_answer_and_what_is_there_is_told(cases, said, why):
    with pytest.raises(BackendGarbage) as garbage:
        Records(cases).of(said)

    assert "its records cannot be found: cases names nothing in the answer" == str(garbage.value)
    assert f"cases: `{cases}` names nothing in the answer: {why}" == str(garbage.value.__cause__)
