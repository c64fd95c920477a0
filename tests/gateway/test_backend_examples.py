"""The examples of docs/backends.md, copied out of it, against simulated offices: from the dial to the office and back."""

import re
import shutil
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import yaml

from gateway import app, server, settings_files
from menus.source import Faulty
from simulators.demo import HOME, address
from simulators.offices import data, ece_folder, soap_secretariat

DOCUMENT = (HOME / "docs/backends.md").read_text(encoding="utf-8")


def examples(section):
    """The YAML blocks of a section."""
    text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", DOCUMENT, re.M | re.S)[1]
    return re.findall(r"```yaml\n(.*?)```", text, re.S)


@pytest.fixture
def described(tmp_path):
    """described(text): the demo's settings with this file for the secretariat."""

    def settings(text):
        config = shutil.copytree(HOME / "config", tmp_path / "config")
        (config / "backends" / "secretariat.yaml").write_text(text, encoding="utf-8")
        return config

    return settings


@asynccontextmanager
async def soap_office(today):
    """The address and the password of a secretariat over SOAP, as the environment the example asks for."""
    async with AsyncExitStack() as stack:
        on = stack.enter_context(server.listening("127.0.0.1", 0))
        office = soap_secretariat.application(data.letters(today), username="rasad", password="p&<w")
        await stack.enter_async_context(server.serving(office, on, stop_within_s=0.1))
        yield {"SECRETARIAT_URL": address(on), "SECRETARIAT_PASSWORD": "p&<w"}


SOAP_DIALS = [
    ("12345", ["نامه 12345", "در حال بررسی", "دفتر حقوقی"]),
    ("110718", ["پاسخ داده شد", "5210"]),
    ("54321*1396*220", ["نامه 220/1396/54321"]),
    ("22010", ["استانداری", "شهرداری"]),
]


async def test_the_soap_example_answers_a_dial(desk, described, clock):
    async with soap_office(clock.today()) as environ, desk(config=described(examples("SOAP")[0]), environ=environ) as d:
        for place, (number, words) in enumerate(SOAP_DIALS):
            status, page = await d.ussd(number, session_id=f"s{place}")
            assert 200 == status
            assert [] == [word for word in words if word not in page], page
        missing = await d.ussd("99999", session_id="m")
        secret = await d.ussd("777", session_id="x")

    assert missing[1].replace("99999", "N") == secret[1].replace("777", "N")


WSDL = """<?xml version="1.0"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:o="urn:rasad:secretariat" targetNamespace="urn:rasad:secretariat">
  <types><xsd:schema targetNamespace="urn:rasad:secretariat" elementFormDefault="qualified">
    <xsd:element name="FindLetter"><xsd:complexType><xsd:choice>
      <xsd:element name="Number" type="xsd:string"/><xsd:element name="Parts" type="xsd:string"/>
    </xsd:choice></xsd:complexType></xsd:element>
    <xsd:element name="FindLetterResponse"><xsd:complexType><xsd:sequence><xsd:any/></xsd:sequence></xsd:complexType></xsd:element>
  </xsd:schema></types>
  <message name="In"><part name="parameters" element="o:FindLetter"/></message>
  <message name="Out"><part name="parameters" element="o:FindLetterResponse"/></message>
  <portType name="P"><operation name="FindLetter"><input message="o:In"/><output message="o:Out"/></operation></portType>
  <binding name="B" type="o:P"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="FindLetter"><soap:operation soapAction="urn:rasad:secretariat/FindLetter"/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
  <service name="S"><port name="P" binding="o:B"><soap:address location="http://127.0.0.1:9/"/></port></service>
</definitions>"""


async def test_the_wsdl_example_answers_the_same(desk, described, clock):
    whole, by_wsdl = (yaml.safe_load(text) for text in examples("SOAP"))
    config = described(yaml.safe_dump({**whole, **by_wsdl}, allow_unicode=True))
    (config / "backends" / "secretariat.wsdl").write_text(WSDL, encoding="utf-8")
    async with soap_office(clock.today()) as environ, desk(config=config, environ=environ) as d:
        for place, (number, words) in enumerate(SOAP_DIALS):
            page = (await d.ussd(number, session_id=f"s{place}"))[1]
            assert [] == [word for word in words if word not in page], page


def test_a_wsdl_that_is_not_there_is_named_with_file_and_line(described):
    whole, by_wsdl = (yaml.safe_load(text) for text in examples("SOAP"))
    config = described(yaml.safe_dump({"wsdl": "", **whole, **by_wsdl}, allow_unicode=True, sort_keys=False))
    names = (
        "SECRETARIAT_URL",
        "SLOW_SECRETARIAT_URL",
        "FAILING_SECRETARIAT_URL",
        "DEAD_SECRETARIAT_URL",
        "SERVICES_URL",
        "KANNEL_URL",
        "SMS_PROVIDERS_URL",
    )
    environ = {
        **dict.fromkeys(names, "http://127.0.0.1:1"),
        "KANNEL_PASSWORD": "x",
        "SMS_PROVIDERS_KEY": "x",
        "SMPP_PORT": "9",
        "SMPP_PASSWORD": "x",
        "SECRETARIAT_PASSWORD": "x",
    }
    with pytest.raises(Faulty) as faulty:
        app.check(settings_files.read(config, environ))

    file = config / "backends" / "secretariat.yaml"
    assert f"{file}:1: wsdl: there is no file {file.parent / 'secretariat.wsdl'}" == str(faulty.value)


ECE_DIALS = [
    ("12345", ["نامه 12345", "ثبت شد", "دفتر حقوقی"]),
    ("110718", ["پاسخ داده شد", "5210"]),
    ("54321*1396*220", ["نامه 220/1396/54321"]),
    ("22010", ["استانداری", "شهرداری"]),
]


async def test_the_ece_example_answers_a_dial(desk, described, clock, tmp_path):
    files = ece_folder.write(tmp_path / "ece", data.letters(clock.today()))
    (tmp_path / "ece" / "bad.xml").write_text("<html/>", encoding="utf-8")
    config = described(examples("ECE folder")[0])
    async with desk(config=config, environ={"ECE_FOLDER": str(tmp_path / "ece")}) as d:
        for place, (number, words) in enumerate(ECE_DIALS):
            status, page = await d.ussd(number, session_id=f"s{place}")
            assert 200 == status
            assert [] == [word for word in words if word not in page], page
        missing = await d.ussd("99999", session_id="m")
        secret = await d.ussd("777", session_id="x")

    assert missing[1].replace("99999", "N") == secret[1].replace("777", "N")
    assert len(files) + 1 == len(list((tmp_path / "ece").iterdir()))


async def test_the_ece_file_of_the_document_is_taken(desk, described, tmp_path):
    [text] = re.findall(r"```xml\n(.*?)```", DOCUMENT, re.S)
    (tmp_path / "ece").mkdir()
    (tmp_path / "ece" / "1.xml").write_text(text, encoding="utf-8")
    async with desk(config=described(examples("ECE folder")[0]), environ={"ECE_FOLDER": str(tmp_path / "ece")}) as d:
        page = (await d.ussd("12345", session_id="s"))[1]

    assert [] == [word for word in ["نامه 12345", "ثبت شد", "دفتر حقوقی"] if word not in page], page
