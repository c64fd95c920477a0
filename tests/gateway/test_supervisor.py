"""The supervisor with workers of a few lines, which do what a real one should not."""

import asyncio
import os
import signal
import sys

import pytest

from gateway import server, supervisor
from gateway.supervisor import Supervisor
from tests.gateway.test_logs import events

WORKER = """
import asyncio, sys
from pathlib import Path
from gateway.supervisor import Line
async def work(descriptor, starts):
    with starts.open("a") as file:
        file.write("begun\\n")
    which = starts.read_text().count("begun")
    stopped = asyncio.Event()
    line = Line(descriptor, stopped.set)
    {does}
    line.ready()
    await stopped.wait()
asyncio.run(work(int(sys.argv[1]), Path(sys.argv[2])))
"""


@pytest.fixture
def supervised(tmp_path, monkeypatch):
    """Runs one worker that does this before it is ready, until it is; what stands in its file then."""
    monkeypatch.setattr(supervisor, "BEAT_S", 0.1)

    async def run(does):
        starts = tmp_path / "starts"

        def command(_number, _socket, line):
            return [sys.executable, "-c", WORKER.format(does=does), str(line), str(starts)]

        with server.listening("127.0.0.1", 0) as on:
            ready = asyncio.Event()
            running = asyncio.create_task(Supervisor(1, on, command, ready.set).run())
            async with asyncio.timeout(60):
                await asyncio.wait({running, told := asyncio.create_task(ready.wait())}, return_when="FIRST_COMPLETED")
            told.cancel()
            if not running.done():
                os.kill(os.getpid(), signal.SIGTERM)
            await running
        return starts.read_text().count("begun")

    return run


async def test_a_worker_that_hangs_before_it_is_ready_is_replaced(supervised, monkeypatch, log):
    monkeypatch.setattr(supervisor, "SILENT_BEATS_AT_START", 30)

    assert 2 == await supervised("import time; time.sleep(1000 if which == 1 else 0)")

    (hangs,) = [each for each in events(log) if each["event"] == "worker_hangs"]
    (ended,) = [each for each in events(log) if each["event"] == "worker_ended"]
    assert "nothing was heard of it for 3 s" == hangs["why"] == ended["why"]


async def test_a_worker_that_takes_its_time_to_begin_is_waited_for(supervised, monkeypatch, log):
    monkeypatch.setattr(supervisor, "SILENT_BEATS_AT_START", 30)

    assert 1 == await supervised("await asyncio.sleep(5)")  # as while the database gets its new columns

    assert [] == [each for each in events(log) if each["event"] == "worker_hangs"]


async def test_who_serves_goes_on_whatever_is_wrong_with_the_next(tmp_path, monkeypatch, log):
    """Two serve, one dies, and those in its place end before they are ready, until somebody mends what is wrong."""
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_S", 0.1)
    wrong, starts = tmp_path / "wrong", tmp_path / "starts"

    def command(number, _socket, line):
        does = f"if number == 2 and Path({str(wrong)!r}).exists(): line.say('a typo'); return"
        return [sys.executable, "-c", WORKER.format(does=does.replace("number", str(number))), str(line), str(starts)]

    def told(event):
        return [each for each in events(log) if each["event"] == event]

    with server.listening("127.0.0.1", 0) as on:
        running = asyncio.create_task(Supervisor(2, on, command, lambda: None).run())
        async with asyncio.timeout(60):
            while len(told("worker_ready")) < 2:
                await asyncio.sleep(0.02)
            wrong.touch()
            os.kill({each["worker"]: each["pid"] for each in told("worker_ready")}[2], signal.SIGKILL)
            while len(told("worker_not_replaced")) < 7:
                await asyncio.sleep(0.02)
            wrong.unlink()
            while len(told("worker_ready")) < 3:
                await asyncio.sleep(0.02)
            os.kill(os.getpid(), signal.SIGTERM)
            await running
    assert {(2, "a typo")} == {(each["worker"], each["why"]) for each in told("worker_not_replaced")}
    assert [0.05, 0.1, 0.1] == [each["again_in_s"] for each in told("worker_not_replaced")][:3]
    assert [1, 2, 2] == sorted(each["worker"] for each in told("worker_ready"))
