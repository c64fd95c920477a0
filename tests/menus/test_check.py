"""What a citizen would meet: the shipped menu is clean, and each kind of problem is found in one that is broken."""

from dataclasses import replace

import pytest

from menus import loader, reach
from menus.alphabet import Capacity
from menus.check import TODAY, Problem, check, notes
from menus.definition import Branch
from menus.machine import begin, outright
from menus.render import render
from tests.spent import cpu_s

CAPACITIES = {"ussd": Capacity(), "sms": Capacity(parts=3)}


@pytest.fixture(scope="module")
def shipped(menu):
    return set(check(menu, CAPACITIES))


@pytest.fixture
def broken(menu_files):
    """broken("letters.yaml", old, new): the shipped menu with old replaced, or new added when old is empty."""

    def one(file, old, new):
        texts = dict(menu_files)
        assert not old or texts[file].count(old) == 1, f"{old!r} must stand once in {file}"
        texts[file] = texts[file].replace(old, new) if old else f"{texts[file]}\n\n{new}"
        return loader.load(texts.items(), {"letters", "requests"})

    return one


# --- the shipped menu -------------------------------------------------------------------------------------------------


def test_the_shipped_menu_is_clean(shipped):
    assert [] == [str(problem) for problem in shipped]


def test_the_same_menu_has_the_same_problems_in_the_same_order_soon(menu):
    first = check(menu, CAPACITIES)

    assert first == check(menu, CAPACITIES)
    assert len(first) == len(set(first))
    assert cpu_s(lambda: check(menu, CAPACITIES)) < 3


# --- broken menus: what was written, the screen, language and channel it is told of, a piece of what is said ----------

C, L, R, H = "common.yaml", "letters.yaml", "requests.yaml", "help.yaml"
WORD = "W" * 170
WORDS = "words " * 90
ROW = "".join(f"row_{n}: {{ask: escalate, done: row_{n + 1}, unavailable: main}}\n" for n in range(1, 9))

BROKEN = {
    "a word wider than a page": (
        L, "Enter the letter number", WORD, "ask_letter_number", "en", "ussd",
        f'the word "{WORD}" has 170 letters, and a page holds 160 with its navigation; shorten it',
    ),
    "a choice wider than a page": (
        L, "en: Try again}", f"en: {WORD}}}", "letter_missing", "en", "ussd",
        "this choice has 170 letters, and a page holds 160 with its navigation; shorten it",
    ),
    "a short choice wider than a page": (
        L, "en: Try again}", f"en: {WORD}}}, short: {{en: {WORD[:165]}}}", "letter_missing", "en", "ussd",
        "this choice has 165 letters, and a page holds 160 with its navigation; shorten it",
    ),
    "a word of navigation that leaves no room": (
        C, "en: More}", f"en: {'W' * 150}}}", "help", "en", "ussd", "; shorten it, or the words of navigation",
    ),
    "a mistake's text that does not fit": (
        L, "That is not a letter number.\\nOnly", WORD, "ask_letter_number", "en", "ussd", "letters, and a page holds 160 with its navigation",
    ),
    "a check digit's text that does not fit": (
        R, "There is a mistake in this code.\\n", WORD, "ask_request_code", "en", "ussd", "letters, and a page holds 160 with its navigation",
    ),
    "a mistake's text that takes four SMS": (
        L, "Rasad: that is not a letter number.", WORDS, "ask_letter_number", "en", "sms", "longer than 3 SMS",
    ),
    "a check digit's text that takes four SMS": (
        R, "Rasad: there is a mistake in this code.", WORDS, "ask_request_code", "en", "sms", "longer than 3 SMS",
    ),
    "a text about a wrong choice that does not fit": (
        C, '"Choose a number:"', f'"{WORD}"', "main", "en", "ussd", "letters, and a page holds 160 with its navigation",
    ),
    "one state's label that does not fit": (
        C, "en: Sent to another office", f"en: {WORD}", "letter_status", "en", "ussd", "fits no page of 160",
    ),
    "a line of a list that does not fit": (
        L, 'en: "[{{ item.on | day }} ]', f'en: "{WORD}[{{{{ item.on | day }}}} ]', "letter_steps", "en", "ussd",
        "fits no page of 160",
    ),
    "a case to pick whose number is too wide": (
        C, "case.number: {width: 15}", "case.number: {width: 40}", "which_letter", "fa", "ussd", "fits no page of 70",
    ),
    "a text that takes four SMS": (
        L, "Rasad: send the letter number", WORDS, "ask_letter_number", "en", "sms",
        "longer than 3 SMS; shorten it, or give it a shorter sms:",
    ),
    "an answer that takes two SMS": (
        L, "is answered[", f"is answered {'now ' * 40}[", "letter_answered", "en", "sms",
        "takes 2 SMS with usual values (",
    ),
    "a screen nobody reaches": (
        L, "", "lost: {text: Nobody reads this}", "lost", "", "", "no choice, outcome or entry leads here; lead to it",
    ),
    "an ask nobody asks": (
        L, "", "lost: {ask: escalate, done: main}", "lost", "", "", "nobody asks this; lead to it",
    ),
    "a screen behind an outcome that never comes": (
        L, "  missing: letter_missing\n", "  missing: letter_missing\n  done: lost\nlost: {text: Phone 111}\n", "lost", "", "",
        "no choice, outcome or entry leads here",
    ),
    "an ask that asks itself": (
        C, "done: promised\n  unavailable: unavailable_for_now", "done: promised\n  unavailable: late", "late", "", "",
        "asks follow one another without end (late > late); put a screen between",
    ),
    "a ring of two asks": (
        L, "  missing: letter_missing\n",
        "  missing: again\nagain: {ask: letters, with: {number: number}, found: find_letter}\n", "again", "", "",
        "without end (again > find_letter > again)",
    ),
    "nine asks in a row": (
        C, "", ROW + "row_9: {ask: escalate, done: main, unavailable: main}\n", "row_1", "", "",
        "9 asks follow one another, at most 8 may: row_1 > row_2 >",
    ),
    "bad news without a phone": (
        C, "Try again later or call 111.", "Try again later.", "refused", "en", "", "ends without choices and without a phone",
    ),
    "bad news with a dial code for a phone": (
        C, "Try again later or call 111.", "Dial *4*061# or 220*1396*54321.", "refused", "en", "", "without a phone number",
    ),
    "bad news with a value for a phone": (
        C, "Ask again or phone 111.", "Ask again.", "expired", "en", "", "without a phone number; add one",
    ),
    "an SMS that leaves out choices and has no phone": (
        L, "Perhaps it is not registered yet. Phone 111", "Perhaps it is not registered yet.", "letter_missing", "en", "",
        "its text by SMS ends without a phone",
    ),
    "bad news by SMS without a phone": (
        C, "in a few minutes, or phone 111.", "in a few minutes.", "failed", "en", "", "its text by SMS ends without a phone",
    ),
    "an outcome's own screen without a phone": (
        L, "  missing: letter_missing\n", "  missing: letter_missing\n  late: wait\nwait: {text: Wait 10 days}\n", "wait",
        "fa", "", "ends without choices and without a phone number",
    ),
    "a screen of nothing but absent values": (
        L, "Letter {{ case.number }}\\n{{ case.state | label }}[ (as of {{ as_of | day }})]\\nAnswer due", "Answer due", "letter_status", "en", "ussd",
        "says nothing after find_letter: found, where its values are absent",
    ),
    "a keyword of five words": (
        L, "[letter, letter number]", "[letter, where is my letter now]", "ask_letter_number", "en", "",
        'the keyword "where is my letter now" of letters has more than 4 words',
    ),
    "a keyword that could be an office's sign": (
        L, "[letter, letter number]", "[letter, nr]", "ask_letter_number", "en", "",
        'the keyword "nr" of letters is as short as an office\'s sign in a letter number; take one of 3 letters',
    ),
}  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "screen", "language", "channel", "piece"), BROKEN.values(), ids=BROKEN)
def test_a_problem_is_told_with_its_place(broken, shipped, file, old, new, screen, language, channel, piece):
    capacities = {channel: CAPACITIES[channel]} if channel else {}
    found = [problem for problem in check(broken(file, old, new), capacities) if problem not in shipped]

    told = [each.message for each in found if (each.screen, each.language, each.channel) == (screen, language, channel)]
    assert [message for message in told if piece in message], "\n".join(map(str, found))
    assert all("\n" not in str(problem) for problem in found)


# --- where it is told -------------------------------------------------------------------------------------------------

SIZES = {name: case for name, case in BROKEN.items() if WORD in case[2] or WORDS in case[2] or "now now" in case[2]}


@pytest.mark.parametrize(("file", "old", "new", "screen", "language", "channel", "piece"), SIZES.values(), ids=SIZES)
def test_what_does_not_fit_is_told_on_the_line_of_the_words_themselves(
    broken, menu_files, file, old, new, screen, language, channel, piece
):
    lines = dict(menu_files)[file].replace(old, new).split("\n")
    menu = broken(file, old, new)

    places = {
        menu.place(problem.path)
        for problem in check(menu, {channel: CAPACITIES[channel]})
        if (problem.screen, problem.language) == (screen, language) and piece in problem.message
    }

    assert {(file, number + 1) for number, line in enumerate(lines) if new in line} == places


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("a case to pick whose number is too wide", "pick:"),
        ("a keyword of five words", "en: [letter, where is my letter now]"),
        ("bad news without a phone", 'en: "Several numbers were not found.\\nTry again later."'),
        ("bad news by SMS without a phone", 'en: "Rasad: that did not work.'),
        ("a screen of nothing but absent values", 'en: "Answer due by'),
        ("a screen nobody reaches", "lost:"),
        ("a ring of two asks", "again:"),
        ("nine asks in a row", "row_1:"),
    ],
)
def test_any_other_problem_is_told_where_it_is_to_be_mended(broken, menu_files, name, fragment):
    file, old, new, screen, language, channel, piece = BROKEN[name]
    menu = broken(file, old, new)
    (path,) = {
        problem.path or (problem.screen,)
        for problem in check(menu, {channel: CAPACITIES[channel]} if channel else {})
        if (problem.screen, problem.language) == (screen, language) and piece in problem.message
    }

    told_in, line = menu.place(path)

    texts = dict(menu_files)
    texts[file] = texts[file].replace(old, new) if old else f"{texts[file]}\n\n{new}"
    assert fragment in texts[told_in].split("\n")[line - 1]


def test_a_problem_is_the_same_wherever_it_is_written():
    assert Problem("main", "fa", "ussd", "too long", ("main", "text")) == Problem("main", "fa", "ussd", "too long")


# --- what is worth a look ---------------------------------------------------------------------------------------------


def test_a_first_screen_longer_than_a_page_is_noted_once_a_language(broken):
    menu = broken(
        C,
        "fa: راهنما, ar: مساعدة, en: Help}, next: help}\n    - language",
        "fa: راهنمای کامل استفاده از سامانه, ar: مساعدة, en: Help}, next: help}\n    - language",
    )

    told = notes(menu, CAPACITIES)

    assert [("main", "fa", "ussd")] == [(note.screen, note.language, note.channel) for note in told]
    assert (
        "the first screen takes 2 pages: who does not press 9 never sees the rest; "
        "shorten its text and its choices, or give them short: words" == told[0].message
    )
    assert ("common.yaml", "  choices:") == (menu.place(told[0].path)[0], "  choices:")
    assert [] == check(menu, CAPACITIES)


LINES = "the office is open from morning to noon\\n" * 9


def test_a_screen_of_three_pages_is_noted_where_its_text_stands(broken):
    menu = broken(C, "The office's system is down for now.\\nAsk again", f"{LINES}Ask again")

    told = notes(menu, CAPACITIES)

    assert [("unavailable_for_now", "en", "ussd")] == [(note.screen, note.language, note.channel) for note in told]
    assert (
        "takes 3 pages, and hardly anybody reads the third; shorten the text, or give it a short: one"
        == told[0].message
    )
    assert menu.place(("unavailable_for_now", "text", "en")) == menu.place(told[0].path)


def test_a_screen_somebody_asks_for_by_its_word_may_be_long(menu):
    """Help is: who sends the word for it wants to read it."""
    pages = render(outright(menu, begin(menu, "ussd", "fa"), "help", TODAY).then, Capacity(), menu.navigation["fa"])

    assert 3 <= len(pages)
    assert [] == [note for note in notes(menu, CAPACITIES) if note.screen == "help"]


def test_of_our_menu_and_by_sms_there_is_nothing_to_note(menu):
    assert [] == notes(menu, CAPACITIES)
    assert [] == notes(menu, {"sms": Capacity(parts=3)})


# --- what is no problem -----------------------------------------------------------------------------------------------


def test_eight_asks_in_a_row_are_what_a_turn_may_have(broken):
    menu = broken(C, "", ROW.replace("done: row_9", "done: main"))

    assert not [problem for problem in check(menu, {}) if "follow one another" in problem.message]


def test_a_phone_may_be_written_in_persian_digits(broken, shipped):
    menu = broken(C, "Try again later or call 111.", "Try again later or call ۱۱۱.")

    assert set(check(menu, {})) <= shipped


def test_a_list_that_cannot_be_reached_by_sms_may_be_longer_than_one(menu):
    """The steps of a letter are dialled for: by SMS their screen has no number to choose."""
    assert "letter_steps" in reach.reached(menu, "ussd")
    assert "letter_steps" not in reach.reached(menu, "sms")


# --- no menu makes the check fail -------------------------------------------------------------------------------------


def test_what_breaks_the_machine_is_a_problem_and_no_failure(menu, shipped):
    ask = menu.nodes["find_letter"]
    nowhere = replace(ask, branches={**ask.branches, "refused": (Branch("nowhere"),)})

    found = set(check(replace(menu, nodes={**menu.nodes, "find_letter": nowhere}), CAPACITIES)) - shipped

    assert {(each.screen, each.language, each.channel) for each in found} == {
        ("find_letter", language, channel) for language in menu.languages for channel in CAPACITIES
    }
    assert {each.message for each in found} == {"refused leads to no screen: KeyError: 'nowhere'"}


def test_a_screen_that_cannot_be_made_is_a_problem_and_no_failure(menu, shipped):
    speechless = replace(menu.nodes["refused"], text={})

    found = set(check(replace(menu, nodes={**menu.nodes, "refused": speechless}), CAPACITIES)) - shipped

    assert any(each.screen == "refused" and "cannot be shown: KeyError" in each.message for each in found)


# --- how it is told ---------------------------------------------------------------------------------------------------


def test_channels_of_equal_capacity_are_told_together(broken):
    menu = broken(L, "Enter the letter number", WORD)
    three = {"one": Capacity(), "two": Capacity(), "wide": Capacity(max_septets=182)}

    found = [problem for problem in check(menu, three) if problem.screen == "ask_letter_number" and problem.channel]

    assert [("en", "one, two")] == [(problem.language, problem.channel) for problem in found]


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem("main", "fa", "ussd", "too long"), "main [fa, ussd]: too long"),
        (Problem("main", "fa", "", "too long"), "main [fa]: too long"),
        (Problem("main", "", "", "lost"), "main: lost"),
    ],
)
def test_a_problem_is_one_line(problem, line):
    assert line == str(problem)
