"""Several processes behind one socket, as an engineer runs them: real workers, a real Redis, signals by pid."""

import asyncio
import json
import os
import signal
import subprocess
import time
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from simulators.aggregator import CallFailed, Request
from simulators.wire import Wire
from tests import redis as servers
from tests.experiments import counted
from tests.faults import service as services

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
    async with services.around(folder, keys, url, sessions={"redis": server.url}, **own) as found:
        found.arguments = ("--workers", str(workers), *arguments)
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def three(tmp_path_factory, keys, server):
    """Three workers at work, whatever the test before did to them."""
    async with several(tmp_path_factory.mktemp("three"), keys, server, 3) as s:
        await s.start()
        yield s


class Phone:
    """One USSD session after another, over a connection of its own."""

    def __init__(self, url, count):
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
            await asyncio.sleep(0.02)
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


@pytest.mark.experiment("F4", HOLDS)
async def test_workers_that_die_of_what_they_do(three, figure):
    """Again and again: each had served, so each is replaced, and its siblings serve. Nobody is refused meanwhile."""
    began = len(events(three, "worker_ready"))
    for kill in range(counted(60)):
        before = three.workers()
        os.kill(before[kill % 3], signal.SIGKILL)
        phone, lost = Phone(three.url, 500 + kill), []
        for _ in range(5):
            try:
                assert (await phone.dials()).startswith(MAIN)
            except CallFailed as failed:
                lost.append(failed)
            phone.hangs_up()
        assert [] == [each for each in lost if refused(each)]
        assert len(lost) <= 1  # who was talking to the one that died
        figure.count("calls lost with their worker", len(lost))
        await until(lambda kill=kill: len(events(three, "worker_ready")) == began + kill + 1)
        assert len(three.workers()) == 3
        figure.count("runs")
    assert {"killed by SIGKILL"} == {event["why"] for event in events(three, "worker_ended")}


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
    async with several(tmp_path, keys, server, 2) as s:
        # Told to stop, it finishes what is in hand.
        await s.start()
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


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
