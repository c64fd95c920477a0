"""A simulated secretariat over SOAP 1.1: `POST /letters.asmx`, operation FindLetter, by Number, Parts or Receipt.

The same letters as secretariat.py has, in the same words. What it does not have is a Fault with HTTP 500, as many
SOAP services do it.
"""

import re
from collections.abc import Iterable

from aiohttp import web
from lxml import etree

from simulators.offices.data import Letter
from simulators.offices.days import jalali

NAMESPACE = "urn:rasad:secretariat"
ACTION = f"{NAMESPACE}/FindLetter"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


def application(letters: Iterable[Letter], *, username: str = "", password: str = "") -> web.Application:
    """username, password: what a UsernameToken must say; without a username none is looked for."""
    register = list(letters)

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("SOAPAction") != f'"{ACTION}"':
            return _fault("Client", "SOAPAction ناشناخته است")
        try:
            envelope = etree.fromstring(await request.read(), etree.XMLParser(resolve_entities=False))
        except etree.XMLSyntaxError:
            return _fault("Client", "درخواست خوانا نیست")
        said = (envelope.findtext(f".//{{{_WSSE}}}Username"), envelope.findtext(f".//{{{_WSSE}}}Password"))
        if username and said != (username, password):
            return _fault("Client.Authentication", "نام کاربری یا گذرواژه درست نیست")
        asked = f"{{{_SOAP}}}Body/{{{NAMESPACE}}}FindLetter/{{{NAMESPACE}}}"
        number, parts, receipt = (envelope.findtext(f"{asked}{name}") for name in ("Number", "Parts", "Receipt"))
        found = [
            letter
            for letter in register
            if letter.number == number
            or (parts is not None and _sorted(letter.number) == _sorted(parts))
            or (receipt is not None and letter.receipt_code == receipt)
        ]
        return _found(found, receipt) if found else _fault("Client.NoSuchLetter", "نامه‌ای با این شماره یافت نشد")

    app = web.Application()
    app.router.add_post("/letters.asmx", answer)
    return app


def _sorted(number: str) -> list[str]:
    return sorted(re.findall(r"\w+", number))


def _found(letters: list[Letter], receipt: str | None) -> web.Response:
    """receipt: the code that was asked for; it is told to nobody else."""
    envelope, body = _envelope()
    response = etree.SubElement(body, f"{{{NAMESPACE}}}FindLetterResponse", nsmap={None: NAMESPACE})
    result = etree.SubElement(response, f"{{{NAMESPACE}}}Letters")
    for letter in letters:
        _letter(result, letter, receipt)
    return _reply(envelope, 200)


def _letter(parent: etree._Element, letter: Letter, receipt: str | None) -> None:
    row = etree.SubElement(parent, f"{{{NAMESPACE}}}Letter", Confidentiality=letter.confidentiality)
    values = {
        "LetterNo": letter.number,
        "Organisation": letter.organisation,
        "Year": str(letter.registered_in),
        "Subject": letter.subject,
        "State": letter.state,
        "StateDate": jalali(letter.state_date),
        "ReceiverUnit": letter.referrals[-1][0],
        "Deadline": jalali(letter.deadline) if letter.deadline else None,
        "ReplyNumber": letter.reply_number,
        "Phone": letter.phone,
        "Receipt": receipt,
    }
    for name, value in values.items():
        element = etree.SubElement(row, f"{{{NAMESPACE}}}{name}")
        element.text = value
        if value is None:
            element.set("{http://www.w3.org/2001/XMLSchema-instance}nil", "true")
    referrals = etree.SubElement(row, f"{{{NAMESPACE}}}Referrals")
    for desk, day in letter.referrals:
        referral = etree.SubElement(referrals, f"{{{NAMESPACE}}}Referral")
        etree.SubElement(referral, f"{{{NAMESPACE}}}ReceiverUnit").text = desk
        etree.SubElement(referral, f"{{{NAMESPACE}}}SendDate").text = jalali(day)


def _fault(code: str, words: str) -> web.Response:
    envelope, body = _envelope()
    fault = etree.SubElement(body, f"{{{_SOAP}}}Fault")
    etree.SubElement(fault, "faultcode").text = f"soap:{code}"
    etree.SubElement(fault, "faultstring").text = words
    return _reply(envelope, 500)


def _envelope() -> tuple[etree._Element, etree._Element]:
    envelope = etree.Element(f"{{{_SOAP}}}Envelope", nsmap={"soap": _SOAP})
    return envelope, etree.SubElement(envelope, f"{{{_SOAP}}}Body")


def _reply(envelope: etree._Element, status: int) -> web.Response:
    octets = etree.tostring(envelope, encoding="utf-8", xml_declaration=True)
    return web.Response(status=status, body=octets, content_type="text/xml", charset="utf-8")
