"""`rasad serve` as processes of its own, and the world around it in this one: an office that has every letter, a Kannel
with the phones behind it, and citizens who write until they are heard. Whatever happens stands in a History.

Processes are killed by their pid, never by name. Linux only: who serves is read from /proc.
"""

import asyncio
import itertools
import os
import random
import shutil
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlencode

import yaml
from aiohttp import web
from sqlalchemy import delete, insert
from sqlalchemy.exc import SQLAlchemyError

from gateway import app, server, settings_files
from gateway.clock import SystemClock
from gateway.privacy import Keys, write_keys
from gateway.settings import SHIPPED_MENU
from gateway.storage.database import Database
from simulators.aggregator import Call, CallFailed, Request
from simulators.aggregators.africastalking import AfricasTalking
from simulators.demo import HOME, address
from simulators.kannel import Kannel
from simulators.offices import secretariat
from simulators.offices.data import Letter
from simulators.phones import Phones
from simulators.wire import Wire
from tests.experiments import proving
from tests.faults.history import Account, Event, History, account

RASAD = str(Path(sys.executable).parent / "rasad")
SERVICE_CODE = "*4*061#"
READY_WITHIN_S = 60.0
ANSWER_WITHIN_S = 10.0
"""What a provider waits for our answer to a message, before it sends it again."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NOBODY = "http://127.0.0.1:9"
ENVIRON = {
    "SLOW_SECRETARIAT_URL": NOBODY, "FAILING_SECRETARIAT_URL": NOBODY, "DEAD_SECRETARIAT_URL": NOBODY,
    "SERVICES_URL": NOBODY, "SMS_PROVIDERS_URL": NOBODY, "SMS_PROVIDERS_KEY": "demo", "KANNEL_PASSWORD": "demo",
    "SMPP_PORT": "9", "SMPP_PASSWORD": "demo",
}  # fmt: skip


def phone(count: int) -> str:
    return f"+98916{count:07}"


def number(count: int) -> str:
    """The letter she asks for: another one each, so that nobody's answer can pass for somebody else's."""
    return str(60_000 + count)


def inside(**environ: str) -> dict[str, str]:
    """The environment in which inside/sitecustomize.py changes this."""
    return {"PYTHONPATH": str(Path(__file__).parent / "inside"), **environ}


class Noting(Phones):
    """Phones that write down what reaches them."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history
        self.reached: Counter[str] = Counter()
        self.strange: list[tuple[str, str]] = []
        """Phone and text, where the text is not of her letter."""

    def deliver(self, to: str, sender: str, text: str) -> None:
        now = time.monotonic()
        self._history.write(Event("delivered", to, now, now))
        self.reached[to] += 1
        if f" {number(int(to[-7:]))} " not in text:
            self.strange.append((to, text))


class Citizens:
    """Write each message until it is acknowledged, as a Kannel does for them."""

    def __init__(self, wire: Wire, history: History, seed: int) -> None:
        self._wire, self._history, self._random = wire, history, random.Random(seed)
        self.acknowledged = 0
        self.refused = 0
        """Connections."""
        self.statuses: Counter[int] = Counter()
        self.without_retry_after = 0

    async def write(self, counts: Iterable[int], *, connections: int = 32, until_s: float = 120.0) -> None:
        """So many at once as there are connections. Raises TimeoutError with one who was never heard."""
        waiting = iter(counts)

        async def one_after_another() -> None:
            for count in waiting:
                await self._written(count)

        async with asyncio.timeout(until_s), asyncio.TaskGroup() as all_of_them:
            for _ in range(connections):
                all_of_them.create_task(one_after_another())

    async def _written(self, count: int) -> None:
        for tries in itertools.count():
            if await self.attempt(count):
                self.acknowledged += 1
                return
            await asyncio.sleep(min(1.0, 0.05 * 2**tries) * (0.5 + self._random.random() / 2))

    async def attempt(self, count: int) -> bool:
        fields = {"from": phone(count), "to": "4040", "text": number(count), "coding": "0", "charset": "UTF-8",
                  "id": f"m-{count}"}  # fmt: skip
        begin, status, why = time.monotonic(), 0, ""
        try:
            request = Request("GET", query=urlencode(fields))
            answer = await self._wire.ask("/sms/kannel", request, ANSWER_WITHIN_S)
            status = answer.status
            outcome = "ok" if status == 200 else "fail"
            self.statuses[status] += 1
            if status == 503 and "retry-after" not in answer.headers:
                self.without_retry_after += 1
        except CallFailed as failed:
            refused = isinstance(failed.__context__, ConnectionRefusedError)
            self.refused += refused
            outcome, why = "fail" if refused else "unknown", failed.kind
        self._history.write(Event("said", phone(count), begin, time.monotonic(), outcome, why or str(status)))
        return outcome == "ok"


class Service:
    """A gateway that is started, killed and started again on one port, and what is around it."""

    def __init__(self, folder: Path, environ: dict[str, str], keys: Keys, database: str, history: History) -> None:
        self.folder, self.history, self.database_url = folder, history, database
        self._environ, self._keys = environ, keys
        self._process: asyncio.subprocess.Process | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.starts = 0
        self.arguments: tuple[str, ...] = ()
        """Of `rasad serve`, beside where it finds its settings and its port."""
        self.provider_away = False
        self.kill_at_submit = 0
        """The provider sees to it that all is killed when it has taken so many messages more and answered to the last
        of them no more."""
        self.phones = Noting(history)
        self.random = random.Random(1)
        self._logs: set[asyncio.Task[None]] = set()
        self._wires: list[Wire] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, count: int) -> Call:
        """A USSD session of this phone's."""
        session = AfricasTalking(phone(count), f"session-{count}", SERVICE_CODE)
        return Call(session, SERVICE_CODE, self.wire().at("/ussd/africastalking"))

    def wire(self) -> Wire:
        """To it, until the experiment is over."""
        self._wires.append(Wire(self.url))
        return self._wires[-1]

    def citizens(self, seed: int = 0) -> Citizens:
        return Citizens(self.wire(), self.history, seed)

    # -- processes

    async def start(self, **environ: str) -> None:
        """Back when it is ready. environ: for this start alone."""
        self._process = await asyncio.create_subprocess_exec(
            RASAD, "serve", "--config", str(self.folder / "config"), "--port", str(self.port), *self.arguments,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self._environ, **environ}, start_new_session=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        task = asyncio.create_task(self._logged(self._process.stderr))
        self._logs.add(task)
        task.add_done_callback(self._logs.discard)
        async with asyncio.timeout(READY_WITHIN_S):
            line = (await self._process.stdout.readline()).decode()
        if not line.startswith("ready: "):
            raise RuntimeError(f"the gateway does not start: {line}{self.log()[-2000:]}")
        self.starts += 1

    async def _logged(self, said: asyncio.StreamReader) -> None:
        """Through a pipe, as to a journal: the process itself writes no file but its database."""
        with (self.folder / "log").open("ab") as log:
            while octets := await said.read(65_536):
                log.write(octets)
                log.flush()

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")

    def logged(self, event: str) -> int:
        return self.log().count(f'"event": "{event}"')

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def ended(self, within_s: float = 30.0) -> int:
        """How the process ended, once it has."""
        assert self._process is not None
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    async def kill(self) -> None:
        """kill -9 of all its processes."""
        self._kill()
        await self.ended()

    def _kill(self) -> None:
        with suppress(ProcessLookupError, FileNotFoundError):
            for pid in dict.fromkeys([self.pid, *self.workers()]):  # the supervisor first: it would start others
                os.kill(pid, signal.SIGKILL)

    def workers(self) -> list[int]:
        """Those who serve: the supervisor's children, or the one process where there is none."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sorted(map(int, children)) or [self.pid]

    async def kill_worker(self) -> None:
        """kill -9 of one who serves, by chance; back when there is another one. A supervisor sees to that, or we do."""
        before = self.workers()
        one = self.random.choice(before)
        os.kill(one, signal.SIGKILL)
        if one == self.pid:
            await self.ended()
            await self.start()
        async with asyncio.timeout(READY_WITHIN_S):
            while len(now := self.workers()) < len(before) or one in now:
                await asyncio.sleep(0.02)

    async def stop(self) -> int:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        return await self.ended()

    @web.middleware
    async def submitted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Stands in the provider's application."""
        if self.provider_away:
            return web.Response(status=503)
        response = await handler(request)
        self.kill_at_submit -= 1
        if self.kill_at_submit == 0:
            self._kill()
        return response

    async def publish(self, word: str) -> str:
        """Another menu for it, in which this word stands; its version."""
        folder = self.folder / f"menu-{word}"
        shutil.copytree(SHIPPED_MENU, folder)
        common = folder / "common.yaml"
        common.write_text(f"{common.read_text('utf-8')}\n# {word}\n", "utf-8")
        found = settings_files.read(self.folder / "config", self._environ)
        menu, _ = await app.publish(found, folder)
        return menu.version

    # -- what stands in its database

    async def rows(self, table: str) -> list:
        database = Database(self.database_url, self._keys)
        try:
            async with database.reading() as connection:
                return list((await connection.execute(getattr(database.tables, table).select())).all())
        finally:
            await database.stop()

    async def left_over(self, count: int) -> None:
        """So many conversations that were over yesterday."""
        then = SystemClock().now() - timedelta(days=1)
        over = [
            {"channel": "kannel", "msisdn_tag": f"over {each}", "dialogue": b"", "held": b"", "expires_at": then}
            for each in range(count)
        ]
        database = Database(self.database_url, self._keys)
        try:
            async with database.writing() as connection:
                await connection.execute(delete(database.tables.conversation))
                await connection.execute(insert(database.tables.conversation), over)
        finally:
            await database.stop()

    async def settled(self, within_s: float = 600.0) -> None:
        """Until nothing is waiting in the inbox or the outbox. Raises TimeoutError with what still is."""
        waiting: Counter[str] = Counter()
        try:
            async with asyncio.timeout(within_s):
                while True:
                    with suppress(SQLAlchemyError, OSError):
                        rows = [*await self.rows("message_in"), *await self.rows("message_out")]
                        waiting = Counter(row.state for row in rows if row.state in ("new", "waiting", "claimed"))
                        if not waiting:
                            return
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise TimeoutError(f"still {dict(waiting)}; the log ends {self.log()[-1500:]}") from None

    async def account(self) -> Account:
        """Of all that happened so far, with the rows as they stand."""
        events = self.history.events()
        events += [Event("stored", row.msisdn, 0, 0, "ok", row.state) for row in await self.rows("message_in")]
        events += [
            Event("decided", row.msisdn, 0, 0, "ok", row.state)
            for row in await self.rows("message_out")
            if row.cause.startswith("in:")
        ]
        return account(events)


@asynccontextmanager
async def around(folder: Path, keys: Keys, database: str, **own: object) -> AsyncIterator[Service]:
    """The world, and a gateway on this database that is not started yet. own: settings in its gateway.yaml."""
    config = shutil.copytree(HOME / "config", folder / "config")
    for channel in (config / "channels").iterdir():
        if channel.name not in ("kannel.yaml", "africastalking.yaml"):
            channel.unlink()
    office = config / "backends" / "secretariat.yaml"
    office.write_text(office.read_text("utf-8").replace("max_in_flight: 32", "max_in_flight: 200"), "utf-8")
    own = {"host": "127.0.0.1", "database": database, "keys_file": str(folder / "keys.yaml"), **own}
    (config / "gateway.yaml").write_text(yaml.safe_dump(own), "utf-8")
    write_keys(folder / "keys.yaml", keys)
    history = History(folder / "history")
    environ = dict(ENVIRON)
    if not proving():  # whoever was killed is not waited for half a minute
        environ |= inside(RASAD_LEASE_S="6")
    async with AsyncExitStack() as stack:
        stack.callback(history.close)
        service = Service(folder, environ, keys, database, history)
        kannel = Kannel("rasad", "demo", service.phones)
        environ["SECRETARIAT_URL"] = await stack.enter_async_context(_served(_every_letter()))
        smsbox = kannel.application()
        smsbox.middlewares.append(service.submitted)
        environ["KANNEL_URL"] = f"{await stack.enter_async_context(_served(smsbox))}/cgi-bin/sendsms"
        channel = config / "channels" / "kannel.yaml"
        told = f'{channel.read_text("utf-8").rstrip().removesuffix("}")}, receipts_url: "{service.url}/dlr/kannel"}}\n'
        channel.write_text(told, "utf-8")
        try:
            yield service
        finally:
            for wire in service._wires:
                wire.close()
            if service.starts:
                await service.kill()


@asynccontextmanager
async def _served(application: web.Application) -> AsyncIterator[str]:
    with server.listening("127.0.0.1", 0) as on:
        async with server.serving(application, on, stop_within_s=0.1):
            yield address(on)


def _every_letter() -> web.Application:
    """An office that has a letter of each number, without looking for it."""
    day = date(2026, 11, 1)
    like = Letter("", "در حال بررسی", (("دبیرخانه", day), ("دفتر حقوقی", day + timedelta(days=3))), day)

    async def find(request: web.Request) -> web.Response:
        asked = request.query.get("number", "")
        return web.json_response({"letters": [secretariat._row(replace(like, number=asked))] if asked else []})

    found = web.Application()
    found.router.add_get("/letters", find)
    return found
