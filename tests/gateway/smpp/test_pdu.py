"""PDUs against octets that others wrote, and against octets that nobody should have."""

import random
import struct
import time
import tracemalloc

import msgspec
import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.smpp import pdu as codec
from gateway.channels.smpp.pdu import Bind, BindResp, Frames, Lost, Malformed, Message, MessageResp, Nothing, Pdu
from gateway.channels.smpp.tables import LAYOUTS, MAX_PDU_OCTETS, Command, CString, Octet, ShortMessage
from tests.experiments import counted, often, proving
from tests.gateway.smpp.malformed import LOST, READABLE, UNREADABLE, deliver


def decoded(octets):
    """The one PDU that these octets are. Raises Malformed."""
    (found,) = Frames().take(octets)
    if isinstance(found, Malformed):
        raise found
    return found


GOLDEN = [
    (
        "SMPP v3.4, the specification's own sample PDU (cl. 3.2.2)",
        "0000002F000000020000000000000001534D50503354455354007365637265743038005355424D4954310000010100",
        Pdu(
            Command.BIND_TRANSMITTER,
            0,
            1,
            Bind(
                system_id="SMPP3TEST",
                password="secret08",
                system_type="SUBMIT1",
                interface_version=0,
                addr_ton=1,
                addr_npi=1,
            ),
        ),
    ),
    (
        "smpp34 1.5.0, a menu in Persian: its_session_info and ussd_service_op as in protocols.md B4",
        ("000000480000000400000000000000075553534400030034303430000101393839313631323334353637000000000000010008000806460627"
        "064506470501000102138300020706"),
        Pdu(
            Command.SUBMIT_SM,
            0,
            7,
            Message(
                service_type="USSD",
                source_addr_ton=3,
                source_addr="4040",
                dest_addr_ton=1,
                dest_addr_npi=1,
                destination_addr="989161234567",
                registered_delivery=1,
                data_coding=8,
                short_message="نامه".encode("utf-16-be"),
                tlvs={0x0501: b"\x02", 0x1383: b"\x07\x06"},
            ),
        ),
    ),
    (
        "smpp34 1.5.0, a dial",
        ("00000043000000050000000000000009555353440001013938393136313233343536370000002a342a3036312300000000000000000000000501"
        "000101138300020700"),
        Pdu(
            Command.DELIVER_SM,
            0,
            9,
            Message(
                service_type="USSD",
                source_addr_ton=1,
                source_addr_npi=1,
                source_addr="989161234567",
                destination_addr="*4*061#",
                tlvs={0x0501: b"\x01", 0x1383: b"\x07\x00"},
            ),
        ),
    ),
    (
        "erlang's and others' bind_transmitter_resp with sc_interface_version",
        "0000001F800000020000000000000001534D505033544553540002100001 34".replace(" ", ""),
        Pdu(Command.BIND_TRANSMITTER_RESP, 0, 1, BindResp(system_id="SMPP3TEST", tlvs={0x0210: b"\x34"})),
    ),
    ("cl. 4.11.1", "00000010000000150000000000000003", Pdu(Command.ENQUIRE_LINK, 0, 3)),
    ("cl. 4.3.1", "00000010800000000000000300000000", Pdu(Command.GENERIC_NACK, 3, 0)),
    ("cl. 4.4.2", "0000001580000004000000000000000938663063 00".replace(" ", ""),
     Pdu(Command.SUBMIT_SM_RESP, 0, 9, MessageResp(message_id="8f0c"))),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "pdu"), [case[1:] for case in GOLDEN], ids=[case[0] for case in GOLDEN])
def test_reads_and_writes_golden_octets(octets, pdu):
    assert pdu == decoded(bytes.fromhex(octets))
    assert octets.upper() == codec.encode(pdu).hex().upper()


def test_a_password_stands_in_no_log():
    assert "secret" not in repr(GOLDEN[0][2])


@pytest.mark.parametrize(("octets", "answer", "status"), [case[1:] for case in UNREADABLE],
                         ids=[case[0] for case in UNREADABLE])  # fmt: skip
def test_what_cannot_be_read_is_answered_with_what_is_due(octets, answer, status):
    with pytest.raises(Malformed) as error:
        decoded(octets)

    assert not isinstance(error.value, Lost)
    assert (answer, status, 7) == (error.value.answer, error.value.status, error.value.sequence)


@pytest.mark.parametrize(("octets", "answer", "status"), [case[1:] for case in UNREADABLE],
                         ids=[case[0] for case in UNREADABLE])  # fmt: skip
def test_what_stands_behind_it_is_read(octets, answer, status):
    found = list(Frames().take(octets + deliver()))

    assert [Malformed, Pdu] == [type(each) for each in found]


@pytest.mark.parametrize("octets", [case[1] for case in LOST], ids=[case[0] for case in LOST])
def test_a_length_that_cannot_be_loses_the_stream(octets):
    frames = Frames()

    first, *more = frames.take(octets + deliver())
    assert (Lost, []) == (type(first), more)
    assert (Command.GENERIC_NACK, 0x02) == (first.answer, first.status)


@pytest.mark.parametrize("octets", [case[1] for case in READABLE], ids=[case[0] for case in READABLE])
def test_what_is_odd_but_plain_is_read(octets):
    assert isinstance(decoded(octets), Pdu)


def test_of_a_parameter_that_comes_twice_the_first_holds():
    assert {0x0501: b"\1"} == decoded(dict(READABLE)["a parameter twice"]).body.tlvs


def test_a_refusal_keeps_its_status_whatever_its_body_is():
    refused = decoded(dict(READABLE)["a refusal with garbage"])

    assert (0x401, MessageResp()) == (refused.status, refused.body)


@pytest.mark.parametrize(
    "body",
    [
        Message(short_message=b"x" * 255),
        Message(source_addr="1" * 21),
        Message(source_addr="a\0b"),
        Message(data_coding=256),
        Message(tlvs={0x0424: b"x" * 65_500}),
    ],
)
def test_what_does_not_fit_is_not_written(body):
    with pytest.raises(codec.Unencodable):
        codec.encode(Pdu(Command.SUBMIT_SM, 0, 1, body))


# --- experiments


def values(field):
    match field:
        case Octet():
            return st.integers(0, 255)
        case CString():
            return st.text(st.characters(max_codepoint=255, exclude_characters="\0"), max_size=field.max_octets - 1)
        case ShortMessage():
            return st.binary(max_size=254)


OTHER_TLVS = st.dictionaries(
    st.integers(0x1400, 0x3FFF).filter(lambda tag: tag != 0x1383), st.binary(max_size=40), max_size=4
)


def bodies(command):
    kind = codec._BODIES.get(command, Nothing)
    return st.builds(kind, **{field.name: values(field) for field in LAYOUTS[command]}, tlvs=OTHER_TLVS)


PDUS = st.sampled_from(sorted(Command)).flatmap(
    lambda command: st.builds(Pdu, st.just(command), st.just(0), st.integers(0, 0xFFFFFFFF), bodies(command))
)


def empty_response(pdu):
    """A response of no octets at all reads the same as one whose only field is empty."""
    return bool(pdu.command & 0x80000000) and len(codec.encode(pdu)) == 16


@pytest.mark.experiment("B1", "every PDU is read as it was written, however the octets are cut")
def test_round_trip(figure):
    @often(10_000)
    @given(PDUS, st.lists(st.integers(1, 60), max_size=8))
    def tried(pdu, cuts):
        octets = codec.encode(pdu)
        frames, found, at = Frames(), [], 0
        for cut in [*cuts, len(octets)]:
            found += frames.take(octets[at : at + cut])
            at += cut

        assert [pdu] == found
        assert not frames.begun
        figure.count("runs")

    tried()


def test_another_implementation_reads_what_we_write():
    @often(2_000)
    @given(bodies(Command.SUBMIT_SM))
    def tried(body):
        ascii_only = msgspec.structs.replace(
            body,
            **{
                each.name: getattr(body, each.name).encode("ascii", "ignore").decode()
                for each in LAYOUTS[Command.SUBMIT_SM]
                if isinstance(each, CString)
            },
        )
        theirs = smpp34.decode(codec.encode(Pdu(Command.SUBMIT_SM, 0, 5, ascii_only)))

        assert {field.name: getattr(ascii_only, field.name) for field in LAYOUTS[Command.SUBMIT_SM]} == {
            field.name: getattr(theirs, field.name) for field in LAYOUTS[Command.SUBMIT_SM]
        }
        assert sorted(ascii_only.tlvs.items()) == sorted((each.tag, each.value) for each in theirs.tlvs)
        assert Pdu(Command.SUBMIT_SM, 0, 5, ascii_only) == decoded(theirs.encode())

    tried()


CORPUS = [case[1] for case in UNREADABLE + LOST + READABLE]


def mutated(chance):
    """One of the corpus with octets changed, cut out or repeated, its length made right or not, something behind it."""
    octets = bytearray(chance.choice(CORPUS))
    for _ in range(chance.randrange(5)):
        at = chance.randrange(len(octets) + 1)
        match chance.randrange(4):
            case 0:
                octets[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del octets[at : at + chance.randrange(1, 9)]
            case 2:
                octets[at:at] = octets[at : at + 8]
            case _:
                octets[:4] = struct.pack(">I", chance.choice([len(octets), len(octets), 16, 17, 40, 65_536]))
    return bytes(octets) + chance.choice([b"", *CORPUS[:20]])


@pytest.mark.experiment(
    "B1", "whatever octets come, each PDU is read or refused by the decoder's own error, within its cap"
)
def test_any_octets(figure, request):
    chance = random.Random(request.config.getoption("hypothesis_seed"))
    for _ in range(counted(1_000_000)):
        octets = mutated(chance)
        frames = Frames()
        for found in frames.take(octets):
            figure.count("refused" if isinstance(found, Malformed) else "read")
        assert len(frames._kept) <= len(octets)
        figure.count("runs")
    if proving():
        figure("PDUs/s", _per_s([mutated(chance) for _ in range(20_000)]))


def _per_s(pieces):
    """How many PDUs, good or bad, are read in a second of this processor."""
    begun = time.process_time()
    found = sum(len(list(Frames().take(octets))) for octets in pieces)
    return round(found / (time.process_time() - begun))


@pytest.mark.parametrize("octets", [case[1] for case in LOST], ids=[case[0] for case in LOST])
def test_a_length_that_cannot_be_makes_room_for_nothing(octets):
    tracemalloc.start()
    try:
        list(Frames().take(octets))

        assert tracemalloc.get_traced_memory()[1] < MAX_PDU_OCTETS
    finally:
        tracemalloc.stop()


def test_a_pdu_that_never_ends_is_held_up_to_the_cap_only():
    frames = Frames()
    frames_read = [*frames.take(struct.pack(">IIII", MAX_PDU_OCTETS, 0x05, 0, 1))]
    for _ in range(100):
        frames_read += frames.take(b"\0" * 4096)
        assert len(frames._kept) < MAX_PDU_OCTETS + 4096

    assert all(isinstance(each, Malformed) for each in frames_read)
