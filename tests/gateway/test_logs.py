"""The real log, as a file would get it: no number, no text, no key, whatever breaks."""

import errno
import io
import json
import logging
from contextlib import nullcontext, suppress
from functools import partial
from urllib.parse import quote

import pytest
import structlog
from yarl import URL

from gateway import logs
from gateway.admission import Admission
from gateway.turn import Turns
from simulators.smsc import NotTaken, Smsc, _message

CALLER = "+989161234567"


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


TWICE = "a field stands twice"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("name", [CALLER, f"x'{CALLER}", f"'{CALLER}\"", f'x"{CALLER}', "نامه"])
async def test_a_refusal_does_not_quote_its_peer(desk, log, name):
    """Whatever quotes stand around it; the peer itself is told."""
    fields, charset = f"{quote(name)}=1&{quote(name)}=2", f"from=1&to=4040&text=1&charset={quote(name)}"
    document = "<ussd><نامه>12345</نامه><نامه>12345</نامه></ussd>"
    async with desk() as d:
        for method, path, body, kind, quoted in (
            ("POST", "/ussd/africastalking", fields, FORM, name),
            ("GET", f"/sms/kannel?{fields}", "", FORM, name),
            ("GET", f"/sms/kannel?{charset}", "", FORM, name.encode().decode("ascii", "replace")),
            ("POST", "/ussd/truroute", document, "text/xml", "نامه"),
        ):
            url, headers = URL(f"{d.url}{path}", encoded=True), {"Content-Type": kind}
            async with d.http.request(method, url, data=body.encode(), headers=headers) as response:
                assert (400, True) == (response.status, repr(quoted) in await response.text())
    charset = "no charset that Kannel sends; expected UTF-8 or UTF-16BE (charset=%C)"
    assert [TWICE, TWICE, charset, TWICE] == [each["why"] for each in events(log) if each["event"] == "refused"]
    assert holds_nothing_of_hers(log)


async def test_a_channel_that_is_none_is_not_named_when_there_is_too_much_at_once(desk, log, monkeypatch):
    monkeypatch.setattr(Admission, "callback", lambda _: nullcontext(False))
    async with desk() as d:
        for path in (f"/sms/{CALLER}", "/sms/kannel"):
            async with d.http.get(f"{d.url}{path}") as response:
                assert 503 == response.status
    assert ["", "kannel"] == [each["channel"] for each in events(log) if each["event"] == "refused"]
    assert holds_nothing_of_hers(log)


async def test_a_peers_own_words_are_logged_only_when_its_dialect_knows_them(desk, log):
    """Why a session ended, and what became of a message."""
    dialog = f"<dialog localId='1' userObject='{CALLER}/0'"
    async with desk() as d:
        for path, body, kind in (
            ("ussd/africastalking/end", f"sessionId=1&phoneNumber={quote(CALLER)}&status=Failed", FORM),
            ("ussd/africastalking/end", f"sessionId=1&phoneNumber={quote(CALLER)}&status={quote(CALLER)}", FORM),
            ("ussd/restcomm", f"{dialog} mapRefuseReason='NoReasonGiven'/>", "text/xml"),
            ("ussd/restcomm", f"{dialog} mapRefuseReason='{CALLER}'/>", "text/xml"),
            ("ussd/restcomm", f"{dialog}><errComponents><errorComponent errorCode='{CALLER}'/></errComponents></dialog>", "text/xml"),
            ("dlr/africastalking", "id=1&status=Success", FORM),
            ("dlr/africastalking", f"id=1&status={quote(CALLER)}", FORM),
            ("dlr/kavenegar", "messageid=1&status=10", FORM),
            ("dlr/kavenegar", "messageid=1&status=91612345", FORM),
        ):  # fmt: skip
            async with d.http.post(f"{d.url}/{path}", data=body.encode(), headers={"Content-Type": kind}) as response:
                assert 200 == response.status
    lines = events(log)
    ended = ["failed", "unknown", "mapRefuseReason NoReasonGiven", "mapRefuseReason unknown", "error unknown"]
    assert ended == [each["raw"] for each in lines if each["event"] == "session_ended"]
    reported = ["success", "unknown", "status 10", "status unknown"]
    assert reported == [each["reason"] for each in lines if each["event"] == "sms_reported"]
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


def test_one_trouble_has_one_traceback_a_minute():
    """A database that is away for an hour must not fill the disk with the same sixty lines."""
    at, stream, handlers = 0.0, io.StringIO(), logging.getLogger().handlers
    logs.configure(stream, monotonic=lambda: at)
    logging.getLogger().handlers = handlers

    def told(event, error):
        try:
            raise error
        except Exception:
            structlog.get_logger().exception(event, which="one")

    for at in (0.0, 30.0, 59.9, 60.0, 61.0):  # noqa: B007  # the clock
        told("away", OSError("gone"))
    told("away", KeyError("another error"))
    told("out of sight", OSError("gone"))
    try:
        raise OSError("from another place")
    except OSError:
        structlog.get_logger().exception("away", which="one")

    lines = events(stream)
    assert [True, False, False, True, False, True, True, True] == [bool(frames(each)) for each in lines]
    assert ["OSError"] * 5 + ["KeyError", "OSError", "OSError"] == [each["exception"][0]["exc_type"] for each in lines]
    assert {"one"} == {each["which"] for each in lines}


def frames(line):
    return line["exception"][0].get("frames")


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
