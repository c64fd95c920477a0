"""SOAP envelopes, both ways: a template filled with a number, and an answer opened as far as its Body.

SOAP 1.1 (W3C Note, 8 May 2000), SOAP 1.2 part 1 (W3C Recommendation), WS-Security UsernameToken profile 1.0. Signatures
are not looked at: what counts is the one Body directly under the Envelope, wherever else a document has others.
"""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Literal

from lxml import etree

from adapters.contract import BackendGarbage
from adapters.xml import Element

Version = Literal["1.1", "1.2"]

NAMESPACES: Mapping[str, str] = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_PASSWORD_TEXT = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"  # noqa: S105  # a name, not a password
_PLACEHOLDER = re.compile(r"\{\{\s*(\w*)\s*\}\}")
FORMS = ("exact", "loose", "running", "receipt_code")
"""The forms of a number a template may ask for (menus.ports.Reference)."""

_STANDARD_FAULTS = {"Client", "Server", "VersionMismatch", "MustUnderstand", "Sender", "Receiver",
                    "DataEncodingUnknown"}  # fmt: skip


class Template:
    """An envelope with `{{exact}}`, `{{loose}}`, `{{running}}` or `{{receipt_code}}` in its texts and attributes.

    xml is the whole Envelope, or the one element of its Body. forms: which of them it asks for, in their order there.
    Raises ValueError with what to mend.
    """

    def __init__(self, xml: str, version: Version) -> None:
        soap = NAMESPACES[version]
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
        )
        try:
            root = etree.fromstring(xml.strip().encode("utf-8"), parser)
        except etree.XMLSyntaxError as error:
            raise ValueError(f"no well-formed XML: {error.msg}") from None
        if root.getroottree().docinfo.doctype:
            raise ValueError("an envelope has no document type")
        if etree.QName(root).localname != "Envelope":
            envelope = etree.Element(f"{{{soap}}}Envelope", nsmap={"soap": soap})
            etree.SubElement(envelope, f"{{{soap}}}Body").append(root)
            root = envelope
        if etree.QName(root).namespace != soap:
            raise ValueError(f"the Envelope of SOAP {version} is in the namespace {soap}")
        if len(root.findall(f"{{{soap}}}Body")) != 1:
            raise ValueError("an Envelope has one Body")
        self._root = root
        self._soap = soap
        self.forms = tuple(dict.fromkeys(form for text in _texts(root) for form in _PLACEHOLDER.findall(text)))
        if unknown := [form for form in self.forms if form not in FORMS]:
            raise ValueError(f"{{{{{unknown[0]}}}}} is none of {', '.join(FORMS)}")
        if not self.forms:
            raise ValueError("no {{exact}}, {{loose}}, {{running}} or {{receipt_code}}: it would ask for nothing")

    def filled(self, forms: Mapping[str, str], token: tuple[str, str] | None = None) -> bytes:
        """The envelope in UTF-8. token: user name and password of a UsernameToken. Raises ValueError for a number
        that no XML can hold (control characters)."""
        root = copy.deepcopy(self._root)

        def fill(text: str) -> str:
            return _PLACEHOLDER.sub(lambda found: forms[found[1]], text)

        for element in root.iter():
            element.text = fill(element.text) if element.text else element.text
            element.tail = fill(element.tail) if element.tail else element.tail
            for name, value in element.attrib.items():
                element.set(name, fill(str(value)))
        if token is not None:
            self._secure(root, *token)
        return etree.tostring(root, encoding="utf-8", xml_declaration=True)

    def _secure(self, root: etree._Element, user: str, password: str) -> None:
        header = root.find(f"{{{self._soap}}}Header")
        if header is None:
            header = etree.Element(f"{{{self._soap}}}Header")
            root.insert(0, header)
        security = etree.SubElement(header, f"{{{_WSSE}}}Security", nsmap={"wsse": _WSSE})
        security.set(f"{{{self._soap}}}mustUnderstand", "1")
        token = etree.SubElement(security, f"{{{_WSSE}}}UsernameToken")
        etree.SubElement(token, f"{{{_WSSE}}}Username").text = user
        secret = etree.SubElement(token, f"{{{_WSSE}}}Password", Type=_PASSWORD_TEXT)
        secret.text = password


def _texts(root: etree._Element) -> Iterator[str]:
    for element in root.iter():
        yield from (element.text or "", element.tail or "", *map(str, element.attrib.values()))


def body(root: Element, version: Version) -> Element:
    """The Body of an answer. Raises BackendGarbage when it is no envelope of this version with one Body that speaks."""
    soap = NAMESPACES[version]
    if root.name != "Envelope" or root.namespace not in NAMESPACES.values():
        raise BackendGarbage("no SOAP envelope")
    if root.namespace != soap:
        raise BackendGarbage("another version of SOAP than its file says")
    parts = [(part.namespace, part.name) for part in root.children]
    if parts not in ([(soap, "Body")], [(soap, "Header"), (soap, "Body")]):
        raise BackendGarbage("not one Body in its envelope")
    if not root.children[-1].children:
        raise BackendGarbage("an empty Body")  # which says nothing, and least of all that there is no such number
    return root.children[-1]


def fault_codes(body: Element) -> tuple[str, ...] | None:
    """The codes of a Fault without their prefixes, the general one first; None when there is no Fault.

    Raises BackendGarbage when something stands beside a Fault.
    """
    fault = body.child("Fault")
    if fault is None:
        return None
    if len(body.children) != 1:
        raise BackendGarbage("a Fault with something beside it")
    said: list[str] = []
    if (code := fault.child("Code")) is None:  # 1.1: `faultcode` in no namespace
        said += [child.text for child in fault.children if child.name == "faultcode"]
    while code is not None:  # 1.2: Code/Value, then Subcode/Value as deep as the office likes
        value = code.child("Value")
        said.append(value.text if value is not None else "")
        code = code.child("Subcode")
    return tuple(word.rpartition(":")[2] for word in said)


def fault_reason(codes: tuple[str, ...]) -> str:
    """What may be reported of a fault: its code when it is one of SOAP's own, since others are the office's words."""
    known = [code for code in codes if code in _STANDARD_FAULTS]
    return f"a SOAP fault: {known[0] if known else 'of its own'}"
