"""The judge of conversations, judged: what it accepts, and above all what it does not."""

import pytest

from simulators.aggregator import Shown
from simulators.channels import Channel, NoSuchChannel
from simulators.rehearsal import Mismatch, NotAConversation, files, play, read
from simulators.rehearse import stages


class Phone:
    """Shows these screens one after the other, and has these SMS."""

    def __init__(self, *screens, sms=()):
        self.screens, self.messages, self.typed = list(screens), list(sms), []

    def call(self):
        return self

    async def dial(self, code):
        return self._next()

    async def type(self, text):
        self.typed.append(text)
        return self._next()

    async def hang_up(self):
        pass

    def _next(self):
        text = self.screens.pop(0)
        return Shown(text, over=not self.screens)

    async def send(self, text):
        self.typed.append(text)

    async def next_sms(self, within_s):
        if not self.messages:
            raise TimeoutError
        return self.messages.pop(0)


@pytest.fixture
def conversation(tmp_path):
    def written(text):
        path = tmp_path / "c.yaml"
        path.write_text(text, encoding="utf-8")
        return read(path)

    return written


SEE = "steps:\n  - dial: x\n  - see: |-\n      "


@pytest.mark.parametrize(
    ("expected", "screens"),
    [
        ("a\n      b", ["a\nb"]),
        ("a\n      1)b\n      2)c", ["a\n1)b 2)c 0)back"]),
        ("a b c\n      1)d", ["a b\n9)more", "c\n1)d\n0)back"]),
        ("due <day>", ["due 09/10"]),
        ("due <day>", ["due 1404/12/29"]),
        ("due <day>", ["due 2 Dec 2025"]),
        ("a\n      1)b <year>\n      2)b <year>", ["a\n1)b 1405\n2)b 1399"]),
        ("*4*061#", ["\u200e*4*061#\u200e"]),
        ("desk[ since <day>]", ["desk"]),
        ("desk[ since <day>]", ["desk since 09/10"]),
        ("a\n      [b]\n      c", ["a\nc"]),
        ("a\n      [b]\n      c", ["a\nb\nc"]),
        ("a\n      1)b\n      2)c[ d]", ["a\n1)b 2)c d"]),
        ("letter <number> of <words>, <words>", ["letter 220/1396/5 of the office, here"]),
        ("a b\n      <more>", ["a b\n9)more", "never asked for"]),
        ("a b\n      <more>", ["a b c\nd"]),
    ],
)
async def test_what_says_the_same_passes(conversation, expected, screens):
    await play(conversation(SEE + expected), Phone(*screens))


@pytest.mark.parametrize(
    ("expected", "screens"),
    [
        ("a\n      b", ["a b"]),
        ("a", ["a\nb"]),
        ("a\n      b", ["a"]),
        ("due <day>", ["due soon"]),
        ("in <year>", ["in 2026"]),
        ("in <year>", ["in 14050"]),
        ("a\n      1)b", ["a\n2)b"]),
        ("a\n      1)b", ["a\n1)b 2)c"]),
        ("a b c", ["a b\n9)more", "d\n0)back"]),
        ("desk[ since <day>]", ["desk since"]),
        ("a\n      [b]\n      c", ["a\nbc"]),
        ("letter <number>", ["letter of the office"]),
        ("letter <number>.", ["letter 5.6."]),
        ("<words>", [""]),
        ("a b\n      <more>", ["a bc"]),
        ("a b\n      <more>", ["a"]),
    ],
)
async def test_what_says_something_else_fails_with_a_diff(conversation, expected, screens):
    with pytest.raises(Mismatch, match=r"line 3:\n--- expected"):
        await play(conversation(SEE + expected), Phone(*screens))


async def test_typing_into_a_session_that_is_over_fails(conversation):
    with pytest.raises(Mismatch, match="nothing is open"):
        await play(conversation("steps:\n  - dial: x\n  - type: '1'"), Phone("a"))


async def test_an_sms_that_does_not_come_fails(conversation):
    with pytest.raises(Mismatch, match="no SMS came"):
        await play(conversation("steps:\n  - text: x\n  - sms: y"), Phone(sms=[]))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1), ("- a", 1), ("steps: 5", 1), ("lang: fa\nsteps: []", 1), ("lang: fa\nspeed: 1\nsteps: []", 2),
        ("steps:\n  - shout: x", 2), ("steps:\n  - dial: x\n  - wait: soon", 3), ("steps:\n  - dial: [x]", 2),
        ("steps:\n  - dial", 2), ("steps:\n  - see: a[b", 2), ("steps:\n  - sms: a]b", 2), ("steps:\n  - see: '[[a]]'", 2),
        ("wire: post\nsteps: [wait: 1]", 1), ("lang: fa\nwire: []\nsteps: [wait: 1]", 2), ("wire: [sms]\nsteps:\n  - dial: x", 3),
        ("wire: ussd\nsteps:\n  - dial: x\n  - text: x", 4), ("proof: [phone]\nsteps: [wait: 1]", 1),
        ("proof: oath\nsteps: [wait: 1]", 1), ("steps:\n  - type: <number>", 2),
    ],
)  # fmt: skip
def test_a_file_that_is_no_conversation_is_named_with_its_line(conversation, text, line):
    with pytest.raises(NotAConversation, match=rf"c\.yaml:{line}: "):
        conversation(text)


async def test_a_line_that_says_what_was_expected_is_no_difference(conversation):
    with pytest.raises(Mismatch) as caught:
        await play(
            conversation(SEE + "letter 5\n      due <day>\n      the office"), Phone("letter 5\ndue 09/10\nno office")
        )

    assert "line 3:\n--- expected\n+++ seen\n letter 5\n due 09/10\n-the office\n+no office" == str(caught.value)


async def test_no_further_page_is_asked_for_behind_more(conversation):
    phone = Phone("a\n9)more", "b")

    await play(conversation(SEE + "a\n      <more>"), phone)

    assert [] == phone.typed


@pytest.mark.parametrize(
    ("text", "wires"),
    [
        ("steps: [dial: x, see: y]", {"ussd"}), ("steps: [text: x, sms: y]", {"sms"}),
        ("steps: [dial: x, see: y, sms: z]", {"ussd"}), ("steps: [dial: x, text: y]", {"ussd", "sms"}),
        ("wire: [sms]\nsteps: [text: x]", {"sms"}), ("wire: ussd\nsteps: [dial: x, sms: y]", {"ussd"}),
    ],
)  # fmt: skip
def test_a_conversation_says_which_wires_it_needs(conversation, text, wires):
    found = conversation(text)

    assert wires == found.wires
    assert wires == {wire for wire in ("ussd", "sms") if found.excluded(wire) is None}


def test_what_proves_who_she_is_by_her_phone_is_played_from_no_other(conversation):
    hers = conversation("from: '+989160000001'\nproof: [phone]\nsteps: [dial: x]")

    assert (None, None) == (hers.excluded("ussd"), hers.excluded("ussd", "+989160000001"))
    assert "its proof is the phone +989160000001" == hers.excluded("ussd", "+989160000002")
    assert conversation("from: '+989160000001'\nsteps: [dial: x]").excluded("ussd", "+989160000002") is None


def test_folders_are_looked_through(tmp_path):
    for name in ("b.yaml", "a.yaml", "in/c.yaml", "in/notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "empty").mkdir()

    assert ["a.yaml", "b.yaml", "in/c.yaml"] == [str(each.relative_to(tmp_path)) for each in files([tmp_path])]
    assert [tmp_path / "not there.yaml"] == files([tmp_path / "not there.yaml"])
    with pytest.raises(NotAConversation, match="empty: no conversation here"):
        files([tmp_path / "a.yaml", tmp_path / "empty"])


USSD, OTHER, SMS = Channel("one", "ussd", "d", "*4#"), Channel("two", "ussd", "d", "*4#"), Channel("k", "sms", "k")


@pytest.mark.parametrize(
    ("name", "every", "played"),
    [
        (None, False, [("", None, "one", None)]),
        ("two", False, [("two", "ussd", "two", None)]),
        ("k", False, [("k", "sms", "one", "k")]),
        (None, True, [("one", "ussd", "one", None), ("two", "ussd", "two", None), ("k", "sms", "one", "k")]),
    ],
)
def test_where_it_is_played(name, every, played):
    found = stages([USSD, OTHER, SMS], name, every)

    assert played == [(each.label, each.wire, each.calls.name, each.texts_by) for each in found]


def test_a_channel_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(NoSuchChannel, match="there is no channel three; there are one, two, k"):
        stages([USSD, OTHER, SMS], "three", False)
