"""What becomes of a dialogue in a file: every step, nobody in it, and it plays back."""

import aiohttp
import pytest

from simulators import demo
from simulators.desk_phone import DeskPhone
from simulators.recorder import Happened, public_in, written
from simulators.rehearsal import MORE, NotAConversation, play, read

PUBLIC = public_in(
    ["نامه دفتر حقوقی تلفن موضوع پاسخ تا از على", "Letter due by Subject Legal Office", "12345 111 061 220"]
)


def happened(*pairs):
    return [
        Happened(act.removesuffix("!"), value, over=act.endswith("!"), at_s=float(place))
        for place, (act, value) in enumerate(pairs)
    ]


def body(*pairs):
    return written(happened(*pairs), PUBLIC).partition("steps:\n")[2]


@pytest.mark.parametrize(
    ("screen", "masked"),
    [
        ("نامه 12345", "نامه 12345"),
        ("نامه ۱۲۳۴۵", "نامه ۱۲۳۴۵"),
        ("نامه 54321", "نامه <number>"),
        ("نامه 220/1396/54322", "نامه 220/<number>"),
        ("تلفن 111", "تلفن 111"),
        ("تلفن 09161234567 ", "تلفن <number>"),
        ("پاسخ تا 09/10", "پاسخ تا <day>"),
        ("پاسخ تا 1404/12/29", "پاسخ تا <day>"),
        ("Letter due by 2 Dec 2025", "Letter due by <day>"),
        ("از 1405", "از <year>"),
        ("موضوع: آسفالت کوچه شهید رضایی", "موضوع: <words>"),
        ("Subject: Ali Rezaei, Legal Office", "Subject: <words>, Legal Office"),
        ("علی‌رضا رضایی، تلفن 111", "<words>، تلفن 111"),
        ("1)نامه 2)علی", "1)نامه\n2)<words>"),
        ("\u200e*4*061#\u200e", "*4*061#"),
        ("نامه [علی]", "<words>"),
        ("على علی", "على <words>"),
        ("a_b 0916_123 x9161234567y", "<words>_<words> <number>_<number> <words><number><words>"),
    ],
)
def test_what_is_not_public_is_masked_and_still_fits(screen, masked, tmp_path):
    text = body(("screen!", screen))
    file = tmp_path / "c.yaml"
    file.write_text("steps:\n  - dial: x\n" + text, encoding="utf-8")

    assert masked == read(file).steps[1].value


def test_steps_are_in_the_order_they_happened_and_no_phone_is_named():
    late_first = happened(("dial", "*4*061#"), ("screen", "نامه\n1)نامه 0)از"), ("type", "1"), ("screen!", "تلفن 111"))

    assert (
        'lang: fa\nsteps:\n  - dial: "*4*061#"\n  - see: |-\n      نامه\n      1)نامه\n  - type: "1"\n'
        '  - see: "تلفن 111"\n'
    ) == written(list(reversed(late_first)), PUBLIC)


def test_pages_read_to_the_last_are_one_screen():
    read_on = [("dial", "*4#"), ("screen", "نامه\n9)تا"), ("type", "9"), ("screen", "تلفن 111\n0)از")]

    assert '  - dial: "*4#"\n  - see: |-\n      نامه\n      تلفن 111\n' == body(*read_on)


def test_of_pages_not_read_to_the_last_it_is_said_that_there_are_more():
    left = [("dial", "*4#"), ("screen", "نامه\n9)تا"), ("type", "9"), ("screen", "تلفن\n0)از 9)تا"), ("type", "0")]

    assert (
        f'  - dial: "*4#"\n  - see: |-\n      نامه\n      {MORE}\n  - type: "9"\n'
        f'  - see: |-\n      تلفن\n      {MORE}\n  - type: "0"\n'
    ) == body(*left)


def test_typed_words_are_masked_and_a_typed_number_must_be_replaced(tmp_path):
    text = written(happened(("text", "نامه من 12345"), ("dial", "*4*061*54321#"), ("type", "5")), PUBLIC)
    file = tmp_path / "c.yaml"
    file.write_text(text, encoding="utf-8")

    assert text.startswith("# <number> in line 5 was masked: before this is played, write one that the demo has.\n")
    assert '  - text: "نامه <words> 12345"\n  - dial: "*4*061*<number>#"\n  - type: "5"\n' in text
    with pytest.raises(NotAConversation, match=r"c\.yaml:5: <number> was masked"):
        read(file)


@pytest.mark.parametrize(("text", "lang"), [("پیگیری", "fa"), ("متابعة كتاب", "ar"), ("Letter due by Office", "en")])
def test_the_language_is_told(text, lang):
    assert written(happened(("screen", text)), public_in([text])).startswith(f"lang: {lang}\n")


DIALOGUES = {
    "a letter, by the menu, and its steps": ["*4*061#", "1", "12345", "1", "9", "0", "0", "00"],
    "in English": ["*4*061#", "4", "3", "1", "12345"],
    "her own letter, with what it is about": ["*4*061*1040610014#"],
    "read to its end": ["*4*061*1040610014#", "9"],
    "mistyped, with her name": ["*4*061#", "1", "علی رضایی", "220/1396/54321"],
    "which of two": ["*4*061*22011#", "2"],
}


class Recorded:
    """A phone that notes what happens on it."""

    def __init__(self, phone):
        self.phone, self.happened = phone, []

    def note(self, act, value, over=False):
        self.happened.append({"act": act, "value": value, "over": over, "at_s": float(len(self.happened))})

    async def call(self, code, *typed):
        call = self.phone.call()
        self.note("dial", code)
        shown = await call.dial(code)
        self.note("screen", shown.text, shown.over)
        for each in typed:
            self.note("type", each)
            shown = await call.type(each)
            self.note("screen", shown.text, shown.over)

    async def text(self, body):
        self.note("text", body)
        await self.phone.send(body)
        self.note("sms", await self.phone.next_sms(20))


async def test_recorded_dialogues_play_back_with_no_personal_data_in_them(tmp_path):
    secrets = ["9161112233", "علی", "رضایی", "گزارش تخلف", "تخلف", "0012345678"]
    async with demo.running(demo.HOME / "config", "127.0.0.1", 0, tmp_path) as url, aiohttp.ClientSession() as http:
        for place, (name, steps) in enumerate(DIALOGUES.items()):
            mine = Recorded(DeskPhone(http, url, f"+98916111223{place}"))
            await mine.call(*steps)
            await mine.text("12345")
            await mine.text("علی رضایی هستم")
            async with http.post(f"{url}/sim/v1/recordings", json={"happened": mine.happened}) as response:
                text = await response.text()
            assert 200 == response.status, text
            file = tmp_path / f"{place}.yaml"
            file.write_text(text, encoding="utf-8")

            assert [] == [secret for secret in secrets if secret in text], name
            assert "<number>" not in "".join(line for line in text.split("\n") if "dial" in line or "type" in line)
            await play(read(file), DeskPhone(http, url, f"+98916444556{place}"))


async def test_what_is_no_recording_is_refused_with_an_example(tmp_path):
    async with demo.running(demo.HOME / "config", "127.0.0.1", 0, tmp_path) as url, aiohttp.ClientSession() as http:
        for bad in (b"", b"[]", b'{"happened": [{"act": "shout", "value": "x"}]}', b"\xff", b'{"happened": 5}'):
            async with http.post(f"{url}/sim/v1/recordings", data=bad) as response:
                assert (400, True) == (response.status, "expected" in (await response.json())["error"])
