"""The real log, as a file would get it: no number, no text, no key, whatever breaks."""

import errno
import io
import json
import logging
from contextlib import suppress
from functools import partial

import pytest
import structlog

from gateway import logs
from gateway.turn import Turns
from simulators.smsc import NotTaken, Smsc, _message

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


class FullDisk(io.StringIO):
    def write(self, _):
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_log_that_cannot_be_written_is_no_citizens_trouble(desk, log):
    logs.configure(FullDisk())
    async with desk() as d:
        assert 200 == (await d.ussd("12345"))[0]
        assert 200 == (await d.sms("12345"))[0]


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


async def test_what_goes_over_a_bind_is_logged_without_what_it_was_about(desk, log, eventually):
    """Good and bad, SMS, calls and receipts: courier's sender has text and address in its log lines."""
    smsc = Smsc("rasad", "demo", lambda *_: None)
    async with desk(smsc=smsc):

        async def bound():
            return smsc.binds

        await eventually(bound)
        number, _ = await smsc.dial(CALLER, "*4*061*12345#")
        await smsc.hang_up(CALLER, number)
        await smsc.dial(CALLER, "*5*12345#")  # not ours
        await smsc.text(CALLER, "4040", "نامه 12345")
        await smsc.text(CALLER, "4040", "نامه 12345 " * 20)
        odd = [
            {"text": b"\x05\0\3\1", "esm": 0x40},  # a header past its end
            {"text": b"12345", "tlvs": b"\x05\x01\x00\x01\x03", "service": "USSD"},  # no operation of a caller's
            {"text": b"id:12345 stat:DELIVRD text:12345", "esm": 4},  # of no message
            {"text": b"stat:DELIVRD text:12345", "esm": 4},
            {"text": b"12345", "source": "9161234567X"},  # no phone
        ]
        for each in odd:
            with suppress(NotTaken):
                rest = {"service": each.get("service", ""), "tlvs": each.get("tlvs", b"")}
                sender = each.get("source", CALLER)
                await smsc._deliver(_message(sender, "4040", each["text"], 0, each.get("esm", 0), **rest))

        async def logged(event):
            return [each for each in events(log) if each["event"] == event]

        await eventually(partial(logged, "sms_sent"))
        smsc.mode = "refuse"
        await smsc.text(CALLER, "4040", "نامه 12345")
        await eventually(partial(logged, "sms_not_sent"))
    seen = {each["event"] for each in events(log)}
    assert {"turn", "sms_received", "sms_sent", "sms_reported", "refused", "receipt_without_a_message"} <= seen
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


def test_a_line_is_one_write():
    """Several processes write to one file: what is written in two goes may have another's line between."""
    written = []

    class Stream(io.StringIO):
        def write(self, text):
            written.append(text)
            return len(text)

    handlers = logging.getLogger().handlers
    logs.configure(Stream(), worker=2)
    structlog.get_logger().info("something", which="one")
    logging.getLogger().handlers = handlers

    (line,) = written
    assert line.endswith("\n")
    assert ("something", "one", 2) == tuple(json.loads(line)[key] for key in ("event", "which", "worker"))
