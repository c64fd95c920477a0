"""The judge of conversations, judged: what it accepts, and above all what it does not."""

import pytest

from simulators.aggregator import Shown
from simulators.rehearsal import Mismatch, NotAConversation, play, read


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
        ("steps:\n  - dial", 2),
    ],
)  # fmt: skip
def test_a_file_that_is_no_conversation_is_named_with_its_line(conversation, text, line):
    with pytest.raises(NotAConversation, match=rf"c\.yaml:{line}: "):
        conversation(text)
