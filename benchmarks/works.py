"""What is measured: the steps of a citizen's call, the dialogue as it is stored, the menu, and a whole turn."""

import asyncio
import atexit
import io
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from datetime import date
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any

from redis import asyncio as aioredis
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.measure import Work, yardstick
from gateway import logs
from gateway.answers import Answers
from gateway.channels.contract import UssdInput, UssdReply
from gateway.clock import SystemClock
from gateway.menu_files import read_folder
from gateway.menu_versions import Menus
from gateway.privacy import Keys
from gateway.sessions.memory import MemorySessions
from gateway.sessions.redis import RedisSessions
from gateway.sessions.store import SessionKey
from gateway.settings import SHIPPED_MENU, RedisSettings, SessionSettings
from gateway.settings_channels import Auth, UssdChannel
from gateway.settings_offices import RouteLine
from gateway.storage.database import Database, insert_once
from gateway.turn import Turns
from menus import loader, machine, samples
from menus.alphabet import Capacity
from menus.check import check
from menus.definition import Menu
from menus.machine import Answered, Dialogue, Event, Opened, Step, Typed
from menus.ports import Answer, Ask, Case, Found, Several, State
from menus.render import render
from menus.screens import Page, Screen
from tests import redis

TODAY = date(2026, 11, 22)
ROUTES = {"letters", "requests"}
FOUND = Found(samples.case("letter", "12345", TODAY))
LISTED = Several(
    tuple(
        Case(kind="letter", number="12345", state=State.SEEN, organisation={"fa": f"اداره {row}"}, year=1405)
        for row in range(machine.MAX_CASES)
    )
)
CHANNEL = UssdChannel(carries="ussd", dialect="africastalking", auth=Auth(none=True), service_code="*4*061#")


def works() -> list[Work]:
    pairs = read_folder(SHIPPED_MENU)
    menu = loader.load(pairs, ROUTES)
    capacities = {"ussd": Capacity(), "sms": Capacity(parts=3)}
    return [
        Work("yardstick: a loop of plain Python", yardstick),
        *_steps(menu),
        *_turns(menu),
        *_stored(),
        *_looked_up(),
        Work("the shipped menu loaded from its texts", lambda _: loader.load(pairs, ROUTES), calls=3),
        Work("the shipped menu checked, for USSD and SMS", lambda _: check(menu, capacities), calls=1),
    ]


def _steps(menu: Menu) -> list[Work]:
    capacity = Capacity()

    def step(dialogue: Dialogue, event: Event) -> Step:
        return machine.step(menu, dialogue, event, TODAY)

    def page(dialogue: Dialogue, event: Event) -> tuple[Dialogue, Page]:
        """One step that ends in a screen, and its page."""
        found = step(dialogue, event)
        assert isinstance(found.then, Screen)
        words = menu.navigation[found.dialogue.language]
        return machine.shown(found.dialogue, render(found.then, capacity, words, until=found.dialogue.page))

    def asked(dialogue: Dialogue, number: str) -> Dialogue:
        found = step(dialogue, Typed(number))
        assert isinstance(found.then, Ask)
        return found.dialogue

    def work(name: str, done: Callable[[], object], *, barred: bool = True) -> Work:
        return Work(name, lambda _: done(), barred=barred)

    main, _ = page(machine.begin(menu, "ussd"), Opened())
    entry, _ = page(main, Typed("1"))
    waiting = asked(entry, "220*1396*12345")
    status, _ = page(waiting, Answered(FOUND))
    listed, _ = page(waiting, Answered(LISTED))
    written = machine.encode(status)
    return [
        work("a menu choice: step, render", lambda: page(main, Typed("1"))),
        work("a letter number: step to the question", lambda: asked(entry, "220*1396*12345"), barred=False),
        work("its answer: step, render the status", lambda: page(waiting, Answered(FOUND))),
        work(
            "both: number typed to status shown",
            lambda: page(asked(entry, "220*1396*12345"), Answered(FOUND)),
            barred=False,
        ),
        work("the steps of a letter: step, render two pages", lambda: page(status, Typed("1"))),
        work("help: step, render its pages", lambda: page(main, Typed("3"))),
        work(f"a list of {machine.MAX_CASES}: step, render its pages", lambda: page(waiting, Answered(LISTED))),
        work("its next page: step, render its pages", lambda: page(listed, Typed("9"))),
        work("the dialogue written and read again", lambda: machine.decode(*machine.encode(status)), barred=False),
        work("the dialogue read", lambda: machine.decode(*written), barred=False),
    ]


class _Office:
    async def ask(self, ask: Ask, within_s: float) -> Answer:
        return FOUND


class _Languages:
    async def of(self, msisdn_tag: str) -> str | None:
        return None


class _Nothing:
    """No answer was ever promised."""

    async def unseen(self, msisdn_tag: str) -> None:
        return None

    async def answer(self, question: str) -> None:
        return None


async def _no_other(version: str) -> Menu | None:
    """Every dialogue here is of the one menu."""
    return None


def _noted(_: object) -> None:
    """Records are written together, beside the turns."""


def _turns(menu: Menu) -> list[Work]:
    """Whole turns, with an office that answers at once and a log line that goes nowhere."""
    logs.configure(io.StringIO())
    clock = SystemClock()
    keys = Keys(data={1: b"d" * 32}, index=b"i" * 32, log=b"l" * 32)
    lines = (RouteLine(backend=["office"]),)
    answers = Answers({"letters": lines, "requests": lines}, {"office": _Office()}, {}, _Nothing(), keys)  # type: ignore[arg-type]
    sessions = MemorySessions(clock.monotonic)
    # Languages is a table; who never chose is what it says here, so that no database is measured.
    languages, kept = _Languages(), _Nothing()
    turns = Turns(Menus(menu, _no_other), answers, sessions, languages, kept, keys, clock, SessionSettings(), _noted)  # type: ignore[arg-type]
    ids = map(str, count())

    def take(session_id: str, inputs: str) -> UssdReply:
        return _finished(turns.take("ussd", CHANNEL, UssdInput(session_id, "+989161234567", "*4*061#", inputs)))

    def after(*inputs: str) -> Callable[[], str]:
        def before() -> str:
            session_id = next(ids)
            for each in inputs:
                take(session_id, each)
            return session_id

        return before

    return [
        Work("a turn: dial to the main menu", lambda session_id: take(session_id, ""), after()),
        Work("a turn: a menu choice", lambda session_id: take(session_id, "1"), after("")),
        Work("a turn: a letter number to its status", lambda session_id: take(session_id, "1*12345"), after("", "1")),
        Work("a turn: all in one dial", lambda session_id: take(session_id, "12345"), after()),
        Work("a turn: the same request again", lambda session_id: take(session_id, ""), after("")),
    ]


MESSAGES = 128


def _stored() -> list[Work]:
    """Messages that come at once, on a disk: with a commit each, and in transactions they share."""
    keys = Keys(data={1: b"d" * 32}, index=b"i" * 32, log=b"l" * 32)
    folder = Path(tempfile.mkdtemp(prefix="rasad-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copies = count()

    def opened(name: object) -> Database:
        return Database(f"sqlite+aiosqlite:///{folder}/{name}.db", keys)

    async def made() -> None:
        database = opened("first")
        await database.start()
        await database.stop()

    def fresh() -> Database:
        if not (folder / "first.db").exists():
            asyncio.run(made())
        copy = next(copies)
        shutil.copy(folder / "first.db", folder / f"{copy}.db")
        return opened(copy)

    def message(database: Database, number: int) -> Callable[[AsyncConnection], Awaitable[object]]:
        table, now = database.tables.message_in, SystemClock().now()
        values = {"msisdn": "+989161234567", "msisdn_tag": str(number), "short_code": "4040", "text": "12345"}
        row = {"channel": "kannel", "provider_id": str(number), "received_at": now, "due_at": now, "state": "new"}
        return lambda connection: connection.execute(insert_once(table, **values, **row, tries=0))

    async def each_alone(database: Database, work: Callable[[AsyncConnection], Awaitable[object]]) -> None:
        async with database.writing() as connection:
            await work(connection)

    async def store(database: Database, shared: bool) -> None:
        store_one = database.together if shared else partial(each_alone, database)
        await asyncio.gather(*(store_one(message(database, number)) for number in range(MESSAGES)))
        await database.stop()

    def work(how: str, *, shared: bool) -> Work:
        return Work(f"{MESSAGES} SMS at once, {how}", lambda here: asyncio.run(store(here, shared)), fresh, calls=1)

    return [work("with a commit each", shared=False), work("in commits they share", shared=True)]


SESSIONS = 64


def _looked_up() -> list[Work]:
    """Sessions that many callers need at once, in a Redis of this machine: a client's call each, and on one line."""
    keys = Keys(data={1: b"d" * 32}, index=b"i" * 32, log=b"l" * 32)
    names = [SessionKey("africastalking", str(number), "s") for number in range(SESSIONS)]
    started = ExitStack()
    atexit.register(started.close)

    @cache
    def address() -> str:
        return str(started.enter_context(redis.running()).url)

    async def by_calls(url: str) -> None:
        client = aioredis.Redis.from_url(url)
        for _ in range(10):
            await asyncio.gather(*(client.get(f"rasad:{{{key.channel}:{key.owner}}}") for key in names))
        await client.aclose()

    async def by_line(url: str) -> None:
        store = RedisSessions(RedisSettings(url=url), 5.0, keys)
        for _ in range(10):
            await asyncio.gather(*(store.load(key) for key in names))
        await store.stop()

    def work(how: str, asked: Callable[[str], Coroutine[Any, Any, None]]) -> Work:
        return Work(
            f"10 times {SESSIONS} sessions at once, {how}", lambda url: asyncio.run(asked(url)), address, calls=1
        )

    return [work("a client's call each", by_calls), work("on one line", by_line)]


def _finished(turn: Coroutine[Any, Any, UssdReply]) -> UssdReply:
    """A turn in which nobody is waited for ends at its first step: no event loop is measured."""
    try:
        turn.send(None)
    except StopIteration as done:
        reply: UssdReply = done.value
        return reply
    raise RuntimeError("the turn waits for somebody")
