"""XML from outside, read safely or refused (reliability.md B4 on corpus C4)."""

import json
import socket
import time

import pytest

from adapters import xml
from adapters.contract import BackendGarbage
from adapters.envelope import body
from adapters.xml import Limits, XmlRefused
from tests.adapters.xml_corpus import CORPUS
from tests.spent import cpu_s

LIMITS = Limits()
GOOD = '<?xml version="1.0"?><a><b>نامه</b></a>'.encode()
CPU_S = 0.05


def read(octets, **more):
    return xml.parse(octets, LIMITS, **more)


def read_or_refused(octets):
    try:
        return read(octets)
    except XmlRefused:
        return None


def opened(root):
    try:
        return xml.records(body(root, "1.1"))
    except BackendGarbage:
        return None


@pytest.mark.parametrize(
    ("octets", "expected"), [case[2:] for case in CORPUS], ids=[f"{name}-{seed}" for name, seed, *_ in CORPUS]
)
def test_a_hostile_document_opens_nothing_and_hurts_nobody(octets, expected, trap, watched):
    octets = octets.encode() if isinstance(octets, str) else octets
    octets = octets.replace(b"TRAP", trap.address.encode()).replace(b"SECRET", str(watched.path).encode())
    root = read_or_refused(octets)

    if expected is None:
        assert root is None
    elif "in place" in expected:
        assert expected["in place"] == opened(root)
    else:
        for name, value in (("TRAP", trap.address), ("SECRET", str(watched.path))):
            expected = json.loads(json.dumps(expected).replace(name, value))
        assert expected == xml.records(root)
    assert 0 == trap.connections
    assert not watched.opened
    assert cpu_s(lambda: read_or_refused(octets)) <= CPU_S
    assert {"b": "نامه"} == xml.records(read(GOOD))


def test_the_traps_would_notice(trap, watched):
    watched.path.read_text(encoding="utf-8")
    socket.create_connection(trap.address.split(":")).close()
    deadline = time.monotonic() + 2
    while trap.connections == 0 and time.monotonic() < deadline:
        time.sleep(0.001)

    assert watched.opened
    assert 1 == trap.connections


def test_a_document_that_was_refused_is_not_quoted():
    with pytest.raises(XmlRefused) as refused:
        read(b"<a>12345</b>")
    assert "no well-formed XML" == str(refused.value)


RECORDS = [
    ("<a>x</a>", "x"),
    ("<a> x\n</a>", "x"),
    ("<a/>", ""),
    ('<a b="1"/>', {"@b": "1"}),
    ('<a b="1">x</a>', {"@b": "1", "#text": "x"}),
    ("<a>x<b/>y</a>", {"b": "", "#text": "xy"}),
    ("<a><b>1</b><b>2</b><b>3</b></a>", {"b": ["1", "2", "3"]}),
    ("<a><b>1</b><c/><b><d>2</d></b></a>", {"b": ["1", {"d": "2"}], "c": ""}),
    ("<a><one>1</one></a>", {"one": ["1"]}),
    ("<a><one>1</one><one>2</one></a>", {"one": ["1", "2"]}),
    ("<a><one><b>1</b></one><one/></a>", {"one": [{"b": "1"}, ""]}),
    ('<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><b i:nil="true"/></a>', {"b": None}),
    ('<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><b i:nil="false">1</b></a>', {"b": {"@nil": "false", "#text": "1"}}),
    ('<n:a xmlns:n="urn:n"><n:b n:c="1">x</n:b></n:a>', {"b": {"@c": "1", "#text": "x"}}),
    ("<a>&#1606;&#x627;&#x645;&#x647; &lt;&amp;</a>", "نامه <&"),
    ("<a><!-- c --><b/><?pi x?></a>", {"b": ""}),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), RECORDS, ids=[case[0] for case in RECORDS])
def test_a_document_becomes_plain_records(document, expected):
    assert expected == xml.records(read(document.encode()), {"one"})


ENCODINGS = [
    ("utf-8", None, "<a>نامه</a>"),
    ("utf-8-sig", None, "<a>نامه</a>"),
    ("utf-8", None, '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><a>نامه</a>'),
    ("windows-1256", None, '<?xml version="1.0" encoding="windows-1256"?><a>نامه</a>'),
    ("windows-1256", "windows-1256", "<a>نامه</a>"),
    ("utf-16", None, '<?xml version="1.0" encoding="utf-16"?><a>نامه</a>'),
    # .NET writes this; what the transport says counts (RFC 7303, 3).
    ("utf-8", "utf-8", '<?xml version="1.0" encoding="utf-16"?><a>نامه</a>'),
    ("utf-8", None, '\n <?xml version="1.0"?><a>نامه</a>'),
]


@pytest.mark.parametrize(("encoding", "charset", "document"), ENCODINGS)
def test_encodings_offices_use_are_read(encoding, charset, document):
    assert "نامه" == xml.records(read(document.encode(encoding), charset=charset))


LIMITED = [
    (b"<a>" + b"x" * 65_530 + b"</a>", "more than 65536 octets"),
    (b"<a>" * 33 + b"</a>" * 33, "deeper than 32"),
    (b"<a>" + b"<b/>" * 10_000 + b"</a>", "more than 10000 nodes"),
    (b"<a " + b" ".join(b'b%d=""' % n for n in range(6000)) + b"/>", None),
    (b"<a>" + b"".join(b'<b c="" d="" e=""/>' for _ in range(2501)) + b"</a>", "more than 10000 nodes"),
    (b"<a>" + b"<?p?>" * 10_001 + b"</a>", "more than 10000 nodes"),
    (b"<a>" + b"<!---->" * 9_000 + b"</a>", None),
    (b"<a" + b"a" * 60_000 + b"/>", "no well-formed XML"),
    (b"<a><b>", "no well-formed XML"),
    (b"<a>" + b"]]>" * 9 + b"</a>", "no well-formed XML"),
    (b"", "no well-formed XML"),
    (b"\x00", "no well-formed XML"),
    (b"<a>\x00</a>", "no well-formed XML"),
    (b"<html><body><br></body></html>", "no well-formed XML"),
    (b"<a/><a/>", "no well-formed XML"),
    (b"<!--" * 10_000, "no well-formed XML"),
    (b"<?a" * 20_000, "no well-formed XML"),
    (b"<a>&nbsp;</a>", "no well-formed XML"),
]


@pytest.mark.parametrize(("octets", "reason"), LIMITED, ids=[case[0][:40] for case in LIMITED])
def test_caps_hold_while_reading_and_within_the_time(octets, reason):
    try:
        read(octets)
        said = None
    except XmlRefused as refused:
        said = str(refused)

    assert cpu_s(lambda: read_or_refused(octets)) <= CPU_S
    assert (reason is None) == (said is None)
    assert (reason or "") in (said or "")


def test_what_is_left_out_is_counted_and_not_kept():
    document = b"<a><Keep>1</Keep><Attachments><Attachment Any='x'>AAAA<b/></Attachment></Attachments></a>"

    assert {"Keep": "1"} == xml.records(read(document, without={"Attachments"}))
    with pytest.raises(XmlRefused, match="nodes"):
        xml.parse(document, Limits(max_nodes=5), without={"Attachments"})
