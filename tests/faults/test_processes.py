"""Several processes behind one socket, as an engineer runs them: real workers, a real Redis, signals by pid."""

import asyncio
import itertools
import json
import os
import shutil
import signal
import ssl
import subprocess
import time
import typing
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio

from gateway import app, settings_files
from gateway.clock import SystemClock
from gateway.sessions.redis import RedisSessions
from gateway.sessions.store import SessionKey
from gateway.settings import SHIPPED_MENU, RedisSettings
from menus.source import Faulty
from simulators.aggregator import CallFailed, Request
from simulators.demo import HOME
from simulators.phones import Phones
from simulators.smsc import BIND_TRANSCEIVER, UNBIND, Smsc
from simulators.wire import Wire
from tests import redis as servers
from tests.experiments import counted, proving
from tests.faults import service as services
from tests.menus import small

MAIN = "CON رصد خوزستان"


pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(300),
]  # a process a core, each seconds to start


@pytest.fixture(scope="module")
def server():
    with servers.running() as found:
        yield found


@asynccontextmanager
async def several(folder, keys, server, workers, *arguments, **own):
    """So many workers, not started yet."""
    url = f"sqlite+aiosqlite:///{folder / 'rasad.db'}"
    async with services.around(
        folder, keys, url, sessions={"redis": server.url, "redis_within_s": 5.0}, **own
    ) as found:
        found.arguments = ("--workers", str(workers), *arguments)
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three(tmp_path_factory, keys, server):
    """Three workers at work, whatever the test before did to them."""
    async with several(tmp_path_factory.mktemp("three"), keys, server, 3) as s:
        await s.start()
        yield s


@pytest.fixture(autouse=True)
def _no_call_stays_open():
    yield
    for phone in Phone.EVERY:
        phone.hangs_up()
    Phone.EVERY.clear()


class Phone:
    """One USSD session after another, over a connection of its own."""

    EVERY: typing.ClassVar[list] = []

    def __init__(self, url, count):
        self.EVERY.append(self)
        self._wire, self._msisdn, self._count = Wire(url), services.phone(count), 0
        self._session, self.inputs = "", ""

    async def dials(self, arguments=""):
        self._count += 1
        self._session, self.inputs = f"{self._msisdn[-7:]}-{self._count}", arguments
        return await self.sends()

    async def types(self, text):
        self.inputs = f"{self.inputs}*{text}" if self.inputs else text
        return await self.sends()

    async def sends(self):
        form = {"sessionId": self._session, "serviceCode": "*4*061#", "phoneNumber": self._msisdn, "text": self.inputs}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        request = Request("POST", headers=kind, body=urlencode(form).encode())
        answer = await self._wire.ask("/ussd/africastalking", request, 15)
        assert answer.status == 200
        return answer.body

    def joins(self, other):
        """The same call, over our own connection."""
        self._msisdn, self._session, self.inputs = other._msisdn, other._session, other.inputs

    def key(self, keys):
        return SessionKey("africastalking", keys.tag(self._msisdn), self._session)

    def seen_by(self, s):
        """The worker that answered last."""
        tag = s._keys.day_tag(self._session, SystemClock().today())
        return next((event["worker"] for event in events(s, "turn") if event["session"] == tag), None)

    def hangs_up(self):
        self._wire.close()


def events(s, name):
    found = []
    for line in s.log().splitlines():
        if f'"event": "{name}"' in line:
            found.append(json.loads(line))
    return found


async def until(condition, within_s=60.0):
    async with asyncio.timeout(within_s):
        while not (found := condition()):
            await asyncio.sleep(0.1)  # the log is read each time
    return found


def refused(failed):
    return isinstance(failed.__context__, ConnectionRefusedError)


async def test_several_workers_serve_one_dialogue(three):
    assert len(three.workers()) == 3
    for count in range(10):
        phone = Phone(three.url, count)
        assert (await phone.dials()).startswith(MAIN)
        phone.hangs_up()  # the next request is another connection, and another worker's as it comes
        await phone.types("1")
        phone.hangs_up()
        assert f"نامه {services.number(count)}" in await phone.types(services.number(count))
        phone.hangs_up()

    assert len({event["worker"] for event in events(three, "turn")}) > 1
    assert {1, 2, 3} == {event["worker"] for event in events(three, "worker_ready")}


HOLDS = "workers that die before they are ready end it with one line; those that have served are replaced"


async def lost_of_five(service, count):
    """Of five dials those that were cut off. None was refused."""
    phone, lost = Phone(service.url, count), []
    for _ in range(5):
        try:
            assert (await phone.dials()).startswith(MAIN)
        except CallFailed as failed:
            lost.append(failed)
        phone.hangs_up()
    assert [] == [each for each in lost if refused(each)]
    return lost


@pytest.mark.experiment("F4", HOLDS)
async def test_workers_that_die_of_what_they_do(three, figure):
    """Again and again: each had served, so each is replaced, and its siblings serve. Nobody is refused meanwhile."""
    began = len(events(three, "worker_ready"))
    for kill in range(counted(60)):
        before = three.workers()
        os.kill(before[kill % 3], signal.SIGKILL)
        lost = await lost_of_five(three, 500 + kill)
        assert len(lost) <= 1  # who was talking to the one that died
        figure.count("calls lost with their worker", len(lost))
        await until(lambda kill=kill: len(events(three, "worker_ready")) == began + kill + 1)
        assert len(three.workers()) == 3
        figure.count("runs")
    assert {"killed by SIGKILL"} == {event["why"] for event in events(three, "worker_ended")}


@pytest.mark.experiment("F4", "a worker whose loop stands still is killed and replaced, and its siblings serve on")
async def test_a_worker_that_hangs(three, figure):
    hangs, began = len(events(three, "worker_hangs")), len(events(three, "worker_ready"))
    before = three.workers()
    os.kill(before[1], signal.SIGSTOP)
    lost = await lost_of_five(three, 700)
    assert len(lost) <= 1  # it may have taken one more in the moment it stopped
    await until(lambda: len(events(three, "worker_ready")) == began + 1)
    assert [before[1]] == [event["pid"] for event in events(three, "worker_hangs")[hangs:]]
    assert "nothing was heard of it for 15 s" == events(three, "worker_ended")[-1]["why"]
    assert {before[0], before[2]} == set(before) & set(three.workers())
    assert 3 == len(three.workers())
    figure("calls lost with their worker", len(lost))


@pytest.mark.experiment("F4", HOLDS)
async def test_workers_that_die_at_the_start(tmp_path, keys, server, figure):
    async with several(tmp_path, keys, server, 2) as s:
        (s.folder / "keys.yaml").rename(s.folder / "elsewhere.yaml")  # read by each worker, and by nobody before
        status, told = await _run_to_the_end(s)

    lines = [line for line in told.splitlines() if not line.startswith("{")]
    why = f"{s.folder}/keys.yaml: no keys here; `rasad keys new {s.folder}/keys.yaml` makes them"
    assert [f"serve: 5 workers in a row ended before they were ready; the last one: {why}"] == lines
    assert 1 == status
    assert 5 == told.count('"event": "worker_begun"')
    figure("starts", 5)


async def _run_to_the_end(s, *arguments):
    process = await asyncio.create_subprocess_exec(
        services.RASAD, "serve", "--config", str(s.folder / "config"), "--port", "0", *(arguments or s.arguments),
        env={**os.environ, **s._environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, told = await process.communicate()
    assert b"" == out  # it was never ready
    return process.returncode, told.decode()


async def test_more_than_one_needs_redis(tmp_path, keys):
    async with services.around(tmp_path, keys, f"sqlite+aiosqlite:///{tmp_path / 'rasad.db'}") as s:
        status, told = await _run_to_the_end(s, "--workers", "2")
    assert 1 == status
    assert f"for --workers 2 set sessions.redis in {s.folder}/config/gateway.yaml" in told


async def test_how_it_ends(tmp_path, keys, server):
    (notes := tmp_path / "spared").mkdir()
    async with several(tmp_path, keys, server, 2) as s:
        # Told to stop, it finishes what is in hand.
        await s.start(**services.inside(RASAD_SPARED=str(notes)))
        workers = s.workers()
        phones = [Phone(s.url, count) for count in range(20)]
        asking = [asyncio.create_task(phone.dials(services.number(count))) for count, phone in enumerate(phones)]
        await until(lambda: events(s, "office_asked"))
        began = time.monotonic()
        assert 0 == await s.stop()
        assert time.monotonic() - began < 12 + 10  # and what a busy machine adds
        for count, answer in enumerate(await asyncio.gather(*asking, return_exceptions=True)):
            # Who was not taken any more was told so: refused, or closed before anything of hers was read.
            assert isinstance(answer, CallFailed) or f"نامه {services.number(count)}" in answer

        for phone in phones:
            phone.hangs_up()

        # Nor has a worker in service looked again and again at what its start had made: that takes a tenth of a second.
        spared = {int(file.name): int(file.read_text()) for file in notes.iterdir()}
        assert all(spared[pid] > 50_000 for pid in workers), spared

        # Its workers do not outlive it.
        await s.start()
        workers = s.workers()
        os.kill(s.pid, signal.SIGKILL)
        await s.ended()
        await until(lambda: not any(_alive(pid) for pid in workers))

        # A second signal waits for nobody, not even for one that would not stop.
        await s.start()
        os.kill(s.workers()[0], signal.SIGSTOP)
        already = len(events(s, "stopping"))
        os.kill(s.pid, signal.SIGTERM)
        await until(lambda: len(events(s, "stopping")) > already)
        os.kill(s.pid, signal.SIGTERM)
        await s.ended()
        assert events(s, "stopping_at_once")
        assert [] == events(s, "worker_killed")  # it was not its lateness


async def test_a_faulty_file_stops_nobody_who_serves(tmp_path, keys, server):
    """An engineer's slip: settings are read anew when workers are renewed."""
    async with several(tmp_path, keys, server, 2) as s:
        await s.start()
        file = s.folder / "config" / "gateway.yaml"
        sound = file.read_text("utf-8")
        file.write_text(f"{sound}\nno_such_setting: 1\n", "utf-8")
        os.kill(s.pid, signal.SIGHUP)
        await until(lambda: len(events(s, "worker_not_replaced")) > 2)
        assert "no_such_setting" in events(s, "worker_not_replaced")[0]["why"]
        phone = Phone(s.url, 900)
        assert (await phone.dials()).startswith(MAIN)

        file.write_text(sound, "utf-8")
        await until(lambda: len(events(s, "workers_renewed")) == 1)
        assert (await phone.dials()).startswith(MAIN)
        phone.hangs_up()
        assert 4 == len(events(s, "worker_ready"))
        assert 0 == await s.stop()


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_roles(tmp_path, keys, server):
    """One hears by HTTP, the other does the work and has the bind; when it dies the bind is made by another: by the one
    in its place, or by its sibling once the lease is over."""
    subscribers = Phones()
    smsc = Smsc("rasad", "demo", subscribers.deliver)
    own = {"sms": {"send_within_s": 2}}
    async with several(tmp_path, keys, server, 1, "--role", "web", **own) as web, smsc.listening() as smpp_port:
        web._environ["SMPP_PORT"] = str(smpp_port)
        shutil.copy(HOME / "config" / "channels" / "smpp.yaml", web.folder / "config" / "channels")
        await web.start()
        carrier = services.Service(web.folder, web._environ, keys, web.database_url, web.history)
        carrier.arguments = ("--workers", "2", "--role", "carrier")
        try:
            await carrier.start()
            await web.citizens().write(range(5))
            await until(lambda: sum(web.phones.reached.values()) == 5)
            assert [] == web.phones.strange
            wire = Wire(carrier.url)
            assert 404 == (await wire.ask("/ussd/africastalking", Request("GET"))).status
            assert 200 == (await wire.ask("/healthz", Request("GET"))).status
            wire.close()

            await until(lambda: len(events(carrier, "smpp_bound")) == 1)
            (bound,) = events(carrier, "smpp_bound")
            number = bound["worker"]
            (victim,) = {each["pid"] for each in events(carrier, "worker_ready") if each["worker"] == number}
            os.kill(victim, signal.SIGKILL)
            await until(lambda: len(events(carrier, "smpp_bound")) == 2)
            assert 0 == await carrier.stop()
        finally:
            await carrier.kill()


async def at_each_worker(s, first):
    """A phone for each worker, with a connection to it that stays."""
    found, spare = {}, []
    for count in range(first, first + 200):
        phone = Phone(s.url, count)
        await phone.dials()
        number = await until(lambda phone=phone: phone.seen_by(s))
        if number in found:
            spare.append(phone)
        found.setdefault(number, phone)
        if len(found) == len(s.workers()):
            break
    for phone in spare:
        phone.hangs_up()
    return list(found.values())


@pytest.mark.experiment("F20", "of two steps at once on two workers one advances, and both callers read the same")
async def test_two_steps_at_once(three, keys, server, figure):
    """The same digit twice, or two different ones: on connections to two workers."""
    one, other, third = await at_each_worker(three, 1000)
    third.hangs_up()
    store = RedisSessions(RedisSettings(url=server.url), 5.0, keys)
    for pair in range(counted(1000)):
        await one.dials()
        other.joins(one)
        first, second = ("1", "1") if pair % 2 else ("1", "2")
        answers = await asyncio.gather(one.types(first), other.types(second))

        assert answers[0] == answers[1]
        _, version = await store.load(one.key(keys))
        assert version == 2  # the dial, and one step
        figure.count("runs")
    await store.stop()
    one.hangs_up()
    other.hangs_up()


EVERYWHERE_WITHIN_S = 2.0
"""Of a menu being published, on a machine that is not busy otherwise."""

STATUS = "  found: status\nstatus:\n  text: '{{ case.number }}'\n"


def edition(folder, word, into="first"):
    """A menu on disk whose screens say its name."""
    folder.mkdir()
    for name, text in small.files(small.ASK_NUMBER + STATUS).items():
        text = text.replace("text: Rasad", f"text: Rasad {word}").replace("text: Number?", f"text: Number? {word}")
        (folder / name).write_text(text.replace("next: first}", f"next: {into}}}"), "utf-8")
    return folder


@pytest.mark.experiment(
    "F22", "a published menu is on all workers, and no dialogue sees two; a faulty one changes nothing"
)
async def test_menus_are_published_while_dialogues_run(tmp_path, three, figure):
    found = settings_files.read(three.folder / "config", three._environ)
    await app.publish(found, edition(tmp_path / "v0", "v0"))
    asking = await at_each_worker(three, 2000)
    live = []
    for turn in range(1, counted(50) + 1):
        word = f"v{turn}"
        if turn % 5 == 0:
            folder = edition(tmp_path / word, word, "nowhere")
            with pytest.raises(Faulty, match=r"common.yaml:[0-9]+: "):
                await app.publish(found, folder)
            figure.count("broken ones refused")
            continue
        await app.publish(found, edition(tmp_path / word, word))
        began = time.monotonic()
        for phone in asking:
            async with asyncio.timeout(30):
                while word not in await phone.dials():
                    await asyncio.sleep(0.05)
        everywhere_s = time.monotonic() - began
        figure.most("ms until it was everywhere", round(everywhere_s * 1000))
        assert everywhere_s <= EVERYWHERE_WITHIN_S or not proving()
        callers = [Phone(three.url, 3000 + turn * 100 + count) for count in range(max(6, 300 // counted(50)))]
        for caller in callers:
            assert word in await caller.dials()
            caller.hangs_up()
        live.append((word, callers))
        figure.count("runs")
    for word, callers in live:
        for caller in callers:
            assert word in await caller.types("1")
            caller.hangs_up()
            figure.count("live dialogues on their own menu")
    await app.publish(found, SHIPPED_MENU)
    for phone in asking:
        async with asyncio.timeout(60):
            while not (await phone.dials()).startswith(MAIN):
                await asyncio.sleep(0.1)
        phone.hangs_up()


@pytest.mark.experiment("F5", "workers that are told to stop while citizens step fail no step, and stop in time")
async def test_workers_are_renewed_under_load(three, figure):
    done, failed = 0, []
    over = asyncio.Event()
    think_s = 7.0 if proving() else 0.15  # 300 sessions and 40 steps a second, a fifth of L1

    async def one_call_after_another(count):
        nonlocal done
        phone = Phone(three.url, 10_000 + count)
        await asyncio.sleep(think_s * count / 100)  # not all in one moment
        while not over.is_set():
            try:
                await phone.dials()
                await asyncio.sleep(think_s)
                await phone.types("1")
                await asyncio.sleep(think_s)
                if f"نامه {services.number(count)}" not in (last := await phone.types(services.number(count))):
                    failed.append(last)
                done += 3
            except CallFailed as error:
                failed.append(f"{error.kind}: {error} {error.__context__!r}")
            await asyncio.sleep(think_s)
        phone.hangs_up()

    calling = [asyncio.create_task(one_call_after_another(count)) for count in range(counted(300))]
    await asyncio.sleep(3 * think_s)
    for renewal in range(max(2, counted(5))):
        already, victim = len(events(three, "worker_ready")), three.workers()[renewal % 3]
        os.kill(victim, signal.SIGTERM)
        await until(lambda already=already: len(events(three, "worker_ready")) > already)
        assert victim not in three.workers()
        figure.count("runs")
    before = set(three.workers())
    os.kill(three.pid, signal.SIGHUP)  # all of them, one after the other
    await until(lambda: events(three, "workers_renewed"), 120)
    assert before.isdisjoint(three.workers())
    over.set()
    await asyncio.gather(*calling)

    assert [] == failed
    assert done > 0
    figure("steps", done)


@pytest.mark.experiment("F5", "over TLS as well no call is lost in a renewal, and each bind ends with an unbind")
async def test_workers_are_renewed_under_tls_with_a_bind(tmp_path, authority, keys, server, figure):
    """Each call a connection of its own, so that handshakes are under way when a worker is told to stop."""
    certificate, key = authority.files("rasad")
    tls = {"certificate": certificate, "key": key}
    smsc = Smsc("rasad", "demo", Phones().deliver)
    answers, over = [], asyncio.Event()
    async with several(tmp_path, keys, server, 2, tls=tls) as s, smsc.listening() as smpp_port:
        s._environ["SMPP_PORT"] = str(smpp_port)
        shutil.copy(HOME / "config" / "channels" / "smpp.yaml", s.folder / "config" / "channels")
        await s.start()
        trusted = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=authority.ca_file), force_close=True)

        async def one_call_after_another(count):
            for call in itertools.count():
                if over.is_set():
                    return
                form = {"sessionId": f"{count}-{call}", "serviceCode": "*4*061#", "phoneNumber": services.phone(count),
                        "text": services.number(count)}  # fmt: skip
                try:
                    async with http.post(f"https://127.0.0.1:{s.port}/ussd/africastalking", data=form) as response:
                        answers.append(f"نامه {services.number(count)}" in await response.text())
                except aiohttp.ClientError as error:
                    answers.append(repr(error))
                await asyncio.sleep(0.1)

        async with aiohttp.ClientSession(connector=trusted) as http:
            calling = [asyncio.create_task(one_call_after_another(count)) for count in range(10)]
            await until(lambda: smsc.binds and {1, 2} == {event["worker"] for event in events(s, "turn")})
            for renewal in range(1, max(1, counted(5)) + 1):
                before = set(s.workers())
                os.kill(s.pid, signal.SIGHUP)
                await until(lambda renewal=renewal: len(events(s, "workers_renewed")) == renewal, 120)
                assert before.isdisjoint(s.workers())
                await until(lambda: smsc.binds)
            over.set()
            await asyncio.gather(*calling)
        assert 0 == await s.stop()
        bound = [command for _, command in smsc.seen if command in (BIND_TRANSCEIVER, UNBIND)]
        assert [] == smsc.binds
    assert {True} == set(answers)
    assert [BIND_TRANSCEIVER, UNBIND] * (len(bound) // 2) == bound
    assert len(bound) // 2 > renewal
    figure("runs", renewal)
    figure("calls", len(answers))
    figure("unbinds", len(bound) // 2)
