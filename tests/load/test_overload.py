"""Ten times as many callers as a process can serve: they are told so at once, and those it has taken are served."""

import asyncio
from array import array

import pytest

from simulators.aggregator import CallFailed
from simulators.channels import AS_SHIPPED
from simulators.load import Caller, Inbox, Plan, offer
from simulators.load_result import Tally, percentile
from simulators.rehearsal import Conversation, Step
from simulators.wire import Wire
from tests.experiments import proving
from tests.load.test_load import assert_in_time

DIAL_AND_CHOOSE = Conversation(
    None, (Step("dial", "*4*061#", 1), Step("type", "1", 2), Step("see", "<words><more>", 3))
)


class Crowd:
    """What became of the steps of many callers: how long each took, by how it was answered."""

    def __init__(self, url, busy):
        self.busy = busy
        self.wire, self.tally = Wire(url), Tally()
        self.took = {"taken": array("d"), "went on": array("d"), "busy": array("d"), "cut off": array("d")}

    async def calls(self, plan):
        await offer(plan, self.caller, self.tally)
        self.wire.close()

    def caller(self, msisdn, due):
        return _Caller(self, due, self.wire, AS_SHIPPED, Inbox(self.wire), msisdn, due, self.tally)

    def count(self, name):
        return len(self.took[name])

    def ms(self, name, share):
        found = percentile(sorted(self.took[name]), share)
        return None if found is None else round(found * 1000)


class _Caller(Caller):
    def __init__(self, crowd, due, *more):
        super().__init__(*more)
        self.crowd, self.due = crowd, due

    def call(self):
        return _Call(self.crowd, self.due, super().call().call)


class _Call:
    """A call that ends when the gateway is busy: that is an answer, not a fault."""

    def __init__(self, crowd, due, call):
        self.crowd, self.due, self.inner = crowd, due, call

    async def dial(self, code):
        return await self._timed(self.due, self.inner.dial(code), "taken", "busy")

    async def type(self, text):
        return await self._timed(asyncio.get_running_loop().time(), self.inner.type(text), "went on", "cut off")

    async def _timed(self, began, asked, name, name_if_busy):
        shown = await asked
        busy = shown.text == self.crowd.busy
        self.crowd.took[name_if_busy if busy else name].append(asyncio.get_running_loop().time() - began)
        if busy:
            assert shown.over, "nobody is to wait in a session that is not served"
            raise CallFailed("told to call again", kind="busy")
        return shown


@pytest.mark.experiment("L3", "ten times too many callers are told so at once, and whoever is taken is served")
@pytest.mark.timeout(300)
async def test_ten_times_too_many_callers(served, shipped_menu, redis_url, figure):
    busy = shipped_menu.nodes["busy"].text["fa"].source
    per_s, seconds = (2000, 30) if proving() else (300, 2)
    few = {} if proving() else {"overload": {"turns_at_once": 4, "reserved_for_running": 1}}
    # What is remembered of those who are served has its place in Redis: in the process nothing may grow.
    async with served(sessions={"redis": {"url": redis_url}}, **few) as service:
        usual = Crowd(service.url, busy)
        await usual.calls(Plan([("usual", DIAL_AND_CHOOSE, 1)], 20, 3 if proving() else 0.5))
        before_mb = service.rss_mb
        crowd = Crowd(service.url, busy)
        await crowd.calls(Plan([("crowd", DIAL_AND_CHOOSE, 1)], per_s, seconds, seed=3))
        after_mb, running = service.rss_mb, service.processes
        await asyncio.sleep(5 if proving() else 0.5)
        again = Crowd(service.url, busy)
        await again.calls(Plan([("again", DIAL_AND_CHOOSE, 1)], 20, 3 if proving() else 0.5, seed=4))

        figure("offered a second", per_s)
        figure("runs", crowd.count("taken") + crowd.count("busy"))
        for name, found in crowd.took.items():
            figure(name, len(found))
        for name, found in (("taken p99 ms", crowd.ms("taken", 0.99)), ("went on p99 ms", crowd.ms("went on", 0.99)),
                            ("busy p99 ms", crowd.ms("busy", 0.99)), ("again p95 ms", again.ms("taken", 0.95)),
                            ("our own lag p99 ms", round(sorted(crowd.tally.lags)[-len(crowd.tally.lags) // 100] * 1000)),
                            ("RSS before MB", round(before_mb)), ("RSS after MB", round(after_mb))):  # fmt: skip
            figure(name, found)

        begun = round(per_s * seconds)
        assert {"busy"} == {*crowd.tally.errors}, crowd.tally.examples
        assert begun == crowd.count("taken") + crowd.count("busy")
        assert crowd.count("taken") == crowd.count("went on") + crowd.count("cut off")
        assert crowd.count("busy") > 0 < crowd.count("went on")
        assert 20 * (3 if proving() else 0.5) == again.count("went on"), "as usual again"
        assert running == service.processes, "nobody died"
        if proving():
            assert_in_time(crowd.tally)
            assert crowd.ms("taken", 0.99) <= 1000
            assert crowd.ms("busy", 0.99) <= 200
            assert after_mb <= 1.2 * before_mb
