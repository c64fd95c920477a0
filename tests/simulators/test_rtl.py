"""Lines as a terminal must get them that prints from left to right. Letters are compared by their names."""

import unicodedata

import pytest

from simulators.rtl import Rtl, arranges, shown_as, visual


def plain(text):
    """Joined forms back to their letters, so that the order is what is compared."""
    return unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Rasad: letter (12)", "Rasad: letter (12)"),
        ("نامه 12345", "12345 همان"),
        ("نامه 220/1396/54321", "220/1396/54321 همان"),
        ("پاسخ تا 09/10", "09/10 ات خساپ"),
        ("1)مراحل 2)پیامک", "کمایپ(2 لحارم(1"),
        ("(خبر 08/25)", "(08/25 ربخ)"),
        ("\u200e*4*061#\u200e بزنید", "*4*061# دینزب"),
        ("نیمه‌کاره", "هراک‌همین".replace("\u200c", "")),
        ("متن\nwords", "نتم\nwords"),
    ],
)
def test_a_line_is_put_in_the_order_it_is_seen_in(text, seen):
    assert seen == plain(visual(text))


def test_letters_are_joined():
    assert ["ARABIC LETTER MEEM ISOLATED FORM", "ARABIC LIGATURE LAM WITH ALEF FINAL FORM", "ARABIC LETTER SEEN INITIAL FORM"] == [
        unicodedata.name(letter) for letter in visual("سلام")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("environ", "does"),
    [
        ({"VTE_VERSION": "7200"}, True), ({"VTE_VERSION": "5202"}, False), ({"VTE_VERSION": ""}, False),
        ({"KONSOLE_VERSION": "220402"}, True), ({"TERM": "mlterm"}, True), ({"TERM_PROGRAM": "Apple_Terminal"}, True),
        ({"TERM": "xterm-256color"}, False), ({"TERM": "linux"}, False), ({}, False),
    ],
)  # fmt: skip
def test_which_terminals_arrange_lines_themselves(environ, does):
    assert does is arranges(environ)
    assert (Rtl.TERMINAL if does else Rtl.VISUAL) == shown_as(Rtl.AUTO, environ, on_a_terminal=True)


def test_a_pipe_gets_the_text_itself_and_what_is_asked_for_is_done():
    assert Rtl.TERMINAL == shown_as(Rtl.AUTO, {"TERM": "linux"}, on_a_terminal=False)
    assert Rtl.VISUAL == shown_as(Rtl.VISUAL, {"VTE_VERSION": "7200"}, on_a_terminal=False)
    assert Rtl.TERMINAL == shown_as(Rtl.TERMINAL, {"TERM": "linux"}, on_a_terminal=True)
