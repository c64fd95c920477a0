"""Where a menu leads: on each wire, through conditions and back, and rows of asks that come to no screen."""

import pytest

from menus import reach
from tests.menus.small import ASK_NUMBER, small


def test_every_screen_of_our_menus_is_reached_by_phone(menu, every_input):
    assert menu.nodes.keys() == reach.reached(menu, "ussd")
    assert every_input.nodes.keys() == reach.reached(every_input, "ussd")


def test_a_screen_behind_a_condition_is_reached():
    menu = small(
        "first:\n  text: Score?\n  input: {as: rating, into: score}\n  mistaken: {en: x, fa: x}\n"
        '  next:\n    - {when: {typed.score: ["1"]}, next: bad}\n    - good\n'
        "bad: {text: Bad}\ngood:\n  text: Good\n  choices: [{late: {text: Late, when: {overdue: true}, next: late_one}}]\n"
        "late_one: {text: Late}\n"
    )

    assert [] == list(reach.unreached(menu))
    assert {"bad", "good", "late_one"} <= reach.reached(menu, "sms")


def test_previous_is_no_way_to_anywhere():
    menu = small("first:\n  text: Hello\n  choices: [{back: {text: Back again, next: previous}}]\nlost: {text: Lost}\n")

    assert ["lost"] == [name for name, _ in reach.unreached(menu)]
    assert "previous" not in reach.reached(menu, "ussd")


def test_by_sms_a_screen_with_a_text_of_its_own_leads_nowhere_by_its_choices():
    menu = small(
        ASK_NUMBER
        + "  found: status\nstatus:\n  text: a\n  sms: b\n  choices: [{more: {text: More, next: more}}]\nmore: {text: More}\n"
    )

    assert "more" in reach.reached(menu, "ussd")
    assert "more" not in reach.reached(menu, "sms")


@pytest.mark.parametrize("wire", ["ussd", "sms"])
def test_what_is_asked_of_the_gateway_comes_back_done_or_unavailable_alone(every_input, wire):
    assert ("done", "unavailable") == reach.words(every_input.nodes["keep_score"])
    assert "done" not in reach.words(every_input.nodes["find_letter"])


def test_an_outcome_without_a_branch_leads_to_the_screen_of_its_name(every_input):
    find = every_input.nodes["find_letter"]

    assert ["missing"] == reach.behind(every_input, find, "missing")
    assert ["letter_late", "letter_done", "letter_open"] == reach.behind(every_input, find, "found")
    assert ["which_letter"] == reach.behind(every_input, find, "several")


def test_without_a_screen_for_several_they_are_unavailable(every_input):
    assert ["unavailable"] == reach.behind(every_input, every_input.nodes["find_request"], "several")


def test_a_ring_is_told_once_by_its_first_name():
    menu = small(
        ASK_NUMBER
        + "  found: status\n  missing: other\nother: {ask: letters, with: {number: number}, found: status, missing: find}\nstatus: {text: a}\n"
    )

    assert [("find", "asks follow one another without end (find > other > find); put a screen between")] == list(
        reach.loops(menu)
    )


def test_our_menus_have_no_ring(menu, every_input):
    assert [] == [*reach.loops(menu), *reach.loops(every_input)]
