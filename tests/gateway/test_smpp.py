"""SMPP through a whole gateway: an SMSC in front, phones behind it, the database below."""

import asyncio
import itertools
import shutil
import ssl
from contextlib import asynccontextmanager
from functools import partial

import pytest
from structlog.testing import capture_logs

from gateway.channels import esme
from gateway.channels.hearing import Hearing
from gateway.channels.smpp import bind
from gateway.channels.smpp.pdu import Message
from gateway.clock import SystemClock
from gateway.sessions.memory import MemorySessions
from gateway.settings import SmsSettings
from gateway.sms.inbox import Inbox
from simulators.demo import HOME
from simulators.smsc import DELIVER_SM, RESP, NotTaken, Smsc
from tests.corpora import MSISDNS
from tests.gateway.test_access import certificate

CALLER = "+989161234567"
OTHER = "+989160000001"
TEXT = ("نامه ۱۲۳۴۵ را پیگیری می‌کنم و منتظر پاسخ شما هستم. " * 9)[:300]


class Phones:
    """Whatever reached a phone, in order."""

    def __init__(self):
        self.messages = []

    def __call__(self, to, sender, text):
        self.messages.append((to, sender, text))

    def of(self, msisdn):
        return [text for to, _, text in self.messages if to == msisdn]


@pytest.fixture
def patient(monkeypatch):
    """The test's clock does not come to the time at which what waited too long is tried again."""
    monkeypatch.setattr(esme, "QUEUE_S", 30.0)


@pytest.fixture
def config(tmp_path):
    return shutil.copytree(HOME / "config", tmp_path / "config")


def changed(config, *changes):
    path = config / "channels" / "smpp.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return config


@pytest.fixture
def bound(desk, config, eventually):
    """`async with bound() as (d, smsc, phones)`: a gateway that is bound to an SMSC."""

    @asynccontextmanager
    async def entered(*changes, binds=1, office_s=0.0, environ=(), gateway=None, **more):
        phones = Phones()
        smsc = Smsc("rasad", "demo", phones, **more)
        config_here = changed(config, *changes)
        async with desk(config=config_here, smsc=smsc, office_s=office_s, environ=environ, **(gateway or {})) as d:

            async def there():
                return len(smsc.binds) == binds

            await eventually(there)
            yield d, smsc, phones

    return entered


async def settled(d, eventually, table="message_out", state="sent", count=1):
    async def done():
        rows = [row for row in await d.rows(table) if row.state == state]
        return rows if len(rows) >= count else None

    return await eventually(done)


# --- SMS


async def test_an_sms_is_stored_then_acknowledged_then_answered(bound, eventually):
    async with bound() as (d, smsc, phones):
        await smsc.text(CALLER, "4040", "12345")

        assert ["12345"] == [row.text for row in await d.rows("message_in")]
        (row,) = await settled(d, eventually)
        assert phones.of(CALLER)[0].startswith("رصد: نامه 12345 در حال بررسی")
        (sent,) = smsc.submitted
        assert ("4040", CALLER[1:], 8, 1) == (sent.source, sent.destination, sent.data_coding, sent.registered)
        assert f"{int(row.provider_id, 16):x}" == row.provider_id


@pytest.mark.parametrize("way", ["udh8", "udh16", "sar", "payload"])
async def test_a_persian_text_of_300_units_comes_as_one(bound, eventually, way):
    async with bound() as (d, smsc, _):
        await smsc.text(CALLER, "4040", TEXT, way=way)

        (row,) = await d.rows("message_in")
        assert TEXT == row.text


@pytest.mark.parametrize("way", ["udh8", "udh16", "sar", "payload"])
async def test_a_persian_text_of_300_units_goes_as_one(bound, eventually, way):
    long = ('sms: {sender: "4040", parts: 3}', f'sms: {{sender: "4040", parts: 3, long: {way}}}')
    async with bound(long) as (d, smsc, phones):
        await queued(d, TEXT)
        (row,) = await settled(d, eventually)

        assert [(CALLER, "4040", TEXT)] == phones.messages
        assert (1 if way == "payload" else 5) == len(smsc.submitted)
        assert [0] * (len(smsc.submitted) - 1) + [1] == [each.registered for each in smsc.submitted]

        async def reported():
            return [each for each in await d.rows("message_out") if each.fate == "delivered"]

        assert row.id == (await eventually(reported))[0].id


async def test_a_text_that_takes_longer_than_an_attempt_goes_on_in_the_next(bound, eventually, clock, monkeypatch):
    monkeypatch.setattr(esme, "QUEUE_S", 0.4)
    slow = ("per_s: 50", "per_s: 4\nresponse_within_s: 2.6")
    async with bound(slow, gateway={"sms": SmsSettings(send_within_s=3)}) as (d, smsc, phones):
        await queued(d, TEXT)

        async def begun():
            return [row for row in await d.rows("message_out") if row.attempt]

        (row,) = await eventually(begun)
        assert ("waiting", "refused", 0) == (row.state, row.attempt, row.doubts)
        assert row.reason.startswith(f"{len(smsc.submitted)} of 5 parts taken")
        while row.state == "waiting":
            clock.advance(300)
            await asyncio.sleep(0.2)
            (row,) = await d.rows("message_out")

        assert ("sent", 0) == (row.state, row.doubts)
        assert [1, 2, 3, 4, 5] == [each.octets[5] for each in smsc.submitted]
        assert [TEXT] == phones.of(CALLER)


@pytest.mark.parametrize("alphabet", ["latin1", "ascii"])
async def test_an_smscs_own_default_alphabet_holds_both_ways(bound, eventually, alphabet):
    text = "Letter @_{1} " * 20  # with @ and _ in other places than GSM 7 bit has them
    its = {"latin1": "latin-1"}.get(alphabet, alphabet)
    async with bound(("window: 10", f"window: 10\nalphabet: {alphabet}"), alphabet=its) as (d, smsc, phones):
        await smsc.text(CALLER, "4040", "mail me @ a_b.ir")
        await smsc.text(CALLER, "4040", "@_" * 100)
        assert ["mail me @ a_b.ir", "@_" * 100] == [row.text for row in await d.rows("message_in")]
        await queued(d, text, to=OTHER)
        await queued(d, "5 €", to=OTHER, number=2)

        async def there():
            return len(phones.of(OTHER)) == 2

        await eventually(there)
        assert {text, "5 €"} == {*phones.of(OTHER)}
        assert {0, 8} == {each.data_coding for each in smsc.submitted if each.destination == OTHER[1:]}


async def queued(d, text, to=CALLER, number=1):
    """A row as whoever decides an answer writes it."""
    from datetime import timedelta

    table = d.database.tables.message_out
    now = d.clock.now()
    async with d.database.writing() as connection:
        await connection.execute(
            table.insert().values(
                cause=f"test:{number}", channel="smpp", msisdn=to, msisdn_tag=d.keys.tag(to), text=text, created_at=now,
                due_at=now, expires_at=now + timedelta(hours=2), state="waiting", tries=0, doubts=0,
            )
        )  # fmt: skip


async def test_a_part_that_comes_twice_and_a_reference_that_is_used_again(bound, eventually):
    async with bound() as (d, smsc, _):
        one, two, other = (
            b"\5\0\3\7\2" + bytes([number]) + text for number, text in ((1, b"123"), (2, b"45"), (1, b"9"))
        )
        for octets in (one, one, two, two, other):
            await smsc._deliver(smsc_message(octets))

        assert ["12345"] == [row.text for row in await d.rows("message_in")]
        assert [("9", "open")] == [(row.octets.decode(), row.state) for row in await d.rows("message_part")]


def smsc_message(octets, esm=0x40, tlvs=b"", source=CALLER):
    from simulators import smsc

    return smsc._message(source, "4040", octets, 0, esm, tlvs=tlvs)


async def test_what_stays_incomplete_is_taken_as_far_as_it_came(bound, eventually, clock, monkeypatch):
    from gateway.sms import parts

    monkeypatch.setattr(parts, "LOOK_EVERY_S", 0.05)
    async with bound() as (d, smsc, _):
        await smsc._deliver(smsc_message(b"\5\0\3\7\3\1" + b"12"))
        await smsc._deliver(smsc_message(b"\5\0\3\7\3\3" + b"345"))
        assert [] == await d.rows("message_in")
        clock.advance(601)

        async def taken():
            return await d.rows("message_in")

        assert ["12 … 345"] == [row.text for row in await eventually(taken)]
        assert [] == await d.rows("message_part")


async def test_one_phone_cannot_fill_us_with_parts(bound):
    async with bound() as (_d, smsc, _):
        for reference in range(128):
            await smsc._deliver(smsc_message(bytes([5, 0, 3, reference, 2, 1]) + b"x"))

        with pytest.raises(NotTaken, match="0x14"):
            await smsc._deliver(smsc_message(bytes([5, 0, 3, 200, 2, 1]) + b"x"))
        await smsc._deliver(smsc_message(bytes([5, 0, 3, 200, 2, 1]) + b"x", source=OTHER))


async def test_a_message_that_cannot_be_stored_is_to_be_sent_again(bound, monkeypatch):
    from sqlalchemy.exc import OperationalError

    async def broken(self, channel, message):
        raise OperationalError("", {}, Exception("gone"))

    async with bound() as (d, smsc, _):
        with monkeypatch.context() as patched:
            patched.setattr(Inbox, "receive", broken)
            with pytest.raises(NotTaken, match="0x64"):
                await smsc.text(CALLER, "4040", "12345")
        await smsc.text(CALLER, "4040", "12345")

        assert 1 == len(await d.rows("message_in"))


@pytest.mark.parametrize(
    ("octets", "more", "status"),
    [
        (b"1", {"source": "4040"}, "0x0A"),
        (b"1", {"source": "IRANCELL"}, "0x0A"),
        (b"\x20\0\3", {}, "0x65"),
        (b"1", {"esm": 0, "tlvs": b"\x05\x01\x00\x01\x03"}, "0x66"),
    ],
)
async def test_what_is_no_message_of_a_citizen_is_refused_and_leaves_no_row(bound, octets, more, status):
    async with bound() as (d, smsc, _):
        with pytest.raises(NotTaken, match=status):
            await smsc._deliver(smsc_message(octets, **more))
        await smsc.text(CALLER, "4040", "12345")

        assert ["12345"] == [row.text for row in await d.rows("message_in")]


async def test_a_message_sent_again_after_a_lost_link_is_answered_once(bound, eventually):
    async with bound() as (d, smsc, _phones):
        await smsc.text(CALLER, "4040", "12345")
        smsc.drop()

        async def again():
            return smsc.binds

        await asyncio.sleep(0)
        while smsc.binds:
            await asyncio.sleep(0.01)
        await eventually(again)
        await smsc.text(CALLER, "4040", "12345")
        assert 1 == len(await d.rows("message_in"))
        await smsc.text(CALLER, "4040", "12345")
        assert 2 == len(await d.rows("message_in"))  # she asks once more


@pytest.mark.parametrize("texts", [["12345", "110718"], ["12345", "12345"]])
async def test_a_sequence_number_may_be_used_again_once_it_is_answered(bound, eventually, texts):
    async with bound() as (d, smsc, phones):
        smsc._binds[0].sequences = itertools.repeat(7)
        for text in texts:
            await smsc.text(CALLER, "4040", text)

        assert [(text, True) for text in texts] == [
            (row.text, row.state in ("new", "done")) for row in await d.rows("message_in")
        ]

        async def answered():
            return len(phones.of(CALLER)) == 2

        await eventually(answered)


async def test_a_sequence_number_without_an_answer_is_the_same_message_when_it_says_the_same(
    bound, eventually, monkeypatch
):
    stored, going, receive = [], asyncio.Event(), Inbox.receive

    async def slow(self, channel, message):
        stored.append(message.text)
        await going.wait()
        return await receive(self, channel, message)

    monkeypatch.setattr(Inbox, "receive", slow)
    async with bound() as (d, smsc, _phones):
        for text in (b"12345", b"12345", b"110718"):
            smsc._binds[0].put(DELIVER_SM, 0, 7, smsc_message(text, esm=0))

        async def all_here():
            return len(stored) == 3

        await eventually(all_here)
        going.set()

        async def acknowledged():
            return [command for _, command in smsc.seen].count(DELIVER_SM | RESP) == 3

        await eventually(acknowledged)
        assert ["110718", "12345"] == sorted(row.text for row in await d.rows("message_in") if row.state != "clash")
        assert 2 == len(await d.rows("message_in"))


def test_what_came_twice_over_one_link_is_once_what_comes_again_over_the_next(clock):
    hearing = Hearing("smpp", *[None] * 6, clock, None, "", "")
    message = Message(source_addr="989161234567", short_message=b"12345")

    def named(*names):
        return [hearing._taken(message, name).name for name in names]

    assert ["a-1", "a-1", "a-2"] == named("a-1", "a-1", "a-2")
    assert ["a-1", "a-2", "b-3"] == named("b-1", "b-2", "b-3")
    clock.advance(61)
    assert ["c-1"] == named("c-1")
    assert (1, 1) == (len(hearing._lately), len(hearing._ages))


@pytest.mark.parametrize(
    ("in_order", "silent_s", "answered", "name"),
    [
        (True, 0, True, "b-1"),
        (True, 0, False, "a-1"),  # it took leave before we had answered
        (False, 7, True, "b-1"),  # it has said something 3 s after our answer
        (False, 9, True, "a-1"),  # only 1 s after it
        (False, 30, True, "a-1"),  # nothing since
        (False, 7, False, "a-1"),
    ],
)
def test_what_an_smsc_has_our_answer_to_is_not_taken_for_a_repeat(clock, in_order, silent_s, answered, name):
    """She chooses 1 on a screen, the link is renewed, and she chooses 1 on the next."""
    hearing = Hearing("smpp", *[None] * 6, clock, None, "", "")
    message = Message(source_addr="989161234567", short_message=b"1")
    clock.advance(1000)
    taken = hearing._taken(message, "a-1")
    if answered:
        taken.answered_at = clock.monotonic()
    clock.advance(10)
    hearing.over("a", in_order, silent_s)

    assert name == hearing._taken(message, "b-1").name


async def test_the_same_text_on_the_next_screen_over_a_renewed_link_is_a_new_message(
    bound, eventually, clock, monkeypatch
):
    monkeypatch.setattr(clock, "new_id", SystemClock().new_id)  # each link has its own name
    async with bound() as (d, smsc, _phones):
        await smsc.text(CALLER, "4040", "1")
        smsc.unbind()

        async def bound_again():
            return smsc.binds

        while smsc.binds:
            await asyncio.sleep(0.01)
        await eventually(bound_again)
        await smsc.text(CALLER, "4040", "1")
        assert [("1", True), ("1", True)] == [(row.text, row.state != "clash") for row in await d.rows("message_in")]


async def test_two_long_messages_under_one_reference_in_one_second_are_two(bound):
    async with bound() as (d, smsc, _):
        for text in (b"aaaa", b"cccc"):
            for number in (1, 2):
                await smsc._deliver(smsc_message(bytes([5, 0, 3, 7, 2, number]) + text))

        assert [("aaaaaaaa", True), ("cccccccc", True)] == [
            (row.text, row.state != "clash") for row in await d.rows("message_in")
        ]


async def test_an_address_of_a_pdu_is_one_phone_or_refused(bound):
    """C7. SMPP says of what kind an address is: an international one has no plus."""
    phones = [phone for several in MSISDNS.values() for phone in several]
    refused = []
    async with bound() as (d, smsc, _):
        for number, (spelled, _phone) in enumerate(phones):
            with capture_logs() as lines:
                try:
                    await smsc._deliver(smsc_message(str(20_000 + number).encode(), esm=0, source=spelled))
                except NotTaken as error:
                    refused.append((spelled, error.status))
            assert not [each for each in lines if each["log_level"] == "error" or "exc_info" in each], spelled
            (line,) = [each for each in lines if each["event"] in ("refused", "sms_received", "smpp_peer")]
            assert len(spelled) <= 3 or spelled not in str(line)
            await smsc.text(OTHER, "4040", str(number))

        rows = await d.rows("message_in")
        assert None not in {status for _, status in refused}
        assert 2 * len(phones) - len(refused) == len(rows)
        assert {row.msisdn for row in rows} <= {phone for _, phone in phones if phone} | {OTHER}
        assert not {spelled for spelled, _ in refused} & {"989161234567", "+447911123456", "+989121234567"}


# --- receipts and refusals


@pytest.mark.parametrize("kind", ["text", "tlv"])
async def test_a_receipt_says_what_became_of_a_message(bound, eventually, kind):
    async with bound(receipts=kind) as (d, smsc, _):
        await smsc.text(CALLER, "4040", "12345")

        async def reported():
            return [row for row in await d.rows("message_out") if row.fate]

        (row,) = await eventually(reported)
        assert "delivered" == row.fate
        assert ["delivered"] == [each.fate for each in await d.rows("receipt")]


async def test_a_receipt_moves_forward_only_and_may_come_first(bound, eventually):
    async with bound(receipts="none") as (d, smsc, _):
        early = b"id:161 stat:DELIVRD"  # 0xa1: the first id this SMSC will give
        await smsc._deliver(smsc_message(early, esm=4))
        await smsc.text(CALLER, "4040", "12345")
        (row,) = await settled(d, eventually)
        await smsc._deliver(smsc_message(b"id:a1 stat:UNDELIV", esm=4))
        await smsc._deliver(smsc_message(b"id:a1 stat:ENROUTE", esm=4))
        await smsc._deliver(smsc_message(b"id:a1 stat:UNDELIV", esm=4, source=OTHER))

        assert ("a1", "delivered") == (row.provider_id, row.fate)
        assert ["delivered"] == [each.fate for each in await d.rows("message_out")]
        assert ["delivered", "failed", "pending", "failed"] == [each.fate for each in await d.rows("receipt")]


@pytest.mark.parametrize("source", ["4040", "", "IRANCELL"])
async def test_a_receipt_is_one_whoever_it_says_it_is_from(bound, eventually, source):
    async with bound(receipts="none") as (d, smsc, _):
        await queued(d, "Letter 1")
        await settled(d, eventually)
        odd = b"\x04\x23\x00\x02\x03\x06"  # a network_error_code of two octets
        await smsc._deliver(smsc_message(b"id:a1 stat:DELIVERED", esm=4, source=source, tlvs=odd))

        assert ["delivered"] == [each.fate for each in await d.rows("message_out")]
        assert [""] == [each.msisdn_tag for each in await d.rows("receipt")]


async def test_receipts_of_parts_that_nobody_asked_for_are_taken_and_decide_nothing(bound, eventually):
    """The message has the last part's id: its word counts, whatever is said of the others before or after."""
    async with bound(receipts="each") as (d, _, _phones):
        await queued(d, TEXT)
        await settled(d, eventually)

        async def all_reported():
            return len(await d.rows("receipt")) == 5

        await eventually(all_reported)
        ids = [f"{0xA1 + number:x}" for number in range(5)]
        assert sorted(str(int(each, 16)) for each in ids) == sorted(
            each.provider_id for each in await d.rows("receipt")
        )
        assert [(ids[-1], "delivered")] == [(each.provider_id, each.fate) for each in await d.rows("message_out")]


@pytest.mark.parametrize(("first", "last"), [("UNDELIV", "DELIVRD"), ("DELIVRD", "UNDELIV")])
async def test_a_parts_receipt_leaves_the_message_open_for_the_last_ones(bound, eventually, first, last):
    async with bound(receipts="none") as (d, smsc, _):
        await queued(d, TEXT)
        await settled(d, eventually)
        for number in range(4):
            await smsc._deliver(smsc_message(f"id:{0xA1 + number:x} stat:{first}".encode(), esm=4))
        assert [None] == [each.fate for each in await d.rows("message_out")]

        await smsc._deliver(smsc_message(f"id:a5 stat:{last}".encode(), esm=4))
        fate = {"DELIVRD": "delivered", "UNDELIV": "failed"}[last]
        assert [fate] == [each.fate for each in await d.rows("message_out")]


@pytest.mark.parametrize(("mode", "state"), [("refuse", "failed"), ("silent", "waiting"), ("throttle", "waiting")])
async def test_what_an_smsc_says_decides_what_becomes_of_the_row(bound, eventually, mode, state):
    async with bound() as (d, smsc, phones):
        smsc.mode = mode
        await queued(d, "Letter 1")

        async def tried():
            return [row for row in await d.rows("message_out") if row.reason]

        (row,) = await eventually(tried)
        assert (state, mode == "silent") == (row.state, bool(row.doubts))
        assert [] == phones.messages


async def test_a_throttled_message_goes_as_soon_as_the_smsc_takes_it(bound, eventually):
    async with bound() as (d, smsc, phones):
        smsc.mode = "throttle"
        await queued(d, "Letter 1")

        async def refused():
            return smsc.submitted

        await eventually(refused)
        smsc.mode = "none"
        (row,) = await settled(d, eventually)
        assert (1, 0) == (row.tries, row.doubts)
        assert ["Letter 1"] == phones.of(CALLER)


@pytest.mark.usefixtures("patient")
async def test_neither_window_nor_rate_is_exceeded(bound, eventually):
    async with bound(("window: 10", "window: 4"), ("per_s: 50", "per_s: 25")) as (d, smsc, phones):
        smsc.delay_s = 0.1
        for number in range(40):
            await queued(d, f"Letter {number}", to=f"+98916{number:07}", number=number)
        await settled(d, eventually, count=40)

        assert 40 == len(phones.messages)
        assert smsc.most_unanswered <= 4
        times = [at for at, command in smsc.seen if command == 0x4]
        assert max(sum(1 for each in times if at <= each < at + 1) for at in times) <= 27


@pytest.mark.usefixtures("patient")
async def test_more_than_an_smscs_window_is_throttled_and_goes_all_the_same(bound, eventually):
    async with bound(window=2) as (d, smsc, phones):  # the channel believes in 10
        smsc.delay_s = 0.1
        for number in range(12):
            await queued(d, f"Letter {number}", to=f"+98916{number:07}", number=number)
        rows = await settled(d, eventually, count=12)

        assert 12 == len(phones.messages)
        assert {0} == {row.doubts for row in rows}
        assert smsc.most_unanswered > 2
        assert len(smsc.submitted) > 12


async def test_a_transmitter_and_a_receiver_share_the_work(bound, eventually):
    async with bound(("window: 10", "window: 10\nbind: pair"), binds=2) as (d, smsc, phones):
        assert {0x1, 0x2} == set(smsc.binds)

        async def both():
            return {"bind_transmitter": "bound", "bind_receiver": "bound"} == (await ready(d))[1]["binds"]["smpp"]

        await eventually(both)
        await smsc.text(CALLER, "4040", "12345")
        _number, shown = await smsc.dial(CALLER, "*4*061*12345#")

        assert shown.text.startswith("نامه 12345")

        async def answered():
            return phones.of(CALLER)

        await eventually(answered)


@pytest.mark.parametrize("vouched", [True, False])
async def test_over_tls_with_whoever_somebody_vouches_for(desk, config, tmp_path, eventually, vouched):
    pem, key, _ = certificate(tmp_path, "smsc")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, key)
    phones = Phones()
    smsc = Smsc("rasad", "demo", phones)
    changed(config, ("window: 10", f"window: 10\ntls: true{f'{chr(10)}ca_file: {pem}' if vouched else ''}"))
    async with desk(config=config, smsc=smsc, smsc_tls=context) as d:
        if vouched:

            async def there():
                return smsc.binds

            await eventually(there)
            await queued(d, "Letter 1")
            await settled(d, eventually)
        else:
            await asyncio.sleep(1.0)
        assert (["Letter 1"] if vouched else []) == phones.of(CALLER)
        assert vouched == bool(smsc.seen)


async def ready(d):
    async with d.http.get(f"{d.url}/readyz") as response:
        return response.status, await response.json()


async def test_a_wrong_password_is_not_tried_again_and_again_and_what_would_go_waits(desk, config, eventually):
    smsc = Smsc("rasad", "other", Phones())
    async with desk(config=config, smsc=smsc) as d:

        async def refused():
            return [*filter(lambda row: row.reason, await d.rows("message_out"))]

        async def told():
            return "0x0E" in (await ready(d))[1]["binds"]["smpp"].get("bind_transceiver", "")

        await eventually(told)
        await queued(d, "Letter 1")
        (row,) = await eventually(refused)
        assert ("waiting", 0, 0) == (row.state, row.tries, row.doubts)
        assert "0x0E" in row.reason
        await asyncio.sleep(2.5)
        assert 1 == len(smsc.seen)
        assert (200, []) == ((await ready(d))[0], (await ready(d))[1]["reasons"])  # the other channels work


@pytest.mark.parametrize(
    ("mode", "account", "status"),
    [("refuse_binds", "demo", "0x0D"), ("none", "other", "0x0E"), ("none", None, "0x0F")],
)
async def test_a_refused_account_is_loud_and_its_messages_go_when_it_is_mended(
    desk, config, eventually, clock, monkeypatch, mode, account, status
):
    monkeypatch.setattr(bind, "KEPT_OUT_S", 0.4)
    phones = Phones()
    smsc = Smsc("rasad" if account else "nobody", account or "demo", phones)
    smsc.mode = mode
    with capture_logs() as log:

        async def logged(event):
            return next((each for each in log if each["event"] == event), None)

        async with desk(config=config, smsc=smsc) as d:
            ended = await eventually(partial(logged, "smpp_ended"))
            assert ("error", "smpp") == (ended["log_level"], ended["channel"])
            assert status in ended["why"]
            await queued(d, "Letter 1")
            assert status in (await eventually(partial(logged, "route_stopped")))["reason"]

            smsc._account, smsc.mode = ("rasad", "demo"), "none"

            async def bound():
                return (await ready(d))[1]["binds"] == {"smpp": {"bind_transceiver": "bound"}}

            await eventually(bound)
            clock.advance(d.settings.gateway.sms.stopped_for_s)
            (row,) = await settled(d, eventually)
            assert (1, ["Letter 1"]) == (row.tries, phones.of(CALLER))


async def test_a_process_of_binds_alone_is_ready_when_one_of_them_stands(bound, config, eventually):
    for each in (config / "channels").iterdir():
        if each.name != "smpp.yaml":
            each.unlink()
    async with bound() as (d, smsc, _):

        async def stands():
            status, body = await ready(d)
            return (200, []) == (status, body["reasons"])

        await eventually(stands)
        smsc.mode = "refuse_binds"
        smsc.drop()

        async def refused():
            status, body = await ready(d)
            return status == 503 and body["reasons"]

        (reason,) = await eventually(refused)
        assert reason.startswith("smpp bind_transceiver: ")


async def test_what_is_in_hand_is_finished_before_we_unbind(bound, eventually, monkeypatch):
    monkeypatch.setattr(esme, "STOP_WITHIN_S", 30.0)
    async with bound(office_s=0.4) as (_d, smsc, _phones):
        call = asyncio.create_task(smsc.dial(CALLER, "*4*061*12345#"))
        text = asyncio.create_task(smsc.text(OTHER, "4040", "1"))
        await text

        async def asked():
            return [command for _, command in smsc.seen if command == 0x80000005]

        while len(await asked()) < 2:
            await asyncio.sleep(0.01)
    shown = (await call)[1]
    assert shown.text.startswith("نامه 12345")
    commands = [command for _, command in smsc.seen]
    assert 0x6 == commands[-1]
    assert [] == smsc.binds


# --- USSD

PROFILES = {
    "spec": "spec",
    "mica": "mica",
    "tata": '{session_bits: 15, reply: [2, "0x12"], end: 2, released: "0x11"}',
    "sixdee": "{session_bits: 15, dialled: short_message}",
}
"""What is written in the channel's file for a gateway that speaks so."""


@pytest.mark.parametrize("profile", PROFILES)
async def test_five_steps_in_persian_with_a_repeat_and_a_drop(bound, profile):
    async with bound(("profile: spec", f"profile: {PROFILES[profile]}"), profile=profile) as (_, smsc, _phones):
        number, shown = await smsc.dial(CALLER, "*4*061#")
        assert "رصد خوزستان" == shown.text.split("\n")[0]
        shown = await smsc.type(CALLER, number, "۱")
        assert shown.text.startswith("شماره نامه")

        # The network asks twice: the same screen comes twice, and nothing has moved.
        again = await smsc.type(CALLER, number, "۱")
        assert shown == again

        # The call drops, and the next one goes on where she was.
        smsc.drop()
        while smsc.binds:
            await asyncio.sleep(0.01)
        while not smsc.binds:
            await asyncio.sleep(0.01)
        number, shown = await smsc.dial(CALLER, "*4*061#")
        assert not shown.over
        shown = await smsc.type(CALLER, number, "0" if "0)" in shown.text else "1")
        assert shown.text.startswith("شماره نامه")
        shown = await smsc.type(CALLER, number, "۱۲۳۴۵")
        assert shown.text.startswith("نامه 12345\nدر حال بررسی")
        assert {8} == {each.data_coding for each in smsc.submitted}
        assert {"USSD"} == {each.service_type for each in smsc.submitted}
        shown = await smsc.type(CALLER, number, "1")
        assert not shown.over


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_session_ends_the_profiles_way(bound, profile):
    async with bound(("profile: spec", f"profile: {PROFILES[profile]}"), profile=profile) as (_, smsc, _phones):
        _, shown = await smsc.dial(CALLER, "*4*061*99999#")
        while not shown.over:
            _number, shown = await smsc.dial(CALLER, "*4*061*02*2001000344#")

        last = smsc.submitted[-1].tlvs
        assert (b"\x02" if profile == "tata" else b"\x11") == last[0x0501]
        assert profile == "mica" or last[0x1383][1] & 1


@pytest.mark.parametrize("profile", PROFILES)
async def test_who_hung_up_is_noted_and_her_other_session_goes_on(bound, profile):
    with capture_logs() as logs:
        async with bound(("profile: spec", f"profile: {PROFILES[profile]}"), profile=profile) as (_, smsc, _phones):
            first, _ = await smsc.dial(CALLER, "*4*061#")
            second, _ = await smsc.dial(CALLER, "*4*061#")
            await smsc.hang_up(CALLER, first)
            shown = await smsc.type(CALLER, second, "1")

            assert shown.text.startswith("شماره نامه")
    assert [(True, "released")] == [(each["known"], each["raw"]) for each in logs if each["event"] == "session_ended"]


async def test_a_dial_is_acknowledged_before_it_is_answered_and_a_caller_who_leaves_is_noted(bound):
    async with bound(office_s=0.3) as (_, smsc, _phones):
        number, _ = await smsc.dial(CALLER, "*4*061*12345#")
        await smsc.hang_up(CALLER, number)

        commands = [command for _, command in smsc.seen if command in (0x4, 0x80000005)]
        assert [0x80000005, 0x4, 0x80000005] == commands


async def test_a_screen_goes_out_after_its_dialogue_is_saved(bound, monkeypatch):
    """vaccine-eligibility publishes first: a crash in between shows a screen the store has never heard of."""
    shown_before, save = [], MemorySessions.save

    async def slow(self, *what, **more):
        await asyncio.sleep(0.2)
        shown_before.append(len(smsc.submitted))
        return await save(self, *what, **more)

    monkeypatch.setattr(MemorySessions, "save", slow)
    async with bound() as (_, smsc, _phones):
        number, _ = await smsc.dial(CALLER, "*4*061#")
        await smsc.type(CALLER, number, "1")

    assert [0, 1] == shown_before


async def test_a_refused_ussd_answer_is_not_sent_again(bound):
    async with bound() as (_, smsc, _phones):
        smsc.mode = "throttle"
        call = asyncio.create_task(smsc.dial(CALLER, "*4*061#"))
        while not smsc.submitted:
            await asyncio.sleep(0.01)
        smsc.mode = "none"
        await asyncio.sleep(1.5)

        assert 1 == len(smsc.submitted)
        call.cancel()


async def test_a_dial_of_more_than_20_characters_in_a_data_sm_is_answered(bound, eventually):
    code = "*4*061*220*1396*54321#"
    head = b"USSD\0\1\1" + CALLER[1:].encode() + b"\0\0\0" + code.encode() + b"\0\0\0\0"
    async with bound() as (_, smsc, _phones):
        smsc._binds[0].put(0x103, 0, 7, head + b"\x05\x01\0\1\1" + b"\x13\x83\0\2\7\0")

        async def shown():
            return smsc.submitted

        (answered,) = await eventually(shown)
        assert ("*4*061#", CALLER[1:]) == (answered.source, answered.destination)


async def test_a_code_that_is_not_ours_is_answered_and_ended(bound):
    async with bound() as (_, smsc, _phones):
        _, shown = await smsc.dial(CALLER, "*5#")

        assert shown.over


# --- notices shown by USSD

NOTIFY = ("later_by: smpp ", "push: notify\n  later_by: smpp ")
HASTY = ("reserve_s: 4", "reserve_s: 7.8")


@pytest.fixture
def promised(bound, eventually):
    """`async with promised() as (d, smsc, phones)`: a caller was promised her answer, and it has been sent."""

    @asynccontextmanager
    async def entered(*changes, number="12345", notices="shown", profile="spec", push=NOTIFY):
        agreed = (push, HASTY, ("profile: spec", f"profile: {PROFILES[profile]}"), *changes)
        hurried = SmsSettings(send_within_s=3)
        async with bound(*agreed, profile=profile, office_s=0.5, gateway={"sms": hurried}) as (d, smsc, phones):
            smsc.notices = notices
            await smsc.dial(CALLER, f"*4*061*{number}#")
            await settled(d, eventually, table="follow_up", state="answered")
            await settled(d, eventually)
            yield d, smsc, phones

    return entered


def pushed(smsc):
    return [each for each in smsc.submitted if each.tlvs.get(0x0501) == b"\x03"]


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_promised_answer_is_shown_by_ussd_and_no_sms_follows(promised, profile):
    async with promised(profile=profile) as (d, smsc, phones):
        (row,) = await d.rows("message_out")
        ((to, sender, text),) = phones.messages
        (notice,) = pushed(smsc)

        assert (CALLER, "*4*061#", row.push_text) == (to, sender, text)
        assert text.startswith("رصد: نامه 12345 در حال بررسی")
        assert ("sent", "delivered", "ussd notify", 1, 0) == (row.state, row.fate, row.reason, row.tries, row.doubts)
        assert 2 == len(smsc.submitted)  # the promise and the answer
        assert ("USSD", 0, {0x0501, 0x0204 if profile == "mica" else 0x1383}) == (
            notice.service_type, notice.registered, {*notice.tlvs},
        )  # fmt: skip
        assert profile == "mica" or notice.tlvs[0x1383][1] & 1  # nothing follows in that session


@pytest.mark.parametrize(("notices", "doubts"), [("refused", 0), ("released", 0), ("unseen", 1)])
async def test_what_is_not_shown_goes_as_an_sms(promised, notices, doubts):
    async with promised(notices=notices) as (d, smsc, phones):
        (row,) = await d.rows("message_out")

        assert [(CALLER, "4040", row.text)] == phones.messages
        assert ("sent", 2, doubts) == (row.state, row.tries, row.doubts)
        assert 1 == len(pushed(smsc))


@pytest.mark.parametrize(
    ("push", "changes", "number"),
    [
        (
            ("later_by: smpp ", "page: {max_septets: 160, max_units: 60}\n  push: notify\n  later_by: smpp "),
            (),
            "12345",
        ),
        (NOTIFY, (), "22010"),  # she is asked which one, and may answer by SMS
        (("later_by: smpp ", "later_by: smpp "), (), "12345"),
    ],
    ids=["more than a page", "a question", "not agreed"],
)
async def test_what_is_no_notice_of_one_page_is_an_sms_at_once(promised, push, changes, number):
    async with promised(*changes, push=push, number=number) as (d, smsc, phones):
        (row,) = await d.rows("message_out")

        assert [(CALLER, "4040", row.text)] == phones.messages
        assert ([], None, 1) == (pushed(smsc), row.push_text, row.tries)


async def test_who_asks_by_sms_gets_an_sms(bound, eventually):
    async with bound(NOTIFY) as (d, smsc, phones):
        await smsc.text(CALLER, "4040", "12345")
        await settled(d, eventually)

        assert ([], ["4040"]) == (pushed(smsc), [sender for _, sender, _ in phones.messages])


async def test_a_confirmation_of_another_phone_or_of_nothing_is_none(promised, monkeypatch):
    from gateway.channels.pushing import Pushing

    heard, hear = [], Pushing.heard

    def elsewhere(self, said, caller):
        heard.append(said.kind)
        hear(self, said, OTHER)

    monkeypatch.setattr(Pushing, "heard", elsewhere)
    async with promised() as (d, smsc, phones):
        (row,) = await d.rows("message_out")

        assert (["notified"], 1) == (heard, row.doubts)
        assert ["*4*061#", "4040"] == [sender for _, sender, _ in phones.messages]
        await smsc._deliver(smsc_message(b"", esm=0, tlvs=b"\x05\x01\x00\x01\x13"))


async def test_whoever_died_while_a_notice_was_out_goes_on_with_an_sms(bound, eventually):
    async with bound(NOTIFY) as (d, smsc, phones):
        table = d.database.tables.message_out
        await queued(d, "Letter 1")
        async with d.database.writing() as connection:
            left = {"tries": 1, "push_by": "smpp", "push_text": "Letter 1"}
            await connection.execute(table.update().values(**left))
        await settled(d, eventually)

        assert ([], ["Letter 1"]) == (pushed(smsc), phones.of(CALLER))


async def test_a_notice_of_a_change_is_shown_in_the_hours_without_how_to_stop(bound, eventually, clock):
    from tests.gateway.test_follows import HOURS, STOP, Office

    office = Office(clock.today())
    office.put("12345")
    async with office.listening() as url, bound(NOTIFY, environ={"SECRETARIAT_URL": url}) as (d, smsc, phones):
        number, _ = await smsc.dial(CALLER, "*4*061*12345#")
        await smsc.type(CALLER, number, "2")
        office.put("12345", "ارجاع شده", days_ago=1, desks=("دبیرخانه", "دفتر حقوقی", "دفتر فنی"))
        clock.advance(12 * HOURS)  # past nine in the evening
        (row,) = await settled(d, eventually, state="waiting")
        assert ([], True) == (phones.messages, row.text.endswith(STOP))
        clock.advance(9 * HOURS)
        await settled(d, eventually)

        ((_, sender, text),) = phones.messages
        assert ("*4*061#", row.push_text) == (sender, text)
        assert text.startswith("رصد: نامه 12345 ارجاع شد")
        assert STOP not in text
