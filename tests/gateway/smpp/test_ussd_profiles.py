"""USSD operations as protocols.md B2 to B4 have them, by profile."""

import pytest

from gateway.channels.smpp.pdu import Message
from gateway.channels.smpp.ussd import Codings, Refused, Said, answer, is_ussd, notice, read
from gateway.settings_channels import PROFILES, UssdProfile

SPEC, MICA = PROFILES["spec"], PROFILES["mica"]
# As vumi knows them: protocols.md B4.
TATA = UssdProfile(session_bits=15, reply=[0x02, 0x12], end=0x02, released=["0x11"])
SIX_D = UssdProfile(session_bits=15, dialled="short_message")
OP, SESSION, REFERENCE = 0x0501, 0x1383, 0x0204


def heard(op, text=b"", destination="", **fields):
    tlvs = {OP: bytes([op]), **fields.pop("tlvs", {})}
    return Message(
        service_type="USSD", source_addr="989161234567", source_addr_ton=1, source_addr_npi=1,
        destination_addr=destination, short_message=text, tlvs=tlvs, **fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("profile", "message", "said"),
    [
        (
            SPEC,
            heard(0x01, destination="*4*061*12345#", tlvs={SESSION: b"\x07\x00"}),
            Said("dial", "07", "*4*061*12345#"),
        ),
        (
            SPEC,
            heard(0x01, b"*4*061*220*1396*54321#", tlvs={SESSION: b"\x07\x00"}),
            Said("dial", "07", "*4*061*220*1396*54321#"),
        ),
        (SPEC, heard(0x12, b"12345", tlvs={SESSION: b"\x07\x02"}), Said("reply", "07", "12345")),
        (SPEC, heard(0x12, b"12345\r", tlvs={SESSION: b"\x07\x02"}), Said("reply", "07", "12345")),
        (SPEC, heard(0x12, tlvs={SESSION: b"\x07\x07"}), Said("released", "07", "")),
        (SPEC, heard(0x81), Said("released", "", "")),
        (SPEC, heard(0x12, b"1"), Said("reply", "", "1")),
        (MICA, heard(0x01, b"*4*061#", tlvs={REFERENCE: b"\x00\x2a"}), Said("dial", "002a", "*4*061#")),
        (
            MICA,
            heard(0x12, "۱۲".encode("utf-16-be"), data_coding=8, tlvs={REFERENCE: b"\x00\x2a"}),
            Said("reply", "002a", "۱۲"),
        ),
        (MICA, heard(0x12, "۱".encode("utf-16-be"), data_coding=72), Said("reply", "", "۱")),
        (MICA, heard(0x81, tlvs={REFERENCE: b"\x00\x2a"}), Said("released", "002a", "")),
        (TATA, heard(0x01, destination="*4*061#", tlvs={SESSION: b"\x07\x06"}), Said("dial", "0706", "*4*061#")),
        (TATA, heard(0x02, b"1", tlvs={SESSION: b"\x07\x06"}), Said("reply", "0706", "1")),
        (TATA, heard(0x12, b"1", tlvs={SESSION: b"\x07\x06"}), Said("reply", "0706", "1")),
        (TATA, heard(0x02, tlvs={SESSION: b"\x07\x07"}), Said("released", "0706", "")),
        (TATA, heard(0x11, tlvs={SESSION: b"\x07\x06"}), Said("released", "0706", "")),
        (TATA, heard(0x02, b"1"), Said("reply", "", "1")),
        (SIX_D, heard(0x01, b"*4*061#", "415", tlvs={SESSION: b"\x01\x02"}), Said("dial", "0102", "*4*061#")),
        (SIX_D, heard(0x81, tlvs={SESSION: b"\x01\x02"}), Said("released", "0102", "")),
    ],
)
def test_reads_what_a_caller_did(profile, message, said):
    assert is_ussd(message)
    assert said == read(profile, message)


@pytest.mark.parametrize(
    ("profile", "session", "tlvs"),
    [
        (SPEC, "41", {OP: b"\x03", SESSION: b"\x41\x01"}),
        (MICA, "9c41", {OP: b"\x03", REFERENCE: b"\x9c\x41"}),
        (SIX_D, "3882", {OP: b"\x03", SESSION: b"\x38\x83"}),
    ],
)
def test_a_notice_is_confirmed_in_the_session_it_was_sent_in(profile, session, tlvs):
    named, message = notice(profile, "*4*061#", "+989161234567", "1", 0x9C41, codings=Codings())

    assert (session, tlvs) == (named, message.tlvs)
    assert session == read(profile, heard(0x13, tlvs={**tlvs, OP: b"\x13"})).session_id


@pytest.mark.parametrize("op", [0x00, 0x02, 0x03, 0x11, 0x17, 0xFF])
def test_an_operation_nobody_may_send_us_is_refused(op):
    with pytest.raises(Refused, match=f"ussd_service_op of {op}") as refused:
        read(SPEC, heard(op))

    assert 0x66 == refused.value.status


@pytest.mark.parametrize(
    ("profile", "end", "tlvs"),
    [
        # protocols.md B4: 1383 0002 0706 goes on, 1383 0002 0707 ends
        (SPEC, False, {OP: b"\x02", SESSION: b"\x07\x06"}),
        (SPEC, True, {OP: b"\x11", SESSION: b"\x07\x07"}),
        (MICA, False, {OP: b"\x02", SESSION: b"\x07\x06"}),
        (TATA, False, {OP: b"\x02", SESSION: b"\x07\x06"}),
        (TATA, True, {OP: b"\x02", SESSION: b"\x07\x07"}),
        (SIX_D, True, {OP: b"\x11", SESSION: b"\x07\x07"}),
        (MICA, True, {OP: b"\x11", SESSION: b"\x07\x06"}),  # 0x11, not the 0x17 of the sources the pitfall warns of
    ],
)
def test_answers_in_the_callers_session(profile, end, tlvs):
    shown = answer(
        profile, heard(0x12, tlvs={SESSION: b"\x07\x06"}), "نامه", end=end, codings=Codings(), code="*4*061#"
    )

    assert tlvs == shown.tlvs
    assert ("USSD", 8, "نامه".encode("utf-16-be")) == (shown.service_type, shown.data_coding, shown.short_message)


@pytest.mark.parametrize(
    ("dialled", "source"),
    [
        ("*4*061*12345#", "*4*061*12345#"),
        ("*4*061*220*1396*54321#", "*4*061#"),
    ],  # data_sm has room for 64, submit_sm for 20
)
def test_answers_as_what_was_dialled_or_as_our_code_when_that_is_too_long(dialled, source):
    shown = answer(SPEC, heard(0x01, destination=dialled), "1", end=False, codings=Codings(), code="*4*061#")

    assert source == shown.source_addr


@pytest.mark.parametrize(
    ("codings", "octets"),
    [
        (Codings(), b"\x00 \x1b\x65"),
        (Codings(alphabet="latin1"), b"@ ?"),  # as long as it was measured: never in UCS-2
        (Codings(gsm7=15, alphabet="latin1"), b"\x00 \x1b\x65"),  # 15 is GSM 7 bit everywhere
    ],
)
def test_a_screen_is_written_in_the_default_alphabet_of_its_gateway(codings, octets):
    shown = answer(SPEC, heard(0x12), "@ €", end=False, codings=codings, code="*4*061#")

    assert (codings.gsm7, octets) == (shown.data_coding, shown.short_message)


def test_mica_gets_its_reference_back_and_the_addresses_turned_round():
    shown = answer(MICA, heard(0x01, b"*4*061#", "415", dest_addr_ton=3, tlvs={REFERENCE: b"\x00\x2a"}), "Hi", end=False,
                   codings=Codings(gsm7=15, ucs2=72), code="*4*061#")  # fmt: skip

    assert {OP: b"\x02", REFERENCE: b"\x00\x2a"} == shown.tlvs
    assert (3, "415", 1, 1, "989161234567") == (
        shown.source_addr_ton, shown.source_addr, shown.dest_addr_ton, shown.dest_addr_npi, shown.destination_addr,
    )  # fmt: skip
    assert (15, b"Hi", 0) == (shown.data_coding, shown.short_message, shown.registered_delivery)
