"""Texts on the wire, both ways, with two other implementations as oracles."""

import gsm0338
import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.smpp import texts
from gateway.channels.smpp.parts import BadHeader, Content, Part, content, pieces
from gateway.channels.smpp.pdu import Message
from gateway.channels.smpp.tables import Tag
from menus.alphabet import GSM7, GSM7_EXTENSION, Alphabet, alphabet_of, segments
from tests.experiments import often

GSM_TEXTS = st.text(st.sampled_from(sorted({*GSM7, *GSM7_EXTENSION} - {"\x1b"})), max_size=500)
PERSIAN = "نامه 220/1396/54321 در دست بررسی است. "


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        (0, b"\x00\x02\x11", "@$_"),
        (0, b"a\x1b\x65b", "a€b"),
        (0, b"12345\x1b", "12345 "),  # an escape at the very end: vumi2 stops with an error of another kind
        (0, b"\x1b\x1b1", " 1"),
        (0, b"\x1bA", "A"),  # nothing in the extension: the default table's (TS 23.038 cl. 6.2.1)
        (0, b"1\xff2", "1\ufffd2"),
        (1, b"abc\xe9", "abc\ufffd"),
        (3, b"caf\xe9", "café"),
        (6, b"\xb0", "А"),
        (8, "نامه".encode("utf-16-be"), "نامه"),
        (8, b"\xfe\xff\x06\x46", "ن"),
        (8, b"\x06\x46\x06", "ن\ufffd"),
        (8, b"\xd8\x3d\x00\x41", "\ufffdA"),
        (2, b"\x01\x02", ""),
        (4, b"\x01\x02", ""),
        (15, b"12345", "12345"),
        (72, "۱".encode("utf-16-be"), "۱"),
        (68, b"\x00", ""),
        (0xF1, b"123", "123"),
        (0xF5, b"\x01", ""),
        (13, b"\x01", ""),
        # protocols.md A2
        (0x10, b"en\r12345", "12345"),
        (0x10, b"12345", "12345"),
        (0x11, b"\xe6\x30" + "۱۲".encode("utf-16-be"), "۱۲"),
        (0x20, b"12345", "12345"),
        (0x22, b"12345", "12345"),
        (0x2F, b"12345", "12345"),
        (0x91, b"\5\0\3\1\1\1" + b"12345", "12345"),
        (0x91, b"12345", "12345"),
        (0x99, b"\3\x24\1\1" + "۱".encode("utf-16-be"), "۱"),
        (0x95, b"\1\2\3", ""),
    ],
)
def test_octets_to_text(coding, octets, text):
    assert text == texts.decoded(coding, octets)


def test_a_character_outside_the_alphabet_is_never_an_escape():
    """vumi2 writes a back-tick as an escape and 0x7F."""
    assert Alphabet.UCS2 is alphabet_of("`")
    assert b"\x00`" == texts.encoded("`", alphabet_of("`"))


@pytest.mark.parametrize(
    ("default", "text", "coding", "octets"),
    [
        ("gsm7", "a@_é{", 0, b"a\x00\x11\x05\x1b\x28"),
        ("latin1", "a@_é{", 0, b"a@_\xe9{"),
        ("latin1", "5 €", 8, b"\x005\x00 \x20\xac"),  # not in Latin-1
        ("latin1", "ç", 8, b"\x00\xe7"),  # not in GSM 7 bit, which the phone would have to show
        ("ascii", "a@_{", 0, b"a@_{"),
        ("ascii", "é", 8, b"\x00\xe9"),
        ("ascii", "نامه", 8, "نامه".encode("utf-16-be")),
    ],
)
def test_a_default_alphabet_holds_both_ways(default, text, coding, octets):
    (sent,) = pieces(text, "udh8", 1, default)

    assert (coding, octets) == (sent.data_coding, sent.short_message)
    assert text == texts.decoded(texts.meant(default, coding), octets)


def test_a_text_in_any_default_alphabet_is_cut_as_the_phone_will_count_it():
    for default in ("gsm7", "latin1", "ascii"):
        cuts = [each.short_message[6:] for each in pieces("x" * 152 + "{" + "y" * 40, "udh8", 1, default)]
        assert [b"x" * 152, b"y" * 40] == [cuts[0], cuts[1][-40:]]


@often(2_000)
@given(GSM_TEXTS)
def test_gsm7_is_as_others_write_and_read_it(text):
    octets = texts.encoded(text, Alphabet.GSM7)

    assert text.encode("gsm03.38") == octets
    assert text == texts.decoded(0, octets)


assert gsm0338  # registers the codec


@pytest.mark.experiment(
    "B5", "a text cut into parts and read back is the text, by header, SAR and payload, no pair parted"
)
def test_cut_and_joined(figure):
    @often(20_000)
    @given(
        GSM_TEXTS | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=400),
        st.sampled_from(["udh8", "udh16", "sar", "payload"]),
        st.integers(0, 2**31),
    )
    def tried(text, way, reference):
        sent = pieces(text, way, reference)
        read = [content(Message(esm_class=each.esm_class, short_message=each.short_message, tlvs=each.tlvs))
                for each in sent]  # fmt: skip

        assert text == "".join(texts.decoded(sent[0].data_coding, each.octets) for each in read)
        if len(sent) > 1:
            parts = [each.part for each in read]
            width = 8 if way == "udh8" else 16
            assert [Part(reference % 2**width, len(sent), number + 1, width) for number in range(len(sent))] == parts
            assert max(len(each.short_message) for each in sent) <= (160 if sent[0].data_coding == 0 else 140)
        if way == "udh8":
            assert segments(text) == len(sent)
        figure.count("runs")
        figure.most("most parts", len(sent))

    tried()


@often(2_000)
@given(
    st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=400) | GSM_TEXTS
)
def test_as_many_parts_as_another_implementation(text):
    if text and "\x1b" not in text:
        assert len(smsutil.split(text).parts) == len(pieces(text, "udh8", 1))


def test_an_escape_and_its_character_stay_together():
    """vumi2 cuts encoded octets at 153: 152 letters and a euro sign were parted."""
    first, second = pieces("x" * 152 + "€" + "y" * 40, "udh8", 1)

    assert b"x" * 152 == first.short_message[6:]
    assert b"\x1b\x65" + b"y" * 40 == second.short_message[6:]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        # TS 23.040 cl. 9.2.3.24.1 and 9.2.3.24.8, and protocols.md C4
        (
            Message(esm_class=0x40, short_message=bytes.fromhex("0500031103020646")),
            Content(b"\x06\x46", Part(0x11, 3, 2, 8)),
        ),
        (
            Message(esm_class=0x40, short_message=bytes.fromhex("06080412340302") + b"x"),
            Content(b"x", Part(0x1234, 3, 2, 16)),
        ),
        (
            Message(esm_class=0x40, short_message=bytes.fromhex("0b05041584000000031103 02".replace(" ", "")) + b"x"),
            Content(b"x", Part(0x11, 3, 2, 8)),
        ),
        (Message(esm_class=0x40, short_message=bytes.fromhex("050003110300") + b"x"), Content(b"x", None)),
        (Message(esm_class=0x40, short_message=bytes.fromhex("050003110304") + b"x"), Content(b"x", None)),
        (Message(esm_class=0x40, short_message=bytes.fromhex("050003110101") + b"x"), Content(b"x", None)),
        (
            Message(short_message=b"x", tlvs={0x020C: b"\0\x07", 0x020E: b"\2", 0x020F: b"\1"}),
            Content(b"x", Part(7, 2, 1, 16)),
        ),
        (Message(short_message=b"x", tlvs={0x020C: b"\0\x07", 0x020E: b"\2"}), Content(b"x", None)),
        (Message(tlvs={Tag.MESSAGE_PAYLOAD: b"x" * 300}), Content(b"x" * 300, None)),
    ],
)
def test_a_part_of_a_long_message(message, expected):
    assert expected == content(message)


@pytest.mark.parametrize("octets", [b"", b"\x05\0\3\1", b"\x03\0\5\1text"])
def test_a_header_past_its_end_is_refused(octets):
    with pytest.raises(BadHeader):
        content(Message(esm_class=0x40, short_message=octets))


def test_three_hundred_persian_units_are_five_parts():
    assert 5 == len(pieces((PERSIAN * 9)[:300], "udh8", 1)) == len(pieces((PERSIAN * 9)[:300], "sar", 1))
    assert 1 == len(pieces((PERSIAN * 9)[:300], "payload", 1))
