"""What goes out: in which order, how fast over all processes, and what becomes of it when nobody takes it."""

import asyncio
import bisect
import logging
from collections import Counter, defaultdict
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest
import sqlalchemy as sa
import structlog
from aiohttp import web
from sqlalchemy.exc import OperationalError

from gateway.channels import listed
from gateway.channels.contract import Accepted, NotAccepted, Stopped
from gateway.channels.outgoing import sender
from gateway.settings import SmsSettings
from gateway.settings_channels import Auth, SendSettings, SmsChannel
from gateway.sms import outbox as of_outbox
from gateway.sms import worker
from gateway.sms.outbox import Outbox, Priority
from tests.conftest import BOTH_DATABASES
from tests.experiments import counted
from tests.gateway.processes import process, rows, settled

pytestmark = BOTH_DATABASES

HOUR = 3600


class Provider:
    """Takes what it is told to take, and notes when and for whom."""

    def __init__(self, clock):
        self.clock, self.sent, self.result = clock, [], Accepted("1")

    async def __call__(self, to, text, message_id, *, again=False):
        if isinstance(self.result, Accepted):
            self.sent.append((self.clock.seconds, to, text))
        return self.result

    @property
    def texts(self):
        return [text for _, _, text in self.sent]


@pytest.fixture(autouse=True)
def few_words():
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@pytest.fixture
async def outboxes(database_url, database, keys, clock, monkeypatch):
    """`outboxes(2, senders, rates)`: of so many processes."""
    monkeypatch.setattr(worker, "POLL_S", 0.0)
    made = []

    def entered(count, senders, rates=None, **more):
        own = [process(database_url, keys, clock) for _ in range(count)]
        made.extend(own)
        return [Outbox(each, senders, rates or {}, keys, clock, SmsSettings(**more)) for each in own]

    yield entered
    for each in made:
        await each.stop()


@pytest.fixture
def add(database, keys, clock):
    """`await add(phone, text)`: one message waits."""
    outbox = Outbox(database, {}, {}, keys, clock, SmsSettings())
    causes = iter(range(100_000))

    async def added(phone, text, priority=Priority.REPLY, channel="kannel"):
        async with database.writing() as connection:
            await outbox.add(connection, f"test:{next(causes)}", channel, phone, text, priority)

    return added


def workers(*of):
    return [each for outbox in of for each in outbox.workers]


def phone(count):
    return f"+98916{count:07}"


async def test_replies_go_before_promised_answers_and_these_before_notices(outboxes, add, clock, database):
    provider = Provider(clock)
    (outbox,) = outboxes(1, {"kannel": provider}, {"kannel": 1.0})
    for count, priority in enumerate([Priority.NOTICE, Priority.ANSWER, Priority.REPLY] * 3):
        await add(phone(count), f"{priority.name} {count}", priority)
    for _ in range(9):
        await settled(*workers(outbox))
        clock.advance(1)
    assert [
        "REPLY 2",
        "REPLY 5",
        "REPLY 8",
        "ANSWER 1",
        "ANSWER 4",
        "ANSWER 7",
        "NOTICE 0",
        "NOTICE 3",
        "NOTICE 6",
    ] == (provider.texts)
    assert {("sent", "ok")} == {(row.state, row.attempt) for row in await rows(database, "message_out")}


async def test_each_part_of_a_long_message_counts(outboxes, add, clock):
    provider = Provider(clock)
    (outbox,) = outboxes(1, {"kannel": provider}, {"kannel": 1.0})
    await add(phone(1), "الف" * 60)
    await add(phone(2), "ب")
    for _ in range(5):
        await settled(*workers(outbox))
        clock.advance(1)
    assert [0.0, 3.0] == [at for at, _, _ in provider.sent]


async def test_messages_of_one_phone_go_one_after_the_other(outboxes, add, clock):
    provider = Provider(clock)
    for count in range(5):
        await add(phone(1), str(count))
    await settled(*workers(*outboxes(3, {"kannel": provider})))
    assert list("01234") == provider.texts


async def test_a_stopped_route_rests_in_every_process(outboxes, add, clock, database):
    provider = Provider(clock)
    provider.result = Stopped("wrong key")
    first, second = outboxes(2, {"kannel": provider, "other": Provider(clock)})
    for count in range(20):
        await add(phone(count), "a text")
    await settled(first.workers[0])
    asked = [row for row in await rows(database, "message_out") if row.attempt == "refused"]
    provider.result = Accepted("1")
    clock.advance(59)
    await settled(*workers(first, second))
    assert [] == provider.sent
    assert {("waiting", 0)} == {(row.state, row.tries) for row in await rows(database, "message_out")}

    clock.advance(1)
    await settled(*workers(second, first))
    assert 20 == len(provider.sent)
    assert len(asked) <= 20


async def test_messages_by_a_channel_that_is_gone_wait_until_it_comes_back(outboxes, add, clock, database):
    provider = Provider(clock)
    await add(phone(1), "too old", channel="was here")
    clock.advance(HOUR)
    await add(phone(2), "a text", channel="was here")
    (without,) = outboxes(1, {"kannel": provider})
    await settled(*workers(without))
    assert {("waiting", 0)} == {(row.state, row.tries) for row in await rows(database, "message_out")}
    clock.advance(HOUR)
    (again,) = outboxes(1, {"kannel": provider, "was here": provider})
    await settled(*workers(again))
    assert ["expired", "sent"] == [row.state for row in await rows(database, "message_out")]


async def test_a_notice_outlasts_a_reply(outboxes, add, clock, database):
    provider = Provider(clock)
    provider.result = NotAccepted("not reached", again=True)
    await add(phone(1), "a reply")
    await add(phone(2), "a notice", Priority.NOTICE)
    (outbox,) = outboxes(1, {"kannel": provider})
    await settled(*workers(outbox))
    clock.advance(24 * HOUR)
    provider.result = Accepted("1")
    await settled(*workers(outbox))
    assert ["a notice"] == provider.texts
    assert ["expired", "sent"] == [row.state for row in await rows(database, "message_out")]


async def test_notices_of_one_phone_go_in_the_order_things_happened(outboxes, add, clock):
    provider = Provider(clock)
    for count in range(4):
        await add(phone(1), str(count), Priority.NOTICE)
        clock.advance(600)
    await settled(*workers(*outboxes(1, {"kannel": provider})))
    assert list("0123") == provider.texts


def most_in_a_second(times):
    return max(bisect.bisect_left(times, at + 1 - 1e-9) - place for place, at in enumerate(times))


@pytest.mark.databases("sqlite")
@pytest.mark.experiment("L4", "three channels at 20 a second in two processes: never above it, and replies pass bulk")
async def test_the_rate_of_a_channel_holds_over_processes(outboxes, add, clock, figure):
    per_s, bulk, replies = 20, counted(2_000), counted(1_000)
    providers = {name: Provider(clock) for name in ("one", "two", "three")}
    both = outboxes(2, providers, dict.fromkeys(providers, float(per_s)))
    names = list(providers)
    for count in range(bulk):
        await add(phone(count), "bulk", Priority.NOTICE, channel=names[count % 3])
    asked_at, step_s = {}, 0.05
    began = clock.seconds
    while sum(len(each.sent) for each in providers.values()) < bulk + replies:
        due = min(replies, int((clock.seconds - began) * 40))
        for count in range(len(asked_at), due):
            asked_at[phone(bulk + count)] = clock.seconds
            await add(phone(bulk + count), "reply", channel=names[count % 3])
        await asyncio.gather(*(each._take() for each in workers(*both)))
        await asyncio.gather(*(task for each in workers(*both) for task in each._busy.values()))
        clock.advance(step_s)
        assert clock.seconds - began < (bulk + replies) / (3 * per_s) * 1.3
    for each in providers.values():
        times = [at for at, _, _ in each.sent]
        assert most_in_a_second(times) <= 22
        figure.most("most in a second", most_in_a_second(times))
        mean = (len(times) - 1) / (times[-1] - times[0])
        assert mean >= 19
        figure("a second on the average", round(mean, 1))
    waited = sorted(at - asked_at[to] for each in providers.values() for at, to, text in each.sent if text == "reply")
    assert waited[len(waited) * 95 // 100] <= 3
    figure("runs", bulk + replies)
    figure("a reply waited at most s", round(waited[-1], 2))


@pytest.mark.experiment(
    "F19", "whichever way the database's clock jumps, a channel sends at its rate, neither in a burst nor not at all"
)
async def test_the_rate_of_a_channel_holds_while_the_databases_clock_jumps(outboxes, add, clock, figure):
    per_s, total, jumps_s, off_s = 20, counted(2_000), [HOUR, 0, -HOUR, 0, 24 * HOUR, 0, -24 * HOUR, 40, 0, -5], 0.0
    provider = Provider(clock)
    both = outboxes(2, {"kannel": provider}, {"kannel": float(per_s)})
    for outbox in both:
        seconds = sa.bindparam(None, callable_=lambda: clock.seconds + 10**6 + off_s, type_=sa.Double())
        outbox._database.seconds = seconds
        for each in outbox.workers:
            each._rate._seconds = seconds
    for count in range(total):
        await add(phone(count), f"{count}")
    began = clock.seconds
    while len(provider.sent) < total:
        off_s = jumps_s[len(provider.sent) * len(jumps_s) // total]
        await asyncio.gather(*(each._take() for each in workers(*both)))
        await asyncio.gather(*(task for each in workers(*both) for task in each._busy.values()))
        clock.advance(0.05)
        assert clock.seconds - began < total / per_s * 1.3, f"it stands still at {off_s:+g} s"
    assert total == len(set(provider.texts))
    assert most_in_a_second([at for at, _, _ in provider.sent]) <= 22
    figure("runs", total)
    figure("jumps", len(jumps_s))
    figure.most("most in a second", most_in_a_second([at for at, _, _ in provider.sent]))


@pytest.mark.experiment("F24", "after two hours without a provider nothing too old is sent, the newest reply first")
async def test_an_outage_of_two_hours(outboxes, add, clock, database, figure):
    total = counted(500)
    provider = Provider(clock)
    provider.result = NotAccepted("not reached", again=True)
    both = outboxes(2, {"kannel": provider})
    began, written = clock.now(), defaultdict(list)
    # Five of each citizen, over two hours and a quarter; the provider comes back at the end of it.
    step_s = 2.25 * HOUR / total
    for count in range(total):
        to = phone(count % (total // 5))
        written[to].append(f"{count}")
        await add(to, f"{count}")
        if count % 10 == 0:
            await settled(*workers(*both))
        clock.advance(step_s)
    provider.result = Accepted("1")
    back_at = clock.now()
    for _ in range(30):
        await settled(*workers(*both))
        clock.advance(60)

    found = await rows(database, "message_out")
    assert {"sent", "expired"} == {row.state for row in found}
    too_old = [row for row in found if row.created_at + timedelta(hours=2) <= back_at]
    assert too_old
    assert all(row.state == "expired" for row in too_old)
    assert all(row.sent_at < row.expires_at for row in found if row.state == "sent")
    by_phone = defaultdict(list)
    for _, to, text in provider.sent:
        by_phone[to].append(int(text))
    assert all(told == sorted(told, reverse=True) for told in by_phone.values())
    assert Counter(provider.texts) == Counter(row.text for row in found if row.state == "sent")
    figure("runs", total)
    figure("hours", round((back_at - began) / timedelta(hours=1), 2))
    figure("sent", len(provider.sent))
    figure("expired", total - len(provider.sent))
    figure("sent too late", 0)


async def test_what_came_of_an_attempt_is_kept_until_the_database_takes_it(
    outboxes, add, clock, database, monkeypatch
):  # fmt: skip
    """Or it would be sent once more, as if nothing were known of it."""
    monkeypatch.setattr(of_outbox, "WRITE_AGAIN_S", 0.01)
    provider, refused = Provider(clock), 0
    (own,) = outboxes(1, {"kannel": provider})
    together = own._database.together
    writing = together._writing

    @asynccontextmanager
    async def taking_nothing_for_a_while():
        nonlocal refused
        refused += 1
        if refused <= 7:
            raise OperationalError(None, None, ConnectionError())
        async with writing() as connection:
            yield connection

    monkeypatch.setattr(together, "_writing", taking_nothing_for_a_while)
    for count in range(3):
        await add(phone(count), "a text")

    await settled(*workers(own))

    assert [("sent", 1, 0)] * 3 == [(row.state, row.tries, row.doubts) for row in await rows(database, "message_out")]
    assert 3 == len(provider.sent)
    assert refused > 7


async def test_an_outcome_that_waits_for_a_commit_is_written_before_we_stop(outboxes, add, clock, database):
    provider = Provider(clock)
    (own,) = outboxes(1, {"kannel": provider})
    (work,) = own.workers
    begun, ended = asyncio.Event(), asyncio.Event()

    async def long(_):
        begun.set()
        await ended.wait()

    async def sent(*_, **__):
        """While somebody else's transaction is under way."""
        under_way.append(asyncio.create_task(own._database.together(long)))
        await begun.wait()
        provider.sent.append(None)
        return Accepted("1")

    under_way = []
    own._senders = {"kannel": sent}
    await add(phone(1), "a text")
    running = asyncio.create_task(work.run())
    async with asyncio.timeout(20):
        while not own._database.together._waiting:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.sleep(0.05)
    ended.set()
    await asyncio.gather(running, *under_way, return_exceptions=True)

    assert ["sent"] == [row.state for row in await rows(database, "message_out")]


@pytest.mark.parametrize(
    ("said", "kept"), [("\ud800", "?"), ("a\0b", "ab"), ("7" * 300, "7" * 160)], ids=["half", "nul", "long"]
)
async def test_a_strange_id_of_a_provider_costs_no_second_copy(outboxes, add, clock, database, said, kept):
    provider = Provider(clock)
    provider.result = Accepted(said)
    (own,) = outboxes(1, {"kannel": provider})
    await add(phone(1), "a text")
    await settled(*workers(own))
    (row,) = await rows(database, "message_out")
    assert ("sent", 1, kept) == (row.state, row.tries, row.provider_id)


@pytest.mark.experiment("F15", "an attempt whose answer was cut off is unknown: none is lost, none goes three times")
async def test_the_answer_to_a_submit_is_cut(outboxes, add, clock, database, aiohttp_server, figure):
    total, taken = counted(200), Counter()

    async def mute(request):
        """Takes every message, and answers each second one when it comes again."""
        to = request.query["to"]
        taken[to] += 1
        if taken[to] == 2 and int(to) % 2:
            return web.Response(status=202, text="0: Accepted for delivery")
        request.transport.abort()
        return web.Response()

    application = web.Application()
    application.router.add_get("/cgi-bin/sendsms", mute)
    server = await aiohttp_server(application)
    send = SendSettings(url=str(server.make_url("/cgi-bin/sendsms")), sender="4040")
    channel = SmsChannel(carries="sms", dialect="kannel", auth=Auth(none=True), send=send)
    for count in range(total):
        await add(phone(count), "a text")
    async with aiohttp.ClientSession() as http:
        both = outboxes(2, {"kannel": sender(http, listed.SMS["kannel"], channel)})
        await settled(*workers(*both))
        first = await rows(database, "message_out")
        assert {("waiting", "unknown", 1)} == {(row.state, row.attempt, row.doubts) for row in first}
        assert all(row.reason.startswith("no answer: ") for row in first)
        for _ in range(5):
            clock.advance(60)
            await settled(*workers(*both))
    found = await rows(database, "message_out")
    ended = Counter((row.state, row.attempt, row.tries) for row in found)
    assert {("sent", "ok", 2): total // 2, ("unknown", "unknown", 2): total - total // 2} == ended
    assert {2} == set(taken.values())
    assert total == len(taken)
    figure("runs", total)
    figure("most copies", max(taken.values()))
    figure("lost", total - len(taken))
