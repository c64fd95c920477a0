"""Recorded callbacks that come again to other workers, to a Redis that forgot everything, and days later to workers that
were not there before (A3). tests/gateway/test_replays.py has every dialect, in one process."""

import asyncio
import os
import signal
from collections import Counter
from types import SimpleNamespace

import aiohttp
import pytest

from gateway.channels import access
from gateway.clock import SystemClock
from simulators.demo import HOME
from tests import redis as servers
from tests.experiments import counted, proving
from tests.faults.service import around, inside
from tests.faults.test_crashes import sms_settings
from tests.faults.test_processes import events, until
from tests.gateway.callbacks import USSD, message, receipt, ussd
from tests.gateway.test_replays import SECRET, SIGNED, Recorded, all_sent

CHANNELS = (*USSD, "kannel")
TO_THE_LETTER = ("africastalking", "inoti", "json")
"""Dialects whose chain or count tells a repetition."""

AT_ONCE = 4

DAY_S = 86_400
LATER_S = {"+6 min": 360, "+8 days": 8 * DAY_S}


def add_channels(folder):
    """All that take callbacks and need nobody but the Kannel, each as it is and signed."""
    for name in CHANNELS:
        text = (HOME / "config" / "channels" / f"{name}.yaml").read_text("utf-8")
        if not (folder / f"{name}.yaml").exists():
            (folder / f"{name}.yaml").write_text(text, "utf-8")
        lines = ['auth: {hmac: "${KEY}"}' if line.startswith("auth: none") else line for line in text.split("\n")]
        (folder / f"{SIGNED}{name}.yaml").write_text("\n".join(lines), "utf-8")


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "A3",
    "what comes again to another worker, or after Redis forgot everything, has no effect; an old signature is refused",
)
async def test_nothing_comes_of_a_replay_to_any_worker(own_postgresql, tmp_path, keys, figure):
    _, url = own_postgresql
    later_s = LATER_S if proving() else {"+8 days": LATER_S["+8 days"]}
    each = -(-counted(1000) // (2 * len(CHANNELS) * 2))
    offset = tmp_path / "offset"
    offset.write_text("0")
    counts = iter(range(1, 10**6))
    with servers.running() as redis:
        in_redis = {"redis": redis.url, "redis_within_s": 5.0}  # a busy machine is not to be taken for a slow Redis
        async with around(tmp_path, keys, url, sms=sms_settings(), sessions=in_redis) as service:
            add_channels(tmp_path / "config" / "channels")
            service.arguments = ("--workers", "2")
            await service.start(KEY=SECRET, **inside(RASAD_CLOCK=str(offset)))
            # A connection a request: whoever of the workers takes it.
            http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
            d = SimpleNamespace(url=service.url, http=http)
            now_s = SystemClock().now().timestamp()
            bases = {f"{signed}{name}": name for signed in ("", SIGNED) for name in CHANNELS}
            talks, texts = [], []
            for name, base in bases.items():
                for _ in range(each):
                    phone, id_ = f"+98916{next(counts):07}", str(next(counts))
                    if base in USSD:
                        talks.append([Recorded(now_s, "/ussd", name, step) for step in ussd(base, phone, id_)])
                    else:
                        texts.append([Recorded(now_s, "/sms", name, message(base, phone, id_))])

            async def effects():
                await service.settled()
                rows = {
                    name: await service.rows(name)
                    for name in ("message_in", "message_out", "follow", "follow_up", "phone", "rating")
                }
                return {
                    "messages": sorted((row.channel, row.provider_id, row.outcome) for row in rows["message_in"]),
                    "answers": sorted((row.cause, row.state, row.tries, row.fate) for row in rows["message_out"]),
                    "follows": sorted((row.follow_tag, row.state, row.notices) for row in rows["follow"]),
                    **{name: len(rows[name]) for name in ("follow_up", "phone", "rating")},
                    "on phones": service.phones.reached.total(),
                }

            async def again(recorded, moment, *, stale=False):
                found = await all_sent(d, recorded, AT_ONCE)
                for replay, (status, body) in found.items():
                    assert (401 if stale and replay.signed else 200) == status, (moment, replay.target, body)
                    figure.count("refused as stale", int(stale and replay.signed))
                figure.count("runs", len(found))
                assert before == await effects(), moment
                return found

            try:
                first = await all_sent(d, [*talks, *texts], AT_ONCE)
                assert Counter({200: len(first)}) == Counter(status for status, _ in first.values())
                assert [] == [first[talk[1]] for talk in talks if "پیامک می‌شود" not in first[talk[1]][1]]
                await service.settled()
                fates = [
                    [Recorded(now_s, "/dlr", row.channel, receipt(bases[row.channel], row.provider_id, row.msisdn))]
                    for row in await service.rows("message_out")
                ]
                told = await all_sent(d, fates, AT_ONCE)
                assert Counter({200: len(fates)}) == Counter(status for status, _ in told.values())
                recorded = [*talks, *texts, *fates]
                before = await effects()
                assert {"delivered"} == {fate for *_, fate in before["answers"]}
                assert (len(texts), len(texts), len(talks)) == (
                    len(before["messages"]), len(before["answers"]), len(before["follows"]),
                )  # fmt: skip
                figure("callbacks", sum(map(len, recorded)))

                await asyncio.sleep(1)
                found = await again(recorded, "+1 s")
                for talk in talks:
                    if bases[talk[1].target.split("/")[2].split("?")[0]] in TO_THE_LETTER:
                        assert first[talk[1]] == found[talk[1]]
                        figure.count("answered with the same octets")

                with redis.client as client:
                    client.flushall()
                await again(recorded, "after Redis forgot")
                with redis.client as client:
                    client.flushall()
                await again([[talk[1]] for talk in talks], "the end of a call Redis forgot, alone")

                for count, (moment, after_s) in enumerate(later_s.items(), 1):
                    offset.write_text(str(after_s))  # who runs does not believe it yet, who begins now does
                    os.kill(service.pid, signal.SIGHUP)
                    await until(lambda count=count: len(events(service, "workers_renewed")) == count)
                    with redis.client as client:
                        client.flushall()
                    await again(recorded, moment, stale=after_s > access.FRESH_S)
            finally:
                await http.close()
            assert {1, 2} == {event["worker"] for event in events(service, "turn")}
            figure("effects", 0)
