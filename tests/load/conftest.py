"""`rasad serve` as engineers start it, a process of its own; offices and Kannel are here, callers too."""

import asyncio
import gc
import os
import re
import shutil
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from gateway import app, server
from gateway.clock import SystemClock
from gateway.privacy import write_keys
from gateway.storage.database import Database
from simulators.demo import HOME, address
from simulators.kannel import Kannel
from simulators.offices import data, generated, secretariat, services
from tests import redis as redis_servers

RASAD = str(Path(sys.executable).parent / "rasad")
READY_WITHIN_S = 60.0
LETTERS = 20_000

KEPT_CHANNELS = ("africastalking.yaml", "json.yaml", "kannel.yaml")
"""The others ask or call somebody by themselves."""


@dataclass
class Service:
    url: str
    process: asyncio.subprocess.Process
    phones: Kannel
    database: Database
    log: Path

    @property
    def processes(self) -> list[int]:
        """The process and all it has started."""
        return _with_children(self.process.pid)

    @property
    def rss_mb(self) -> float:
        """What all of them have in memory."""
        return sum(map(_rss_kb, self.processes)) / 1024

    async def rows(self, table):
        async with self.database.reading() as connection:
            return (await connection.execute(getattr(self.database.tables, table).select())).all()


def _with_children(pid):
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _with_children(int(child))
    return found


def _rss_kb(pid):
    return int(re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)[1])


@pytest.fixture
def served(tmp_path, keys):
    """`async with served() as service`. office_s: what an office takes; letters: generated ones it has; inbox: of the
    phones; more: keys of gateway.yaml."""

    @asynccontextmanager
    async def entered(*, office_s=0.05, letters=LETTERS, inbox=None, options=(), **more):
        write_keys(tmp_path / "keys.yaml", keys)
        config = shutil.copytree(HOME / "config", tmp_path / "config")
        for path in (config / "channels").iterdir():
            if path.name not in KEPT_CHANNELS:
                path.unlink()
        database = f"sqlite+aiosqlite:///{tmp_path / 'rasad.db'}"
        own = {"database": database, "keys_file": str(tmp_path / "keys.yaml"), "port": 0, **more}
        (config / "gateway.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
        async with AsyncExitStack() as stack:

            async def listening(application):
                on = stack.enter_context(server.listening("127.0.0.1", 0))
                await stack.enter_async_context(server.serving(application, on, stop_within_s=0.1))
                return address(on)

            phones, today = Kannel("rasad", "demo", inbox), SystemClock().today()
            neighbours = generated.Letters(today, letters, app.working_days(config))
            office = secretariat.application(data.letters(today), neighbours=neighbours, delay_s=office_s)
            environ = {
                **os.environ,
                **dict.fromkeys(
                    ("SLOW_SECRETARIAT_URL", "FAILING_SECRETARIAT_URL", "DEAD_SECRETARIAT_URL"), "http://127.0.0.1:9"
                ),
                "SECRETARIAT_URL": await listening(office),
                "SERVICES_URL": await listening(services.application(data.requests(today))),
                "KANNEL_URL": f"{await listening(phones.application())}/cgi-bin/sendsms",
                "KANNEL_PASSWORD": "demo",
            }
            log = tmp_path / "serve.log"
            with log.open("wb") as written:
                process = await asyncio.create_subprocess_exec(
                    RASAD, "serve", "--config", str(config), *options,
                    env=environ, stdout=asyncio.subprocess.PIPE, stderr=written,
                )  # fmt: skip
            stack.push_async_callback(_stopped, process)
            async with asyncio.timeout(READY_WITHIN_S):
                ready = (await process.stdout.readline()).decode()
            url = re.fullmatch(r"ready: (http\S+)/\n", ready)
            assert url, f"{ready}{log.read_text()[-2000:]}"
            found = Database(database, keys)
            stack.push_async_callback(found.stop)
            # Callers are in this process: while the collector looks at all that pytest has, none of them calls.
            gc.collect()
            gc.freeze()
            stack.callback(gc.unfreeze)
            yield Service(url[1], process, phones, found, log)

    return entered


async def _stopped(process):
    if process.returncode is None:
        process.terminate()
    await process.wait()


@pytest.fixture
def redis_url():
    with redis_servers.running() as server:
        yield server.url
