"""`when:` on choices and on what follows an input: what is offered, and where it leads."""

from datetime import date, timedelta

import msgspec
import pytest

from menus import loader
from menus.alphabet import Capacity
from menus.ports import FINAL, Case, Found, Missing, Several, State
from menus.source import Faulty
from tests.menus.conftest import TODAY
from tests.menus.small import ASK_NUMBER, asking, files, small

CHOICES = """\
  found: status
status:
  text: "{{ case.number }}"
  choices:
    - always: {text: Always, next: main}
    - open: {text: Open, when: {state: [seen, in_progress]}, next: open}
    - late: {text: Late, when: {overdue: true}, next: late_one}
    - in_time: {text: In time, when: {overdue: false}, next: open}
    - answered: {text: Answered, when: {answer_number: true, state: [answered]}, next: open}
    - last_known: {text: Last known, when: {as_of: true}, next: open}
open: {text: Open. Phone 111}
late_one: {text: Late. Phone 111}
"""


def case(state=State.SEEN, **more):
    return Case("letter", "12345", state, **more)


def offered(her):
    """What the page says behind its first line, without 0 and 00."""
    words = her.text.split("\n", 1)[1].replace("\n", " ").split(")")
    names = [each.rstrip(" 0123456789") for each in words[1:]]
    return [name for name in names if name not in ("Back", "Menu")]


@pytest.fixture(scope="module")
def choosing():
    return small(ASK_NUMBER + CHOICES)


@pytest.mark.parametrize(
    ("answer", "names"),
    [
        (Found(case()), ["Always", "Open", "In time"]),
        (Found(case(State.REJECTED)), ["Always", "In time"]),
        (Found(case(State.ANSWERED, answer_number="5512")), ["Always", "In time", "Answered"]),
        (Found(case(State.CLOSED, answer_number="5512")), ["Always", "In time"]),
        (Found(case(due_on=TODAY - timedelta(days=1))), ["Always", "Open", "Late"]),
        (Found(case(due_on=TODAY)), ["Always", "Open", "In time"]),
        (Found(case(), as_of=date(2026, 11, 1)), ["Always", "Open", "In time", "Last known"]),
    ],
    ids=["open", "rejected", "answered", "closed", "late", "due today", "last known"],
)
def test_a_choice_is_offered_only_where_all_of_its_conditions_hold(citizen, choosing, answer, names):
    assert names == offered(citizen(office=answer, menu=choosing).opens("12345"))


def test_what_is_offered_is_numbered_without_gaps_and_each_number_leads_where_its_choice_does(citizen, choosing):
    her = citizen(office=Found(case(State.IN_PROGRESS, due_on=date(2026, 11, 1))), menu=choosing).opens("12345")

    assert her.text.startswith("12345\n1)Always 2)Open\n3)Late")
    assert {"1": 0, "2": 1, "3": 2} == her.page.keys
    assert "late_one" == her.types("3").at

    other = citizen(office=Found(case(State.ANSWERED, answer_number="5512")), menu=choosing).opens("12345")
    assert {"1": 0, "2": 3, "3": 4} == other.page.keys
    assert "open" == other.types("3").at


def test_a_number_that_is_not_offered_is_a_wrong_choice(citizen, choosing):
    her = citizen(office=Found(case()), menu=choosing).opens("12345")

    assert "status" == her.types("4").at
    assert her.text.startswith("A number please")
    assert ["Always", "Open", "In time"] == offered(her)


def test_the_keys_of_what_is_offered_are_the_same_on_all_pages(citizen):
    labels = "".join(f"    - c{n}: {{text: A rather long label {n}, when: {{state: [{'seen' if n % 2 else 'closed'}]}}, next: main}}\n" for n in range(8))  # fmt: skip
    menu = small(ASK_NUMBER + f"  found: status\nstatus:\n  text: Which?\n  choices:\n{labels}")
    her = citizen(office=Found(case()), menu=menu, capacity=Capacity(max_septets=60)).opens("12345")

    pages = [her.page]
    while her.page.more:
        pages.append(her.types("9").page)

    assert len(pages) > 1
    assert [{"1": 1, "2": 3, "3": 5, "4": 7}] * len(pages) == [page.keys for page in pages]
    assert "4)A rather long label 7" in pages[-1].text


def test_a_screen_whose_choices_are_all_withheld_ends_the_session(citizen):
    menu = small(ASK_NUMBER + '  found: status\nstatus:\n  text: "{{ case.number }}"\n  choices:\n    - late: {text: Late, when: {overdue: true}, next: main}\n')  # fmt: skip

    her = citizen(office=Found(case()), menu=menu).opens("12345")

    assert "12345" == her.text
    assert her.page.end


def test_the_one_picked_of_several_is_the_case_conditions_speak_of(citizen, choosing):
    menu = small(ASK_NUMBER + "  several: which\n" + CHOICES + 'which:\n  text: Which?\n  pick: "{{ case.year }}"\n  next: find\n')  # fmt: skip
    two = Several((case(year=1404), case(State.REJECTED, year=1405)))

    her = citizen(office=two, menu=menu).opens("12345")

    assert ["Always", "In time"] == offered(her.types("2"))
    assert ["Always", "Open", "In time"] == offered(her.types("0", "1"))


def test_before_any_answer_no_case_is_late_and_nothing_is_known_of_it(citizen):
    menu = small(
        "first:\n  text: Hello\n  choices:\n"
        "    - late: {text: Late, when: {overdue: true}, next: main}\n"
        "    - in_time: {text: In time, when: {overdue: false}, next: main}\n"
        "    - stated: {text: Stated, when: {state: true}, next: main}\n"
        "    - unstated: {text: Unstated, when: {state: false}, next: main}\n"
        "    - fresh: {text: Fresh, when: {as_of: false}, next: main}\n"
    )

    assert ["In time", "Unstated", "Fresh"] == offered(citizen(menu=menu).opens("01"))


# --- overdue ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(
    ("due_on", "late"),
    [(TODAY - timedelta(days=1), True), (TODAY, False), (TODAY + timedelta(days=1), False), (None, False)],
    ids=["yesterday", "today", "tomorrow", "no day"],
)
def test_overdue_is_what_was_owed_before_today_and_is_not_final(citizen, choosing, state, due_on, late):
    her = citizen(office=Found(case(state, due_on=due_on)), menu=choosing).opens("12345")

    assert (late and state not in FINAL) == ("Late" in offered(her))
    assert ("Late" in offered(her)) != ("In time" in offered(her))


def test_an_office_may_lead_by_overdue(citizen, every_input, letter):
    late = msgspec.structs.replace(letter, due_on=date(2026, 11, 21))

    assert "letter_open" == citizen(menu=every_input).opens("12345").at
    assert "letter_late" == citizen(office=Found(late), menu=every_input).opens("12345").at
    done = msgspec.structs.replace(late, state=State.ANSWERED)
    assert "letter_done" == citizen(office=Found(done), menu=every_input).opens("12345").at


# --- what was typed ---------------------------------------------------------------------------------------------------

RATED = """\
first:
  text: How was it?
  input: {as: rating, into: score}
  mistaken: {en: Between 1 and 5, fa: نشد}
  next:
    - {when: {typed.score: ["1", "2"]}, next: bad}
    - {when: {typed.score: ["3"]}, next: middling}
    - good
bad: {text: Bad}
middling: {text: Middling}
good:
  text: Good
  choices:
    - five: {text: Five, when: {typed.score: ["5"]}, next: main}
    - less: {text: Less, when: {typed.score: ["4"]}, next: main}
"""


@pytest.mark.parametrize(
    ("typed", "at"), [("1", "bad"), ("2", "bad"), ("۲", "bad"), ("3", "middling"), ("4", "good"), ("5#", "good")]
)
def test_an_input_leads_by_what_it_was_read_as(citizen, typed, at):
    assert at == citizen(menu=small(RATED)).opens("01").types(typed).at


def test_the_first_branch_that_holds_is_taken(citizen):
    menu = small(RATED.replace('["3"]', '["2", "3"]'))

    assert "bad" == citizen(menu=menu).opens("01").types("2").at


def test_a_choice_may_go_by_what_was_typed(citizen):
    her = citizen(menu=small(RATED)).opens("01")

    assert ["Five"] == offered(her.types("5"))
    assert ["Less"] == offered(her.types("0", "4"))


def test_a_dialled_argument_branches_as_if_it_were_typed(citizen):
    assert "bad" == citizen(menu=small(RATED)).opens("01", "1").at
    assert "good" == citizen(menu=small(RATED)).opens("01", "5").at


def test_a_mistaken_input_leads_nowhere_and_forgets_nothing(citizen):
    her = citizen(menu=small(RATED)).opens("01").types("5", "0", "6")

    assert "first" == her.at
    assert her.text.startswith("Between 1 and 5")
    assert "5" == her.dialogue.values["score"].exact


@pytest.mark.parametrize(("typed", "names"), [("نه", ["No"]), ("1", ["Yes"])])
def test_yes_and_no_are_words_to_go_by(citizen, typed, names):
    menu = asking(
        "yes_no",
        behind="  text: You said\n  choices:\n"
        '    - yes_: {text: "Yes", when: {typed.it: ["yes"]}, next: main}\n'
        '    - no_: {text: "No", when: {typed.it: ["no"]}, next: main}\n',
    )

    assert names == offered(citizen(menu=menu).opens("01").types(typed))


def test_whether_something_was_typed_at_all_may_be_gone_by(citizen):
    menu = small(
        "first:\n  text: Hello\n  choices:\n"
        "    - ask: {text: Ask, next: ask_words}\n"
        "    - said: {text: Said, when: {typed.words: true}, next: main}\n"
        "    - silent: {text: Silent, when: {typed.words: false}, next: main}\n"
        "ask_words:\n  text: Words?\n  input: {as: free_text, into: words}\n  mistaken: {en: What?, fa: نشد}\n  next: first\n"
    )
    her = citizen(menu=menu).opens("01")

    assert ["Ask", "Silent"] == offered(her)
    assert ["Ask", "Said"] == offered(her.types("1", "no answer came"))


def test_an_outcome_may_lead_by_what_was_typed(citizen):
    menu = small(
        ASK_NUMBER + '  found: status\n  missing:\n    - {when: {typed.number: ["12345"]}, next: known}\n    - other\n'
        'status: {text: "{{ case.number }}"}\nknown: {text: Known. Phone 111}\nother: {text: Other. Phone 111}\n'
    )

    assert "known" == citizen(office=Missing(), menu=menu).opens("12345").at
    assert "other" == citizen(office=Missing(), menu=menu).opens("777").at


# --- what an author may get wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("typed.score: [\"1\", \"2\"]", "typed.scor: [\"1\"]", "there is no typed.scor to go by; did you mean typed.score? There are as_of, overdue, down, kind, number, state"),
        ("typed.score: [\"1\", \"2\"]", "score: [\"1\"]", "there is no score to go by; did you mean typed.score? There are as_of, overdue"),
        ("typed.score: [\"1\", \"2\"]", "colour: true", "there is no colour to go by"),
        ("typed.score: [\"1\", \"2\"]", "typed.score: [1, 2]", "true (there is one), false (there is none), or a list of words was expected"),
        ("typed.score: [\"1\", \"2\"]", "typed.score: \"1\"", "or a list of words was expected"),
        ("typed.score: [\"1\", \"2\"]", "overdue: [seen]", "overdue is true or false"),
        ("typed.score: [\"1\", \"2\"]", "as_of: [today]", "as_of is true or false"),
        ("typed.score: [\"1\", \"2\"]", "state: [late]", "late is no state; there are received, registered"),
    ],
)  # fmt: skip
def test_a_condition_nobody_can_go_by_is_told_on_its_line(old, new, says):
    written = files(RATED.replace(old, new))
    with pytest.raises(Faulty) as found:
        loader.load(written.items(), {"letters"})

    (fault,) = found.value.faults
    assert new in written[fault.file].split("\n")[fault.line - 1]
    assert says in fault.message


def test_the_last_branch_of_an_input_stands_alone_and_nothing_behind_it():
    for text, says in [
        (RATED.replace("    - good\n", ""), "the last of the branches must be a screen alone"),
        (
            RATED.replace("    - good\n", "    - good\n    - bad\n"),
            "what stands behind a screen alone is never reached",
        ),
    ]:
        with pytest.raises(Faulty, match=says):
            small(text)
