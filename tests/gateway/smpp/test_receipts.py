"""What SMSCs write into a receipt, and what we make of it."""

import pytest

from gateway.channels.contract import Accepted, DeliveryReceipt, NotAccepted, Unknown
from gateway.channels.smpp import receipts, submit
from gateway.channels.smpp.pdu import Message
from gateway.sms.receipts import same_id

PHONE = "+989161234567"
APPENDIX_B = b"id:8f0c sub:001 dlvrd:001 submit date:2611220900 done date:2611220901 stat:DELIVRD err:000 text:Letter 1"


def receipt(text=b"", **tlvs):
    return Message(esm_class=4, short_message=text, tlvs={int(tag[1:], 16): value for tag, value in tlvs.items()})


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (receipt(APPENDIX_B), ("8f0c", "delivered", "DELIVRD 000")),
        (receipt(b"stat:UNDELIV id:42 Text:stat:DELIVRD id:7"), ("42", "failed", "UNDELIV")),
        (receipt(b"ID:42 STAT:expired ERR:0x1F"), ("42", "expired", "EXPIRED 0x1F")),
        (receipt(b"id:42 done date:20261122090100 stat:REJECTD err:SMS-7"), ("42", "failed", "REJECTD")),
        (receipt(b"id:42 stat:ACCEPTD"), ("42", "pending", "ACCEPTD")),
        (receipt(b"id:42 stat:BUFFERED"), ("42", "pending", "BUFFERED")),
        (receipt(b"id:42 stat:Sara err:989161234567"), ("42", "pending", "unknown")),
        (receipt(b"id:42"), ("42", "pending", "")),
        (receipt(b"text:id:7 stat:UNDELIV id:42 stat:DELIVRD err:0"), ("42", "delivered", "DELIVRD 0")),
        (receipt(b"stat:DELIVRD text:Letter id:42"), ("42", "delivered", "DELIVRD")),
        (receipt(b"id:42 stat:DELIVERED"), ("42", "delivered", "DELIVERED")),
        (receipt(b"id:42 stat:UNDELIVERABLE"), ("42", "failed", "UNDELIVERABLE")),
        (receipt(b"id:42 stat:Rejected"), ("42", "failed", "REJECTED")),
        (receipt(t001E=b"8f0c\0", t0427=b"\2"), ("8f0c", "delivered", "2")),
        (receipt(b"id:1 stat:UNDELIV", t001E=b"8f0c\0", t0427=b"\2"), ("8f0c", "delivered", "UNDELIV")),
        (receipt(b"id:1", t0427=b"\5", t0423=b"\3\0\6"), ("1", "failed", "5 030006")),
        (receipt(b"", t001E=b"8f0c", t0427=b"\1"), ("8f0c", "pending", "1")),
    ],
)
def test_reads_what_became_of_which_message(message, expected):
    name, fate, reason = expected

    assert receipts.is_receipt(message)
    assert DeliveryReceipt(name, PHONE, fate, reason) == receipts.read(message, PHONE)


@pytest.mark.parametrize("text", [b"", b"Delivered", b"stat:DELIVRD", b"sub:001 id:"])
def test_a_receipt_that_names_no_message_is_none(text):
    assert receipts.read(receipt(text), PHONE) is None


@pytest.mark.parametrize(
    ("submitted", "receipted", "same"),
    [
        ("8f0c", "8f0c", True),
        ("8f0c", "8F0C", True),
        ("8f0c", "36620", True),  # hex submitted, decimal reported
        ("36620", "8F0C", True),  # the other way round
        ("0000008f0c", "36620", True),
        ("8f0c", "8f0d", False),
        ("a1b2-c3", "A1B2-C3", False),  # no number: as it is written
        ("", "0", False),
    ],
)
def test_an_id_in_another_base_is_the_same(submitted, receipted, same):
    assert same == same_id(submitted, receipted)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0x00, Accepted("id")),
        (0x14, NotAccepted("command_status 0x14", again=True)),
        (0x58, NotAccepted("command_status 0x58", again=True)),
        (0x64, NotAccepted("command_status 0x64", again=True)),
        (0x08, NotAccepted("command_status 0x08", again=True)),
        (0x0B, NotAccepted("command_status 0x0B", again=False)),
        (0x65, NotAccepted("command_status 0x65", again=False)),
        (0x401, NotAccepted("command_status 0x401", again=False)),
        (0x45, Unknown("command_status 0x45")),
        (0xFF, Unknown("command_status 0xFF")),
    ],
)
def test_what_a_status_means_for_a_message(status, expected):
    assert expected == submit.verdict(status, "id")


def test_numbers_are_written_as_the_smsc_wants_them():
    abroad = submit.Sender(address="4040", ton=3, npi=0)
    at_home = submit.Sender(address="4040", ton=3, npi=0, number_form="national")

    assert [(1, "989161234567")] == [
        (m.dest_addr_ton, m.destination_addr) for m in submit.messages(abroad, PHONE, "1", 1)
    ]
    assert [(0, "09161234567")] == [
        (m.dest_addr_ton, m.destination_addr) for m in submit.messages(at_home, PHONE, "1", 1)
    ]
    assert "+989161234567" == submit.spelled("989161234567", 1)
    assert "09161234567" == submit.spelled("09161234567", 0)


def test_a_receipt_is_asked_for_the_last_part_only():
    sender = submit.Sender(address="4040", ton=3, npi=0)

    assert [0, 0, 1] == [m.registered_delivery for m in submit.messages(sender, PHONE, "نامه " * 30, 9)]
