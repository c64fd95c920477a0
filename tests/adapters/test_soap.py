"""The SOAP backend against an office on a socket: what its file says is what is sent and read."""

import asyncio
import base64
import gzip
from contextlib import AsyncExitStack
from datetime import date

import pytest
from aiohttp import web
from lxml import etree
from pydantic import ValidationError

from adapters.contract import (
    BackendBusy,
    BackendError,
    BackendFailed,
    BackendGarbage,
    BackendUnusable,
    CutOff,
    NotListening,
    Redirected,
)
from adapters.guard import Guard
from adapters.soap import Soap, SoapConfig
from menus.ports import Ask, CaseStep, Found, Late, Missing, Several, State, Unavailable, reference

ENVELOPE = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
FIND = '<Find xmlns="urn:o"><{0}>{{{{{1}}}}}</{0}></Find>'
FILE = {
    "kind": "soap",
    "inside": ["127.0.0.1/32"],
    "case_kind": "letter",
    "tries": [
        {"action": "urn:o/Find", "envelope": FIND.format("Number", "exact")},
        {"action": "urn:o/Find", "envelope": FIND.format("Parts", "loose")},
    ],
    "cases": "Found.Letter",
    "missing_faults": ["NoSuchLetter"],
    "fields": {"number": "No", "state": "State", "desk": "Desk", "due_on": "Due", "secrecy": '"@Secrecy"'},
    "steps": {"each": "Steps.Step", "desk": "Desk", "date": "On"},
    "states": {"در حال بررسی": "in_progress"},
}
ASK = Ask("letters", 1, reference("12345"))


def letter(number="12345", secrecy="عادی", state="در حال بررسی", more=""):
    return (
        f'<Letter Secrecy="{secrecy}"><No>{number}</No><State>{state}</State><Desk>دفتر حقوقی</Desk>'
        f"<Due>1405/09/10</Due><Steps><Step><Desk>دبیرخانه</Desk><On>1405/08/01</On></Step></Steps>{more}</Letter>"
    )


def envelope(inside, version="1.1", header=""):
    return f'<s:Envelope xmlns:s="{ENVELOPE[version]}">{header}<s:Body>{inside}</s:Body></s:Envelope>'


def found(*letters):
    return f'<Found xmlns="urn:o">{"".join(letters)}</Found>'


def fault(code, words="۵۴۳۲۱ یافت نشد"):
    return f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>{words}</faultstring></s:Fault>"


def fault_12(code, sub):
    return (
        f"<s:Fault><s:Code><s:Value>s:{code}</s:Value><s:Subcode><s:Value xmlns:o='urn:o'>o:{sub}</s:Value>"
        "</s:Subcode></s:Code><s:Reason><s:Text>x</s:Text></s:Reason></s:Fault>"
    )


class Office:
    """Answers each request with what the test put here."""

    def __init__(self):
        self.asked = []
        self.headers = []
        self.body = envelope(found(letter()))
        self.status = 200
        self.delay_s = 0.0
        self.drip_s = None
        self.type = "text/xml"
        self.more = {}
        self.by_word = {}

    async def handle(self, request):
        octets = await request.read()
        self.asked.append(octets)
        self.headers.append(request.headers)
        await asyncio.sleep(self.delay_s)
        body = next((body for word, body in self.by_word.items() if word.encode() in octets), self.body)
        octets = body.encode() if isinstance(body, str) else body
        if self.drip_s is None:
            return web.Response(status=self.status, body=octets, headers={"Content-Type": self.type, **self.more})
        response = web.StreamResponse()
        await response.prepare(request)
        for octet in octets:
            await response.write(bytes([octet]))
            await asyncio.sleep(self.drip_s)
        return response

    @property
    def words(self):
        """The texts of each request's Body, in their order."""
        return ["".join(etree.fromstring(octets).itertext()).strip() for octets in self.asked]


@pytest.fixture
async def office(aiohttp_server):
    found = Office()
    app = web.Application()
    app.router.add_post("/soap", found.handle)
    found.url = str((await aiohttp_server(app)).make_url("/soap"))
    return found


@pytest.fixture
async def described(office):
    """described(version="1.2") is a backend whose file says something else."""
    async with AsyncExitStack() as stack:

        async def one(unmapped=lambda _: None, **more):
            config = SoapConfig(**{"url": office.url, **FILE, **more})
            return await stack.enter_async_context(Soap(config, unmapped))

        yield one


@pytest.fixture
async def backend(described):
    return await described()


async def test_a_record_becomes_a_case(backend):
    answer = await backend.look_up(ASK)

    assert isinstance(answer, Found)
    case = answer.case
    assert ("letter", "12345", State.IN_PROGRESS) == (case.kind, case.number, case.state)
    assert {"fa": "دفتر حقوقی"} == case.desk
    assert date(2026, 12, 1) == case.due_on
    assert (CaseStep({"fa": "دبیرخانه"}, date(2026, 10, 23)),) == case.steps
    assert not case.secret


# --- what is sent -----------------------------------------------------------------------------------------------------


async def test_soap_1_1_names_its_action_in_a_header_of_its_own(backend, office):
    await backend.look_up(ASK)

    assert ("text/xml; charset=utf-8", '"urn:o/Find"') == (
        office.headers[0]["Content-Type"],
        office.headers[0]["SOAPAction"],
    )
    assert f"{{{ENVELOPE['1.1']}}}Envelope" == etree.fromstring(office.asked[0]).tag


async def test_soap_1_2_names_its_action_in_the_content_type(described, office):
    office.body = envelope(found(letter()), "1.2")
    assert isinstance(await (await described(version="1.2")).look_up(ASK), Found)

    assert 'application/soap+xml; charset=utf-8; action="urn:o/Find"' == office.headers[0]["Content-Type"]
    assert "SOAPAction" not in office.headers[0]
    assert f"{{{ENVELOPE['1.2']}}}Envelope" == etree.fromstring(office.asked[0]).tag


HOSTILE = ["</No><No>1", "a&b;", "<!--", "]]>", "{{loose}}", "\"'><x", "&#x0;", "<![CDATA[", "۱۲۳<ب>"]


@pytest.mark.parametrize("typed", HOSTILE)
async def test_what_was_typed_stays_a_text(described, office, typed):
    office.body = envelope(fault("NoSuchLetter"))
    both = '<Find xmlns="urn:o" number="{{exact}}">no: {{ exact }}.</Find>'
    backend = await described(tries=[{"envelope": both}])
    asked = reference(typed)
    await backend.look_up(Ask("letters", 1, asked))

    sent = etree.fromstring(office.asked[0])[0][0]
    assert (0, asked.exact, f"no: {asked.exact}.") == (len(sent), sent.get("number"), sent.text)


async def test_a_sign_xml_cannot_hold_is_no_number_of_an_office(backend, office):
    assert Missing() == await backend.look_up(Ask("letters", 1, reference("12\x0045")))
    assert [] == office.asked


async def test_a_whole_envelope_is_sent_as_it_stands(described, office):
    whole = envelope(
        FIND.format("Number", "exact"), header="<s:Header><t:Office xmlns:t='urn:t'>061</t:Office></s:Header>"
    )
    await (await described(tries=[{"envelope": whole}])).look_up(ASK)

    sent = etree.fromstring(office.asked[0])
    assert ["061", "12345"] == [sent[0][0].text, sent[1][0][0].text]


async def test_every_form_is_tried_in_its_order_and_the_same_octets_once(described, office):
    office.body = envelope(fault("NoSuchLetter"))
    forms = ["exact", "loose", "exact", "running", "receipt_code"]
    backend = await described(tries=[{"envelope": f"<Find>{{{{{form}}}}}</Find>"} for form in forms])

    assert Missing() == await backend.look_up(Ask("letters", 1, reference("96*220")))
    assert ["96/220", "220/96", "220"] == office.words


async def test_a_receipt_code_proves_whose_case_it_is(described, office):
    office.body = envelope(found(letter("1/2", more="<Code>1040610014</Code>")))
    backend = await described(tries=[{"envelope": "<Find>{{receipt_code}}</Find>", "echo": "Code"}])

    assert Missing() == await backend.look_up(ASK)
    assert (await backend.look_up(Ask("letters", 1, reference("1040610014")))).case.proven


async def test_a_username_token_stands_in_the_header(described, office):
    auth = {"kind": "username_token", "username": "rasad", "password": "a<b&"}
    await (await described(auth=auth)).look_up(ASK)

    sent = etree.fromstring(office.asked[0])
    token = sent.find(f"{{{ENVELOPE['1.1']}}}Header/{WSSE}Security/{WSSE}UsernameToken")
    assert ("rasad", "a<b&") == (token.findtext(f"{WSSE}Username"), token.findtext(f"{WSSE}Password"))
    assert token.find(f"{WSSE}Password").get("Type").endswith("#PasswordText")
    assert [f"{{{ENVELOPE['1.1']}}}Header", f"{{{ENVELOPE['1.1']}}}Body"] == [child.tag for child in sent]


async def test_basic_credentials_stand_in_the_request(described, office):
    await (await described(auth={"kind": "basic", "username": "rasad", "password": "گذر"})).look_up(ASK)

    assert f"Basic {base64.b64encode('rasad:گذر'.encode()).decode()}" == office.headers[0]["Authorization"]


# --- what no letter looks like ----------------------------------------------------------------------------------------

MISSING = [
    ({"body": envelope(fault("NoSuchLetter")), "status": 500}, {}),
    ({"body": envelope(fault("NoSuchLetter")), "status": 200}, {}),
    ({"body": envelope(fault_12("Sender", "NoSuchLetter"), "1.2"), "status": 400}, {"version": "1.2"}),
    ({"body": envelope(fault_12("Receiver", "NoSuchLetter"), "1.2"), "status": 500}, {"version": "1.2"}),
    ({"body": envelope(found())}, {}),
    ({"body": envelope('<Found><Letter xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/></Found>')}, {}),
    ({"body": envelope("<Found><Letter/></Found>")}, {}),
    ({"body": envelope("<Found><Letters/></Found>")}, {"cases": "Found.Letters.Letter"}),
    ({"body": envelope("<Found><Count>0</Count></Found>")}, {"missing_when": "Found.Count == '0'"}),
    ({"body": envelope("<Found><Result>NONE</Result><Letter><No>0</No></Letter></Found>")}, {"missing_when": "Found.Result == 'NONE'"}),
    ({"body": envelope(fault("Server", "no such letter")), "status": 500}, {"missing_when": "Fault.faultstring == 'no such letter'"}),
]  # fmt: skip


@pytest.mark.parametrize(("said", "file"), MISSING, ids=[str(place) for place in range(len(MISSING))])
async def test_the_offices_way_to_say_no_is_missing(described, office, said, file):
    vars(office).update(said)

    assert Missing() == await (await described(**file)).look_up(ASK)


@pytest.mark.parametrize("count", [1, 2])
async def test_a_secret_letter_is_asked_for_as_often_as_a_missing_one(backend, office, count):
    ask = Ask("letters", 1, reference("96*220"))
    office.body = envelope(fault("NoSuchLetter"))
    await backend.look_up(ask)
    missing, office.asked = office.asked, []

    office.body = envelope(found(*[letter("96/220", "محرمانه")] * count))
    assert (await backend.look_up(ask)).case.secret
    assert missing == office.asked
    assert 2 == len(missing)


async def test_several_records_are_several_cases(backend, office):
    office.body = envelope(found(letter(), letter()))

    assert isinstance(await backend.look_up(ASK), Several)


async def test_the_running_part_is_enough_where_it_was_asked_for(described, office):
    office.body = envelope(found(letter("220/12345")))
    backend = await described(tries=[{"envelope": FIND.format("Number", "running")}])

    assert "220/12345" == (await backend.look_up(ASK)).case.number


async def test_a_connection_the_office_closed_is_tried_once_more_by_the_guard_alone(described):
    dropped = []

    async def once(reader, writer):
        await reader.readuntil(b"</soap:Envelope>")
        dropped.append(1)
        body = envelope(found(letter())).encode()
        if len(dropped) > 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(once, "127.0.0.1", 0) as server:
        backend = await described(url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
        with pytest.raises(CutOff) as cut:
            await backend.look_up(ASK)
        assert (1, True) == (len(dropped), cut.value.again)

        dropped.clear()
        guard = Guard(backend, deadline_s=5, max_in_flight=1, retries=1, report=lambda *_: None, monotonic=asyncio.get_running_loop().time)  # fmt: skip
        assert isinstance(await guard.ask(ASK, 5.0), Found)
        assert 2 == len(dropped)


# --- answers the file does not describe -------------------------------------------------------------------------------

DTD = '<!DOCTYPE a [<!ENTITY e SYSTEM "http://127.0.0.1:9/">]>'
HOSTILE_ANSWERS = {
    "another number": {"body": envelope(found(letter("54321")))},
    "another number among two": {"body": envelope(found(letter(), letter("54321")))},
    "a second number of another namespace": {"body": envelope(found(letter(more='<No xmlns="urn:evil">54321</No>')))},
    "records elsewhere": {"body": envelope(found(letter("54321")).replace("Letter", "Litter"))},
    "no number": {"body": envelope(found("<Letter><State>54321</State></Letter>"))},
    "wrong namespace": {"body": envelope(found(letter("54321"))).replace(ENVELOPE["1.1"], "urn:54321")},
    "another version": {"body": envelope(found(letter("54321")), "1.2")},
    "no envelope": {"body": found(letter("54321"))},
    "two bodies": {"body": envelope("</s:Body><s:Body>" + found(letter()))},
    "a body in the header": {"body": f'<s:Envelope xmlns:s="{ENVELOPE["1.1"]}"><s:Header><s:Body>{letter()}</s:Body></s:Header></s:Envelope>'},
    "a fault with a letter": {"body": envelope(fault("NoSuchLetter") + found(letter()))},
    "another fault": {"body": envelope(fault("Server")), "status": 500},
    "a fault of its own": {"body": envelope(fault("Busy54321")), "status": 500},
    "a fault without code": {"body": envelope("<s:Fault><faultstring>54321</faultstring></s:Fault>"), "status": 500},
    "500 without fault": {"body": envelope(found(letter())), "status": 500},
    "500 with HTML": {"body": "<html><body><p>54321<br></body></html>", "status": 500},
    "HTML": {"body": "<!DOCTYPE html><html>54321</html>"},
    "well-formed HTML": {"body": "<html>54321</html>", "type": "text/html"},
    "JSON": {"body": '{"letters": [54321]}'},
    "garbage": {"body": b"\xff\xfe\x00\x00\x9154321"},
    "nothing": {"body": b""},
    "an empty body": {"body": envelope("")},
    "a body of text": {"body": envelope("54321")},
    "cut": {"body": envelope(found(letter()))[:-30]},
    "huge": {"body": envelope(found(letter(), "<x>" + "5" * 70_000 + "</x>"))},
    "deep": {"body": envelope("<a>" * 200 + "</a>" * 200)},
    "many": {"body": envelope("<a/>" * 15_000)},
    "document type": {"body": DTD + envelope(found(letter("&e;")))},
    "undefined entity": {"body": envelope(found(letter("&e;")))},
    "packed": {"body": gzip.compress(envelope(found(letter())).encode()), "more": {"Content-Encoding": "gzip"}},
    "bad charset": {"body": envelope(found(letter())).encode("windows-1256", "ignore")},
    "unknown charset": {"type": "text/xml; charset=utf-7"},
    "multipart": {"body": "--x\r\nContent-Type: text/xml\r\n\r\n<a/>", "type": "multipart/related; boundary=x"},
    "redirect": {"status": 302, "more": {"Location": "http://127.0.0.1:9/"}},
    "404": {"status": 404}, "202": {"status": 202, "body": ""},
    "400 in 1.1": {"status": 400, "body": envelope(fault("NoSuchLetter"))},
}  # fmt: skip


@pytest.mark.parametrize("said", HOSTILE_ANSWERS.values(), ids=HOSTILE_ANSWERS)
async def test_an_answer_its_file_does_not_describe_is_garbage(backend, office, said):
    right = vars(office).copy()
    vars(office).update(said)
    with pytest.raises(BackendGarbage) as garbage:
        await backend.look_up(ASK)
    assert "54321" not in str(garbage.value)

    vars(office).update(right)
    assert isinstance(await backend.look_up(ASK), Found)


async def test_a_standard_fault_is_named(backend, office):
    vars(office).update(body=envelope(fault("Server")), status=500)

    with pytest.raises(BackendGarbage, match="a SOAP fault: Server"):
        await backend.look_up(ASK)


@pytest.mark.parametrize(
    ("said", "kind", "again"),
    [
        ({"status": 429, "more": {"Retry-After": "3"}}, BackendBusy, True),
        ({"status": 503, "more": {"Retry-After": "3"}}, BackendBusy, True),
        ({"status": 503}, BackendError, True),
        ({"status": 302, "more": {"Location": "http://127.0.0.1:9/"}}, Redirected, False),
    ],
)
async def test_a_status_fails_as_it_does_for_rest(backend, office, said, kind, again):
    vars(office).update(said)
    with pytest.raises(BackendFailed) as failed:
        await backend.look_up(ASK)

    assert (kind, again) == (type(failed.value), failed.value.again)
    assert 1 == len(office.asked)


async def test_nobody_there_is_told_by_its_name_and_may_be_asked_again(described):
    with pytest.raises(NotListening) as failed:
        await (await described(url="http://127.0.0.1:9/")).look_up(ASK)

    assert failed.value.again


async def test_a_late_answer_says_what_it_waited_for(described, office):
    office.delay_s = 5.0
    reports = []
    guard = Guard(await described(), deadline_s=0.2, max_in_flight=1, report=lambda *each: reports.append(each), monotonic=asyncio.get_running_loop().time)  # fmt: skip

    assert Late() == await guard.ask(ASK, 8.0)
    assert ("late", "waiting") == reports[0][:2]


async def test_a_slow_drip_ends_with_the_guards_deadline(described, office):
    office.drip_s = 0.01
    reports = []
    lookup = await described()
    guard = Guard(lookup, deadline_s=0.3, max_in_flight=1, report=lambda *each: reports.append(each), monotonic=asyncio.get_running_loop().time)  # fmt: skip

    assert Late() == await guard.ask(ASK, 8.0)
    assert reports[0][2] < 1.0
    office.drip_s = None
    assert isinstance(await guard.ask(ASK, 8.0), Found)
    office.body = envelope(found(letter("54321")))
    assert Unavailable() == await guard.ask(ASK, 8.0)


# --- files ------------------------------------------------------------------------------------------------------------

SECRET = {kind: {"kind": kind, "username": "rasad", "password": "hidden"} for kind in ("basic", "username_token")}
REFUSED = [
    ({"tries": []}, "at least 1"),
    ({"tries": [{"envelope": "<a>{{exact}}"}]}, "tries.0.envelope: no well-formed XML"),
    ({"tries": [{"envelope": "<a/>"}]}, "it would ask for nothing"),
    ({"tries": [{"envelope": "<a>{{number}}</a>"}]}, "{{number}} is none of exact, loose, running, receipt_code"),
    ({"tries": [{"envelope": "<!DOCTYPE a><a>{{exact}}</a>"}]}, "no document type"),
    ({"tries": [{"envelope": envelope("<a>{{exact}}</a>", "1.2")}]}, "the Envelope of SOAP 1.1 is in"),
    ({"tries": [{"envelope": f'<s:Envelope xmlns:s="{ENVELOPE["1.1"]}">{{{{exact}}}}</s:Envelope>'}]}, "one Body"),
    ({"tries": [{}]}, "either envelope, or operation"),
    ({"tries": [{"operation": "Find", "envelope": "<a>{{exact}}</a>"}]}, "either envelope, or operation"),
    ({"tries": [{"operation": "Find"}]}, "say with wsdl which file"),
    ({"wsdl": "nowhere.wsdl"}, "there is no file nowhere.wsdl"),
    ({"version": "1.3"}, "1.1"),
    ({"auth": {"kind": "digest", "username": "a", "password": "b"}}, "basic"),
    ({"missing_when": "a["}, "no JMESPath"),
    ({"url": "ftp://x"}, "http://HOST[:PORT][/PATH] or https:// was expected"),
    ({"inside": []}, "not a public address, and in no network of `inside`"),
    ({"url": "http://office.example/a", "inside": [], "auth": SECRET["basic"]}, "https:// was expected"),
    ({"url": "http://office.example/a", "inside": [], "auth": SECRET["username_token"]}, "https:// was expected"),
    ({"url": "https://office.example/a", "auth": {**SECRET["basic"], "password": ""}}, "at least 1"),
    ({"surprise": 1}, "surprise"),
]


@pytest.mark.parametrize(("wrong", "message"), REFUSED, ids=[each[1] for each in REFUSED])
def test_a_file_that_cannot_work_is_refused(wrong, message):
    with pytest.raises(ValidationError) as refused:
        SoapConfig(**{"url": "http://127.0.0.1", **FILE, **wrong})
    assert message in str(refused.value)


@pytest.mark.parametrize("kind", SECRET)
@pytest.mark.parametrize(
    ("url", "inside"),
    [("https://office.example/letters.asmx?client=100", []), ("http://127.0.0.1:8080/letters.asmx", ["127.0.0.1/32"])],
)
def test_a_password_may_go_over_tls_and_within_networks_of_the_file(kind, url, inside):
    assert kind == SoapConfig(**{**FILE, "url": url, "inside": inside, "auth": SECRET[kind]}).auth.kind


def test_a_password_does_not_stand_in_a_repr():
    config = SoapConfig(
        url="https://office.example", auth={"kind": "basic", "username": "a", "password": "hidden"}, **FILE
    )

    assert "hidden" not in repr(config)


# --- WSDL -------------------------------------------------------------------------------------------------------------

WSDL = """<?xml version="1.0"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:o="urn:o" targetNamespace="urn:o">
  <types>{types}</types>
  <message name="In"><part name="parameters" element="o:Find"/></message>
  <message name="Out"><part name="parameters" element="o:Found"/></message>
  <portType name="Letters"><operation name="Find"><input message="o:In"/><output message="o:Out"/></operation></portType>
  <binding name="Letters" type="o:Letters">
    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Find"><soap:operation soapAction="urn:o/FromWsdl"/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation>
  </binding>
  <service name="Letters"><port name="Letters" binding="o:Letters"><soap:address location="http://{trap}/"/></port></service>
</definitions>"""
SCHEMA = """<xsd:schema targetNamespace="urn:o" elementFormDefault="qualified" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  {more}<xsd:element name="Find"><xsd:complexType><xsd:sequence>
    <xsd:element name="Number" type="xsd:string"/><xsd:element name="Year" type="xsd:int" minOccurs="0"/>
  </xsd:sequence></xsd:complexType></xsd:element>
  <xsd:element name="Found"><xsd:complexType><xsd:sequence><xsd:any/></xsd:sequence></xsd:complexType></xsd:element>
</xsd:schema>"""
PLAIN_SCHEMA = SCHEMA.format(more="")
BY_WSDL = [{"operation": "Find", "parameters": {"Number": "{{exact}}"}}]


@pytest.fixture
def wsdl(tmp_path, trap):
    """wsdl(types) writes a WSDL and is its path; its service's address is a trap."""

    def written(types=PLAIN_SCHEMA):
        path = tmp_path / "letters.wsdl"
        path.write_text(WSDL.format(types=types.replace("TRAP", trap.address), trap=trap.address), encoding="utf-8")
        return str(path)

    return written


async def test_a_wsdl_says_what_is_sent_and_our_file_says_where(described, office, wsdl, trap):
    backend = await described(wsdl=wsdl(), tries=BY_WSDL)

    assert isinstance(await backend.look_up(ASK), Found)
    assert '"urn:o/FromWsdl"' == office.headers[0]["SOAPAction"]
    assert "{urn:o}Find" == etree.fromstring(office.asked[0])[0][0].tag
    assert ["12345"] == office.words
    assert 0 == trap.connections


async def test_a_wsdl_s_answers_have_our_limits(described, office, wsdl):
    backend = await described(wsdl=wsdl(), tries=BY_WSDL)
    office.body = DTD + office.body

    with pytest.raises(BackendGarbage, match="document type"):
        await backend.look_up(ASK)


async def test_numbers_of_a_wsdl_may_be_placeholders_too(described, office, wsdl):
    tries = [{"operation": "Find", "parameters": {"Number": "{{exact}}", "Year": "{{running}}"}}]
    await (await described(wsdl=wsdl(), tries=tries)).look_up(Ask("letters", 1, reference("12345/1")))

    assert ["12345/112345"] == office.words


UNUSABLE = [
    ({"tries": [{"operation": "Seek", "parameters": {}}]}, None, "there is no operation Seek; there are Find"),
    ({"version": "1.2"}, None, "no port for SOAP 1.2"),
    ({"tries": [{"operation": "Find", "parameters": {"Nummer": "{{exact}}"}}]}, None, "Nummer"),
    ({}, SCHEMA.format(more='<xsd:import namespace="urn:p" schemaLocation="http://TRAP/p.xsd"/>'), "cannot be used"),
    ({}, "<broken>", "cannot be used"),
]


@pytest.mark.parametrize(("file", "types", "message"), UNUSABLE, ids=[each[2] for each in UNUSABLE])
async def test_a_wsdl_that_cannot_be_used_stops_the_start_and_says_why(described, wsdl, trap, file, types, message):
    path = wsdl() if types is None else wsdl(types)

    with pytest.raises(BackendUnusable) as unusable:
        await described(**{"wsdl": path, "tries": BY_WSDL, **file})
    assert message in str(unusable.value)
    assert 0 == trap.connections


def test_without_zeep_a_wsdl_is_a_fault_that_names_the_extra(monkeypatch, wsdl):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(ValidationError, match=r"rasad\[wsdl\]"):
        SoapConfig(**{"url": "http://127.0.0.1", **FILE, "wsdl": wsdl(), "tries": BY_WSDL})
