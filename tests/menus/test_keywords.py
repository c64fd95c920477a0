"""How an SMS opens a conversation."""

import pytest

from menus.keywords import opened_by
from menus.machine import Opened


@pytest.mark.parametrize(
    ("text", "arguments", "entry", "language"),
    [
        ("12345", ("12345",), None, None),
        ("۱۲۳۴۵", ("12345",), None, None),
        ("220*1396*54321", ("220", "1396", "54321"), None, None),
        ("220/1396/54321", ("220/1396/54321",), None, None),
        ("220 1396\n54321", ("220", "1396", "54321"), None, None),
        ("نامه 12345", ("12345",), "letters", "fa"),
        ("نامه ۱۲۳۴۵", ("12345",), "letters", "fa"),
        ("نامه، 12345", ("12345",), "letters", "fa"),
        ("نامه\n12345", ("12345",), "letters", "fa"),
        ("نامه#12345", ("12345",), "letters", "fa"),
        ("نـامه 12345", ("12345",), "letters", "fa"),
        ("ﻧﺎﻣﻪ 12345", ("12345",), "letters", "fa"),
        ("پيگيري 5", ("5",), "letters", "fa"),
        ("پی‌گیری 5", ("5",), "letters", "fa"),
        ("letter 12345", ("12345",), "letters", "en"),
        ("letter: 12345", ("12345",), "letters", "en"),
        ("  LETTER;12345", ("12345",), "letters", "en"),
        ("letter 220 1396", ("220", "1396"), "letters", "en"),
        ("نامه", (), "letters", "fa"),
        ("درخواست 2001000344", ("2001000344",), "requests", "fa"),
        ("request 2001000344", ("2001000344",), "requests", "en"),
        ("02 2001000344", ("02", "2001000344"), None, None),
        ("سلام", ("سلام",), None, None),
        ("letters 5", ("5",), None, None),
        ("5 letter", ("5",), "letters", "en"),
        ("220#1396 54321", ("220", "1396", "54321"), None, None),
        ("*220*1396*54321#", ("220", "1396", "54321"), None, None),
        ("220-1396-54321", ("220-1396-54321",), None, None),
        ("پیگیری نامه 12345", ("12345",), "letters", "fa"),
        ("لطفا نامه من 12345 چی شد؟", ("12345",), "letters", "fa"),
        ("شماره نامه: ۱۲۳۴۵ لطفا", ("12345",), "letters", "fa"),
        ("12345 چی شد؟", ("12345",), None, None),
        ("سلام 220/1396/54321 کجاست", ("220/1396/54321",), None, None),
        ("نامه 12345/96/ص است", ("12345/96/ص",), "letters", "fa"),
        ("Please find letter no. 12345", ("12345",), "letters", "en"),
        ("نامه12345", ("12345",), "letters", "fa"),
        ("پیگیری درخواست 2001000344", ("2001000344",), "requests", "fa"),
        ("پیگیری کد پیگیری 2001000344", ("2001000344",), "requests", "fa"),
        ("2001000344 کد پیگیری من است", ("2001000344",), "requests", "fa"),
        ("tracking code 2001000344", ("2001000344",), "requests", "en"),
        ("letter number 12345", ("12345",), "letters", "en"),
        ("نامه 12345 و 54321", ("12345",), "letters", "fa"),
        ("نامه من", ("من",), "letters", "fa"),
        ("راهنما", (), "help", "fa"),
        ("کمک", (), "help", "fa"),
        ("HELP", (), "help", "en"),
        ("زبان", (), "language", "fa"),
        ("english", (), "language", "en"),
        ("كتاب 12345", ("12345",), "letters", "ar"),
        ("كتاب ١٢٣٤٥", ("12345",), "letters", "ar"),
        ("رقم الكتاب: 12345", ("12345",), "letters", "ar"),
        ("متابعة 12345", ("12345",), "letters", "ar"),
        ("متابعة كتاب 12345", ("12345",), "letters", "ar"),
        ("متابعه الكتاب 12345", ("12345",), "letters", "ar"),
        ("مرحبا، أين كتابي 12345؟", ("12345",), "letters", "ar"),
        ("طلب 2001000344", ("2001000344",), "requests", "ar"),
        ("متابعة طلب 2001000344", ("2001000344",), "requests", "ar"),
        ("رمز المتابعة 2001000344", ("2001000344",), "requests", "ar"),
        ("مساعدة", (), "help", "ar"),
        ("اللغة", (), "language", "ar"),
        ("عربي", (), "language", "ar"),
        ("", (), None, None),
        (" \n ،؛ \u200f", (), None, None),
    ],
)
def test_a_message_opens_with_its_keyword_and_its_number(menu, text, arguments, entry, language):
    assert opened_by(menu, text) == (Opened(arguments, entry), language)


def test_only_the_beginning_of_a_long_message_is_read(menu):
    opened, _ = opened_by(menu, "نامه 12345 " + "ص " * 100_000)

    assert opened.arguments[0] == "12345"
    assert len(opened.arguments) < 1000


def test_arabic_kaf_and_yeh_lead_where_the_persian_letters_lead(menu):
    folded = [keyword for entry in menu.entries.values() for keyword in entry.keywords]
    arabic = str.maketrans("کی", "كي")

    for keyword in folded:
        assert opened_by(menu, keyword) == opened_by(menu, keyword.translate(arabic))


@pytest.mark.parametrize("text", ["نامه*12345", "نامه/12345", "letter*12345", "Letter 12345", "letter:12345"])
def test_a_keyword_may_be_joined_to_its_number(menu, text):
    opened, _ = opened_by(menu, text)

    assert ("letters", ("12345",)) == (opened.entry, opened.arguments)


@pytest.mark.parametrize(
    ("text", "entry", "arguments"),
    [
        ("help?", "help", ()),
        ("«درخواست» 2001000344", "requests", ("2001000344",)),
        ("request. 2001000344", "requests", ("2001000344",)),
        ("کمک کنید نامه 12345", "letters", ("12345",)),
        ("english letter 12345", "letters", ("12345",)),
        ("نامه 12345 مورخ 1405/08/20", "letters", ("12345",)),
        ("پیگیری نامه 12345", "letters", ("12345",)),
        ("کد پیگیری 2001000344", "requests", ("2001000344",)),
    ],
)
def test_what_people_write_around_a_number(menu, text, entry, arguments):
    opened, _ = opened_by(menu, text)

    assert (entry, arguments) == (opened.entry, opened.arguments)
