"""The composition root of the service: the one place where concrete things are named, and the order they start in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from pydantic import BaseModel

from adapters.contract import Lookup
from adapters.guard import Guard
from adapters.rest import Rest, RestConfig
from gateway import settings as setting
from gateway.answers import Answers, Service
from gateway.channels import listed
from gateway.channels.http import Channels, sender
from gateway.clock import Clock, SystemClock
from gateway.health import Health
from gateway.menu_files import Menus, read_folder
from gateway.privacy import Keys, read_keys
from gateway.sessions.memory import MemorySessions
from gateway.settings import Settings
from gateway.sms.follow_ups import FollowUps
from gateway.sms.inbox import Inbox
from gateway.sms.outbox import Outbox
from gateway.storage.database import Database
from gateway.turn import Turns
from menus import loader, machine, source
from menus.alphabet import Capacity
from menus.ports import Backend
from menus.render import render
from menus.screens import Screen
from menus.source import Document, Fault, Faulty

log = structlog.get_logger()

STOP_WITHIN_S = 3.0
"""What a turn in flight gets when we stop. Ctrl-C promises to be over within 5 s."""

BACKEND_KINDS: Mapping[str, tuple[type[BaseModel], Callable[[Any], Lookup]]] = {"rest": (RestConfig, Rest)}


class CannotListen(Exception):
    """The address is taken or not ours. The engineer's; says which."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Settings whose files all hold: the menu loaded, each backend's own settings typed."""

    settings: Settings
    menus: Menus
    backends: Mapping[str, tuple[Any, Callable[[Any], Lookup]]]


def check(settings: Settings) -> Checked:
    """Everything that can be wrong in files, before anything is opened. Raises Faulty with all of it."""
    faults: list[Fault] = []
    backends: dict[str, tuple[Any, Callable[[Any], Lookup]]] = {}
    for name, document in settings.backends.items():
        try:
            backends[name] = _backend(document)
        except Faulty as faulty:
            faults += faulty.faults
    dialects = [
        *((name, channel.dialect, sorted(listed.USSD)) for name, channel in settings.ussd.items()),
        *((name, channel.dialect, sorted(listed.SMS)) for name, channel in settings.sms.items()),
    ]
    for name, dialect, known in dialects:
        if dialect not in known:
            file = str(settings.folder / "channels" / f"{name}.yaml")
            faults.append(Fault(file, 1, f"dialect: {dialect!r} is none of {', '.join(known)}"))
    try:
        folder = settings.gateway.menu
        pairs = read_folder(setting.SHIPPED_MENU if folder is None else Path(folder))
        menus = Menus(loader.load(pairs, settings.routes.keys()))
    except Faulty as faulty:
        raise Faulty([*faults, *faulty.faults]) from None
    if faults:
        raise Faulty(faults)
    return Checked(settings, menus, backends)


def _backend(document: Document) -> tuple[Any, Callable[[Any], Lookup]]:
    kind = document.data.get("kind")
    if kind not in BACKEND_KINDS:
        known = ", ".join(sorted(BACKEND_KINDS))
        raise Faulty([document.fault(("kind",), f"kind: {kind!r} is none of {known}")])
    model, make = BACKEND_KINDS[kind]
    return source.typed(model, document, document.data), make


@asynccontextmanager
async def composed(
    checked: Checked,
    *,
    keys: Keys | None = None,
    clock: Clock | None = None,
    more: Iterable[web.RouteDef] = (),
) -> AsyncIterator[web.Application]:
    """The gateway at work, behind a web application that somebody serves. Stops in the reverse order of its start.

    more: routes of whoever composes us (the demo's). Raises KeysUnusable or DatabaseUnusable with what to mend.
    """
    settings, menus = checked.settings, checked.menus
    own = settings.gateway
    clock = clock or SystemClock()
    keys = keys or read_keys(Path(own.keys_file))
    database = Database(own.database, keys)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.stop)
        await database.start()
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout()))
        offices: dict[str, Backend] = {}
        for name, (config, make) in checked.backends.items():
            offices[name] = await stack.enter_async_context(_guarded(name, config, make(config), clock))
        senders = {name: sender(http, listed.SMS[each.dialect], each) for name, each in settings.sms.items()}

        services: dict[str, Service] = {}
        answers = Answers(settings.routes, offices, services)
        outbox = Outbox(database, senders, keys, clock, own.sms)
        follow_ups = FollowUps(database, menus, answers, outbox, keys, clock, own.follow_ups)
        services["escalate"] = follow_ups
        turns = Turns(menus, answers, MemorySessions(clock.monotonic), keys, clock, own.sessions)
        inbox = Inbox(database, turns, outbox, settings.sms, keys, clock, own.sms)
        channels = Channels(
            {name: (each, listed.USSD[each.dialect]) for name, each in settings.ussd.items()},
            {name: (each, listed.SMS[each.dialect]) for name, each in settings.sms.items()},
            turns,
            inbox,
            keys,
            clock,
            _failed_text(menus, clock),
        )
        for worker in (outbox.worker, follow_ups.worker, inbox.worker):
            stack.push_async_callback(_ended, asyncio.create_task(worker.run()))

        application = web.Application()
        application.add_routes([*channels.routes(), *Health(database, menus).routes(), *more])
        for name, channel in {**settings.ussd, **settings.sms}.items():
            if channel.auth.kind == "none":
                log.warning("channel_without_authentication", channel=name, taken_from="this machine only")
        log.info(
            "started",
            menu=menus.current.version,
            channels=[*settings.ussd, *settings.sms],
            backends=[*offices],
        )
        yield application
        log.info("stopping")


@asynccontextmanager
async def serving(application: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """The application on a socket; the port it got. Raises CannotListen."""
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=STOP_WITHIN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
        address = runner.addresses[0]
        yield int(address[1])
    finally:
        await runner.cleanup()


def _guarded(name: str, config: Any, lookup: Lookup, clock: Clock) -> Guard:
    def report(word: str, reason: str, took_s: float) -> None:
        level = log.warning if reason else log.info
        level("office_asked", backend=name, outcome=word, ms=round(took_s * 1000), reason=reason)

    return Guard(
        lookup,
        deadline_s=config.deadline_s,
        max_in_flight=config.max_in_flight,
        report=report,
        monotonic=clock.monotonic,
    )


def _failed_text(menus: Menus, clock: Clock) -> str:
    """What a caller reads when a turn broke: rendered now, since then nothing may depend on anything."""
    menu = menus.current
    step = machine.outright(menu, machine.begin(menu, "ussd"), "failed", clock.today())
    assert isinstance(step.then, Screen)
    return render(step.then, Capacity(), menu.navigation[step.dialogue.language])[0].text


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
