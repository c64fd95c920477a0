"""The real log, as a file would get it: no number, no text, no key, whatever breaks."""

import io
import json
import logging

import pytest

from gateway import logs
from gateway.turn import Turns

CALLER = "+989161234567"


@pytest.fixture
def log():
    handlers = logging.getLogger().handlers
    stream = io.StringIO()
    logs.configure(stream)
    yield stream
    logging.getLogger().handlers = handlers


def events(log):
    return [json.loads(line) for line in log.getvalue().splitlines()]


def holds_nothing_of_hers(log):
    return not [secret for secret in (CALLER, "9161234567", "12345", "نامه") if secret in log.getvalue()]


async def test_a_turn_and_a_message_leave_one_line_each_with_their_ids(desk, log, eventually):
    async with desk() as d:
        await d.ussd("12345")
        await d.sms("نامه 12345")

        async def sent():
            return [each for each in events(log) if each["event"] == "sms_sent"]

        await eventually(sent)
    lines = events(log)
    turn = [each for each in lines if each["event"] == "turn"]
    assert [("letter_status", "africastalking")] == [(each["screen"], each["channel"]) for each in turn]
    assert {"session", "caller", "turn", "menu", "ms"} <= turn[0].keys()
    for event in ("sms_received", "sms_answered", "sms_sent"):
        assert [1] == [each["message"] for each in lines if each["event"] == event]
    assert holds_nothing_of_hers(log)


async def test_what_breaks_is_logged_without_what_it_was_about(desk, log, eventually, monkeypatch):
    async def broken(self, menu, dialogue, event, caller, *more):
        raise RuntimeError("boom")

    monkeypatch.setattr(Turns, "converse", broken)
    async with desk() as d:
        await d.ussd("12345")
        await d.sms("نامه 12345")

        async def failed():
            return {"turn_failed", "worker_failed"} <= {each["event"] for each in events(log)}

        await eventually(failed)
    broken_lines = [each for each in events(log) if each["event"] in ("turn_failed", "worker_failed")]
    assert all("RuntimeError" == each["exception"][0]["exc_type"] for each in broken_lines)
    assert holds_nothing_of_hers(log)


async def test_a_refusal_does_not_quote_its_peer(desk, log):
    async with desk() as d:
        url = f"{d.url}/sms/kannel?%2B989161234567=1&%2B989161234567=2"
        async with d.http.get(url) as response:
            assert 400 == response.status
    assert "the field '...' stands twice" in [each.get("why") for each in events(log)]
    assert holds_nothing_of_hers(log)


async def test_what_libraries_say_of_a_broken_request_is_not_repeated(desk, log):
    import asyncio

    async with desk() as d:
        _, writer = await asyncio.open_connection("127.0.0.1", int(d.url.rpartition(":")[2]))
        writer.write(b"GET /sms/kannel?from=%2B989161234567&to=4040&text=12345\x80 HTTP/1.1\r\nHost: x\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.close()
    assert holds_nothing_of_hers(log)


def test_a_field_that_would_name_a_person_is_left_out(log):
    import structlog

    structlog.get_logger().info("event", msisdn=CALLER, text="12345", kept=1)

    assert [("(left out)", "(left out)", 1)] == [(each["msisdn"], each["text"], each["kept"]) for each in events(log)]
