"""`include:`: screens take over the keys of a block, and a fault in a block is told where the block is written."""

import pytest

from gateway.menu_files import House, loaded
from menus import loader
from menus.alphabet import Capacity
from menus.definition import AskDef
from menus.source import Faulty
from tests.menus.small import ASK_NUMBER, files, small

HOUSE = House(routes={"letters"}, capacities={"ussd": Capacity(), "sms": Capacity(parts=3)})


def faults(screens, more=None):
    written = files(screens) | (more or {})
    with pytest.raises(Faulty) as found:
        loaded(list(written.items()), HOUSE)
    return [
        (fault.file, written[fault.file].split("\n")[fault.line - 1].strip(), fault.message)
        for fault in found.value.faults
    ]


def labels(menu, name="first"):
    return [choice.text["en"].source for choice in menu.nodes[name].choices]


BLOCKS = """\
blocks:
  way_on:
    choices:
      - phones: {text: Phones, next: phones}
  title:
    text: From the block
    sms: By SMS from the block
phones: {text: Phone 111}
"""


def test_a_screens_own_choices_come_first_and_the_blocks_behind_them():
    menu = small(
        "first:\n  text: Hello\n  choices:\n    - own: {text: Own, next: main}\n  include: way_on\n"
        + BLOCKS.replace("  title:\n    text: From the block\n    sms: By SMS from the block\n", "")
    )

    assert ["Own", "Phones"] == labels(menu)


def test_blocks_are_taken_over_in_the_order_they_are_named():
    menu = small(
        "first:\n  include: [b, a]\n  text: Hello\n"
        "blocks:\n  a:\n    choices: [{a: {text: A, next: main}}]\n  b:\n    choices: [{b: {text: B, next: main}}]\n"
    )

    assert ["B", "A"] == labels(menu)


def test_what_the_screen_says_itself_stands():
    menu = small("first:\n  include: [way_on, title]\n  text: Own\n" + BLOCKS)

    first = menu.nodes["first"]
    assert ("Own", "By SMS from the block") == (first.text["en"].source, first.sms["en"].source)


def test_a_screen_may_have_all_it_says_from_blocks():
    menu = small("first: {include: [title, way_on]}\n" + BLOCKS)

    assert "From the block" == menu.nodes["first"].text["en"].source
    assert ["Phones"] == labels(menu)


def test_an_ask_may_take_over_its_outcomes():
    menu = small(
        "blocks:\n  ways:\n    missing: gone\n    late: gone\ngone: {text: Phone 111}\n"
        + ASK_NUMBER + "  include: ways\n  late: status\n  found: status\nstatus: {text: \"{{ case.number }}\", end: false}\n"
    )  # fmt: skip

    ask = menu.nodes["find"]
    assert isinstance(ask, AskDef)
    assert ("gone", "status") == (ask.branches["missing"][0].next, ask.branches["late"][0].next)


def test_a_block_may_stand_in_another_file_than_its_screens(every_input):
    written = files("first:\n  include: way_on\n  text: Hello\nphones: {text: Phone 111}\n")
    written["z.yaml"] = "blocks:\n  way_on:\n    choices:\n      - phones: {text: Phones, next: phones}\n"

    menu = loader.load(written.items(), {"letters"})

    assert ["Phones"] == labels(menu)
    assert ("z.yaml", 4) == menu.place(("first", "choices", 0, "phones", "text"))
    assert ("letters.yaml", 5) == menu.place(("first", "text"))


def test_in_the_menu_of_every_input_a_blocks_choices_stand_on_three_screens(every_input):
    assert [["where", "complain"]] * 3 == [
        [choice.name for choice in every_input.nodes[name].choices]
        for name in ("letter_open", "letter_late", "letter_done")
    ]


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        ("next: phones}", "next: fones}", "- phones: {text: Phones, next: fones}", "there is no screen fones"),
        ("text: Phones,", 'text: "{{ case.fone }}",', '- phones: {text: "{{ case.fone }}", next: phones}', "there is no value case.fone"),
        ("text: Phones,", "text: {fa: تلفن},", "- phones: {text: {fa: تلفن}, next: phones}", "has no text in en"),
        ("text: Phones,", "txt: Phones,", "- phones: {txt: Phones, next: phones}", "is not a key we know here"),
        ("next: phones}", "next: phones, when: {stat: true}}", "- phones: {text: Phones, next: phones, when: {stat: true}}", "there is no stat to go by"),
        ("    sms: By SMS from the block", "    smss: Oops", "smss: Oops", "smss is not a key we know here"),
        ("From the block", "From [the block", "text: From [the block", "a [ without its ]"),
        ("text: Phones,", f"text: {'W' * 170},", f"- phones: {{text: {'W' * 170}, next: phones}}", "this choice has 170 letters, and a page holds 160"),
    ],
    ids=["target", "value", "language", "key of a choice", "condition", "key", "template", "too long"],
)  # fmt: skip
def test_a_fault_in_a_block_is_told_at_the_blocks_own_file_and_line(old, new, at, says):
    assert BLOCKS.count(old) == 1
    found = faults("first: {include: [title, way_on]}\nphones: {text: Phone 111}\n", {"z.yaml": BLOCKS.replace(old, new).replace("phones: {text: Phone 111}\n", "")})  # fmt: skip

    assert ("z.yaml", at) in {(file, line) for file, line, message in found if says in message}, found


@pytest.mark.parametrize(
    ("screen", "at", "says"),
    [
        ("first: {include: way_onn, text: Hello}", "first: {include: way_onn, text: Hello}", "there is no block way_onn; did you mean way_on?"),
        ("first:\n  text: Hello\n  include: 5", "include: 5", "the name of a block was expected, or a list of names"),
        ("first:\n  text: Hello\n  include: [[way_on]]", "include: [[way_on]]", "the name of a block was expected, or a list of names"),
        ("first:\n  text: Hello\n  include: {way_on: title}", "include: {way_on: title}", "the name of a block was expected, or a list of names"),
        ("first:\n  text: Hello\n  include:", "include:", "the name of a block was expected, or a list of names"),
    ],
    ids=["no such block", "a number", "a list in a list", "a mapping", "nothing"],
)  # fmt: skip
def test_an_include_that_names_no_block_is_told_on_its_line(screen, at, says):
    found = faults(f"{screen}\nsecond: {{include: [way_on, title]}}\n{BLOCKS}")

    assert ("letters.yaml", at) in {(file, line) for file, line, message in found if says in message}, found


def test_there_are_no_blocks_in_a_menu_without_any():
    (fault,) = faults("first: {text: Hello, include: way_on}\n")

    assert ("letters.yaml", "there is no block way_on; there are none") == (fault[0], fault[2])


def test_a_block_nobody_includes_is_told():
    found = faults("first: {text: Hello, include: way_on}\n" + BLOCKS)

    assert [("letters.yaml", "title:", "nobody includes title; delete it")] == found


def test_a_block_includes_no_other():
    found = faults("first: {text: Hello, include: a}\nblocks:\n  a:\n    include: b\n    choices: [{a: {text: A, next: main}}]\n  b:\n    end: false\n")  # fmt: skip

    assert ("letters.yaml", "include: b", "a block includes no other") in found


def test_a_block_stands_in_one_place():
    found = faults("first: {text: Hello, include: a}\nblocks:\n  a:\n    end: false\n", {"z.yaml": "blocks:\n  a:\n    end: true\n"})  # fmt: skip

    assert [("z.yaml", "a:", "the block a stands in letters.yaml:5 already")] == found


def test_a_fault_in_a_block_that_two_screens_include_is_told_once():
    found = faults(
        "first: {include: [title, way_on]}\nphones: {include: title}\n"
        "blocks:\n  way_on:\n    choices: [{phones: {text: Phones, next: phones}}]\n"
        "  title:\n    text: From {{ case.nothing }}\n"
    )

    assert [("letters.yaml", "text: From {{ case.nothing }}")] == [each[:2] for each in found]
