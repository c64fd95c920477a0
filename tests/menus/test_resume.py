"""`next: previous`, and what a caller finds who dials again in the middle of an entry."""

import msgspec
import pytest

from gateway.menu_files import House, loaded
from menus import loader, machine
from menus.alphabet import Capacity
from menus.ports import Found, Missing, Reference, Unavailable
from menus.source import Faulty
from tests.menus.conftest import EVERY_INPUT, SHIPPED
from tests.menus.small import ASK_NUMBER, SHARED, files, small

# --- previous ---------------------------------------------------------------------------------------------------------

ROUND = """\
first:
  text: First
  choices:
    - go: {text: Go, next: second}
second:
  text: Second
  choices:
    - back: {text: Back again, next: previous}
    - go: {text: Go, next: third}
third:
  text: Third
  choices:
    - back: {text: Back again, next: previous}
"""


def test_a_choice_that_leads_to_previous_leads_where_0_does(citizen):
    by_choice = citizen(menu=small(ROUND)).opens().types("1", "1", "2", "1", "1", "0")
    by_0 = citizen(menu=small(ROUND)).opens().types("1", "1", "2", "0", "0", "0")

    assert ["main", "first", "second", "third", "second", "first", "main"] == by_choice.seen == by_0.seen


def test_previous_leaves_nothing_behind_to_come_back_to(citizen):
    her = citizen(menu=small(ROUND)).opens().types("1", "1", "2", "1")

    assert ("second", ("main", "first")) == (her.at, her.dialogue.trail)


def test_with_nothing_behind_previous_is_the_main_menu(citizen):
    menu = small("first:\n  text: First\n  choices:\n    - back: {text: Back again, next: previous}\n")

    her = citizen(menu=menu).opens("01")

    assert ("first", ()) == (her.at, her.dialogue.trail)
    assert "main" == her.types("1").at


def test_from_a_later_page_previous_leaves_the_screen(citizen):
    menu = small(ROUND.replace("text: Second", f"text: {'many words ' * 30}end"))
    her = citizen(menu=menu).opens().types("1", "1", "9")
    assert 1 == her.dialogue.page

    assert "first" == her.types("1").at
    assert 0 == her.dialogue.page


def test_previous_keeps_what_was_typed_and_the_office_is_not_asked_again(citizen):
    menu = small(ASK_NUMBER + '  found: status\nstatus:\n  text: "{{ case.number }}"\n  choices:\n    - go: {text: Go, next: more}\nmore:\n  text: "{{ typed.number }}"\n  choices:\n    - back: {text: Back again, next: previous}\n')  # fmt: skip
    her = citizen(menu=menu).opens("01", "12345").types("1")

    assert her.text.startswith("12345\n1)Back again")
    assert "status" == her.types("1").at
    assert 1 == len(her.asks)


def test_after_a_missing_number_previous_leads_to_the_entry_again(citizen, every_input):
    her = citizen(office=Missing(), menu=every_input).opens().types("2", "2001000344")
    assert ("missing", "شماره 2001000344 پیدا نشد.\nتلفن 111\n1)دوباره 0)بازگشت") == (her.at, her.text)

    her.types("1")

    assert ("ask_code", ("main",)) == (her.at, her.dialogue.trail)


def test_a_choice_of_a_language_that_leads_to_previous_says_the_screen_behind_in_that_language(citizen):
    menu = small(
        "first:\n  text: {en: Hello, fa: سلام}\n  choices:\n    - language: {text: Language, next: second}\n"
        "second:\n  text: Which?\n  choices:\n    - fa: {text: فارسی, language: fa, next: previous}\n"
    )

    her = citizen(menu=menu).opens().types("1", "1", "1")

    assert ("first", "fa") == (her.at, her.dialogue.language)
    assert her.text.startswith("سلام")


def test_no_choice_leads_to_a_screen_that_is_called_previous():
    written = files(
        "first:\n  text: Hello\n  choices: [{back: {text: Back again, next: previous}}]\nprevious: {text: Phone 111}\n"
    )

    with pytest.raises(Faulty, match=r"letters\.yaml:6: previous"):
        loaded(list(written.items()), House(routes={"letters"}, capacities={"ussd": Capacity()}))


@pytest.mark.parametrize(
    ("screens", "line"),
    [
        ("first:\n  text: Which?\n  input: {as: rating, into: it}\n  mistaken: {en: x, fa: x}\n  next: previous\n", 7),
        (ASK_NUMBER + "  found: previous\n", 11),
    ],
    ids=["behind an input", "behind an outcome"],
)
def test_only_a_choice_leads_to_previous(screens, line):
    with pytest.raises(Faulty) as found:
        small(screens)

    assert [("letters.yaml", line, "there is no screen previous")] == [
        (fault.file, fault.line, fault.message) for fault in found.value.faults
    ]


# --- resume -----------------------------------------------------------------------------------------------------------


def test_who_dials_again_in_the_middle_of_an_entry_is_asked_whether_to_go_on(citizen):
    before = citizen().opens().types("1").dialogue

    her = citizen().opens(before=before)

    assert "resume" == her.at
    assert "نیمه‌کاره ماند. ادامه می‌دهید؟\n1)ادامه 2)از اول\n0)بازگشت" == her.text
    assert not her.page.end
    assert [] == her.asks


@pytest.mark.parametrize("key", ["1", "0"])
def test_going_on_and_0_both_lead_to_the_entry_with_its_way_back(citizen, key):
    before = citizen().opens().types("1").dialogue

    her = citizen().opens(before=before).types(key)

    assert ("ask_letter_number", ("main",)) == (her.at, her.dialogue.trail)
    her.types("12345", "0", "0")
    assert ["letter_status", "ask_letter_number", "main"] == her.seen[-3:]


def test_starting_again_leads_to_the_main_menu_with_nothing_behind(citizen):
    before = citizen().opens().types("1").dialogue

    for key in ("2", "00"):
        her = citizen().opens(before=before).types(key)
        assert ("main", ()) == (her.at, her.dialogue.trail)


def test_what_she_typed_and_the_language_she_chose_are_there_again(citizen, every_input):
    before = citizen(menu=every_input).opens("03", "12345679").types("1405*9*30").dialogue
    before = msgspec.structs.replace(before, language="en")

    her = citizen(menu=every_input).opens(before=before)
    assert her.text.startswith("You were in the middle of something.\n1)Go on")
    her.types("1")

    assert "Number 001xxxxx79\nday 1405/09/30\nIs that right? 1 yes, 2 no\n0)Back" == her.text
    assert Reference(*["0012345679"] * 3) == her.dialogue.values["person"]
    assert "visit_noted" == her.types("1").at


def test_going_on_after_a_mistake_asks_again_in_the_screens_own_words(citizen):
    asked = citizen().opens().types("1")
    before = asked.types("سلام").dialogue
    assert before.mistaken

    her = citizen().opens(before=before).types("1")

    assert her.text.startswith("شماره نامه را وارد کنید")


def test_going_on_from_a_later_page_begins_at_the_first(citizen):
    menu = loader.load(files("first:\n  text: " + "many words " * 30 + "end\n  input: {as: rating, into: it}\n  mistaken: {en: x, fa: x}\n  next: main\n").items(), {"letters"})  # fmt: skip
    before = citizen(menu=menu).opens("01").types("9").dialogue
    assert 1 == before.page

    her = citizen(menu=menu).opens(before=before).types("1")

    assert ("first", 0, True) == (her.at, her.dialogue.page, her.page.more)


def test_the_new_dialogue_has_its_own_id_and_counts_its_own_turns(citizen, menu):
    before = msgspec.structs.replace(citizen().opens().types("1").dialogue, id="old", turns=7)
    fresh = machine.begin(menu, "ussd", dialogue_id="new")

    step = machine.step(menu, fresh, machine.Opened(before=before), None)

    assert ("new", 1) == (step.dialogue.id, step.dialogue.turns)


def test_the_way_back_survives_the_longest_trail(citizen):
    before = citizen().opens().types("1").dialogue
    before = msgspec.structs.replace(before, trail=("main",) * 3 + ("help",) * 5)

    her = citizen().opens(before=before)
    assert len(her.dialogue.trail) <= machine.MAX_TRAIL

    assert "ask_letter_number" == her.types("1").at


def test_an_answer_she_had_before_the_entry_is_still_what_the_screens_behind_it_show(citizen, every_input, letter):
    done = Found(msgspec.structs.replace(letter, state="closed"))
    before = citizen(office=done, menu=every_input).opens("02", "2001000344").types("1").dialogue
    assert "ask_score" == before.at

    her = citizen(menu=every_input).opens(before=before).types("1", "0")

    assert "case_found" == her.at
    assert her.text.startswith("شماره 12345\nرسیدگی تمام شد\n1)نظر شما")


# --- where nothing is resumed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "entry", "at"),
    [
        (("12345",), None, "letter_status"),
        (("220", "1396", "54321"), None, "letter_status"),
        (("02",), None, "ask_request_code"),
        ((), "requests", "ask_request_code"),
    ],
    ids=["a number", "parts", "an entry code", "a keyword"],
)
def test_what_is_dialled_wins_over_what_was_left(citizen, arguments, entry, at):
    before = citizen().opens().types("1").dialogue

    her = citizen().opens(*arguments, entry=entry, before=before)

    assert at == her.at
    assert "resume" not in her.dialogue.trail


@pytest.mark.parametrize(
    "typed",
    [(), ("3",), ("4",), ("1", "12345"), ("1", "12345", "1")],
    ids=["main", "help", "language", "status", "steps"],
)
def test_a_screen_that_asks_for_nothing_is_not_resumed(citizen, typed):
    before = citizen().opens().types(*typed).dialogue

    her = citizen().opens(before=before)

    assert ("main", (), {}) == (her.at, her.dialogue.trail, her.dialogue.values)


def test_an_ask_that_waits_and_a_screen_that_is_gone_are_not_resumed(citizen, menu):
    waiting = machine.step(menu, machine.begin(menu, "ussd"), machine.Opened(("12345",)), None).dialogue
    gone = msgspec.structs.replace(citizen().opens().types("1").dialogue, at="ask_nothing")

    assert ["main", "main"] == [citizen().opens(before=before).at for before in (waiting, gone)]


def test_without_anything_before_a_dial_is_the_main_menu(citizen):
    assert "main" == citizen().opens(before=None).at


@pytest.mark.parametrize("typed", ["7", "سلام", "12345"])
def test_anything_else_is_a_wrong_choice_of_the_question_whether_to_go_on(citizen, menu, typed):
    before = citizen().opens().types("1").dialogue

    her = citizen().opens(before=before).types(typed)

    assert "resume" == her.at
    assert her.text.startswith(menu.wrong_choice["fa"].source)
    assert "ask_letter_number" == her.types("1").at


@pytest.mark.parametrize("folder", [SHIPPED, EVERY_INPUT], ids=lambda folder: folder.name)
def test_every_entry_of_our_menus_can_be_resumed(citizen, folder):
    menu = loader.load([(path.name, path.read_text("utf-8")) for path in sorted(folder.glob("*.yaml"))], {"letters", "requests"})  # fmt: skip
    asking = [node.name for node in menu.nodes.values() if getattr(node, "input", None)]

    for name in asking:
        before = msgspec.structs.replace(machine.begin(menu, "ussd"), at=name)
        assert machine.unfinished(menu, before)
        assert name == citizen(menu=menu).opens(before=before).types("1").at


def test_a_menu_without_the_question_is_refused():
    written = files("first: {text: Hello}\n")
    written["common.yaml"] = SHARED[: SHARED.index("resume:")]

    with pytest.raises(Faulty, match="resume: is missing; no file of this menu has it"):
        loader.load(written.items(), {"letters"})


def test_the_question_is_a_screen_and_no_ask():
    written = files("first: {text: Hello}\n")
    written["common.yaml"] = SHARED[: SHARED.index("resume:")] + "resume: {ask: escalate, done: main}\n"

    with pytest.raises(Faulty, match="resume is said where nothing can be asked: a screen"):
        loader.load(written.items(), {"letters"})


# --- rate -------------------------------------------------------------------------------------------------------------


def test_a_rating_is_asked_of_the_gateway_with_the_score(citizen, every_input, letter):
    done = Found(msgspec.structs.replace(letter, state="closed"))
    her = citizen(office=done, menu=every_input).opens("02", "2001000344").types("1", "۵")

    assert ("rate", Reference("5", "5", "5", "۵")) == (her.asks[-1].route, her.asks[-1].reference)
    assert "score_kept" == her.at


def test_a_rating_leaves_the_case_and_the_last_question_as_they_were(citizen, every_input, letter):
    done = Found(msgspec.structs.replace(letter, state="closed"))
    her = citizen(office=done, menu=every_input).opens("02", "2001000344").types("1", "5")

    assert (done, "find_request") == (her.dialogue.held, her.dialogue.asked)


def test_a_rating_that_could_not_be_kept_is_said(citizen, every_input, letter):
    done = Found(msgspec.structs.replace(letter, state="closed"))
    her = citizen(office=done, menu=every_input, service=Unavailable()).opens("02", "2001000344").types("1", "1")

    assert ["case_found", "ask_score", "score_not_kept"] == her.seen
    assert "rate" == her.asks[-1].route


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        ("ask: rate\n  done: main\n", "rate is asked with: {score: (name of an input)}"),
        ("ask: rate\n  with: {number: it}\n  done: main\n", "rate takes score, not number"),
        ("ask: rate\n  with: {score: number}\n  done: main\n", "no input is kept as number (input: {into: ...})"),
        ("ask: rate\n  with: {score: it}\n", "keep asks rate but says nothing for done:"),
    ],
)
def test_a_rating_asked_otherwise_is_refused(ask, says):
    with pytest.raises(Faulty) as found:
        small(
            f"first:\n  text: Which?\n  input: {{as: rating, into: it}}\n  mistaken: {{en: x, fa: x}}\n  next: keep\nkeep:\n  {ask}"
        )

    assert says in [fault.message for fault in found.value.faults]


def test_what_is_rated_with_is_a_rating():
    with pytest.raises(Faulty, match="it is no input of the kind rating"):
        small("first:\n  text: Which?\n  input: {as: yes_no, into: it}\n  mistaken: {en: x, fa: x}\n  next: keep\nkeep:\n  ask: rate\n  with: {score: it}\n  done: main\n")  # fmt: skip
