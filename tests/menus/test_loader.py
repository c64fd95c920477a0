"""From files to a menu: the shipped one loads, and a mistake anywhere is told with its file and line."""

import pytest

from menus import loader
from menus.definition import RESERVED, AskDef, ScreenDef
from menus.inputs import Kind, Mistake
from menus.source import Faulty

COMMON = """\
languages: [fa, en]
start: main
arguments: letters
wrong_choice: {fa: "فقط شماره", en: "A number"}
navigation:
  back: {fa: بازگشت, en: Back}
  more: {fa: ادامه, en: More}
  main: {fa: منو, en: Menu}
fields:
  case.desk: {leave_out: 1}
labels:
  received: received
  registered: registered
  referred: referred
  seen: seen
  in_progress: {fa: در حال بررسی, en: under review}
  needs_citizen: waiting
  forwarded_out: forwarded
  answered: answered
  rejected: rejected
  closed: closed
  unknown: unknown
main:
  text: {fa: رصد, en: Rasad}
  choices:
    - letters: {text: {fa: نامه, en: Letter}, next: ask_number}
    - english: {text: English, language: en, next: main}
missing: {text: Nothing was found}
refused: {text: Too often}
late: {text: Late}
unavailable: {text: Down}
session_ended: {text: Dial again}
not_understood: {text: What?}
failed: {text: Broken}
busy: {text: Busy}
expired: {text: Too late}
resume:
  text: Go on?
  choices:
    - go_on: {text: Go on, next: previous}
"""

LETTERS = """\
journey: letters
entry: {code: "01", keywords: {fa: [نامه], en: [letter]}, next: ask_number}
ask_number:
  text: {fa: شماره, en: Number}
  input: {as: letter_number, into: number}
  mistaken: {fa: نشد, en: "No number"}
  next: find_letter
find_letter:
  ask: letters
  with: {number: number}
  found:
    - {when: {state: [closed], answer_number: true}, next: closed}
    - status
  several: which
status:
  text: "{{ case.number }} {{ case.state | label }}[ {{ case.desk }}]"
  choices:
    - steps: {text: Steps, next: steps}
closed: {text: "Closed {{ case.changed_on | day }}"}
steps:
  text: Steps
  each: case.steps
  lines: "{{ item.desk }}"
  end: false
which:
  text: Which
  pick: "{{ case.year }}"
  next: find_letter
"""

SMALL = {"common.yaml": COMMON, "letters.yaml": LETTERS}


def load(files, routes=("letters",)):
    return loader.load(files.items() if isinstance(files, dict) else files, routes)


def faults(files, routes=("letters",)):
    with pytest.raises(Faulty) as found:
        load(files, routes)
    return [(fault.file, fault.line, fault.message) for fault in found.value.faults]


def changed(file, old, new):
    assert SMALL[file].count(old) == 1, f"{old!r} must stand once in {file}"
    return SMALL | {file: SMALL[file].replace(old, new)}


# --- good menus -----------------------------------------------------------------------------------------------------


def test_the_shipped_menu_has_no_fault(menu):
    assert menu.languages == ("fa", "ar", "en")
    assert menu.default_language == "fa"
    assert set(menu.entries) == {"letters", "requests", "help", "language", "follow"}
    assert menu.nodes.keys() >= RESERVED


def test_a_small_menu_is_what_was_written():
    menu = load(SMALL)

    ask, find, status = menu.nodes["ask_number"], menu.nodes["find_letter"], menu.nodes["status"]
    assert isinstance(ask, ScreenDef)
    assert isinstance(find, AskDef)
    assert (ask.input.kind, ask.input.into, ask.next) == (Kind.LETTER_NUMBER, "number", "find_letter")
    assert ask.mistaken[Mistake.MALFORMED]["en"].source == "No number"
    assert (find.route, find.given) == ("letters", "number")
    assert [branch.next for branch in find.branches["found"]] == ["closed", "status"]
    assert find.branches["found"][0].when == {"state": ("closed",), "answer_number": True}
    assert set(find.branches) == {"found", "several"}
    assert status.text["fa"] == status.text["en"]
    assert [choice.name for choice in status.choices] == ["steps"]
    assert menu.nodes["steps"].each == ("case", "steps")
    assert menu.nodes["main"].choices[1].language == "en"
    assert menu.labels["fa"]["in_progress"] == "در حال بررسی"
    assert menu.labels["fa"]["seen"] == "seen"
    assert menu.navigation["en"].more == "More"
    assert menu.ranks == {"case.desk": 1}
    assert menu.entries["letters"].keywords == {"نامه": "fa", "letter": "en"}
    assert menu.entries["letters"].code == "01"


def test_a_file_without_a_journey_is_named_after_itself():
    menu = load(changed("letters.yaml", "journey: letters\n", ""))

    assert set(menu.entries) == {"letters"}


def test_keywords_are_kept_folded():
    menu = load(changed("letters.yaml", "[letter]", "[LETTER, كتاب]"))

    assert set(menu.entries["letters"].keywords) == {"نامه", "letter", "کتاب"}


def test_any_route_will_do_when_the_routes_are_not_known():
    assert load(changed("letters.yaml", "ask: letters", "ask: elsewhere"), None).nodes["find_letter"].route == (
        "elsewhere"
    )


def test_the_version_is_the_hash_of_names_and_texts_in_any_order(menu, menu_files):
    assert loader.load(reversed(menu_files), {"letters", "requests"}).version == menu.version
    assert loader.version_of(menu_files) == menu.version
    assert len(menu.version) == 12
    assert set(menu.version) <= set("0123456789abcdef")


def test_the_version_changes_with_any_text_and_any_name():
    versions = {
        loader.version_of([("a", "bc"), ("d", "")]),
        loader.version_of([("ab", "c"), ("d", "")]),
        loader.version_of([("a", "bc"), ("e", "")]),
        loader.version_of([("a", "bc")]),
        loader.version_of([("a", "bc "), ("d", "")]),
        loader.version_of([("a", "bcd"), ("", "")]),
    }

    assert len(versions) == 6


# --- faulty menus: what was written, where it is told, and a piece of what is said -----------------------------------

C, L = "common.yaml", "letters.yaml"
FAULTY = {
    "a target that is not there": (L, "next: find_letter\nfind", "next: find_leter\nfind", 7, "no screen find_leter"),
    "a choice that leads nowhere": (L, "Steps, next: steps", "Steps, next: step", 18, "there is no screen step"),
    "a branch that leads nowhere": (L, "- status", "- statu", 13, "there is no screen statu"),
    "a condition that leads nowhere": (L, "next: closed}", "next: close}", 12, "there is no screen close"),
    "an outcome that leads nowhere": (L, "several: which", "several: what", 14, "there is no screen what"),
    "an entry that leads nowhere": (L, "[letter]}, next: ask_number", "[letter]}, next: ask", 2, "no screen ask"),
    "a start that is not there": (C, "start: main", "start: home", 2, "start: there is no home"),
    "arguments of no journey": (C, "arguments: letters", "arguments: letter", 3, "arguments: there is no letter"),
    "no start": (C, "start: main\n", "", 1, "start: is missing; no file of this menu has it"),
    "no labels": (C, "labels:\n", "titles: {text: x}\nextra:\n  text: x\n", 1, "labels: is missing"),
    "a reserved screen that is not there": (C, "late: {text: Late}\n", "", 1, "late: is missing"),
    "a state without a label": (C, "  seen: seen\n", "", 11, "labels has no seen"),
    "a label without a language": (C, "بررسی, en: under review}", "بررسی}", 16, "has no text in en"),
    "navigation without a language": (C, "{fa: ادامه, en: More}", "{fa: ادامه}", 7, "more has no text in en"),
    "navigation without a word": (C, "  more: {fa: ادامه, en: More}\n", "", 5, "navigation.more is missing"),
    "a text without a language": (L, "{fa: شماره, en: Number}", "{fa: شماره}", 4, "text has no text in en"),
    "a text in a strange language": (L, "en: Number}", "en: Number, ar: x}", 4, "ar is none of this menu's languages"),
    "a comma in a text without quotes": (L, "en: Number}", "en: Number, please}", 4, "a text with a comma in it needs quotes at both ends"),
    "a mistake's text without a language": (L, 'fa: نشد, en: "No number"', "fa: نشد", 6, "has no text in en"),
    "no text for a mistake": (L, '  mistaken: {fa: نشد, en: "No number"}\n', "", 5, "an input needs mistaken"),
    "a number for a text": (L, "text: Which", "text: 5", 26, "a text was expected, or one per language"),
    "a screen of no kind": (L, "  text: Which\n", "", 25, "which is no screen: it needs text"),
    "a screen that is a word": (C, "late: {text: Late}", "late: Late", 30, "late is no screen"),
    "a key we do not know": (L, "  end: false", "  ends: false", 24, "ends is not a key we know here; did you mean end?"),
    "a key of an ask we do not know": (L, "  several: which", "  many: which", 14, "many is not a key we know here"),
    "no next behind an input": (L, "  next: find_letter\nfind", "find", 3, "next: belongs to an input or a pick"),
    "a next without an input": (C, "{text: Late}", "{text: Late, next: main}", 30, "next: belongs to an input"),
    "choices and an input": (
        L, "  next: find_letter\nfind", "  next: find_letter\n  choices: [{a: {text: a, next: main}}]\nfind", 3,
        "a screen takes choices, or pick, or an input",
    ),
    "a pick without its ask": (L, '}}"\n  next: find_letter', '}}"\n  next: status', 28, "after a pick comes the ask"),
    "lines without each": (L, "  each: case.steps\n", "", 20, "lines: and each: go together"),
    "each of something else": (L, "each: case.steps", "each: case.desks", 22, "the only list is case.steps"),
    "two choices of one name": (C, "- english:", "- letters:", 25, "two choices are called letters"),
    "a choice of two names": (
        L, "- steps: {text: Steps, next: steps}", "- {a: {text: a, next: main}, b: {text: b, next: main}}", 18,
        "one name and its choice were expected",
    ),
    "nine choices": (
        L, "    - steps: {text: Steps, next: steps}\n",
        "".join(f"    - c{n}: {{text: a, next: main}}\n" for n in range(9)), 17, "at most 8 choices",
    ),
    "a choice without a next": (L, "{text: Steps, next: steps}", "{text: Steps}", 18, "choice steps: next is missing"),
    "a language that is none": (C, "language: en,", "language: ar,", 27, "ar is no language of this menu"),
    "a kind of input that is none": (L, "as: letter_number", "as: phone", 5, "'phone' is none of 'letter_number'"),
    "a route that is none": (L, "ask: letters", "ask: leters", 9, "there is no route leters; did you mean letters? There are escalate, follow, lett"),
    "a route without a number": (L, "  with: {number: number}\n", "", 9, "letters is asked with: {number: (name of an input)}"),
    "a number nobody typed": (L, "with: {number: number}", "with: {number: code}", 10, "no input is kept as code"),
    "nothing for found": (
        L, "  found:\n    - {when: {state: [closed], answer_number: true}, next: closed}\n    - status\n", "", 8,
        "find_letter asks letters but says nothing for found:",
    ),
    "nothing for done": (C, "{text: Late}", "{ask: escalate, unavailable: main}", 30, "says nothing for done:"),
    "a last branch with a condition": (L, "    - status\n", "", 11, "the last of the branches must be a screen alone"),
    "a condition on nothing": (L, "answer_number: true", "answer: true", 12, "there is no answer to go by; there are as_of, overdue, down, kind"),
    "a condition on no state": (L, "state: [closed]", "state: [close]", 12, "close is no state; did you mean closed? There are received"),
    "a condition of no kind": (L, "state: [closed]", "state: closed", 12, "or a list of words was expected"),
    "a filter that is none": (L, "changed_on | day", "changed_on | days", 19, "no filter days; there are day, digits, label, masked, relative"),
    "a value that is none": (L, "{{ case.year }}", "{{ case.yaer }}", 27, "there is no value case.yaer; did you mean case.year? There are"),
    "a value of nothing": (L, "{{ item.desk }}", "{{ desk }}", 23, "there is no value desk"),
    "a text that is no template": (L, '[ {{ case.desk }}]"', '[ {{ case.desk }}"', 16, "a [ without its ]"),
    "an entry code without its zero": (L, 'code: "01"', 'code: "1"', 2, "an entry code is a zero and digits"),
    "an entry code as a number": (L, 'code: "01"', "code: 01", 2, 'YAML reads 01 as something else: write "01"'),
    "a keyword twice": (L, "en: [letter]", "en: [نامه]", 2, "the keyword نامه leads to letters already"),
    "a place below none": (C, "leave_out: 1", "leave_out: -1", 10, "leave_out: must be greater than or equal to 0"),
    "a field without room": (C, "{leave_out: 1}", "{leave_out: 1, width: 0}", 10, "width: must be greater than 0"),
    "a field with a keep": (C, "{leave_out: 1}", "{leave_out: 1, keep: 1}", 10, "keep is not a key we know here"),
    "a field that is none": (C, "  case.desk: {", "  case.dask: {", 10, "there is no value case.dask; did you mean case.desk? There are"),
    "a state without its label": (L, "case.state | label", "case.state", 16, "is written {{ case.state | label }}"),
    "a state as a day": (L, "case.state | label", "case.state | day", 16, "is written {{ case.state | label }}"),
    "a date without its day": (L, "case.changed_on | day", "case.changed_on", 19, "written {{ case.changed_on | day }}"),
    "a date as a label": (L, "changed_on | day", "changed_on | label", 19, "is written {{ case.changed_on | day }}"),
    "a number as a day": (L, "{{ case.year }}", "{{ case.year | day }}", 27, "is written {{ case.year }}"),
    "a day of a last answer without its filter": (L, "{{ case.year }}", "{{ as_of }}", 27, "written {{ as_of | day }}"),
    "an item outside lines": (L, "{{ case.year }}", "{{ item.desk }}", 27, "item.desk is only known in lines:"),
    "an item as a day": (L, "{{ item.desk }}", "{{ item.desk | day }}", 23, "item.desk is written {{ item.desk }}"),
    "an item's day without its filter": (L, "{{ item.desk }}", "{{ item.on }}", 23, "written {{ item.on | day }}"),
    "a list as a value": (L, "{{ case.year }}", "{{ case.steps }}", 27, "there is no value case.steps"),
    "an SMS about a mistake without an input": (
        L, "  text: Which\n", "  text: Which\n  sms_mistaken: {fa: x, en: x}\n", 27, "sms_mistaken: belongs to an input",
    ),
    "an SMS about a check digit without an input": (
        L, "  text: Which\n", "  text: Which\n  sms_check_digit: {fa: x, en: x}\n", 27,
        "sms_check_digit: belongs to an input",
    ),
    "an SMS about a mistake without a language": (
        L, '  mistaken: {fa: نشد, en: "No number"}\n',
        '  mistaken: {fa: نشد, en: "No number"}\n  sms_mistaken: {fa: x}\n', 7, "sms_mistaken has no text in en",
    ),
    "a lost session that asks": (
        C, "session_ended: {text: Dial again}", "session_ended: {ask: escalate, done: main}", 32,
        "session_ended is said where nothing can be asked",
    ),
    "an alias": (L, "  text: Which\n", "  text: &a Which\n  sms: *a\n", 27, "an alias (*name) stands for this"),
    "a number Python cannot read": (L, "text: Which", "text: 1_.5", 26, "YAML reads 1_.5 as a number"),
    "languages that are no list": (C, "languages: [fa, en]", "languages: fa", 1, "languages: a list was expected: [one, two]"),
    "a word that is a truth": (L, 'en: "No number"', "en: no", 6, 'YAML reads no as something else: write "no"'),
    "a key twice": (L, "  end: false\n", "  end: false\n  text: Steps\n", 25, "the key text stands here again"),
    "a screen twice in a file": (C, "refused:", "missing:", 29, "the key missing stands here again, first on line 28"),
    "a screen twice in two files": (L, "\nwhich:", "\nlate:", 25, "the screen late stands in common.yaml:30 already"),
    "a shared key twice": (L, "journey: letters", "start: main", 1, "start stands in common.yaml already"),
    "no YAML": (L, "entry: {code", "entry: [code", 2, "the [ that opens here is not closed"),
    "a file that is a list": (L, LETTERS, "- a\n- b\n", 1, "a menu file is keys with screens"),
    "an empty file": (L, LETTERS, "", 1, "the file is empty"),
    "a link in a text": (C, "{text: Dial again}", "{text: Dial www.rasad}", 32, "a phone reads a link here"),
    "a link in a choice": (L, "text: Steps, next", "text: rasad.ir, next", 18, "a phone reads a link here"),
    "a link in a language of a text": (L, "en: Number}", "en: 'Number.or so'}", 4, "a space behind the dot?"),
    "a link in the lines of a list": (L, "{{ item.desk }}", "{{ item.desk }} x.ir", 23, "a phone reads a link here"),
    "a link in a pick": (L, "{{ case.year }}", "{{ case.year }} t.me/x", 27, "a phone reads a link here"),
    "a link of a value and what stands behind it": (
        L, "{{ case.year }}", "{{ case.number }}.ir", 27, "a phone reads a link here",
    ),
    "a link in a label": (C, "  seen: seen\n", "  seen: a://b\n", 15, "a phone reads a link here"),
    "a link in navigation": (C, "en: More}", "en: more.on}", 7, "a phone reads a link here"),
    "a link in what is said of a wrong choice": (C, 'en: "A number"', 'en: "a.number"', 4, "a phone reads a link here"),
    "a link in what is said after a mistake": (L, 'en: "No number"', 'en: "no.number"', 6, "a phone reads a link here"),
    "one name for inputs of two kinds": (
        L, "  pick:", "  input: {as: rating, into: number}\n  pick:", 27, "number is a letter_number elsewhere in this menu",
    ),
    "a name with a capital": (L, "into: number}", "into: Number}", 5, "the name Number is not made of small letters"),
    "a relative day without a word for today": (
        L, "changed_on | day", "changed_on | relative", 19, "for | relative the labels in common.yaml need today:",
    ),
    "a short text of another language": (L, "  text: Which\n", "  text: Which\n  short: {ar: x}\n", 27, "ar is none of this"),
    "a condition of an input nobody gives": (
        L, "Steps, next: steps}", "Steps, when: {typed.code: true}, next: steps}", 18, "there is no typed.code to go by",
    ),
    "a choice that leads to a previous input": (L, "next: find_letter\nfind", "next: previous\nfind", 7, "there is no screen previous"),
    "a choice that is a name alone": (
        L, "- steps: {text: Steps, next: steps}", "- steps", 18,
        "choices 1: one name and its choice were expected: - steps: {text: ..., next: ...}",
    ),
    "a choice whose keys stand beside its name": (
        L, "    - steps: {text: Steps, next: steps}\n", "    - steps:\n      text: Steps\n      next: steps\n", 18,
        "choices 1: one name and its choice were expected: - steps: {text: ..., next: ...}",
    ),
    "choices without a dash": (
        L, "    - steps: {text", "    steps: {text", 17,
        "choices: a list was expected: [one, two], or lines that begin with a - and a space",
    ),
    "an input that is a word": (
        L, "input: {as: letter_number, into: number}", "input: letter_number", 5,
        "input: keys with values were expected: {key: value}, with a space behind each colon",
    ),
    "a next left empty": (L, "  next: find_letter\nfind", "  next:\nfind", 7, "next: the name of a screen was expected, or lines of - {when: ..., next: ...}"),
    "a next in braces": (L, "  several: which", "  several: {which}", 14, "several: the name of a screen was expected, or lines of"),
    "choices left empty": (
        L, "    - steps: {text: Steps, next: steps}\n", "", 17,
        "choices: has no choice under it; add one, or delete this line",
    ),
    "a key nearly right": (L, "  choices:\n    - steps", "  choises:\n    - steps", 17, "choises is not a key we know here; did you mean choices?"),
    "a text nearly called so": (L, "  text: Which\n", "  txt: Which\n", 26, "txt is not a key we know here; did you mean text?"),
    "a shared key nearly right": (C, "labels:", "lables:", 11, "it needs text: (what to say) or ask: (what to ask); did you mean labels?"),
    "a language left empty": (L, "{fa: شماره, en: Number}", "{fa: شماره, en: }", 4, "ask_number.text has no text in en"),
    "a language of a mistake left empty": (L, 'en: "No number"}', "en: }", 6, "ask_number.mistaken has no text in en"),
    "a text left empty": (L, "  text: Which\n", "  text:\n", 26, "a text was expected, or one per language"),
    "no space behind a language": (L, "fa: شماره, en: Number", "fa: شماره, en:Number", 4, "a space is missing behind en:"),
    "no space behind the only language": (L, "  text: Which\n", "  text:\n    en:Which\n", 26, "a space is missing behind en:"),
    "no space behind a screen's text": (C, "late: {text: Late}", "late:\n  text:Late", 30, "a space is missing behind text:"),
    "a new line in letters": (L, "  text: Which\n", "  text: 'Which\\nletter'\n", 26, '\\n stands in the text as letters; put the text between " and "'),
    "a text that lost a quote": (L, "  text: Which\n", '  text: {fa: ساعت:\\nشنبه 14:30", en: Which}\n', 26, "the text has \\n in it as letters; put quotes at both ends of it"),
    "a screen nearly called so": (L, "next: find_letter\nfind", "next: find_leter\nfind", 7, "no screen find_leter; did you mean find_letter?"),
    "an input nearly called so": (L, "with: {number: number}", "with: {number: numbr}", 10, "(input: {into: ...}); did you mean number?"),
    "a condition of an input nearly called so": (L, "Steps, next: steps}", "Steps, when: {typed.numbr: true}, next: steps}", 18, "did you mean typed.number?"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "line", "piece"), FAULTY.values(), ids=FAULTY)
def test_a_mistake_is_told_with_its_file_and_line(file, old, new, line, piece):
    found = faults(changed(file, old, new))

    assert [fault for fault in found if fault[:2] == (file, line) and piece in fault[2]], found


def test_all_mistakes_of_all_files_are_told_at_once():
    files = changed("letters.yaml", "text: Which", "text: {fa: x}") | {
        "common.yaml": COMMON.replace("start: main", "start: home").replace("Letter}, next: ask_number", "L}, next: x")
    }

    assert [(file, line) for file, line, _ in faults(files)] == [
        ("common.yaml", 2),
        ("common.yaml", 26),
        ("letters.yaml", 26),
    ]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (L, "into: number}", "into: number, of: x}"),
        (L, "{fa: شماره, en: Number}", "5"),
        (C, "  text: {fa: رصد, en: Rasad}", "  text: {fa: رصد, en: Rasad}\n  colour: red"),
        (L, 'code: "01"', "code: x"),
        (L, "journey: letters", "journey: [letters"),
        (C, "languages: [fa, en]", "languages: [fa, en"),
        (L, "  text: {fa: شماره, en: Number}\n  input", "  txt: {fa: شماره, en: Number}\n  input"),
        (L, "en: Number}", 'en:"Number"}'),
        (L, "{fa: شماره, en: Number}", '{fa: ساعت:\\nشنبه 14:30", en: Number}'),
        (L, "{fa: شماره, en: Number}", "{fa: شماره, en: }"),
        (L, "{text: Steps, next: steps}", "{txt: Steps, next: steps}"),
        (L, "    - steps: {text: Steps, next: steps}\n", "    - steps:\n      text: Steps\n      next: steps\n"),
    ],
    ids=[
        "its input",
        "its text",
        "the main menu",
        "its entry",
        "its file",
        "the common file",
        "the name of its text",
        "a space",
        "a quote",
        "a language left empty",
        "the name of a choice's text",
        "where a choice's keys stand",
    ],
)
def test_one_mistake_is_one_fault_whoever_needs_what_is_mistaken(file, old, new):
    """What is there and faulty is not told as missing by those that lead to it, ask with it or start with it."""
    found = faults(changed(file, old, new))

    assert 1 == len(found), found
    assert file == found[0][0]


def test_a_long_list_of_what_there_is_is_given_once():
    wrong = changed("letters.yaml", "case.year", "case.yaer")
    wrong["letters.yaml"] = wrong["letters.yaml"].replace("{{ item.desk }}", "{{ item.dask }}")

    assert [True, False] == ["There are as_of, asked, case." in message for _, _, message in faults(wrong)]
    assert [True, True] == ["; did you mean " in message for _, _, message in faults(wrong)]


def test_two_journeys_may_not_share_a_code_or_a_keyword():
    copy = LETTERS.replace("journey: letters", "journey: copies")
    for name in ("ask_number", "find_letter", "status", "closed:", "steps:", "which"):
        copy = copy.replace(name, f"copy_{name}")
    copy = copy.replace("next: steps", "next: copy_steps").replace("next: closed", "next: copy_closed")

    found = faults(SMALL | {"more.yaml": copy})

    assert ("more.yaml", 2, "the entry code 01 leads to letters already") in found
    assert ("more.yaml", 2, "the keyword letter leads to letters already") in found
    assert ("more.yaml", 2, "the keyword نامه leads to letters already") in found


def test_a_menu_without_languages_is_told_once():
    assert faults({"common.yaml": COMMON.replace("languages: [fa, en]\n", "")}) == [
        ("common.yaml", 1, "languages: is missing; no file of this menu has it")
    ]


def test_a_faulty_screen_is_not_told_again_by_those_that_lead_to_it():
    found = faults(changed("letters.yaml", "  text: Steps\n", "  text: Steps\n  colour: red\n"))

    assert [message for _, _, message in found] == ["colour is not a key we know here"]


# --- dial codes in Persian texts --------------------------------------------------------------------------------------

LRM = "\u200e"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("بگیرید *4*061# را", f"بگیرید {LRM}*4*061#{LRM} را"),
        ("*4*061*12345#", f"{LRM}*4*061*12345#{LRM}"),
        ("مثال: 220*1396*54321", f"مثال: {LRM}220*1396*54321{LRM}"),
        ("*4*061# یا 1*2", f"{LRM}*4*061#{LRM} یا {LRM}1*2{LRM}"),
        ("به جای / کلید * را بزنید", "به جای / کلید * را بزنید"),
        ("مثل 12345 یا 220/1396/54321", "مثل 12345 یا 220/1396/54321"),
    ],
)
def test_a_dial_code_keeps_its_order_between_right_to_left_letters(written, read):
    menu = load(changed("letters.yaml", "{fa: شماره, en: Number}", f'{{fa: "{written}", en: "{written}"}}'))

    assert menu.nodes["ask_number"].text["fa"].source == read
    assert menu.nodes["ask_number"].text["en"].source == written


def test_the_shipped_dial_codes_are_marked_in_persian_only(menu):
    text = menu.nodes["session_ended"].text

    assert f"{LRM}*4*061#{LRM}" in text["fa"].source
    assert LRM not in text["en"].source


def test_the_version_is_that_of_the_files_wherever_their_folder_is(menu_files, menu):
    elsewhere = [(f"/srv/other/{name}", text) for name, text in menu_files]

    assert loader.version_of(elsewhere) == menu.version
    assert loader.load(elsewhere, {"letters", "requests"}).version == menu.version


def test_a_mistake_may_have_another_text_by_sms():
    menu = load(
        changed("letters.yaml", 'en: "No number"}\n', 'en: "No number"}\n  sms_mistaken: {fa: الف, en: "By SMS"}\n')
    )

    assert menu.nodes["ask_number"].mistaken[Mistake.MALFORMED]["en"].source == "No number"
    assert menu.nodes["ask_number"].sms_mistaken[Mistake.MALFORMED]["en"].source == "By SMS"
    assert Mistake.CHECK_DIGIT not in menu.nodes["ask_number"].sms_mistaken


def test_a_file_that_cannot_be_read_does_not_hide_behind_the_screens_it_would_have(menu_files):
    files = [(name, text + "\nbroken: [" if name == "help.yaml" else text) for name, text in menu_files]
    with pytest.raises(Faulty) as found:
        loader.load(files, {"letters", "requests"})

    told = [fault for fault in found.value.faults if not fault.message.startswith(("entry", "languages"))]
    assert ["help.yaml"] == sorted({fault.file for fault in told})
    assert "look here and upwards, to the last text you changed" in told[0].message


@pytest.mark.parametrize("name", ["office-address", "Office", "دفتر", "1st"])
def test_a_name_is_small_letters_digits_and_underscores(menu_files, name):
    files = [*menu_files, ("new.yaml", f'"{name}": {{text: {{fa: ا, ar: ا, en: a}}}}')]
    with pytest.raises(Faulty, match=f"the name {name} is not made of"):
        loader.load(files, {"letters", "requests"})


# --- where everything was written -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("status",), ("letters.yaml", 15)),
        (("status", "text", "en"), ("letters.yaml", 16)),
        (("status", "choices", 0, "steps", "text"), ("letters.yaml", 18)),
        (("ask_number", "input", "into"), ("letters.yaml", 5)),
        (("ask_number", "mistaken", "fa"), ("letters.yaml", 6)),
        (("find_letter", "found", 0, "when", "state"), ("letters.yaml", 12)),
        (("main", "choices", 1, "english", "text", "en"), ("common.yaml", 27)),
        (("labels", "in_progress", "fa"), ("common.yaml", 16)),
        (("wrong_choice", "en"), ("common.yaml", 4)),
        (("navigation", "more", "en"), ("common.yaml", 7)),
        (("fields", "case.desk", "leave_out"), ("common.yaml", 10)),
        (("entry letters", "keywords", "en"), ("letters.yaml", 2)),
        (("resume", "choices", 0, "go_on"), ("common.yaml", 40)),
        (("nowhere", "text"), ("common.yaml", 1)),
        ((), ("common.yaml", 1)),
    ],
)
def test_a_menu_knows_the_file_and_line_of_all_it_says(path, place):
    assert place == load(SMALL).place(path)


@pytest.mark.parametrize(
    "text", ["220/1396.54321", "طبقه 2. تلفن 111", "12.5", "a.b", "e. g. this", "1.ثبت", "ص.پ 5", "*4*061#"]
)
def test_what_no_phone_reads_as_a_link_may_be_written(text):
    menu = load(changed("letters.yaml", "en: Number}", f'en: "{text}"}}'))

    assert text == menu.nodes["ask_number"].text["en"].source


def test_inputs_of_one_kind_may_share_a_name():
    menu = load(
        SMALL
        | {
            "more.yaml": "again:\n  text: Again\n  input: {as: letter_number, into: number}\n  mistaken: {fa: x, en: x}\n  next: again\n"
        }
    )

    assert {"number": Kind.LETTER_NUMBER} == menu.inputs
