"""What one `rasad serve` carries at the rates of the catalogue: nobody lost, nobody another's letter, everybody in time."""

import asyncio
import random
from bisect import bisect
from collections import Counter
from urllib.parse import urlencode

import pytest

from gateway import app
from gateway.clock import SystemClock
from simulators.aggregator import CallFailed, Request
from simulators.channels import AS_SHIPPED
from simulators.demo import HOME
from simulators.load import Caller, Inbox, offer
from simulators.load_result import MOST_LATE, Tally, percentile
from simulators.offices import generated
from simulators.phones import Phones
from simulators.rehearsal import Conversation, Step, fresh_msisdn
from simulators.wire import Wire
from tests.experiments import proving
from tests.load.conftest import LETTERS


def assert_in_time(tally):
    """Figures of a run that was late itself are its own, not the gateway's."""
    assert tally.late <= MOST_LATE, f"{tally.late:.1%} begun late: this machine has too much else to do to say anything"


def ms(took, share):
    found = percentile(sorted(took), share)
    return None if found is None else round(found * 1000)


class Journeys:
    """Dialogues of four steps, each about another letter: dial, choose, type its number, back to the menu."""

    def __init__(self, per_s, seconds, think_s):
        letters = generated.Letters(SystemClock().today(), LETTERS, app.working_days(HOME / "config"))
        # Of three parts, as those are one letter each; and shown to whoever asks.
        self._letters = (each for each in letters if "/" in each.number and each.confidentiality == "عادی")
        self._per_s, self._count, self._think = per_s, round(per_s * seconds), Step("wait", str(think_s), 0)

    def arrivals(self):
        chance = random.Random(1)
        for place, letter in zip(range(self._count), self._letters, strict=False):
            steps = (
                Step("dial", "*4*061#", 1), self._think, Step("type", "1", 2), self._think,
                Step("type", letter.number.replace("/", "*"), 3), Step("see", f"نامه {letter.number}<more>", 4),
                self._think, Step("type", "00", 5), Step("see", "رصد خوزستان<more>", 6),
            )  # fmt: skip
            yield place / self._per_s, Conversation(None, steps), fresh_msisdn(chance)


@pytest.mark.experiment(
    "L1", "200 USSD steps a second of a thousand open sessions: each caller her own letter, in time"
)
@pytest.mark.timeout(400)
async def test_two_hundred_steps_a_second(served, figure):
    per_s, seconds, think_s = (50, 120, 6.6) if proving() else (15, 3, 0.1)
    async with served(office_s=0.05) as service:
        wire, tally = Wire(service.url), Tally()
        inbox = Inbox(wire)
        journeys = Journeys(per_s, seconds, think_s)
        await offer(journeys, lambda msisdn, due: Caller(wire, AS_SHIPPED, inbox, msisdn, due, tally), tally)
        wire.close()
        rows = await service.rows("dialogue_record")

    begun, steps = round(per_s * seconds), [*tally.took["dial"], *tally.took["type"]]
    done = sorted(tally.done)
    figure("runs", begun)
    figure("steps", len(steps))
    figure("open at once", max(place + 1 - bisect(done, due) for place, due in enumerate(tally.due)))
    for name, share in (("p50 ms", 0.5), ("p95 ms", 0.95), ("p99 ms", 0.99)):
        figure(name, ms(steps, share))
    figure("begun late %", round(tally.late * 100, 1))

    assert (begun, {}) == (len(done), dict(tally.errors)), tally.examples
    assert 4 * begun == len(steps)
    assert [] == [row for row in rows if row.outcome == "left"]
    if proving():
        assert_in_time(tally)
        assert ms(steps, 0.95) <= 150
        assert ms(steps, 0.99) <= 400


class Replies(Phones):
    """When each phone got what."""

    def __init__(self):
        super().__init__()
        self.by_phone = {}

    def deliver(self, to, sender, text):
        self.by_phone.setdefault(to, []).append((asyncio.get_running_loop().time(), text))


@pytest.mark.experiment("L2", "150 SMS a second: each acknowledged in time and answered once")
@pytest.mark.timeout(600)
async def test_a_hundred_and_fifty_sms_a_second(served, redis_url, figure):
    per_s, seconds, within_s = (150, 120, 120) if proving() else (15, 3, 30)
    count = round(per_s * seconds)
    replies, took, sent_at, late = Replies(), [], {}, 0
    loop = asyncio.get_running_loop()
    two = {"options": ("--workers", "2"), "sessions": {"redis": redis_url}}
    async with served(inbox=replies, office_s=0.0, **two) as service:
        wire = Wire(service.url)

        async def texts(place, msisdn, due):
            query = {
                "from": msisdn,
                "to": "4040",
                "text": "12345",
                "coding": "0",
                "charset": "UTF-8",
                "id": f"l2-{place}",
            }
            try:
                return (await wire.ask("/sms/kannel", Request("GET", query=urlencode(query)))).status
            except CallFailed as failed:
                return failed.kind
            finally:
                took.append(loop.time() - due)

        sending, began = [], loop.time()
        for place in range(count):
            due, msisdn = began + place / per_s, f"+98916{place:07}"
            await asyncio.sleep(max(0.0, due - loop.time()))
            late += loop.time() - due > 0.02
            sent_at[msisdn] = due
            sending.append(asyncio.create_task(texts(place, msisdn, due)))
        statuses = await asyncio.gather(*sending)
        until = loop.time() + within_s
        while len(replies.by_phone) < count and loop.time() < until:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)  # for a second copy
        wire.close()

    figure("offered a second", per_s)
    waited = [replies.by_phone[each][0][0] - at for each, at in sent_at.items() if each in replies.by_phone]
    figure("runs", count)
    figure("replies", sum(map(len, replies.by_phone.values())))
    for name, values, share in (("ack p95 ms", took, 0.95), ("ack p99 ms", took, 0.99), ("reply p99 ms", waited, 0.99)):
        figure(name, ms(values, share))
    figure("begun late %", round(late / count * 100, 1))

    assert {200: count} == Counter(statuses)
    assert dict.fromkeys(sent_at, 1) == {each: len(got) for each, got in replies.by_phone.items()}
    assert all("نامه 12345" in text for got in replies.by_phone.values() for _, text in got)
    if proving():
        assert late <= MOST_LATE * count, "this machine has too much else to do to say anything"
        assert ms(took, 0.95) <= 150
        assert ms(took, 0.99) <= 400
        assert ms(waited, 0.99) <= 30_000
