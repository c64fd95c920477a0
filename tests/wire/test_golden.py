"""Requests and replies as data: what each dialect reads, refuses and writes."""

import json
from dataclasses import MISSING, fields, replace
from pathlib import Path

import pytest
import yaml

from gateway.channels import listed
from gateway.channels.contract import (
    Accepted,
    NotAccepted,
    PushRoute,
    Refusal,
    SmsRoute,
    Stopped,
    Unknown,
    UssdInput,
    UssdReply,
    WireReply,
    WireRequest,
)

HERE = Path(__file__).parent
GOLDEN = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(HERE.glob("*.yaml"))}
DIALECTS = {
    **listed.USSD,
    **{name if name not in listed.USSD else f"{name}.sms": each for name, each in listed.SMS.items()},
}
FORM = "application/x-www-form-urlencoded"
ROUTE = SmsRoute("http://127.0.0.1:1/cgi-bin/sendsms", "rasad", "4040", "secret")


def cases(part):
    return [
        pytest.param(
            DIALECTS[name], {"content_type": golden.get("content_type", FORM), **case}, id=f"{name}: {case['case']}"
        )
        for name, golden in GOLDEN.items()
        for case in golden.get(part, [])
    ]


def said(value):
    """The fields of what a dialect read, but for those that say nothing."""
    found = {each.name: (getattr(value, each.name), each.default) for each in fields(value)}
    told = {name: value for name, (value, default) in found.items() if default is MISSING or value != default}
    return {name: value.body if isinstance(value, WireReply) else value for name, value in told.items()}


def test_every_dialect_has_golden_cases():
    assert DIALECTS.keys() == GOLDEN.keys()


@pytest.mark.parametrize(("dialect", "case"), cases("read"))
def test_reads_or_refuses(dialect, case):
    request = WireRequest(
        method=case.get("method", "POST" if "body" in case else "GET"),
        tail=case.get("tail", ""),
        query=case.get("query", ""),
        content_type=case["content_type"],
        body=case.get("body", "").encode(),
    )
    if "refuses" in case:
        with pytest.raises(Refusal) as refused:
            dialect.read(request)

        assert case["refuses"] == f"{refused.value.status} {refused.value.line}"
    else:
        assert case["gives"] == said(dialect.read(request))


@pytest.mark.parametrize(("dialect", "case"), cases("write"))
def test_writes(dialect, case):
    asked = UssdInput(**{"session_id": "s", "msisdn": "", "service_code": "", "inputs": "", **case.get("said", {})})
    written = dialect.write(UssdReply(**case["reply"]), asked)

    kind = "text/plain" if case["content_type"] == FORM else case["content_type"]
    assert (200, case["gives"], kind) == (written.status, written.body, written.content_type)


@pytest.mark.parametrize(("dialect", "case"), cases("send"))
def test_sends(dialect, case):
    request = dialect.request(replace(ROUTE, **case.get("route", {})), case["to"], case["text"], "1795338000000001")

    assert case["gives"] == asked(request)


def asked(request):
    told = {
        "method": request.method,
        "url": request.url,
        "params": dict(request.params),
        "headers": dict(request.headers),
    }
    if request.body is not None:
        told["body"] = json.loads(request.body)
    return {name: value for name, value in told.items() if value and value != ROUTE.url}


@pytest.mark.parametrize(("dialect", "case"), cases("result"))
def test_understands_the_providers_answer(dialect, case):
    result = dialect.result(case["status"], case["body"])

    assert case["gives"] == fate_of(result)


def fate_of(result):
    match result:
        case Accepted(provider_id=name):
            return f"accepted {name}" if name else "accepted"
        case Stopped():
            return "stop"
        case Unknown():
            return "unknown"
        case NotAccepted(again=again):
            return "again" if again else "never"
        case None:
            return "not known"


@pytest.mark.parametrize(("dialect", "case"), cases("notice"))
def test_asks_for_a_text_to_be_shown(dialect, case):
    request = dialect.notice(
        PushRoute("http://127.0.0.1:1/restcomm", **case.get("route", {})), "989161234567", case["text"], 8.0
    )

    assert ("POST", "http://127.0.0.1:1/restcomm", case["headers"]) == (request.method, request.url, request.headers)
    assert case["gives"] == request.body.decode()


@pytest.mark.parametrize(("dialect", "case"), cases("shown"))
def test_understands_what_became_of_it(dialect, case):
    assert case["gives"] == fate_of(dialect.shown(case["status"], case["body"]))


@pytest.mark.parametrize(("dialect", "case"), cases("end"))
def test_ends_its_dialogue(dialect, case):
    request = dialect.end(PushRoute("http://127.0.0.1:1/restcomm"), case["cookies"])

    if case["gives"] is None:
        assert request is None
    else:
        assert (case["headers"], case["gives"]) == (request.headers, request.body.decode())


@pytest.mark.parametrize(("dialect", "case"), cases("receipt"))
def test_reads_a_receipt_or_refuses_it(dialect, case):
    method = case.get("method", "POST" if "body" in case else "GET")
    request = WireRequest(method, "", case.get("query", ""), case["content_type"], case.get("body", "").encode())
    if "refuses" in case:
        with pytest.raises(Refusal) as refused:
            dialect.receipt(request)

        assert case["refuses"] == f"{refused.value.status} {refused.value.line}"
    else:
        assert case["gives"] == said(dialect.receipt(request))


@pytest.mark.parametrize(("dialect", "case"), cases("messages"))
def test_reads_the_messages_a_provider_hands_out(dialect, case):
    assert case["gives"] == [said(each) for each in dialect.messages(case.get("status", 200), case["body"])]


@pytest.mark.parametrize(("dialect", "case"), cases("receipts"))
def test_reads_what_a_provider_says_became_of_messages(dialect, case):
    assert case["gives"] == [said(each) for each in dialect.receipts(case.get("status", 200), case["body"])]


@pytest.mark.parametrize(("dialect", "case"), cases("known"))
def test_reads_whether_a_provider_has_a_message(dialect, case):
    assert case["gives"] == fate_of(dialect.known(case.get("status", 200), case["body"]))
