"""PDUs that are not right, by class (reliability.md C1), each with what it is answered with: the response that is due,
generic_nack, or nothing. Built from octets, not by the codec under test."""

import struct

ROK, RINVMSGLEN, RINVCMDLEN, RINVCMDID = 0x00, 0x01, 0x02, 0x03
NACK, DELIVER_RESP, SUBMIT_RESP, BIND_RESP = 0x80000000, 0x80000005, 0x80000004, 0x80000009


def pdu(command_id, body=b"", status=0, sequence=7, length=None):
    return struct.pack(">IIII", 16 + len(body) if length is None else length, command_id, status, sequence) + body


def message(
    service=b"", source=b"989161234567", destination=b"4040", esm=0, coding=0, text=b"12345", length=None, tlvs=b""
):
    return (
        service + b"\0\1\1" + source + b"\0\0\0" + destination + b"\0" + bytes([esm, 0, 0]) + b"\0\0\0\0"
        + bytes([coding, 0, len(text) if length is None else length]) + text + tlvs
    )  # fmt: skip


def deliver(sequence=7, **fields):
    return pdu(0x05, message(**fields), sequence=sequence)


def tlv(tag, value, length=None):
    return struct.pack(">HH", tag, len(value) if length is None else length) + value


UNREADABLE = [
    # (what, octets, command_id of the answer, its command_status)
    ("an unknown command", pdu(0x0000000A), NACK, RINVCMDID),
    ("query_sm, which no SMSC asks an ESME", pdu(0x03, b"1\0\1\1\0"), NACK, RINVCMDID),
    ("an unknown response", pdu(0x8000000A), None, RINVCMDID),
    ("a deliver_sm without a body", pdu(0x05), NACK, RINVCMDLEN),
    ("a deliver_sm that ends within a string", pdu(0x05, b"\0\1\1" + b"9891"), NACK, RINVCMDLEN),
    ("a deliver_sm that ends before sm_length", pdu(0x05, message()[:-6]), NACK, RINVCMDLEN),
    ("sm_length past the end", deliver(length=6), NACK, RINVCMDLEN),
    ("sm_length 255", deliver(text=b"x" * 255), DELIVER_RESP, RINVMSGLEN),
    ("a service_type of six octets", deliver(service=b"USSDXX"), DELIVER_RESP, 0x15),
    ("a source_addr of 21 octets", deliver(source=b"1" * 21), DELIVER_RESP, 0x0A),
    ("a destination_addr of 21 octets", deliver(destination=b"1" * 21), DELIVER_RESP, 0x0B),
    ("octets behind the text that are no parameter", deliver(tlvs=b"\0\0\0"), DELIVER_RESP, 0xC0),
    ("a parameter past the end", deliver(tlvs=tlv(0x0501, b"\1", length=2)), DELIVER_RESP, 0xC0),
    ("an empty ussd_service_op", deliver(tlvs=tlv(0x0501, b"")), DELIVER_RESP, 0xC2),
    ("an its_session_info of three octets", deliver(tlvs=tlv(0x1383, b"\1\2\3")), DELIVER_RESP, 0xC2),
    ("a short_message and a message_payload", deliver(tlvs=tlv(0x0424, b"1")), DELIVER_RESP, RINVMSGLEN),
    ("a bind with a password of nine octets", pdu(0x09, b"a\0" + b"p" * 9 + b"\0\0\x34\0\0\0"), BIND_RESP, 0x0E),
]

LOST = [
    ("a length of 15", pdu(0x15, length=15)),
    ("a length of 0", pdu(0x15, length=0)),
    ("a length over the cap", pdu(0x05, length=65_537)),
    ("a length of 2^32 - 1", pdu(0x05, length=0xFFFFFFFF)),
    ("an HTTP request", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
]

READABLE = [
    ("a refusal with a body", pdu(0x80000004, b"id\0", status=0x58)),
    ("a refusal without one", pdu(0x80000004, status=0x58)),
    ("a refusal with garbage", pdu(0x80000004, b"\xff" * 9, status=0x401)),
    ("a submit_sm_resp with nothing in it", pdu(0x80000004)),
    ("a submit_sm_resp without the NUL", pdu(0x80000004, b"abc")),
    ("a bind_transceiver_resp with a long name", pdu(0x80000009, b"n" * 20 + b"\0")),
    ("an unbind_resp with a body", pdu(0x80000006, b"abcde")),
    ("a sequence_number of 0", deliver(sequence=0)),
    ("a sequence_number over 2^31", deliver(sequence=0xFFFFFFFF)),
    ("an unknown parameter", deliver(tlvs=tlv(0x1501, b"\0\0\0\1"))),
    ("a parameter twice", deliver(tlvs=tlv(0x0501, b"\1") + tlv(0x0501, b"\2"))),
    ("an empty text", deliver(text=b"")),
    ("half a UCS-2 character", deliver(text=b"\x06", coding=8)),
    ("a lone surrogate", deliver(text=b"\xd8\x3d", coding=8)),
    *((f"data_coding {coding}", deliver(text=b"\x1b\x1b\xff\x00", coding=coding)) for coding in range(256)),
    ("a user data header past the end", deliver(esm=0x40, text=b"\x20\0\3")),
    ("an element past the header's end", deliver(esm=0x40, text=b"\x03\0\5\1text")),
    ("an empty text with a header", deliver(esm=0x40, text=b"")),
    ("part 0", deliver(esm=0x40, text=b"\5\0\3\1\2\0x")),
    ("part 3 of 2", deliver(esm=0x40, text=b"\5\0\3\1\2\3x")),
    ("part 255 of 255", deliver(esm=0x40, text=b"\5\0\3\1\xff\xffx")),
    ("SAR without a total", deliver(tlvs=tlv(0x020C, b"\0\1") + tlv(0x020F, b"\1"))),
    ("a receipt that says nothing", deliver(esm=4, text=b"")),
    ("a receipt with bad dates", deliver(esm=4, text=b"id:1 submit date:99999 done date: stat:DELIVRD")),
    ("a receipt cut off", deliver(esm=4, text=b"id:123 sub:001 dl")),
    ("a receipt of digits only", deliver(esm=4, text=b"id:" + b"9" * 200)),
]
