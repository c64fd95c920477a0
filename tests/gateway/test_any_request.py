"""Whatever a peer sends: a dialect reads it or refuses it in one line, and nothing else ever happens (B3, B4, B9)."""

import asyncio
import contextlib
from dataclasses import replace
from random import Random
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from gateway import msisdn, patience
from gateway.channels import http, listed
from gateway.channels.contract import (
    MAX_BODY_OCTETS,
    DeliveryReceipt,
    MoSms,
    Refusal,
    Reporting,
    UssdEnd,
    WireRequest,
)
from tests.adapters.xml_corpus import CORPUS
from tests.experiments import counted, often

FORM = "application/x-www-form-urlencoded"
BEGIN = b'{"type": "begin", "session": "s1", "msisdn": "+989161234567", "code": "*4*061#", "sequence": 1}'
DIALOG = (
    b'<dialog localId="1" userObject="989161234567/0"><processUnstructuredSSRequest_Request invokeId="0" '
    b'dataCodingScheme="15" string="*4*061#"><msisdn number="989161234567"/></processUnstructuredSSRequest_Request></dialog>'
)
USSD = b"<ussd><msisdn>989161234567</msisdn><sessionid>s1</sessionid><type>1</type><msg>*4*061#</msg></ussd>"

GOOD = {
    ("africastalking", "read"): WireRequest(
        "POST", "", "", FORM, b"sessionId=s1&serviceCode=*4*061%23&phoneNumber=%2B989161234567&text=1*2"
    ),
    ("inoti", "read"): WireRequest("GET", "", "call=*4*061&sessionid=s1&mobile=989161234567", FORM, b""),
    ("json", "read"): WireRequest("POST", "", "", "application/json", BEGIN),
    ("restcomm", "read"): WireRequest("POST", "", "", "text/xml", DIALOG),
    ("truroute", "read"): WireRequest("POST", "", "", "text/xml", USSD),
    ("kannel", "read"): WireRequest("GET", "", "from=%2B989161234567&to=4040&text=1&coding=0&charset=UTF-8&id=1", FORM, b""),
    ("kannel", "receipt"): WireRequest("GET", "", "id=1&status=1", FORM, b""),
    ("kavenegar", "read"): WireRequest("POST", "", "", FORM, b"from=09161234567&to=1&message=1&messageid=1"),
    ("kavenegar", "receipt"): WireRequest("POST", "", "", FORM, b"messageid=1&status=10"),
    ("africastalking.sms", "read"): WireRequest("POST", "", "", FORM, b"id=1&from=%2B989161234567&to=1&text=1"),
    ("africastalking.sms", "receipt"): WireRequest("POST", "", "", FORM, b"id=1&status=Sent"),
    ("magfa", "read"): WireRequest("POST", "", "", FORM, b""),
}  # fmt: skip

PIECES = [
    b"", b"&", b"=", b"&&", b"%", b"%2", b"%zz", b"%00", b"%FF%FE", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"+", b";", b"[]", b"[0]",
    b"text=", b"text=1&text=2", b"text[]=1", b"sessionId=", b"*" * 1000, b"1" * 5000, b"\xd9\x86", "ن".encode("utf-16"), b"%D9", b"#",
    b"{", b"}", b"[", b"]", b'"', b"null", b"true", b"NaN", b"Infinity", b"-1", b"1e999", b"9" * 5000, b'"\\ud83d"', b"// x\n", b"{}{}",
    b"[" * 4000, b'{"a":' * 1500, b'"session": "x", ', b'"type": "end", ', b'"sequence": -1,', b"'",
    b"<", b">", b"</", b"<!DOCTYPE a>", b"<!ENTITY", b"&amp;", b"&#0;", b"&#x1F600;", b"<![CDATA[", b"]]>", b"<?xml version='1.1'?>",
    b"<a>" * 40, b"<ussd>", b"<msg/>", b"<type>10</type>", b' localId="2"', b' mapUserAbortChoice="x"', b'xmlns="urn:x" ', b"--",
]  # fmt: skip


def dialect(name):
    base, _, sms = name.partition(".")
    return listed.SMS[base] if sms or base not in listed.USSD else listed.USSD[base]


def tried(name, verb, request):
    """Whether it was read; any other end than a refusal in one line is an exception here."""
    try:
        getattr(dialect(name), verb)(request)
    except Refusal as refusal:
        return refused(refusal)
    return True


def refused(refusal):
    assert 400 <= refusal.status < 500
    assert refusal.line
    assert "\n" not in refusal.line
    assert len(refusal.line) < 200
    return False


def spoiled(chance, octets):
    """A good text with some of it cut, doubled or replaced by what somebody might send."""
    for _ in range(chance.randint(1, 3)):
        begin = chance.randint(0, len(octets))
        end = chance.randint(begin, min(len(octets), begin + 12))
        piece = chance.choice(PIECES) if chance.random() < 0.5 else chance.randbytes(chance.randint(0, 6))
        octets = octets[:begin] + piece + octets[end:]
    return octets[:MAX_BODY_OCTETS]


def sent(chance, good):
    """What somebody might send instead of a good request. One seed, one request: drawn piece by piece it would take
    Hypothesis a hundred times as long as what is tried with it."""
    in_query = good.method == "GET" and not good.body
    octets = spoiled(chance, good.query.encode() if in_query else good.body)
    return WireRequest(
        method=good.method if chance.randrange(10) else chance.choice(["GET", "POST", "PUT"]),
        tail="" if chance.randrange(10) else chance.choice(["end", "x", "/", "%00"]),
        query=quote_from_bytes(octets, safe="&=%+;*#[]") if in_query else "",
        content_type=chance.choice([good.content_type] * 6 + [FORM, "application/json", "text/xml", "multipart/form-data", ""]),
        body=b"" if in_query else octets,
        charset=chance.choice([None] * 6 + ["utf-8", "utf-16", "utf-7", "nonsense", ""]),
    )  # fmt: skip


def test_every_way_in_is_tried():
    ways = {(name, "read") for name in (*listed.USSD, *listed.SMS)} | {
        (name, "receipt") for name, each in listed.SMS.items() if isinstance(each, Reporting)
    }
    assert {(name.partition(".")[0], verb) for name, verb in GOOD} == ways


@pytest.mark.experiment("B3", "each HTTP dialect reads a request or refuses it with a 4xx in one line")
@pytest.mark.parametrize(("name", "verb"), GOOD, ids=lambda each: str(each))
def test_anything_is_read_or_refused(figure, name, verb):
    @often(20_000)
    @given(st.integers(0, 2**64))
    def run(seed):
        figure.count("read" if tried(name, verb, sent(Random(seed), GOOD[name, verb])) else "refused")
        figure.count("runs")

    run()


LONGEST_QUERY = 8_100
"""The web framework refuses a line of more than 8,190 octets by itself."""


def expected(name, verb, request):
    """What is known of the answer before it is asked for: its status, and what must be stored then."""
    if len(request.query) > LONGEST_QUERY:
        return {400}, None
    try:
        said = getattr(dialect(name), verb)(request)
    except Refusal as refusal:
        return {refusal.status}, None
    phone = said.msisdn and msisdn.normal(said.msisdn)
    if isinstance(said, MoSms):
        return ({200}, ("message_in", said.provider_id, phone, said.short_code, said.text)) if phone else ({400}, None)
    if isinstance(said, DeliveryReceipt):
        return ({200}, ("receipt", said.provider_id, said.fate, said.reason)) if phone is not None else ({400}, None)
    if isinstance(said, UssdEnd):
        return ({200} if phone is not None else {400}), None
    return ({200, 404} if phone else {400}), None  # 404: another service code


async def answered(d, path, request):
    """The status of a request as it goes over the wire."""
    tail = f"/{request.tail}" if request.tail else ""
    url = URL(f"{d.url}{path}{tail}" + (f"?{request.query}" if request.query else ""), encoded=True)
    kind = request.content_type + (f"; charset={request.charset}" if request.charset is not None else "")
    headers = {"Content-Type": kind} if request.content_type else {}
    sending = d.http.request(request.method, url, data=request.body or None, headers=headers,
                             skip_auto_headers=() if headers else ["Content-Type"])  # fmt: skip
    async with sending as response:
        return response.status, await response.text()


WIRED = {  # where each stands in the demo
    (name, verb): f"/{'dlr' if verb == 'receipt' else 'sms' if dialect(name) in listed.SMS.values() else 'ussd'}/{name.partition('.')[0]}"
    for name, verb in GOOD
}  # fmt: skip


@pytest.mark.experiment(
    "B3", "over the wire it is the right 4xx, nothing is stored half, and the next caller is served"
)
@pytest.mark.parametrize(("name", "verb"), [each for each in GOOD if each[0] != "magfa"], ids=lambda each: str(each))
async def test_anything_over_the_wire_is_stored_whole_or_refused(desk, log, figure, name, verb):
    good, path, refused = GOOD[name, verb], WIRED[name, verb], 0
    stored = {"message_in": set(), "receipt": set()}
    async with desk() as d:
        for seed in range(counted(200)):
            drawn = sent(Random(f"{name} {verb} {seed}"), good)
            as_read = replace(drawn, query=drawn.query.replace("#", "%23"), tail=drawn.tail.strip("/"))
            if not as_read.content_type:
                as_read = replace(as_read, charset=None)
            statuses, row = expected(name, verb, replace(as_read, content_type=as_read.content_type or "text/plain"))
            status, line = await answered(d, path, as_read)
            assert status in statuses, (as_read, line)
            if row is not None:
                stored[row[0]].add(row[1:])
            refused += status >= 400 and len(as_read.query) <= LONGEST_QUERY
            figure.count("runs")
            if not seed % 10:
                assert 200 == (await answered(d, path, good))[0], as_read
                _, row = expected(name, verb, good)
                if row is not None:
                    stored[row[0]].add(row[1:])
        messages, receipts = await d.rows("message_in"), await d.rows("receipt")
    # What comes with another text or sender under an id that is known is kept as a clash, beside the first.
    assert len(stored["message_in"]) == len(messages)
    assert {each[0] for each in stored["message_in"]} == {row.provider_id for row in messages if row.state != "clash"}
    assert stored["receipt"] == {(row.provider_id, row.fate, row.reason) for row in receipts}
    assert len(stored["receipt"]) == len(receipts)
    lines = log.getvalue().replace("one like +989161234567", "").splitlines()
    assert refused == sum('"event": "refused"' in each for each in lines)
    assert not [each for each in lines if "9161234567" in each or "Traceback" in each or "exception" in each]
    figure.count("refused", refused)
    figure.count("rows", sum(map(len, stored.values())))


def within(document, name, good):
    """A hostile document of `name`: its prologue before one that is good, its root element inside of that. Without what
    is hostile in it, a dialect would read it."""
    doctype = document.find("<!DOCTYPE a ")
    begins = document.index("><a", doctype) + 1 if doctype >= 0 else max(0, document.find("<s:Envelope"))
    prologue = document[:begins].replace("<!DOCTYPE a ", f"<!DOCTYPE {name} ")
    end = f"</{name}>"
    return f"{prologue}{good.removesuffix(end)}{document[begins:]}{end}"


def hostile(name, good):
    """(document, whether it must be refused): C4, each with this root and its fields."""
    for _, _, document, expected in CORPUS:
        if not isinstance(document, bytes):
            yield within(document, name, good).encode(), expected is None
    for target in ("file://SECRET", "http://TRAP/e", "SECRET", "//TRAP/e"):
        doctype = f'<!DOCTYPE {name} [<!ENTITY e SYSTEM "{target}">]>'
        document = doctype + good.removesuffix(f"</{name}>") + f"&e;</{name}>"
        yield document.encode(), True
        yield b"\xff\xfe" + document.encode("utf-16-le"), True
        yield b'<?xml version="1.0" encoding="utf-7"?>' + document.encode("utf-7"), True
        yield document.encode("cp037"), True


@pytest.mark.experiment("B4", "hostile XML reaches neither file nor network through a dialect")
@pytest.mark.parametrize(
    ("name", "root", "good"), [("restcomm", "dialog", DIALOG), ("truroute", "ussd", USSD)], ids=["restcomm", "truroute"]
)
def test_hostile_xml_is_refused_by_a_dialect(figure, name, root, good, trap, watched):
    """Each with the dialect's own root and fields: nothing but what is hostile in it stands against it."""
    passed, refused, opened = [], 0, 0
    for document, must_be in hostile(root, good.decode()):
        octets = document.replace(b"TRAP", trap.address.encode()).replace(b"SECRET", str(watched.path).encode())
        read = tried(name, "read", WireRequest("POST", "", "", "text/xml", octets))
        passed += [octets[:400]] if read and must_be else []
        refused, opened = refused + (not read), opened + watched.opened
        assert tried(name, "read", GOOD[name, "read"])
        figure.count("runs")
    figure("refused", refused)
    figure("files opened", opened)
    figure("connections", trap.connections)
    assert (0, 0, []) == (opened, trap.connections, passed)
    assert refused >= 64


# --- framing --------------------------------------------------------------------------------------------------------

HEAD = "POST /ussd/json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
N = len(BEGIN)
SMUGGLED = f"POST /ussd/json HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {N}\r\n\r\n{BEGIN.decode()}"


def framings():
    """C10: (what it is, octets). Each is answered once with 4xx, or the connection is closed; none is served twice."""
    body = BEGIN.decode()
    yield "two lengths", f"{HEAD}Content-Length: {N}\r\nContent-Length: 0\r\n\r\n{body}"
    yield "two lengths in one", f"{HEAD}Content-Length: {N}, 0\r\n\r\n{body}"
    yield "length and chunked", f"{HEAD}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}"
    yield "chunked twice", f"{HEAD}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n{SMUGGLED}"
    yield "chunked not last", f"{HEAD}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{SMUGGLED}"
    yield "odd chunked", f"{HEAD}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{SMUGGLED}"
    for length in ("-1", "+5", "0x10", "1e1", "", " ", "5 5", "٥", "9" * 40):
        yield f"length {length!r}", f"{HEAD}Content-Length: {length}\r\n\r\n{body}"
    for chunk in (
        "zz\r\n",
        "-1\r\n",
        "0x5\r\n",
        "5;\r\nab\r\n",
        "ffffffffffffffff\r\nab",
        "5\nhello\n",
        " 5\r\nhello\r\n",
        "\r\n",
    ):
        yield f"chunk {chunk!r}", f"{HEAD}Transfer-Encoding: chunked\r\n\r\n{chunk}"
    for header in ("X\r\n Y: 1", "X Y: 1", "X : 1", ": 1", "X\0Y: 1", "X: a\0b", "X: a\rb", "\x01: 1", "X", " X: 1"):
        yield f"header {header!r}", f"{HEAD}{header}\r\nContent-Length: {N}\r\n\r\n{body}"
    yield "100 kB header", f"{HEAD}X: {'a' * 100_000}\r\nContent-Length: {N}\r\n\r\n{body}"
    yield (
        "many headers",
        HEAD + "".join(f"X-{n}: {'b' * 90}\r\n" for n in range(2000)) + f"Content-Length: {N}\r\n\r\n{body}",
    )
    for line in ("POST /ussd/json", "POST /ussd/json HTTP/2.0", "POST /ussd/json HTTP/1.1 x",
                 "/ussd/json HTTP/1.1", "POST /ussd/json HTTX/1.1", "PRI * HTTP/2.0", "GET /", "\0", "POST http://[::1 HTTP/1.1",
                 "POST /ussd/%zz\0 HTTP/1.1", "CONNECT x:1 HTTP/1.1", "POST //evil/ussd/json HTTP/1.1"):  # fmt: skip
        yield (
            f"line {line!r}",
            f"{line}\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {N}\r\n\r\n{body}",
        )
    yield "upgrade", f"{HEAD}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n"
    yield "expect", f"{HEAD}Expect: teapot\r\nContent-Length: {N}\r\n\r\n{body}"
    for coding in ("gzip", "deflate", "br", "gzip, gzip", "GZIP", "x"):
        yield f"coding {coding}", f"{HEAD}Content-Encoding: {coding}\r\nContent-Length: {N}\r\n\r\n{body}"
    yield "multipart", (f"POST /ussd/json HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=a\r\n"
                        f"Content-Length: {N}\r\n\r\n{body}")  # fmt: skip
    yield "a body that is a request", f"{HEAD}Content-Length: {len(SMUGGLED)}\r\n\r\n{SMUGGLED}"


QUIET_S = 0.5
"""So long after the last octet nothing more is coming: the other side waits for the rest of a request."""


async def answers(port, octets):
    """The status of each answer to these octets, until the other side says no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        writer.write(octets)
        await writer.drain()
        while chunk := await asyncio.wait_for(reader.read(65_536), QUIET_S):
            received += chunk
    writer.close()
    return statuses(received)


def statuses(received):
    return [int(line[9:12]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.")]


def slipped(chance, octets, slip):
    """As it is; else cut somewhere, or with a slip in it."""
    if not slip:
        return octets
    at = chance.randrange(len(octets))
    return octets[:at] + (chance.randbytes(1) + octets[at + 1 :] if slip % 2 else b"")


@pytest.mark.experiment(
    "B9", "bad framing is answered with 4xx or closed, and no second request is taken out of a body"
)
async def test_bad_framing_is_refused_and_serves_nobody(desk, figure):
    chance = Random("framings")
    async with desk() as d:
        port = int(d.url.rpartition(":")[2])
        good = f"{HEAD}Connection: close\r\nContent-Length: {N}\r\n\r\n".encode() + BEGIN
        for count, (name, text) in enumerate(framings()):
            sent = [slipped(chance, text.encode(), slip) for slip in range(counted(60))]
            # Side by side: most of them are waited for until nothing more comes.
            for slip, got in enumerate(await asyncio.gather(*[answers(port, octets) for octets in sent])):
                served = [status for status in got if not 400 <= status < 500]
                # A slip may have made it good, or its bad part may be what was cut off.
                assert [] == served or (slip and [200] == served), (name, sent[slip][:400], got)
                figure.count("runs")
            if not count % 10:
                assert [200] == await answers(port, good), name


# --- peers that take their time -------------------------------------------------------------------------------------

WHOLE = f"{HEAD}Content-Length: {N}\r\n\r\n".encode() + BEGIN
DRIP_S = 0.4

SLOW = {  # what comes at once, and what drips behind it
    "half a line": (b"POST /ussd/js", b""),
    "a line that drips": (b"", b"POST /ussd/json?" + b"a" * 200),
    "half a head": (HEAD.encode(), b""),
    "a head that drips": (HEAD.encode() + b"X: ", b"a" * 200),
    "no body": (f"{HEAD}Content-Length: {N}\r\n\r\n".encode(), b""),
    "a body that drips": (f"{HEAD}Content-Length: {N}\r\n\r\n".encode(), BEGIN),
    "half a chunk": (f"{HEAD}Transfer-Encoding: chunked\r\n\r\n{N:x}\r\n".encode() + BEGIN[:9], b""),
    "chunks that drip": (f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode(), b"1\r\n{\r\n" * 40),
    "a body for nobody": (f"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: {N}\r\n\r\n".encode(), BEGIN),
    "half a second head": (WHOLE, [HEAD.encode()]),
    "a second head that drips": (WHOLE, HEAD.encode() + b"X: " + b"a" * 100),
}


async def until_cut(port, at_once, drips):
    """What was answered until the other side closed, which it must; and how long after the first octet."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = asyncio.get_running_loop().time()

    async def drip():
        with contextlib.suppress(ConnectionError):
            writer.write(at_once)
            for piece in drips:
                await asyncio.sleep(DRIP_S)
                writer.write(piece if isinstance(piece, bytes) else bytes([piece]))
                await writer.drain()

    dripping, received = asyncio.create_task(drip()), b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(90):  # TimeoutError: it holds
            while chunk := await reader.read(65_536):
                received += chunk
    took_s = asyncio.get_running_loop().time() - began
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)
    writer.close()
    return statuses(received), took_s


@pytest.mark.experiment("B9", "whoever sends a request slowly is cut off, and nothing comes of it")
async def test_slow_senders_are_cut(desk, figure):
    assert patience.HEAD_WITHIN_S <= 10
    assert http.BODY_WITHIN_S + patience.LINGER_S <= 10
    async with desk() as d:
        port = int(d.url.rpartition(":")[2])
        each = counted(100) // 10
        slow = [(name, *SLOW[name]) for name in SLOW for _ in range(each)]
        found = await asyncio.gather(*[until_cut(port, at_once, drips) for _, at_once, drips in slow])
        for (name, at_once, _), (got, took_s) in zip(slow, found, strict=True):
            served = [status for status in got if not 400 <= status < 500]
            assert ([200] if at_once.startswith(WHOLE) else []) == served, (name, got)
            figure.count("runs")
            figure.most("s until the last was cut", round(took_s))
        assert [200] == await answers(port, WHOLE.replace(b"Host: x", b"Host: x\r\nConnection: close"))


async def test_a_connection_that_was_served_stays_for_the_next_request(desk, monkeypatch):
    """A body that comes behind its head, and silence after its answer, are no slow sender's."""
    monkeypatch.setattr(patience, "HEAD_WITHIN_S", 0.3)
    async with desk() as d:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(d.url.rpartition(":")[2]))
        for _ in range(3):
            for piece in (WHOLE[:-N], WHOLE[-N:-5], WHOLE[-5:]):
                writer.write(piece)
                await asyncio.sleep(0.1)
            assert [200] == statuses(await reader.read(65_536))
            await asyncio.sleep(0.5)
        writer.write(WHOLE[:20])
        assert b"" == await reader.read(65_536)
        writer.close()


@pytest.mark.experiment("B9", "500 idle links keep no caller waiting")
async def test_idle_links_hold_nobody_up(desk, figure):
    async with desk() as d:
        port = int(d.url.rpartition(":")[2])
        links = counted(500)
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(links)]
        for place, (_, writer) in enumerate(idle):
            writer.write([b"", HEAD.encode(), WHOLE, WHOLE[:-1]][place % 4])
        loop, took = asyncio.get_running_loop(), []

        async def call(number):
            for inputs in ("", "1", "1*12345", "1*12345*0"):
                began = loop.time()
                status, text = await d.ussd(inputs, session_id=f"i{number}", msisdn=f"+98916{number:07}")
                took.append(loop.time() - began)
                assert (200, True) == (status, text.startswith(("CON", "END")))

        for number in range(counted(600) // 4):  # a tenth of what a gateway is tried with: 20 steps a second
            call_begins = loop.time() + 0.2
            await call(number)
            await asyncio.sleep(max(0.0, call_begins - loop.time()))
            figure.count("runs", 4)
        took.sort()
        figure("idle links", links)
        figure("ms, 95 of 100 within", round(took[len(took) * 95 // 100] * 1000))
        figure("ms, 99 of 100 within", round(took[len(took) * 99 // 100] * 1000))
        for _, writer in idle:
            writer.close()
