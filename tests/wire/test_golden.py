"""Requests and replies as data: what each dialect reads, refuses and writes."""

from dataclasses import MISSING, fields
from pathlib import Path

import pytest
import yaml

from gateway.channels import listed
from gateway.channels.contract import Accepted, Refusal, SmsRoute, UssdInput, UssdReply, WireReply, WireRequest

HERE = Path(__file__).parent
GOLDEN = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(HERE.glob("*.yaml"))}
DIALECTS = {**listed.USSD, **listed.SMS}
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
    request = dialect.request(ROUTE, case["to"], case["text"], "1")

    assert case["gives"] == {"method": request.method, "params": dict(request.params)}


@pytest.mark.parametrize(("dialect", "case"), cases("result"))
def test_understands_the_providers_answer(dialect, case):
    result = dialect.result(case["status"], case["body"])

    got = "accepted" if isinstance(result, Accepted) else "again" if result.again else "never"
    assert case["gives"] == got
