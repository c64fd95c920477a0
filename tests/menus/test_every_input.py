"""Stories with the menu that has everything: each kind of input from the question to what was read, by phone and SMS."""

from datetime import date

import msgspec
import pytest

from menus import see
from menus.alphabet import Capacity, fits, segments
from menus.check import check, notes
from menus.definition import AskDef, ScreenDef
from menus.inputs import Kind, Mistake
from menus.machine import MAX_TRAIL, decode
from menus.ports import Done, Found, Late, Missing, Refused, Several, State, Unavailable
from menus.trial import Trial
from tests.menus.conftest import TODAY
from tests.menus.small import ASK_NUMBER, asking, small

CAPACITIES = {"ussd": Capacity(), "sms": Capacity(parts=3)}
LANGUAGES = ["fa", "ar", "en"]


# --- the menu itself --------------------------------------------------------------------------------------------------


def test_it_has_no_problem_and_nothing_to_note(every_input):
    assert [] == [str(problem) for problem in check(every_input, CAPACITIES)]
    assert [] == [str(problem) for problem in notes(every_input, CAPACITIES)]


def test_it_has_everything_the_language_has(every_input):
    screens = [node for node in every_input.nodes.values() if isinstance(node, ScreenDef)]
    texts = [
        text for node in screens for text in (*node.text.values(), *node.short.values(), *(node.sms or {}).values())
    ]
    used = {filter_ for text in texts for value in text.values for filter_ in value.filters}

    assert set(Kind) == {node.input.kind for node in screens if node.input}
    assert {"label", "day", "relative", "digits", "masked"} == used
    assert {"escalate", "remember_language", "rate", "letters"} == {node.route for node in every_input.nodes.values() if isinstance(node, AskDef)}  # fmt: skip
    assert any(node.short for node in screens)
    assert any(choice.short for node in screens for choice in node.choices)
    assert any(choice.then.when for node in screens for choice in node.choices)
    assert any(branch.when for node in screens for branch in node.then)
    assert any(choice.next == "previous" for node in screens for choice in node.choices)
    assert {"case", "typed", "asked"} == {value.path[0] for text in texts for value in text.values}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_can_be_printed(every_input, language):
    sights = list(see.sights(every_input, language, TODAY))

    screens = {name for name, node in every_input.nodes.items() if isinstance(node, ScreenDef)}
    assert screens == {sight.screen for sight in sights}
    assert all(fits(page.text, CAPACITIES[sight.wire]) for sight in sights for page in sight.pages)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mistake_of_every_input_can_be_printed(every_input, language):
    printed = "\n".join(page.text for sight in see.sights(every_input, language, TODAY) for page in sight.pages)

    missing = {
        (node.name, mistake)
        for node in every_input.nodes.values()
        for mistake, texts in getattr(node, "mistaken", {}).items()
        if texts[language].source not in printed
    }
    assert set() == missing


def test_its_picture_has_every_way_on(every_input):
    graph = see.graph(every_input)

    for node in every_input.nodes.values():
        for branch in getattr(node, "then", ()):
            assert any(line.startswith(f"    {node.name} ") and line.endswith(f" {branch.next}") for line in graph.split("\n"))  # fmt: skip
    assert "previous" not in [line.rpartition(" ")[2] for line in graph.split("\n")]


def test_it_can_be_tried_without_an_office(every_input):
    trial = Trial(every_input, "en", TODAY)
    trial.dial()

    assert trial.type("1").text.startswith("Enter the letter number")
    assert trial.type("12345").text.startswith("Letter 12345\nUnder review\nAnswer due in 9 days")
    trial.type("00")
    trial.type("5")
    trial.type("0012345679")
    trial.type("1405*9*30")
    assert trial.type("1").text.startswith("Your visit on 1405/09/30 is noted")


# --- each kind of input -----------------------------------------------------------------------------------------------

KINDS = {
    Kind.LETTER_NUMBER: ("1", "۲۲۰*۱۳۹۶*۵۴۳۲۱", "220/1396/54321", "سلام", None),
    Kind.TRACKING_CODE: ("2", "200 100 0344", "2001000344", "12345", "2001000345"),
    Kind.RECEIPT_CODE: ("3", "۱۰۴۰۶۱۰۰۱۴", "1040610014", "0000000018", "1040610015"),
    Kind.SERVICE_ID: ("4", "1306 1709 000", "13061709000", "130617", None),
    Kind.NATIONAL_ID: ("5", "12345679", "0012345679", "1111111111", "0012345678"),
}
"""The choice of the main menu that leads to it, what she types, what it is read as, and what is refused."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("kind", "story"), KINDS.items(), ids=KINDS)
def test_an_input_is_asked_for_refused_and_read(citizen, every_input, kind, story, language):
    choice, typed, exact, malformed, wrong_check = story
    her = citizen(office=Missing(), menu=every_input, language=language).opens().types(choice)
    node = every_input.nodes[her.at]
    assert kind is node.input.kind
    assert her.text.startswith(node.text[language].source)

    assert her.types(malformed).text.startswith(node.mistaken[Mistake.MALFORMED][language].source)
    if wrong_check:
        assert her.types(wrong_check).text.startswith(node.mistaken[Mistake.CHECK_DIGIT][language].source)
    assert (node.name, []) == (her.at, her.asks)

    her.types(typed)
    assert (exact, typed) == (her.dialogue.values[node.input.into].exact, her.dialogue.values[node.input.into].typed)
    assert her.at != node.name


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in (Kind.SERVICE_ID, Kind.NATIONAL_ID)])
def test_what_an_office_is_asked_with_is_what_was_read(citizen, every_input, kind, letter):
    choice, typed, exact, _, _ = KINDS[kind]

    her = citizen(menu=every_input).opens().types(choice, typed)

    assert [("letters", exact, typed)] == [(ask.route, ask.reference.exact, ask.reference.typed) for ask in her.asks]


@pytest.mark.parametrize(
    ("language", "seen"),
    [
        ("fa", "کد ملی 001xxxxx79\nروز ۱۴۰۵/۰۹/۳۰\nدرست است؟ 1 بله، 2 نه\n0)بازگشت"),
        ("ar", "الرقم 001xxxxx79\nيوم ١٤٠٥/٠٩/٣٠\nصحيح؟ 1 نعم، 2 لا\n0)رجوع"),
        ("en", "Number 001xxxxx79\nday 1405/09/30\nIs that right? 1 yes, 2 no\n0)Back"),
    ],
)
def test_a_visit_from_person_and_day_to_yes(citizen, every_input, language, seen):
    her = citizen(menu=every_input, language=language).opens("03", "12345679").types("30/9/1405")
    assert seen == her.text

    her.types("شاید")
    assert ("confirm", every_input.nodes["confirm"].mistaken[Mistake.MALFORMED][language].source) == (
        her.at,
        her.page.body,
    )

    her.types("بله")
    assert "visit_noted" == her.at
    assert her.page.end
    assert "0012345679" not in "".join(page.text for page in [her.page])


def test_how_it_was_typed_is_kept_of_the_newest_input_alone(citizen, every_input):
    her = citizen(menu=every_input).opens("03", "12345679")
    assert {"person": "12345679"} == {name: each.typed for name, each in her.dialogue.values.items()}

    her.types("30/9/1405", "بله")
    assert {"person": "", "day": "", "sure": "بله"} == {name: each.typed for name, each in her.dialogue.values.items()}


def test_the_main_menu_forgets_what_was_typed_and_answered(citizen, every_input):
    her = citizen(menu=every_input).opens("03", "12345679").types("00")
    assert {} == her.dialogue.values

    her.types("1", "12345", "0", "0")
    assert ("main", {}, None) == (her.at, her.dialogue.values, her.dialogue.held)


def test_a_visit_that_was_not_meant_can_be_looked_at_again(citizen, every_input):
    her = citizen(menu=every_input).opens("03", "12345679").types("1405/9/30", "2")
    assert ("visit_not_noted", "چیزی ثبت نشد\n1)دوباره می‌بینم\n2)از اول 0)بازگشت") == (her.at, her.text)

    assert "confirm" == her.types("1").at
    assert "001xxxxx79" in her.text
    assert "ask_person" == her.types("2", "2").at


def test_the_person_is_whole_in_no_text_and_in_nothing_typed_back(citizen, every_input):
    her = citizen(menu=every_input).opens("03", "12345679")
    texts = [her.text]
    for typed in ("x", "1405/9/30", "x", "2", "1", "2", "2"):
        texts.append(her.types(typed).text)

    assert not [text for text in texts if "12345679" in text.replace("مثال: 0012345679", "")]


def test_a_complaint_is_read_back_as_it_may_be_shown(citizen, every_input, letter):
    late = Found(msgspec.structs.replace(letter, due_on=date(2026, 11, 1)))
    her = citizen(office=late, menu=every_input).opens("12345").types("2")
    assert "ask_complaint" == her.at

    her.types("...")
    assert her.text.startswith("خوانده نشد. تا 120 حرف بنویسید")
    her.types("  جواب\n نیامد\u202e 😀  ")
    assert "نوشتید:\nجواب نیامد\n1)اصلاح 2)پایان\n0)بازگشت" == her.text

    her.types("1")
    assert ("ask_complaint", ("letter_late",)) == (her.at, her.dialogue.trail)
    assert "main" == her.types("دیر شد", "2").at


def test_a_complaint_with_a_link_is_kept_and_not_shown(citizen, every_input, letter):
    late = Found(msgspec.structs.replace(letter, due_on=date(2026, 11, 1)))

    her = citizen(office=late, menu=every_input).opens("12345").types("2", "ببینید evil.ir")

    assert "نوشتید:\n1)اصلاح 2)پایان\n0)بازگشت" == her.text
    assert "ببینید evil.ir" == her.dialogue.values["words"].exact


def test_the_longest_complaint_is_read_to_its_end(citizen, every_input, letter):
    late = Found(msgspec.structs.replace(letter, due_on=date(2026, 11, 1)))
    long = ("جواب نیامد " * 11)[:120].strip()
    her = citizen(office=late, menu=every_input).opens("12345").types("2", long)

    body = her.page.body
    while her.page.more:
        her.types("9")
        body += her.page.glue + her.page.body

    assert body.startswith(f"نوشتید:\n{long}\n1)اصلاح")


@pytest.mark.parametrize(
    ("score", "at"), [("1", "low_score_kept"), ("۲", "low_score_kept"), ("3", "score_kept"), ("5", "score_kept")]
)
def test_who_is_not_content_reads_whom_to_call(citizen, every_input, letter, score, at):
    done = Found(msgspec.structs.replace(letter, state=State.CLOSED))

    her = citizen(office=done, menu=every_input).opens("02", "2001000344").types("1", score)

    assert ["case_found", "ask_score", at] == her.seen
    assert ["letters", "rate"] == [ask.route for ask in her.asks]
    assert ("111" in her.text) == (at == "low_score_kept")


def test_a_case_that_is_not_done_is_not_rated(citizen, every_input):
    her = citizen(menu=every_input).opens("02", "2001000344")

    assert ("شماره 12345\nدر حال بررسی\n00)منوی اصلی", False) == (her.text, her.page.end)


# --- letters ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "seen"),
    [
        ("fa", "نامه 12345\nدر حال بررسی\nپاسخ: ۷ روز دیگر"),
        ("ar", "الكتاب 12345\nقيد الدراسة\nالرد: خلال ٧ أيام"),
        ("en", "Letter 12345\nUnder review\nAnswer due in 7 days"),
    ],
)
def test_an_open_letter_says_in_how_many_days_it_is_answered(citizen, every_input, language, seen):
    her = citizen(menu=every_input, language=language).opens("12345")

    assert seen == "\n".join(her.text.split("\n")[:3])


def test_a_letter_due_today_says_today(citizen, every_input, letter):
    today = Found(msgspec.structs.replace(letter, due_on=TODAY))

    assert ["پاسخ: امروز", "الرد: اليوم", "Answer due today"] == [
        citizen(office=today, menu=every_input, language=language).opens("12345").text.split("\n")[2]
        for language in LANGUAGES
    ]


def test_a_letter_without_a_due_date_says_nothing_of_it(citizen, every_input, letter):
    her = citizen(office=Found(msgspec.structs.replace(letter, due_on=None)), menu=every_input).opens("12345")

    assert "پاسخ" not in her.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("due_on", [date(2026, 11, 1), date(2026, 11, 29)])
def test_by_sms_every_letter_is_one_sms(citizen, every_input, letter, language, state, due_on):
    case = Found(msgspec.structs.replace(letter, state=state, due_on=due_on))

    her = citizen(office=case, menu=every_input, wire="sms", language=language, capacity=CAPACITIES["sms"]).opens(
        "12345"
    )

    assert 1 == segments(her.text)
    assert her.text.startswith(("رصد:", "Rasad:"))
    assert {} == her.page.keys


STORIES = {
    "everything": (None, ("1", "12345", "00", "2", "2001000344", "00", "3", "1040610014", "00", "4", "13061709000", "00",
                          "5", "0012345679", "1405/9/30", "2", "1", "1")),
    "mistakes": (Missing(), ("1", "x", "777", "1", "00", "2", "x", "2001000345", "0", "5", "x", "12345679", "x", "0", "0")),
    "refused": (Refused(), ("3", "104-061-0014")),
    "late": (Late(), ("1", "220*1396*54321")),
    "unavailable": (Unavailable(), ("2", "2001000344")),
}  # fmt: skip


@pytest.mark.parametrize("wire", ["ussd", "sms"])
@pytest.mark.parametrize(("office", "typed"), STORIES.values(), ids=STORIES)
def test_every_dialogue_is_read_again_as_it_was_written(citizen, every_input, office, typed, wire):
    her = citizen(
        office=office,
        menu=every_input,
        wire=wire,
        capacity=Capacity(parts=9) if wire == "sms" else None,
        service=Done(),
    )

    her.opens().types(*typed)

    assert [] == [kept for kept, core, held in her.kept if decode(core, held) != kept]
    assert max(len(kept.trail) for kept, _, _ in her.kept) <= MAX_TRAIL


# --- what is shown of what she typed ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "typed", "written", "seen"),
    [
        ("letter_number", "۲۲۰*۱۳۹۶*۵", "{{ typed.it }}", "220/1396/5"),
        ("letter_number", "220*1396*5", "{{ typed.it | digits }}", "220/1396/5"),
        ("tracking_code", "2001000344", "{{ typed.it | masked }}", "200xxxxx44"),
        ("national_id", "12345679", "{{ typed.it | masked }}", "001xxxxx79"),
        ("date", "17/10/2025", "{{ typed.it }}", "1404/07/25"),
        ("rating", "۴", "{{ typed.it }} of 5", "4 of 5"),
        ("yes_no", "نعم", "{{ typed.it }}", "yes"),
        ("free_text", " it  was\nlate ", "{{ typed.it }}", "it was late"),
    ],
)
def test_an_input_is_shown_as_it_was_read(citizen, kind, typed, written, seen):
    menu = asking(kind, behind=f'  text: "{written}"\n')

    assert seen == citizen(menu=menu).opens("01").types(typed).text


def test_in_persian_digits_are_persian(citizen):
    menu = asking("national_id", behind='  text: "{{ typed.it | masked | digits }}"\n')

    assert "۰۰۱xxxxx۷۹" == citizen(menu=menu, language="fa").opens("01").types("0012345679").text


def test_what_was_not_typed_yet_leaves_its_line_out(citizen):
    menu = small('first:\n  text: "Hello\\nYou said {{ typed.words }}[, yes: {{ typed.words }}]"\n  input: {as: free_text, into: words}\n  mistaken: {en: What?, fa: نشد}\n  next: first\n')  # fmt: skip

    her = citizen(menu=menu).opens("01")
    assert "Hello" == her.page.body
    assert "Hello\nYou said thanks, yes: thanks" == her.types("thanks").page.body


def test_a_persons_number_an_office_was_asked_about_is_not_shown_whole_either():
    """`asked` is the number of the last question: where a person's is asked about, it is to be masked like typed.it."""
    from menus.source import Faulty

    person = ASK_NUMBER.replace("as: letter_number", "as: national_id")
    with pytest.raises(Faulty, match="asked"):
        small(person + '  found: status\nstatus: {text: "You asked about {{ asked }}"}\n')


def test_behind_an_answer_a_number_is_a_question_only_of_the_input_the_office_is_asked_with(citizen):
    menu = small(
        "first:\n  text: Number?\n  input: {as: letter_number, into: number}\n  mistaken: {en: x, fa: x}\n  next: why\n"
        "why:\n  text: Why?\n  input: {as: free_text, into: words}\n  mistaken: {en: x, fa: x}\n  next: find\n"
        "find:\n  ask: letters\n  with: {number: number}\n  found: status\n"
        'status: {text: "{{ case.number }}", end: false}\n'
    )
    her = citizen(menu=menu).opens("12345").types("because")

    her.types("99999")

    assert "because" == her.dialogue.values["words"].exact
    assert ["12345"] == [ask.reference.exact for ask in her.asks]


def test_several_cases_have_choices_by_the_one_picked(citizen, every_input, letter):
    done = msgspec.structs.replace(letter, state=State.ANSWERED, organisation={"fa": "شهرداری"}, desk={})

    her = citizen(office=Several((letter, done)), menu=every_input).opens("12345").types("2")

    assert ("letter_done", {}) == (her.at, her.page.keys)
    assert ("letter_open", {"1": 0}) == (her.types("0", "1").at, her.page.keys)
    assert "دفتر حقوقی، ۱۲ روز پیش\n0)بازگشت" == her.types("1").text
