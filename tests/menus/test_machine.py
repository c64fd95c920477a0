"""Stories: a citizen dials, types and reads, with the shipped menu, and an office that answers what the story says."""

from datetime import date

import msgspec
import pytest

from menus import inputs, machine, render
from menus.alphabet import Capacity, segments
from menus.definition import ScreenDef
from menus.inputs import Mistake
from menus.keywords import opened_by
from menus.machine import Answered, Opened, Typed
from menus.ports import (
    Ask,
    Case,
    CaseStep,
    Done,
    Found,
    Late,
    Missing,
    Reference,
    Refused,
    Several,
    State,
    Unavailable,
)

LANGUAGES = ["fa", "ar", "en"]
SMS = Capacity(parts=3)
NUMBER = Reference("12345", "12345", "12345")


def letters(count):
    """So many letters of one number, in as many years."""
    return Several(
        tuple(
            Case(
                kind="letter",
                number="12345",
                state=State.REGISTERED,
                organisation={"fa": "استانداری", "en": "Governor"},
                year=1380 + row,
                due_on=date(2026, 11, 29),
            )
            for row in range(count)
        )
    )


# --- to a letter's status -------------------------------------------------------------------------------------------


def test_from_the_main_menu_to_a_letters_status(citizen):
    her = citizen().opens()
    assert her.at == "main"
    assert her.page.keys == {"1": 0, "2": 1, "3": 2, "4": 3}

    her.types("1")
    assert her.at == "ask_letter_number"
    assert not her.page.end

    her.types("۱۲۳۴۵")
    assert her.asks == [Ask("letters", 3, Reference("12345", "12345", "12345", typed="۱۲۳۴۵"))]
    assert her.at == "letter_status"
    assert her.text.startswith("نامه 12345\nدر حال بررسی\nپاسخ تا 09/08\nدفتر حقوقی")

    her.types("1")
    assert her.at == "letter_steps"
    assert her.text.startswith("مراحل، از آخر:\n08/15 دفتر حقوقی\n08/14 معاونت عمرانی")

    her.types("9")
    assert her.text.startswith("08/13 دفتر استاندار\n08/12 دبیرخانه")


def test_everything_in_one_dial(citizen):
    her = citizen().opens("12345")

    assert her.at == "letter_status"
    assert her.asks == [Ask("letters", 1, NUMBER)]


def test_the_parts_of_a_number_dialled_apart_are_one_number(citizen):
    her = citizen().opens("220", "1396", "54321")

    assert her.asks[0].reference.exact == "220/1396/54321"


def test_an_entry_code_leads_to_its_journey(citizen, request_lacking):
    her = citizen(office=Found(request_lacking)).opens("02")
    assert her.at == "ask_request_code"

    her.types("2001000344")
    assert her.at == "request_lacks"
    assert "کپی شناسنامه" in her.text


def test_an_entry_code_and_its_argument_in_one_dial(citizen, request_lacking):
    her = citizen(office=Found(request_lacking)).opens("02", "2001000344")

    assert her.asks == [Ask("requests", 1, Reference("2001000344", "2001000344", "2001000344"))]
    assert her.at == "request_lacks"


def test_the_code_of_letters_is_never_taken_for_a_number(citizen):
    assert citizen().opens("01", "12345").asks[0].reference == NUMBER


def test_a_number_may_begin_with_a_zero_that_is_no_entry_code(citizen):
    assert citizen().opens("012345").asks[0].reference == Reference("12345", "12345", "12345", typed="012345")


def test_a_wrong_argument_behind_an_entry_code_says_what_is_wrong(citizen, menu):
    her = citizen().opens("02", "2001000352")

    assert her.at == "ask_request_code"
    assert her.asks == []
    assert her.text.startswith(said(menu, "ask_request_code", Mistake.CHECK_DIGIT))


@pytest.mark.parametrize(("wire", "at"), [("ussd", "session_ended"), ("sms", "not_understood")])
def test_arguments_that_are_no_number(citizen, wire, at):
    her = citizen(wire=wire).opens("سلام")

    assert her.at == at
    assert her.asks == []


def test_a_chain_with_a_menu_digit_first_that_is_no_number_is_a_session_we_no_longer_know(citizen):
    her = citizen(office=Missing()).opens("1", "12345")

    assert her.asks[0].reference.exact == "1/12345"
    assert her.at == "session_ended"


def test_a_chain_with_a_menu_digit_first_may_be_a_number(citizen):
    assert citizen().opens("1", "12345").at == "letter_status"


def test_behind_an_entry_code_or_by_sms_a_digit_first_is_no_chain(citizen):
    assert citizen(office=Missing()).opens("01", "1", "12345").at == "letter_missing"
    assert citizen(office=Missing(), wire="sms").opens("1", "12345").at == "letter_missing"


def test_a_keyword_opens_its_journey(citizen):
    assert citizen(wire="sms", capacity=SMS).opens("12345", entry="letters").at == "letter_status"
    assert citizen(wire="sms", capacity=SMS).opens(entry="requests").at == "ask_request_code"


# --- 0, 00, 9 and what is mistyped ----------------------------------------------------------------------------------


def test_0_leads_back_step_by_step(citizen):
    her = citizen().opens().types("1", "12345", "1")

    her.types("0", "0", "0", "0")

    assert her.seen[-5:] == ["letter_steps", "letter_status", "ask_letter_number", "main", "main"]
    assert len(her.asks) == 1


@pytest.mark.parametrize("key", ["00", "۰۰", "٠٠", " 00# "])
def test_00_leads_to_the_main_menu_and_nothing_is_behind_it(citizen, key):
    her = citizen().opens().types("1", "12345", "1", key)

    assert her.at == "main"
    assert her.dialogue.trail == ()


def test_9_turns_the_page_and_0_turns_it_back(citizen):
    her = citizen().opens().types("3")
    first = her.text
    assert her.page.more

    her.types("9")
    second = her.text
    her.types("0")

    assert her.seen == ["main", "help", "help", "help"]
    assert second != first
    assert her.text == first


def test_9_leads_through_all_pages_and_no_further(citizen):
    her = citizen().opens().types("3")
    texts = [her.page.glue + her.page.body]
    while her.page.more:
        her.types("9")
        texts.append(her.page.glue + her.page.body)
    last = her.dialogue.page

    assert len(texts) == her.dialogue.pages == last + 1
    her.types("9")
    assert her.at == "help"


def test_a_choice_may_be_typed_from_any_page(citizen):
    her = citizen().opens().types("3")
    assert her.page.more

    assert her.types("1").at == "ask_letter_number"


def test_9_is_a_letter_number_where_there_is_no_more(citizen):
    her = citizen().opens().types("1", "9")

    assert her.asks[0].reference.exact == "9"


@pytest.mark.parametrize("typed", ["7", "abc", "", "*", "1 2", "سلام", "²", "११"])
def test_a_wrong_choice_is_answered_with_the_same_choices(citizen, typed, menu):
    her = citizen().opens()
    keys = her.page.keys

    her.types(typed)

    assert her.at == "main"
    assert her.page.keys == keys
    assert her.text.startswith(menu.wrong_choice["fa"].source)


@pytest.mark.parametrize("typed", ["1", "۱", "١", " 1 ", "1#", "１"])
def test_a_choice_in_any_digits(citizen, typed):
    assert citizen().opens().types(typed).at == "ask_letter_number"


def test_after_a_wrong_choice_the_screen_itself_comes_back_on_its_way(citizen):
    her = citizen().opens()
    plain = her.text

    her.types("7", "1", "0")

    assert her.text == plain


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("entry", ["01", "02"])
def test_a_mistaken_input_says_what_is_wrong_with_an_example_that_is_right(citizen, menu, entry, language):
    her = citizen(language=language).opens(entry)
    asked_on = her.at

    her.types("سلام")

    assert her.at == asked_on
    assert her.asks == []
    assert her.text.startswith(said(menu, asked_on, Mistake.MALFORMED, language))
    example = her.text.partition(": ")[2].split("\n")[0]
    assert her.types(example).asks


def test_a_wrong_check_digit_is_not_asked_of_the_office(citizen, menu):
    her = citizen().opens("02").types("2001000352")

    assert her.asks == []
    assert her.text.startswith(said(menu, "ask_request_code", Mistake.CHECK_DIGIT))


def test_a_mistake_longer_than_a_page_is_read_to_its_end(citizen, menu):
    her = citizen(capacity=Capacity(max_septets=100, max_units=45)).opens("02", "2001000352")
    body = her.page.body
    while her.page.more:
        her.types("9")
        body += her.page.glue + her.page.body

    assert body == said(menu, "ask_request_code", Mistake.CHECK_DIGIT)


def said(menu, name, mistake, language="fa"):
    return menu.nodes[name].mistaken[mistake][language].source


def test_a_mistake_leaves_the_way_back(citizen):
    assert citizen().opens().types("1", "سلام", "0").at == "main"


# --- languages ------------------------------------------------------------------------------------------------------


def test_the_language_she_chooses_stays(citizen):
    her = citizen().opens().types("4", "3")
    assert her.at == "main"
    assert her.text.startswith("Rasad Khuzestan")

    her.types("1", "12345")
    assert her.text.startswith("Letter 12345\nUnder review\nAnswer due by 29 Nov")


def test_in_arabic_the_days_are_jalali(citizen):
    her = citizen().opens().types("4", "2")
    assert her.at == "main"
    assert "1)متابعة كتاب" in her.text

    her.types("1", "12345")
    assert her.text.startswith("الكتاب 12345\nقيد الدراسة\nالرد حتى 09/08\nالقانونية\n1)المراحل 2)إشعار")


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_language_she_reads_the_way_to_the_others_is_in_their_own_letters(citizen, language):
    own = {"fa": "فارسی", "ar": "العربية", "en": "English"}
    her = citizen(language=language).opens()
    label = her.text.partition("4)")[2].split("\n")[0]

    assert set(label.split("/")) == set(own.values()) - {own[language]}
    for place, name in enumerate(own.values(), start=1):
        assert f"{place})" + name in citizen(language=language).opens().types("4").text


def test_a_language_this_menu_has_not_is_the_default(menu):
    assert machine.begin(menu, "ussd", "de").language == "fa"
    assert machine.begin(menu, "ussd", None).language == "fa"
    assert machine.begin(menu, "ussd", "en").language == "en"


# --- what an office may answer --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "answer_number", "at"),
    [
        (State.CLOSED, "5512", "letter_finished"),
        (State.CLOSED, None, "letter_closed"),
        (State.CLOSED, "", "letter_closed"),
        (State.ANSWERED, "5512", "letter_answered"),
        (State.ANSWERED, None, "letter_answered"),
        (State.REJECTED, None, "letter_rejected"),
        (State.IN_PROGRESS, "5512", "letter_status"),
        (State.UNKNOWN, None, "letter_status"),
    ],
)
def test_each_state_has_its_screen(citizen, letter, state, answer_number, at):
    case = msgspec.structs.replace(letter, state=state, answer_number=answer_number)

    her = citizen(office=Found(case)).opens("12345")

    assert her.at == at
    assert ("5512" in her.text) == (answer_number == "5512" and at != "letter_status")


def test_closed_without_an_answer_is_said_with_a_phone(citizen, letter):
    case = msgspec.structs.replace(letter, state=State.CLOSED)

    her = citizen(office=Found(case)).opens("12345")
    assert "پاسخی ثبت نشده" in her.text

    while her.page.more:
        her.types("9")
    assert her.at == "letter_closed"
    assert "06133360001" in her.text


def test_nothing_found_offers_another_number_and_help(citizen):
    her = citizen(office=Missing()).opens("99999")
    assert her.at == "letter_missing"

    assert her.types("1").at == "ask_letter_number"
    her.types("88888")
    assert her.asks[-1].reference.exact == "88888"
    assert her.types("2").at == "help"


def test_a_refusal_ends_the_session(citizen):
    her = citizen(office=Refused()).opens("99999")

    assert her.at == "refused"
    assert her.page.end


def test_a_late_office_is_escalated_and_then_promised(citizen):
    her = citizen(office=Late()).opens("12345")

    assert [ask.route for ask in her.asks] == ["letters", "escalate"]
    assert her.asks[0].reference == NUMBER
    assert her.at == "promised"
    assert her.page.end


def test_nothing_is_promised_when_the_promise_cannot_be_kept(citizen):
    her = citizen(office=Late(), service=Unavailable()).opens("12345")

    assert her.at == "unavailable_for_now"
    assert her.page.end


def test_by_sms_the_promise_is_silent(citizen):
    assert citizen(office=Late(), wire="sms", capacity=SMS).opens("12345").screen.silent
    assert not citizen(office=Late()).opens("12345").screen.silent


def test_an_unavailable_office_offers_the_answer_by_sms(citizen):
    her = citizen(office=Unavailable()).opens("12345")
    assert her.at == "unavailable"
    assert [ask.route for ask in her.asks] == ["letters"]

    her.types("1")
    assert her.asks[-1] == Ask("escalate", 2, None)
    assert her.at == "will_text"
    assert her.page.end


def test_by_sms_a_status_is_one_message(citizen, letter):
    her = citizen(wire="sms", capacity=SMS).opens("12345")

    assert her.text.startswith("رصد: نامه 12345 در حال بررسی، دفتر حقوقی، از 08/19")
    assert segments(her.text) == 1
    assert her.page.keys == {}


def test_by_sms_the_least_important_goes_first(citizen, letter):
    wordy = msgspec.structs.replace(letter, number="220/1396/54321", desk={"fa": "امور مالی"})

    her = citizen(office=Found(wordy), wire="sms", capacity=SMS).opens("220", "1396", "54321")

    assert "امور مالی" in her.text
    assert "08/19" not in her.text
    assert segments(her.text) == 1


# --- several --------------------------------------------------------------------------------------------------------


def test_several_letters_are_a_choice(citizen):
    her = citizen(office=letters(3)).opens("12345")
    assert her.at == "which_letter"
    assert her.page.keys == {"1": 0, "2": 1, "3": 2}
    assert "2)استانداری 1381" in her.text

    her.types("2")
    assert her.at == "letter_status"
    assert her.dialogue.picked == 1
    assert len(her.asks) == 1


def test_from_the_picked_letter_0_leads_back_to_the_list(citizen):
    her = citizen(office=letters(3)).opens("12345")
    listed = her.text

    her.types("2", "0")
    assert her.at == "which_letter"
    assert her.text == listed

    her.types("3")
    assert her.dialogue.picked == 2


def test_the_one_picked_decides_the_screen(citizen, letter):
    closed = msgspec.structs.replace(letter, state=State.CLOSED, answer_number="5512")

    her = citizen(office=Several((letter, closed))).opens("12345")

    assert her.types("2").at == "letter_finished"
    assert her.types("0", "1").at == "letter_status"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("wanted", [0, 7, 8, 11, machine.MAX_CASES - 1])
def test_a_list_longer_than_a_page_can_be_picked_from_to_its_end(citizen, wanted, language):
    her = citizen(office=letters(machine.MAX_CASES), language=language).opens("12345")
    while wanted not in her.page.keys.values():
        her.types("9")
    key = next(key for key, place in her.page.keys.items() if place == wanted)

    her.types(key)

    assert her.at == "letter_status"
    assert her.dialogue.picked == wanted


def test_a_number_that_is_not_on_this_page_of_the_list_is_a_wrong_choice(citizen):
    her = citizen(office=letters(3)).opens("12345").types("4")

    assert her.at == "which_letter"
    assert her.dialogue.picked is None


def test_a_new_answer_forgets_what_was_picked(citizen):
    her = citizen(office=letters(3)).opens("12345").types("2", "00", "1")
    her.office = Missing()

    her.types("777")

    assert her.dialogue.picked is None
    assert her.at == "letter_missing"


# --- between two events ---------------------------------------------------------------------------------------------

STORIES = {
    "a letter through the menu": (None, (), ("1", "12345", "1", "0", "0", "0")),
    "in one dial": (None, ("220", "1396", "54321"), ("1", "00")),
    "lost and found": (Missing(), ("1", "1396", "54321"), ("00", "1", "777", "2", "9", "0")),
    "promised": (Late(), ("12345",), ()),
    "unavailable": (Unavailable(), ("12345",), ("1",)),
    "a long list": (letters(20), ("12345",), ("9", "3", "1", "0", "0", "9", "x", "00")),
    "mistakes": (None, ("02",), ("abc", "2001000352", "0", "7", "3", "2", "x")),
    "round and round": (
        Missing(),
        (),
        ("1", "220*1396*123456", "2", "1", "14505/ق/م/ب/1402", "1", "220*1396*654321", "2", "1", "9", "2", "1", "8"),
    ),
    "all of it": (
        Missing(),
        ("02",),
        ("2001000344", "2", "1", "ش/ص/ض/1234567/1402", "1", "ش/ص/ض/1234567/1402", "2", "1", "ش/ص/ض/1234567/14"),
    ),
}


@pytest.mark.parametrize("wire", ["ussd", "sms"])
@pytest.mark.parametrize(("office", "arguments", "typed"), STORIES.values(), ids=STORIES)
def test_a_dialogue_read_again_is_the_one_written(citizen, office, arguments, typed, wire):
    her = citizen(office=office, wire=wire, capacity=Capacity(parts=9) if wire == "sms" else None)

    her.opens(*arguments).types(*typed)

    assert [kept for kept, core, held in her.kept if machine.decode(core, held) != kept] == []
    assert max(len(core) for _, core, _ in her.kept) < 700
    assert [held for kept, _, held in her.kept if bool(held) != (kept.held is not None)] == []


def test_a_long_list_and_long_steps_are_held_within_4_kib(citizen, letter):
    steps = tuple(CaseStep({"fa": "دفتر حقوقی", "en": "Legal"}, date(2026, 11, 3)) for _ in range(20))

    her = citizen(office=Found(msgspec.structs.replace(letter, steps=steps))).opens("12345")

    assert max(len(held) for _, _, held in her.kept) < 4096


@pytest.mark.parametrize(("core", "held"), [(b"", b""), (b"\xff", b""), (b"\x80", b""), (b"x", b"y")])
def test_strange_bytes_are_no_dialogue(core, held):
    with pytest.raises((msgspec.ValidationError, msgspec.DecodeError)):
        machine.decode(core, held)


def test_the_trail_has_an_end(citizen):
    her = citizen(office=Missing()).opens()
    for _ in range(6):
        her.types("4", "1", "12345", "2")

    assert len(her.dialogue.trail) <= machine.MAX_TRAIL
    assert her.types(*["0"] * 12).at == "main"


def test_turns_are_counted_and_asks_carry_the_turn(citizen):
    her = citizen(office=Missing()).opens("1").types("1", "12345", "1", "777")

    assert [ask.step for ask in her.asks] == [1, 3, 5]
    assert her.dialogue.turns == 5


def test_a_step_leaves_the_dialogue_it_was_given_as_it_was(menu, today):
    before = machine.begin(menu, "ussd")
    kept = machine.encode(before)

    machine.step(menu, before, Opened(("12345",)), today)

    assert machine.encode(before) == kept


def test_an_answer_nobody_asked_for_is_refused(menu, today):
    at_main = machine.step(menu, machine.begin(menu, "ussd"), Opened(), today).dialogue

    with pytest.raises(TypeError, match="asked nothing"):
        machine.step(menu, at_main, Answered(Done()), today)


def test_what_is_typed_while_an_ask_waits_leads_to_the_main_menu(menu, today):
    waiting = machine.step(menu, machine.begin(menu, "ussd"), Opened(("12345",)), today).dialogue

    assert machine.step(menu, waiting, Typed("1"), today).then.name == "main"


# --- outside any event ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["failed", "busy", "expired", "session_ended", "refused"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_gateway_has_its_own_screens_outright(menu, today, name, language):
    step = machine.outright(menu, machine.begin(menu, "ussd", language), name, today)

    assert step.then.name == name
    assert step.then.language == language


def test_the_last_question_may_be_asked_again_to_be_answered_by_sms(citizen, menu, letter, today):
    her = citizen(office=Late()).opens("1", "12345")
    before = her.dialogue

    again = machine.ask_again(menu, before)

    assert again.then == Ask("letters", before.turns, Reference("1/12345", "1/12345", "12345", "1*12345"))
    assert again.dialogue.wire == "sms"
    answered = machine.step(menu, again.dialogue, Answered(Found(letter)), today)
    assert answered.then.name == "letter_status"
    assert render.render(answered.then, SMS, menu.navigation["fa"])[0].text.startswith("رصد: نامه 12345")


def test_asked_again_a_missing_letter_is_missing_and_no_lost_session(citizen, menu, today):
    her = citizen(office=Late()).opens("1", "12345")

    again = machine.ask_again(menu, her.dialogue)

    assert machine.step(menu, again.dialogue, Answered(Missing()), today).then.name == "letter_missing"


def test_nothing_is_asked_again_when_nothing_was_asked_or_the_menu_has_changed(citizen, menu):
    her = citizen().opens()
    gone = msgspec.structs.replace(her.dialogue, asked="find_nothing")
    screen = msgspec.structs.replace(her.dialogue, asked="main")

    assert machine.ask_again(menu, her.dialogue) is None
    assert machine.ask_again(menu, gone) is None
    assert machine.ask_again(menu, screen) is None


# --- the size of the shipped screens --------------------------------------------------------------------------------

READ_ON = {
    "fa": {"help", "letter_steps", "request_steps", "letter_proven"},
    "ar": {"help", "letter_steps", "request_steps", "letter_proven"},
    "en": {"help"},
}
"""Screens that may take more than one page."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_shipped_screen_is_one_page_for_a_usual_case_but_those_one_reads_on(
    menu, letter, request_lacking, today, language
):
    too_long = {}
    for node in menu.nodes.values():
        if not isinstance(node, ScreenDef):
            continue
        case = request_lacking if node.name.startswith("request") else letter
        pages = pages_of(menu, node.name, msgspec.structs.replace(case, answer_number="5512"), language, today)
        if len(pages) > 1 and node.name not in READ_ON[language]:
            too_long[node.name] = [page.text for page in pages]

    assert too_long == {}


@pytest.mark.parametrize("name", ["letter_closed", "letter_rejected", "letter_status", "letter_answered"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_page_of_a_letter_says_which_and_how_it_stands(menu, letter, today, language, name):
    first = pages_of(menu, name, msgspec.structs.replace(letter, answer_number="5512"), language, today)[0]

    assert "12345" in first.body.split("\n")[0]
    assert len(first.body.split("\n")) >= 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mistake_is_one_page(menu, today, language):
    too_long = {}
    for node in menu.nodes.values():
        for mistake in getattr(node, "mistaken", {}):
            dialogue = machine.begin(menu, "ussd", language)
            at = msgspec.structs.replace(dialogue, trail=("main",), at=node.name)
            typed = "سلام" if mistake is Mistake.MALFORMED else "2001000352"
            screen = machine.step(menu, at, Typed(typed), today).then
            pages = render.render(screen, Capacity(), menu.navigation[language])
            if len(pages) > 1:
                too_long[node.name, mistake] = [page.text for page in pages]

    assert too_long == {}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", State)
def test_every_state_of_a_letter_is_one_sms(menu, letter, today, language, state):
    case = msgspec.structs.replace(letter, state=state, answer_number="5512")
    dialogue = machine.begin(menu, "sms", language)
    asked = machine.step(menu, dialogue, Opened(("12345",)), today).dialogue

    screen = machine.step(menu, asked, Answered(Found(case)), today).then

    (page,) = render.render(screen, SMS, menu.navigation[language])
    assert segments(page.text) == 1
    assert page.end


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["main", "language"])
def test_after_a_wrong_choice_all_choices_are_still_on_one_page(citizen, language, name):
    her = citizen(language=language).opens().types(*(["4"] if name == "language" else []), "8")

    assert her.at == name
    assert her.dialogue.pages == 1


def pages_of(menu, name, case, language, today):
    dialogue = msgspec.structs.replace(
        machine.begin(menu, "ussd", language),
        trail=("main",),
        asked="find_letter",
        values={"number": NUMBER},
        held=Found(case),
    )
    screen = machine.outright(menu, dialogue, name, today).then
    return render.render(screen, Capacity(), menu.navigation[language])


def test_once_she_types_a_chain_is_forgotten(citizen):
    her = citizen(office=Found(LETTER)).opens("1", "12345")
    her.office = Missing()
    her.types("00", "1", "99999")

    assert "letter_missing" == her.at


def test_in_a_list_a_name_she_cannot_read_is_better_than_none(citizen):
    names = ({"fa": "شهرداری"}, {"fa": "استانداری", "en": "Governor"})
    cases = tuple(Case("letter", "22", State.SEEN, organisation=name, year=1404) for name in names)
    her = citizen(office=Several(cases), language="en").opens("22")

    assert ["1)شهرداری 1404", "2)Governor 1404"] == her.text.split("\n")[1:3]
    assert "شهرداری" not in her.types("1").text  # only in the list


def test_cases_without_any_name_are_told_apart_by_number(citizen):
    cases = tuple(Case("letter", number, State.SEEN) for number in ("1/22", "2/22"))
    her = citizen(office=Several(cases), language="en").opens("22")

    assert ["1)1/22", "2)2/22"] == her.text.split("\n")[1].split(" ")[:2]


LETTER = Case("letter", "12345", State.SEEN)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_sms_about_a_letter_without_dates_or_desk_still_says_where_it_is(citizen, menu, language):
    her = citizen(office=Found(LETTER), wire="sms", language=language, capacity=SMS).opens("12345")

    assert "12345" in her.text
    assert menu.labels[language]["seen"] in her.text
    assert not her.text.endswith(("،", ".", "تا", "حتى", "by"))


# --- a number where none was asked for --------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["777", "۷۷۷", "220*1396*54321", "777#", "7/7/7"])
def test_behind_an_answer_another_number_is_another_question(citizen, typed):
    her = citizen().opens("12345").types(typed)

    assert [ask.route for ask in her.asks] == ["letters", "letters"]
    assert her.asks[1].step == 2
    assert her.asks[1].reference.exact == inputs.read(inputs.Kind.LETTER_NUMBER, typed).exact
    assert her.at == "letter_status"
    assert her.types("0").at == "letter_status"


@pytest.mark.parametrize("typed", ["7", "77", "007", "ص/77", "سلام", "سلام 777"])
def test_behind_an_answer_less_than_three_digits_are_a_wrong_choice(citizen, menu, typed):
    her = citizen().opens("12345").types(typed)

    assert len(her.asks) == 1
    assert her.at == "letter_status"
    assert her.text.startswith(menu.wrong_choice["fa"].source)


def test_behind_a_request_a_number_is_a_tracking_code(citizen, menu, request_lacking):
    her = citizen(office=Missing()).opens("02", "2001000344")
    her.office = Found(request_lacking)

    assert her.types("12345").text.startswith(menu.wrong_choice["fa"].source)
    assert her.types("2001000344").asks[-1].route == "requests"
    assert len(her.asks) == 2


def test_before_any_answer_a_number_is_a_wrong_choice(citizen, menu):
    her = citizen().opens().types("12345")

    assert her.asks == []
    assert her.text.startswith(menu.wrong_choice["fa"].source)


def test_a_number_typed_at_a_list_of_several_is_another_question(citizen):
    her = citizen(office=letters(3)).opens("12345")
    her.office = Missing()

    assert her.types("54321").at == "letter_missing"
    assert her.dialogue.picked is None


def test_a_new_number_behind_a_chain_is_no_chain(citizen):
    her = citizen().opens("1", "12345")
    assert her.dialogue.chain
    her.office = Missing()

    assert her.types("99999").at == "letter_missing"
    assert not her.dialogue.chain


# --- by SMS -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("digit", ["1", "۲", "0", "9#", "سلام 5"])
def test_by_sms_a_single_digit_alone_is_not_understood(citizen, menu, digit):
    opened, _ = opened_by(menu, digit)
    her = citizen(wire="sms", capacity=SMS).opens(*opened.arguments)

    assert her.at == "not_understood"
    assert her.asks == []


def test_a_single_digit_with_a_keyword_or_dialled_is_a_number(citizen):
    assert citizen(wire="sms", capacity=SMS).opens("5", entry="letters").asks[0].reference.exact == "5"
    assert citizen(wire="sms", capacity=SMS).opens("12").asks[0].reference.exact == "12"
    assert citizen().opens("5").asks[0].reference.exact == "5"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("entry", "typed", "mistake"),
    [
        ("letters", "سلام", Mistake.MALFORMED),
        ("requests", "12345", Mistake.MALFORMED),
        ("requests", "2001000352", Mistake.CHECK_DIGIT),
    ],
)
def test_by_sms_a_mistake_is_told_in_words_for_an_sms(citizen, menu, entry, typed, mistake, language):
    her = citizen(wire="sms", capacity=SMS, language=language).opens(typed, entry=entry)
    sms = menu.nodes[her.at].sms_mistaken[mistake][language].source

    assert her.text == sms
    assert sms != said(menu, her.at, mistake, language)
    assert sms.startswith(("رصد: ", "Rasad: "))
    assert segments(sms) == 1


@pytest.mark.parametrize(("entry", "at"), [("help", "help"), ("language", "language")])
@pytest.mark.parametrize("arguments", [(), ("12345",)])
def test_help_and_language_have_keywords(citizen, entry, at, arguments):
    her = citizen(wire="sms", capacity=SMS).opens(*arguments, entry=entry)

    assert her.at == at
    assert her.asks == []


# --- what is held of an answer ----------------------------------------------------------------------------------------

LONGEST = dict.fromkeys(LANGUAGES, "𐘀" * 64)  # what adapters let through, at four octets each
HUGE = Case(
    "letter", "9" * 64, State.SEEN, organisation=LONGEST, desk=LONGEST, lacking=LONGEST, year=1405,
    changed_on=date(2026, 11, 10), due_on=date(2026, 11, 29), answer_number="\U00010600" * 64,
    phone="\U00010600" * 64, steps=tuple(CaseStep(LONGEST, date(2026, 11, 1 + row)) for row in range(24)),
)  # fmt: skip


def answered(menu, answer, today):
    asked = machine.step(menu, machine.begin(menu, "ussd"), Opened(("12345",)), today).dialogue
    dialogue = machine.step(menu, asked, Answered(answer), today).dialogue
    return dialogue.held, len(machine.encode(dialogue)[1])


@pytest.mark.parametrize("as_of", [None, date(2026, 11, 1)])
def test_of_a_huge_case_the_newest_steps_are_held(menu, today, as_of):
    held, octets = answered(menu, Found(HUGE, as_of), today)

    assert octets <= machine.MAX_HELD_OCTETS == 4096
    assert 0 < len(held.case.steps) < 24
    assert held.case.steps == HUGE.steps[-len(held.case.steps) :]
    assert msgspec.structs.replace(held.case, steps=HUGE.steps) == HUGE
    assert held.as_of == as_of


@pytest.mark.parametrize("as_of", [None, date(2026, 11, 1)])
@pytest.mark.parametrize("count", [1, 2, 24, 1000])
def test_of_several_huge_cases_as_many_as_there_is_room_for_are_held_without_steps(menu, today, count, as_of):
    held, octets = answered(menu, Several((HUGE,) * count, as_of), today)

    assert held.as_of == as_of

    assert octets <= machine.MAX_HELD_OCTETS
    assert len(held.cases) >= 1
    assert [case.steps for case in held.cases] == [()] * len(held.cases)


def test_of_several_usual_cases_as_many_as_a_list_has_are_held(menu, today, letter):
    small = Case("letter", "12345", State.SEEN, steps=letter.steps)

    held, octets = answered(menu, Several((small,) * 100), today)

    assert octets <= machine.MAX_HELD_OCTETS
    assert held.cases == (msgspec.structs.replace(small, steps=()),) * machine.MAX_CASES


def test_an_answer_that_is_small_is_held_as_it_is(menu, today, letter):
    assert answered(menu, Found(letter), today)[0] == Found(letter)


# --- foreign texts ----------------------------------------------------------------------------------------------------


def test_a_desk_that_is_a_link_is_left_out_with_its_line(citizen, letter):
    case = msgspec.structs.replace(letter, desk={"fa": "برنده شدید evil.ir"})

    assert "evil" not in citizen(office=Found(case)).opens("12345").text
    assert "evil" not in citizen(office=Found(case), wire="sms", capacity=SMS).opens("12345").text


def test_a_case_says_only_whether_it_is_secret(letter):
    assert not letter.secret
    assert not hasattr(letter, "classification")
