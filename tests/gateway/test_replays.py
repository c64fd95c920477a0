"""Whoever recorded a valid callback and sends it again, soon or days later: nothing comes of it (A3).

Every dialect, as it is and signed. A replay of an unsigned one is answered: it is known by its id, by its chain or count,
or repeats what has been done already. A signed one is refused once its time stamp is old.
"""

import asyncio
import shutil
from collections import Counter

import pytest
from aiohttp import web
from yarl import URL

from gateway.channels import access
from gateway.signed import sign
from simulators.africastalking import AfricasTalking
from simulators.demo import HOME
from simulators.kavenegar import Kavenegar
from simulators.phones import Phones
from tests.experiments import counted
from tests.gateway.callbacks import SMS, USSD, message, receipt, ussd

SECRET = "n" * 24
SIGNED = "signed_"
WAYS = 2 * (len(USSD) + 2 * len(SMS))  # plain and signed; an SMS channel has messages and receipts

DAY_S = 86_400
MOMENTS = {"+1 s": 1, "+4 min": 240, "+6 min": 360, "+8 days": 8 * DAY_S}


class Recorded:
    """A callback as it went over the wire, signature and all."""

    def __init__(self, now_s, path, name, request, secret=SECRET):
        self.method, query, kind, body = request
        self.signed = name.startswith(SIGNED)
        target = f"{path}/{name}" + (f"?{query}" if query else "")
        self.target, self.body, self.headers = target, body.encode(), {"Content-Type": kind}
        if self.signed:
            stamp = str(int(now_s))
            octets = f"{self.method} {target}\n".encode() + self.body
            self.headers |= {access.STAMP: stamp, access.SIGNATURE: sign(secret, stamp, octets).decode()}

    async def sent(self, d):
        url = URL(f"{d.url}{self.target}", encoded=True)
        async with d.http.request(self.method, url, data=self.body or None, headers=self.headers) as response:
            return response.status, await response.text()


@pytest.fixture
def config(tmp_path):
    """Each channel twice: as it is, and one that wants its requests signed."""
    found = shutil.copytree(HOME / "config", tmp_path / "config")
    channels = found / "channels"
    for file in [each for each in channels.glob("*.yaml") if "auth: none" in each.read_text("utf-8")]:
        lines = file.read_text("utf-8").split("\n")
        text = "\n".join('auth: {hmac: "${KEY}"}' if line.startswith("auth: none") else line for line in lines)
        (channels / f"{SIGNED}{file.name}").write_text(text, "utf-8")
    return found


@pytest.fixture
async def providers(aiohttp_server):
    """The phones behind Kavenegar and Africa's Talking, and where these are."""
    phones, application = Phones(), web.Application()
    application.add_subapp("/kavenegar", Kavenegar("demo", phones).application())
    application.add_subapp("/africastalking", AfricasTalking("rasad", "demo", phones).application())
    server = await aiohttp_server(application)
    return phones, str(server.make_url("")).rstrip("/")


@pytest.mark.experiment("A3", "a valid callback that is sent again has no effect, and an old signature is refused")
async def test_nothing_comes_of_a_replay(desk, config, providers, clock, eventually, figure):
    others, url = providers
    each = -(-counted(1000) // WAYS)
    numbers = iter(range(1, 10**6))

    async with desk(config=config, environ={"SMS_PROVIDERS_URL": url, "KEY": SECRET}) as d:
        names = [f"{signed}{name}" for signed in ("", SIGNED) for name in USSD]
        texting = [f"{signed}{name}" for signed in ("", SIGNED) for name in SMS]
        now_s = clock.now().timestamp()
        bases = {name: name.removeprefix(SIGNED) for name in (*names, *texting)}
        talks = []
        for name in names:
            for _ in range(-(-each // 2)):
                phone, session = f"+98916{next(numbers):07}", f"s{next(numbers)}"
                steps = ussd(bases[name], phone, session)
                talks.append([Recorded(now_s, "/ussd", name, step) for step in steps])
        texts = [Recorded(now_s, "/sms", name, message(bases[name], f"+98916{next(numbers):07}", str(next(numbers))))
                 for name in texting for _ in range(each)]  # fmt: skip

        async def at_rest():
            asked = [row for row in await d.rows("message_in") if row.state != "done"]
            return not asked and not [row for row in await d.rows("message_out") if row.state == "waiting"]

        async def effects():
            await eventually(at_rest, within_s=100)
            rows = {
                name: await d.rows(name)
                for name in ("message_in", "message_out", "follow", "follow_up", "phone", "rating")
            }
            return {
                "messages": sorted((row.channel, row.provider_id, row.outcome) for row in rows["message_in"]),
                "answers": sorted((row.cause, row.state, row.tries, row.fate) for row in rows["message_out"]),
                "follows": sorted((row.follow_tag, row.state, row.notices) for row in rows["follow"]),
                **{name: len(rows[name]) for name in ("follow_up", "phone", "rating")},
                "on phones": len(d.phones.received(None)) + len(others.received(None)),
            }  # fmt: skip

        first = await all_sent(d, [*talks, *([each] for each in texts)])
        assert Counter({200: len(first)}) == Counter(status for status, _ in first.values())
        assert all("پیامک می‌شود" in first[talk[1]][1] for talk in talks)
        await effects()
        sent = {row.msisdn: row for row in await d.rows("message_out")}
        fates = [
            Recorded(now_s, "/dlr", row.channel, receipt(bases[row.channel], row.provider_id, row.msisdn))
            for row in sent.values()
        ]
        assert Counter({200: len(fates)}) == Counter(
            [each[0] for each in (await all_sent(d, [[f] for f in fates])).values()]
        )
        recorded = [*talks, *([each] for each in (*texts, *fates))]
        before = await effects()
        assert {"delivered"} == {fate for *_, fate in before["answers"]}
        assert (len(texts), len(talks)) == (len(before["messages"]), len(before["follows"]))
        figure("callbacks", sum(map(len, recorded)))

        at_s = 0
        for moment, after_s in MOMENTS.items():
            clock.advance(after_s - at_s)
            at_s = after_s
            again = await all_sent(d, recorded)
            for replay, (status, body) in again.items():
                stale = replay.signed and after_s > access.FRESH_S
                assert (401 if stale else 200) == status, (moment, replay.target, body)
                figure.count("refused as stale", int(stale))
                figure.count("runs")
            if after_s == 1:  # the last of a session that is known by chain or count: to the letter
                for talk in talks:
                    if bases[talk[1].target.split("/")[2].split("?")[0]] in ("africastalking", "inoti", "json"):
                        assert first[talk[1]] == again[talk[1]]
                        figure.count("answered with the same octets")
            assert before == await effects(), moment
        figure("effects", 0)


async def all_sent(d, several, at_once=16):
    """What each callback got; those of one phone in their order, the phones side by side."""
    found, gate = {}, asyncio.Semaphore(at_once)

    async def one_after_another(some):
        async with gate:
            for each in some:
                found[each] = await each.sent(d)

    await asyncio.gather(*[one_after_another(some) for some in several])
    return found
