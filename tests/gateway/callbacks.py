"""Valid callbacks of each dialect, as data: method, query, kind and body. A phone is spelled as it is given."""

import json
from urllib.parse import urlencode
from xml.sax.saxutils import escape, quoteattr

FORM, XML, JSON = "application/x-www-form-urlencoded", "text/xml", "application/json"
USSD, SMS = ("africastalking", "inoti", "json", "restcomm", "truroute"), ("africastalking", "kannel", "kavenegar")
CODE = "*4*061*12345#"


def ussd(dialect, phone, session):
    """The two of a call that asks for a letter and follows it."""
    match dialect:
        case "africastalking":
            call = {"sessionId": session, "serviceCode": "*4*061#", "phoneNumber": phone}
            return [_form({**call, "text": text}) for text in ("12345", "12345*2")]
        case "inoti":
            call = {"sessionid": session, "mobile": phone}
            return [_query({**call, "call": f"*4*061*{said}"}) for said in ("12345", "12345*2")]
        case "json":
            said = {"type": "begin", "code": CODE}, {"type": "input", "text": "2"}
            call = {"session": session, "msisdn": phone}
            return [_body(JSON, json.dumps({**each, **call, "sequence": at})) for at, each in enumerate(said, 1)]
        case "restcomm":
            begin = f"<msisdn number={quoteattr(phone)}/></processUnstructuredSSRequest_Request>"
            begin = f'<processUnstructuredSSRequest_Request invokeId="0" dataCodingScheme="15" string="{CODE}">{begin}'
            then = '<unstructuredSSRequest_Response invokeId="1" dataCodingScheme="15" string="2"/>'
            echo = f" userObject={quoteattr(f'{phone}/0')}"
            said = ("", begin), (echo, then)
            return [_body(XML, f'<dialog localId="{session}"{more}>{message}</dialog>') for more, message in said]
        case _:
            call = f"<msisdn>{escape(phone)}</msisdn><sessionid>{session}</sessionid>"
            said = (1, CODE), (2, "2")
            return [_body(XML, f"<ussd>{call}<type>{kind}</type><msg>{text}</msg></ussd>") for kind, text in said]


def message(dialect, phone, name, text="12345"):
    match dialect:
        case "kannel":
            said = {"from": phone, "to": "4040", "text": text, "coding": "0", "charset": "UTF-8", "id": name}
            return _query(said)
        case "kavenegar":
            return _form({"from": phone, "to": "1", "message": text, "messageid": name})
        case _:
            return _form({"id": name, "from": phone, "to": "4040", "text": text})


def receipt(dialect, provider_id, phone):
    match dialect:
        case "kannel":
            return _query({"id": provider_id, "status": "1"})
        case "kavenegar":
            return _form({"messageid": provider_id, "status": "10"})
        case _:
            return _form({"id": provider_id, "phoneNumber": phone, "status": "Success"})


def _query(fields):
    return "GET", urlencode(fields), FORM, ""


def _form(fields):
    return "POST", "", FORM, urlencode(fields)


def _body(kind, text):
    return "POST", "", kind, text
