"""SMSCs that misbehave, each in its own way and all at the same time, before one gateway: no message is lost, an SMSC in
trouble is not pestered, and the one that is well does not notice.

What a gateway waits between attempts is ten times shorter than in life.
"""

import asyncio
import shutil
import time
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
import sqlalchemy as sa

from gateway.channels import esme
from gateway.channels.smpp import bind
from simulators.demo import HOME
from simulators.smsc import SUBMIT_SM, Smsc
from tests.conftest import FakeClock
from tests.experiments import counted, proving
from tests.faults.proxy import Manner, Proxy

FASTER = 10
TROUBLE_S = 5.0
MINUTE_S = 60 / FASTER
WINDOW, PER_S = 10, 50

SAYS = {
    "throttle": "throttle", "queue full": "full", "system error": "system_error", "binds refused": "refuse_binds",
    "closed during the bind": "no_binds", "answers twice": "twice", "answers to nothing": "stray",
    "answers reversed": "reversed", "no answer to enquire_link": "deaf",
}  # fmt: skip
"""What an SMSC itself does. The other modes are of the line, or need a moment."""

MODES = (*SAYS, "unbinds in the middle", "reset in the middle", "silent", "answers after 70 s", "certificate expired")
WELL = "well"

CHANNEL = """
carries: smpp
host: 127.0.0.1
port: {port}
system_id: rasad
password: "${{SMPP_PASSWORD}}"
window: {window}
per_s: {per_s}
response_within_s: 2
enquire_link_s: 1
sms: {{sender: "4040", parts: 3}}
{tls}
"""


class FastClock(FakeClock):
    """Ten seconds a second."""

    def __init__(self):
        super().__init__()
        self._began = time.monotonic()

    @property
    def seconds(self):
        return FASTER * (time.monotonic() - self._began)

    @seconds.setter
    def seconds(self, _):
        pass


@pytest.fixture
def clock():
    return FastClock()


@pytest.fixture(autouse=True)
def _faster(monkeypatch):
    for module, name, by in (
        (bind, "KEPT_OUT_S", 10 * FASTER), (bind, "FIRST_RETRY_S", FASTER), (bind, "LAST_RETRY_S", FASTER),
        (esme, "LAST_RETRY_S", FASTER), (esme, "QUEUE_S", FASTER),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, getattr(module, name) / by)


def named(mode):
    return mode.replace(" ", "-")


class Peer:
    """An SMSC, what is wrong with it, and the line to it."""

    def __init__(self, mode):
        self.mode, self.arrived = mode, Counter()
        self.smsc = Smsc("rasad", "demo", lambda to, _sender, text: self.arrived.update([(to, text)]))

    async def trouble(self):
        smsc = self.smsc
        smsc.mode = SAYS.get(self.mode, "none")
        self.since = asyncio.get_running_loop().time()
        match self.mode:
            case "binds refused" | "closed during the bind":
                smsc.drop()
            case "unbinds in the middle" | "reset in the middle":
                smsc.delay_s = 0.2
                for _ in range(3):
                    await self.submitted()
                    if self.mode == "reset in the middle":
                        self.proxy.reset()
                    else:
                        smsc.unbind()
                smsc.delay_s = 0.0
            case "silent":
                await self.submitted()
                self.since = asyncio.get_running_loop().time()
                self.proxy.lose()
            case "answers after 70 s":
                smsc.delay_s = 70 / FASTER
            case "certificate expired":
                self.proxy.to_port = self.expired
                self.proxy.reset()

    async def submitted(self):
        """Once something more has been submitted."""
        before = len(self.smsc.submitted)
        while len(self.smsc.submitted) == before:
            await asyncio.sleep(0.01)

    def heal(self):
        self.smsc.mode, self.smsc.delay_s = "none", 0.0
        self.proxy.to_port = self.good
        self.proxy.manner = Manner()


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F14", "whatever is wrong with an SMSC, nothing is lost, it is not pestered, and the others do not notice"
)
async def test_fourteen_smscs_in_trouble(desk, clock, authority, tmp_path, eventually, figure):
    each_has = counted(200, 6)
    config = shutil.copytree(HOME / "config", tmp_path / "config")
    (config / "channels" / "smpp.yaml").unlink()
    peers = {mode: Peer(mode) for mode in (*MODES, WELL)}
    good, expired = authority.server("good"), authority.server("expired", days=-5000)
    async with AsyncExitStack() as stack:
        for mode, peer in peers.items():
            with_tls = mode == "certificate expired"
            peer.good = await stack.enter_async_context(peer.smsc.listening(good if with_tls else None))
            if with_tls:
                peer.expired = await stack.enter_async_context(Smsc("rasad", "demo", print).listening(expired))
            peer.proxy = await stack.enter_async_context(Proxy(peer.good))
            tls = f"tls: true\nca_file: {authority.ca_file}" if with_tls else ""
            text = CHANNEL.format(port=peer.proxy.port, window=WINDOW, per_s=PER_S, tls=tls)
            (config / "channels" / f"{named(mode)}.yaml").write_text(text, "utf-8")
        d = await stack.enter_async_context(desk(config=config))

        async def bound():
            return all(peer.smsc.binds for peer in peers.values())

        await eventually(bound)
        # Before there is something to send, or all of it may be sent before it begins.
        troubles = [asyncio.create_task(peer.trouble()) for peer in peers.values()]
        began = asyncio.get_running_loop().time()
        await queued(d, peers, range(each_has))
        await asyncio.sleep(TROUBLE_S)
        await queued(d, peers, range(each_has, 2 * each_has))
        await asyncio.gather(*troubles)
        ended = asyncio.get_running_loop().time()
        for peer in peers.values():
            peer.heal()

        async def over():
            table = d.database.tables.message_out
            async with d.database.reading() as connection:
                open_one = sa.select(table.c.id).where(table.c.state == "waiting").limit(1)
                return (await connection.execute(open_one)).first() is None

        await eventually(over, 300 if proving() else 120)
        rows = await d.rows("message_out")

    for mode, peer in peers.items():
        of_it = [row for row in rows if row.channel == named(mode)]
        assert 2 * each_has == len(of_it)
        for row in of_it:
            assert row.state in ("sent", "unknown"), (mode, row.state, row.reason)
            assert row.state == "unknown" or peer.arrived[row.msisdn, row.text], mode
        assert max(peer.arrived.values()) <= 2, mode
        figure.count("runs", len(of_it))
        figure.count("in doubt for good", sum(row.state == "unknown" for row in of_it))
        figure.count("sent twice", sum(count - 1 for count in peer.arrived.values()))
        knocks = sum(began <= made <= began + MINUTE_S for made in peer.proxy.made_at)
        figure.most("binds tried in a minute", knocks)
        assert knocks <= 6, mode
        if mode == WELL:
            assert {"sent"} == {row.state for row in of_it}
            assert all(peer.arrived[row.msisdn, row.text] == 1 or row.doubts for row in of_it)
    for mode in ("throttle", "queue full"):
        # What was on its way was refused; then one a pause asks whether it may.
        asked = sum(began <= at <= ended for at, command in peers[mode].smsc.seen if command == SUBMIT_SM)
        figure.most("asked while it wants nothing", asked)
        assert asked <= WINDOW + (ended - began) / bind.PAUSE_S + 1
    for mode in ("silent", "no answer to enquire_link"):
        noticed = min(made for made in peers[mode].proxy.made_at if made > peers[mode].since) - peers[mode].since
        figure.most("s until silence was noticed", round(noticed * FASTER))
        assert noticed <= 5 * MINUTE_S  # a busy machine is no minute


async def queued(d, peers, numbers):
    """Rows as whoever decides an answer writes them."""
    table, now = d.database.tables.message_out, d.clock.now()
    async with d.database.writing() as connection:
        for mode in peers:
            await connection.execute(
                table.insert(),
                [
                    {
                        "cause": f"{mode}:{number}", "channel": named(mode), "msisdn": f"+98916{number:07}",
                        "msisdn_tag": d.keys.tag(f"{mode}{number}"), "text": f"Letter {number}", "created_at": now,
                        "due_at": now, "expires_at": now + timedelta(hours=2), "state": "waiting", "tries": 0,
                        "doubts": 0,
                    }
                    for number in numbers
                ],
            )  # fmt: skip
