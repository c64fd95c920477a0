"""`short:`: fewer words, said only where the others would take another page or another SMS."""

from datetime import date

import msgspec
import pytest

from menus import loader
from menus.alphabet import Capacity, fits, segments
from menus.ports import Case, Found, State
from menus.render import render
from menus.screens import Navigation, Screen
from menus.source import Faulty
from menus.templates import Filled
from tests.menus.small import ASK_NUMBER, files, small

NAVIGATION = Navigation(back="Back", more="More", main="Menu")
SMS = Capacity(parts=3)


def screen(text, labels=(), *, short=None, **more):
    return Screen("a_screen", "en", (Filled(text, 0),), labels, short=short, **more)


@pytest.mark.parametrize(
    ("long", "said"),
    [("a " * 79 + "ab", "long"), ("a " * 80 + "a", "short"), ("W" * 161, "short")],
    ids=["160 septets", "161 septets", "a word longer than a page"],
)
def test_the_long_text_is_said_as_long_as_it_is_one_page(long, said):
    (page,) = render(screen(long, short=screen("Short")), Capacity(), NAVIGATION)

    assert {"long": long, "short": "Short"}[said] == page.text


@pytest.mark.parametrize(("letters", "said"), [(70, "long"), (71, "short")])
def test_by_sms_the_long_text_is_said_as_long_as_it_is_one_sms(letters, said):
    long = "ن" * letters

    (page,) = render(screen(long, short=screen("کوتاه")), SMS, NAVIGATION)

    assert {"long": long, "short": "کوتاه"}[said] == page.text


@pytest.mark.parametrize(("long", "short", "wins"), [(3, 2, "short"), (3, 3, "long"), (2, 3, "long")])
def test_where_both_take_several_the_one_of_fewer_pages_is_said_and_the_long_one_among_equals(long, short, wins):
    pages = {"long": screen("ن\n" + "ن" * 60 + "\n" + "\n".join(["ن" * 60] * (long - 1))), "short": screen("\n".join(["م" * 60] * short))}  # fmt: skip

    said = render(Screen(**{field: getattr(pages["long"], field) for field in ("name", "language", "parts")}, short=pages["short"]), Capacity(), NAVIGATION)  # fmt: skip

    assert render(pages[wins], Capacity(), NAVIGATION) == said


@pytest.mark.parametrize(("long", "short", "wins"), [(201, 134, "short"), (201, 201, "long")])
def test_by_sms_the_one_of_fewer_sms_is_said(long, short, wins):
    said = {"long": "ن" * long, "short": "م" * short}

    (page,) = render(screen(said["long"], short=screen(said["short"])), SMS, NAVIGATION)

    assert said[wins] == page.text


LATE = """\
  found: status
status:
  text:
    en: "Letter {{ case.number }} is still {{ case.state | label }} and nobody has answered it as yet"
    fa: "نامه {{ case.number }} هنوز {{ case.state | label }} و پاسخ آن هنوز نیامده است"
  short:
    fa: "نامه {{ case.number }} هنوز پاسخ ندارد"
  choices:
    - complain: {text: {en: Complain, fa: شکایت از دیرکرد اداره}, short: {fa: شکایت}, next: main}
"""

LETTER = Case("letter", "12345", State.IN_PROGRESS)
WIDE = Case("letter", "220/1396/54321", State.IN_PROGRESS)


def test_a_screen_and_its_choices_are_shortened_together(citizen):
    her = citizen(office=Found(LETTER), menu=small(ASK_NUMBER + LATE), language="fa").opens("12345")

    assert "نامه 12345 هنوز پاسخ ندارد\n1)شکایت 00)منو" == her.text
    assert 1 == her.dialogue.pages


def test_where_the_long_text_fits_nothing_is_shortened(citizen):
    her = citizen(office=Found(LETTER), menu=small(ASK_NUMBER + LATE), language="fa", capacity=Capacity(160, 99)).opens(
        "12345"
    )

    assert her.text.startswith("نامه 12345 هنوز در حال بررسی و پاسخ آن هنوز نیامده است\n1)شکایت از دیرکرد اداره")


def test_a_language_without_a_short_text_keeps_the_long_one(citizen):
    her = citizen(
        office=Found(LETTER), menu=small(ASK_NUMBER + LATE), language="en", capacity=Capacity(max_septets=60)
    ).opens("12345")

    assert her.page.more
    assert her.screen.short is None


def test_a_shortened_choice_leads_where_the_long_one_does_and_so_do_its_numbers(citizen):
    menu = small(
        "first:\n  text: Hello\n  choices:\n"
        f"    - a: {{text: {'A long label ' * 9}end, short: A, next: one}}\n"
        f"    - b: {{text: {'B long label ' * 9}end, short: B, when: {{state: [seen]}}, next: main}}\n"
        f"    - c: {{text: {'C long label ' * 9}end, short: C, next: two}}\n"
        "one: {text: One}\ntwo: {text: Two}\n"
    )
    her = citizen(menu=menu).opens("01")

    assert "Hello\n1)A 2)C 00)Menu" == her.text
    assert {"1": 0, "2": 2} == her.page.keys
    assert "two" == her.types("2").at


def test_a_mistake_is_told_in_full_with_the_choices_shortened(citizen):
    her = (
        citizen(office=Found(LETTER), menu=small(ASK_NUMBER + LATE), language="fa", capacity=Capacity(160, 30))
        .opens("12345")
        .types("7")
    )

    assert her.text.startswith("یک عدد\n1)شکایت ")


def test_values_decide_whether_there_is_room(citizen):
    menu = small(ASK_NUMBER + LATE.replace("و پاسخ آن هنوز نیامده است", "و بی پاسخ"))
    capacity = Capacity(160, 65)

    assert (
        "در حال بررسی" in citizen(office=Found(LETTER), menu=menu, language="fa", capacity=capacity).opens("12345").text
    )
    assert "ندارد" in citizen(office=Found(WIDE), menu=menu, language="fa", capacity=capacity).opens("12345").text


def test_by_sms_without_a_text_of_its_own_a_screen_is_shortened_too(citizen):
    her = citizen(office=Found(LETTER), menu=small(ASK_NUMBER + LATE), language="fa", wire="sms", capacity=SMS).opens(
        "12345"
    )

    assert "نامه 12345 هنوز پاسخ ندارد\n1)شکایت" == her.text
    assert 1 == segments(her.text)


def test_a_text_for_sms_stands_whatever_its_length(citizen):
    long = "رصد: نامه {{ case.number }} " + "هنوز " * 14
    menu = small(ASK_NUMBER + LATE.replace("  short:", f'  sms: "{long}ماند"\n  short:'))

    her = citizen(office=Found(LETTER), menu=menu, language="fa", wire="sms", capacity=SMS).opens("12345")

    assert her.text.endswith("هنوز ماند")
    assert 2 == segments(her.text)


def test_the_menu_of_every_input_shortens_a_late_letter_in_persian_alone(citizen, every_input, letter):
    late = Found(msgspec.structs.replace(letter, due_on=date(2026, 11, 1)))

    persian = citizen(office=late, menu=every_input).opens("12345")
    english = citizen(office=late, menu=every_input, language="en").opens("12345")

    assert "نامه 12345 دیر شد\nمهلت: ۰۸/۱۰\n1)کجاست؟ 2)شکایت\n00)منوی اصلی" == persian.text
    assert (
        "Letter 12345\nUnder review\nThe answer was due 21 days ago\n1)Where is it?\n2)Complain\n00)Main menu"
        == english.text
    )
    assert fits(persian.text, Capacity())


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("fa: \"نامه {{ case.number }} هنوز پاسخ ندارد\"", "ar: x", "ar is none of this menu's languages (en, fa)"),
        ("fa: \"نامه {{ case.number }} هنوز پاسخ ندارد\"", "fa: \"\"", "status.short has no text in fa"),
        ("fa: \"نامه {{ case.number }} هنوز پاسخ ندارد\"", "fa: \"{{ case.state }}\"", "case.state is written {{ case.state | label }}"),
        ("short: {fa: شکایت}", "short: {ar: x}", "ar is none of this menu's languages (en, fa)"),
        ("short: {fa: شکایت}", "short: 5", "a text was expected, or one per language"),
        ("short: {fa: شکایت}", "short: {fa: 'www.x.ir'}", "a phone reads a link here"),
    ],
)  # fmt: skip
def test_a_short_text_is_looked_at_like_any_other(old, new, says):
    assert LATE.count(old) == 1
    written = files(ASK_NUMBER + LATE.replace(old, new))
    with pytest.raises(Faulty) as found:
        loader.load(written.items(), {"letters"})

    (fault,) = found.value.faults
    assert new in written[fault.file].split("\n")[fault.line - 1]
    assert says in fault.message
