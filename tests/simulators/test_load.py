"""Load, judged: what it offers, what it counts, what it must not hide, and when it must keep silent."""

import asyncio
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiohttp import web
from lxml import etree

from simulators import demo
from simulators.channels import AS_SHIPPED
from simulators.load import MIX, Caller, Inbox, Plan, _shipped, offer, part
from simulators.load_page import page
from simulators.load_result import Tally, percentile, result
from simulators.rehearsal import NotAConversation, read
from simulators.wire import Wire

RASAD = str(Path(sys.executable).parent / "rasad")

DIAL = "steps:\n  - dial: '*4*061#'\n  - see: hello\n"


@pytest.fixture
def conversation(tmp_path):
    def written(text):
        path = tmp_path / "c.yaml"
        path.write_text(text, encoding="utf-8")
        return read(path)

    return written


class Gateway:
    """A real server. held: from which to which request, counted from 1, the answers wait for the last of them."""

    def __init__(self, held=(0, 0), says="END hello"):
        self.asked, self.held, self.says = 0, range(held[0], held[1] + 1), says
        self.last = asyncio.Event()

    async def answer(self, _request):
        self.asked += 1
        mine = self.asked
        if self.held and mine == self.held[-1]:
            self.last.set()
        elif mine in self.held:
            await asyncio.wait_for(self.last.wait(), 8)
        return web.Response(text=self.says)


@pytest.fixture
def serve(aiohttp_server):
    async def started(gateway):
        application = web.Application()
        application.router.add_post("/ussd/africastalking", gateway.answer)
        return str((await aiohttp_server(application)).make_url("")).rstrip("/")

    return started


async def run(url, plan, caller=Caller):
    tally, wire = Tally(), Wire(url)
    await offer(plan, lambda msisdn, due: caller(wire, AS_SHIPPED, Inbox(wire), msisdn, due, tally), tally)
    wire.close()
    return tally


async def test_a_gateway_that_stops_for_a_second_cannot_hide_it(serve, conversation):
    # At 50 a second the answers to 50 requests wait for the last of these: a stall of a second, whatever the clock.
    # Measured from its moment the first of them takes 0.98 s, the next 0.96 s and so on.
    gateway = Gateway(held=(51, 100))
    tally = await run(await serve(gateway), Plan([("c", conversation(DIAL), 1)], 50, 4))

    took = list(tally.took["dial"])
    assert (200, 200, 200, 0) == (gateway.asked, len(took), len(tally.done), tally.errors.total())
    late = sorted((each for each in took if each > 0.099), reverse=True)
    assert len(late) >= 45
    assert [] == [place for place in range(45) if late[place] < 0.98 - 0.02 * place - 0.001]
    # Who asks, waits and asks again would have met it once.
    assert percentile(sorted(took), 0.9) > 0.4


async def test_answers_are_awaited_by_as_many_as_come(serve, conversation):
    gateway = Gateway(held=(1, 60))  # nobody is answered before all have come
    tally = await run(await serve(gateway), Plan([("c", conversation(DIAL), 1)], 200, 0.3))

    assert (60, 60, 0) == (gateway.asked, len(tally.done), tally.errors.total())


async def test_its_own_delay_is_in_what_is_measured_and_told(serve, conversation):
    class Blocking(Caller):
        """The first caller stops the whole process for 0.3 s."""

        blocked = False

        def call(self):
            if not Blocking.blocked:
                Blocking.blocked = True
                time.sleep(0.3)
            return super().call()

    tally = await run(await serve(Gateway()), Plan([("c", conversation(DIAL), 1)], 50, 1), Blocking)

    slowest = sorted(tally.took["dial"], reverse=True)
    for place in range(1, 15):
        assert tally.lags[place] >= 0.3 - place / 50 - 0.001
        assert slowest[place] >= 0.3 - place / 50 - 0.001
    found = result(tally, "u", "c", 50, 1, {})
    assert found.lag.late >= 13 / 50
    assert (False, {}, []) == (found.quoted, found.steps, found.timeline)
    assert "No result: " in "\n".join(found.lines())
    assert "No result: " in page(found)
    assert "<svg" not in page(found)


@pytest.mark.parametrize(
    ("says", "kind", "example"),
    [
        ("END goodbye", "another screen", "-hello\n+goodbye"),
        ("hello", "unreadable", "neither CON nor END"),
    ],
)
async def test_what_fails_is_counted_by_its_kind(serve, conversation, says, kind, example):
    tally = await run(await serve(Gateway(says=says)), Plan([("c", conversation(DIAL), 1)], 100, 0.1))

    assert ({kind: 10}, 0) == (dict(tally.errors), len(tally.done))
    assert example in tally.examples[kind]


async def test_nobody_there_is_counted_too(conversation, unused_tcp_port):
    tally = await run(f"http://127.0.0.1:{unused_tcp_port}", Plan([("c", conversation(DIAL), 1)], 100, 0.1))

    assert ({"unreachable": 10}, 0) == (dict(tally.errors), len(tally.took["dial"]))


async def test_an_answer_that_never_comes_counts_with_the_time_it_took(serve, conversation, monkeypatch):
    gateway = Gateway(held=(1, 1000))
    plan = Plan([("c", conversation(DIAL), 1)], 100, 0.05)
    wire, tally = Wire(await serve(gateway)), Tally()
    ask = wire.ask
    monkeypatch.setattr(wire, "ask", lambda path, request: ask(path, request, within_s=0.2))
    await offer(plan, lambda msisdn, due: Caller(wire, AS_SHIPPED, Inbox(wire), msisdn, due, tally), tally)
    gateway.last.set()

    assert ({"no answer": 5}, 5) == (dict(tally.errors), len(tally.took["dial"]))
    assert min(tally.took["dial"]) >= 0.199


def test_arrivals_keep_their_distance_and_the_mix_its_weights(conversation):
    plain = conversation(DIAL)
    named = conversation("from: '+989160000001'\n" + DIAL)
    plan = Plan([("a", plain, 3), ("b", named, 1)], 100, 40, seed=7)
    found = list(plan.arrivals())

    assert [place / 100 for place in range(4000)] == [at for at, _, _ in found]
    assert 900 <= sum(each is named for _, each, _ in found) <= 1100
    assert {"+989160000001"} == {msisdn for _, each, msisdn in found if each is named}
    assert len({msisdn for _, each, msisdn in found if each is plain}) > 2900
    assert found == list(plan.arrivals())
    assert found != list(Plan(plan.mix, 100, 40, seed=8).arrivals())


@pytest.mark.parametrize(("text", "weight"), [("a.yaml", 1.0), ("a.yaml=3", 3.0), ("a=b.yaml=0.5", 0.5)])
def test_a_weight_stands_behind_the_file(text, weight):
    path, found = part(text)

    assert (".yaml", weight) == (path.suffix, found)


@pytest.mark.parametrize("text", ["a.yaml=", "a.yaml=much", "a.yaml=0", "a.yaml=-1", "a.yaml=nan", "a.yaml=inf"])
def test_what_is_no_weight_is_refused(text):
    with pytest.raises(NotAConversation, match=r"a number above 0: a\.yaml=3"):
        part(text)


@pytest.mark.parametrize(
    ("count", "share", "found"),
    [(1, 0.5, None), (2, 0.5, 1), (3, 0.5, 2), (100, 0.99, 99), (99, 0.99, None), (1000, 0.999, 999), (999, 0.999, None), (10, 0.9, 9), (0, 0.5, None)],
)  # fmt: skip
def test_a_percentile_is_exact_or_not_told(count, share, found):
    assert found == percentile(list(range(1, count + 1)), share)


def filled(late=0):
    """A tally of 1000 dialogues at 100 a second, so many of them begun late."""
    tally = Tally()
    tally.started_at = 50.0
    for place in range(1000):
        due = 50 + place / 100
        tally.begun(due, due + (0.03 if place < late else 0.01))
        tally.step("dial", due, due + (place + 1) / 1000)
        tally.finished(due + 2)
    return tally


@pytest.mark.parametrize(("late", "quoted"), [(0, True), (50, True), (51, False)])
def test_a_result_is_quoted_up_to_five_percent_of_late_dialogues(late, quoted):
    found = result(filled(late), "u", "c", 100, 10, {})

    assert (late / 1000, quoted) == (found.lag.late, found.quoted)


def test_what_a_result_says():
    found = result(filled(), "http://u", "c", 100, 10, {"a": 1.0})

    assert (1000, 1000, 0) == (found.begun, found.over, found.failed)
    assert {"p50": 500.0, "p90": 900.0, "p95": 950.0, "p99": 990.0, "p99.9": 999.0} == found.steps["dial"].percentiles
    assert 1000.0 == found.steps["dial"].max
    assert [100] * 10 + [0] * 2 == [each.begun for each in found.timeline]
    assert [0] * 2 + [100] * 10 == [each.over for each in found.timeline]
    assert (50.0, 99.0, 100.0) == (found.timeline[0].p50, found.timeline[0].p99, found.timeline[0].max)
    assert any(
        re.fullmatch(r"dial +1000 +500\.0 +900\.0 +950\.0 +990\.0 +999\.0 +1000\.0", line) for line in found.lines()
    )


def test_the_page_has_its_plots_and_fetches_nothing():
    tally = filled()
    tally.failed("another <screen>", "said <b>&")
    text = page(result(tally, "http://u/<i>", "c", 100, 10, {"a": 1.0}))
    plots = [etree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.S)]

    assert [3, 2, 1] == [len(plot.findall("{*}polyline")) for plot in plots]
    for plot in plots:
        width, height = (float(each) for each in plot.get("viewBox").split()[2:])
        for line in plot.findall("{*}polyline"):
            points = [[float(each) for each in point.split(",")] for point in line.get("points").split()]
            assert [] == [point for point in points if not (0 <= point[0] <= width and 0 <= point[1] <= height)]
    assert re.search(r"<script|<link|src=|href=|url\(|@import", text) is None
    assert "said &lt;b&gt;&amp;" in text
    assert "<i>" not in text


@pytest.mark.parametrize("at_once", [[], [("dial", 0.0)]])
def test_a_page_of_next_to_nothing_is_a_page(at_once):
    tally = Tally()
    for act, took in at_once:
        tally.begun(0.0, 0.0)
        tally.step(act, 0.0, took)

    assert "</html>" in page(result(tally, "u", "c", 1, 1, {}))


def rasad_load(*arguments):
    return subprocess.run(
        [RASAD, "load", *arguments], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )


async def test_the_demo_under_load(tmp_path):
    sms = tmp_path / "sms.yaml"
    sms.write_text("steps:\n  - text: '12345'\n  - sms: 'رصد: نامه 12345 <words>'\n", encoding="utf-8")
    mix = [str(_shipped(name)) for name in MIX] + [f"{sms}=2"]
    async with demo.running(demo.HOME / "config", "127.0.0.1", 0, tmp_path / "var") as url:
        options = ("--dialogues-per-s", "10", "--seconds", "3", "--url", url)
        done = await asyncio.to_thread(
            rasad_load, *mix, *options, "--json", str(tmp_path / "r.json"), "--html", str(tmp_path / "r.html")
        )
        alone = await asyncio.to_thread(rasad_load, "--dialogues-per-s", "5", "--seconds", "1", "--url", url)
    found = json.loads((tmp_path / "r.json").read_text())

    assert (30, 30, 0, {}) == (found["begun"], found["over"], found["failed"], found["errors"]), done.stdout
    assert "africastalking" == found["channel"]
    # On a machine with more to do it may have been late, and then it says nothing.
    assert (0 if found["quoted"] else 3) == done.returncode
    if found["quoted"]:
        assert {"dial", "type", "text", "sms"} == found["steps"].keys()
        assert found["steps"]["text"]["count"] == found["steps"]["sms"]["count"] > 0
        assert 30 == sum(each["begun"] for each in found["timeline"])
    assert re.search(r"^ +1 s +1\d begun", done.stderr, re.M)
    assert (tmp_path / "r.html").read_text().endswith("</html>\n\n")
    assert "5 begun, 5 over, 0 failed" in alone.stdout


async def test_a_run_that_was_late_itself_says_so_and_ends_with_3(serve, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(DIAL, encoding="utf-8")
    url = await serve(Gateway())
    # A thousand in a twentieth of a second are more than any Python can begin.
    options = ("--dialogues-per-s", "20000", "--seconds", "0.05", "--url", url, "--json", str(tmp_path / "r.json"))
    done = await asyncio.to_thread(rasad_load, str(file), *options)

    assert 3 == done.returncode, done.stderr
    assert "No result: " in done.stdout
    assert "p99" not in done.stdout
    found = json.loads((tmp_path / "r.json").read_text())
    assert (1000, False, {}, []) == (found["begun"], found["quoted"], found["steps"], found["timeline"])


async def test_dialogues_that_fail_end_with_1_and_are_told(serve, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(DIAL, encoding="utf-8")
    url = await serve(Gateway(says="END goodbye"))
    done = await asyncio.to_thread(rasad_load, str(file), "--dialogues-per-s", "5", "--seconds", "1", "--url", url)

    assert done.returncode in (1, 3), done.stderr  # 3: on a machine with more to do
    assert "5 begun, 0 over, 5 failed\n  5 another screen, for example: line 3:" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--url", "http://127.0.0.1:9"], "cannot be reached"),
        (["nothing.yaml", "--url", "http://127.0.0.1:9"], "nothing.yaml"),
        (["--url", "https://127.0.0.1:9"], "cannot be reached"),
    ],
)
def test_what_cannot_begin_says_why(arguments, told):
    done = rasad_load(*arguments)

    assert (1, True, "") == (done.returncode, told in done.stderr, done.stdout)
    assert "Traceback" not in done.stderr


async def test_a_gateway_elsewhere_that_is_no_demo_is_left_alone(serve, monkeypatch):
    from simulators import load

    url = await serve(Gateway())
    monkeypatch.setattr(load, "_this_machine", lambda host: False)

    with pytest.raises(load.NotHere, match="is no demo, and its answers may go to citizens' phones"):
        await load._target(url, None)


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("gateway.example", False), ("", False)],
)  # fmt: skip
def test_what_is_this_machine(host, here):
    from simulators.load import _this_machine

    assert here is _this_machine(host)
