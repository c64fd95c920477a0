"""The composition root of the service: the one place where concrete things are named, and the order they start in."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import aiohttp
import structlog
from aiohttp import web
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from adapters.breaker import Breaker
from adapters.contract import BackendUnusable, Fillable, Lookup, News, Trace, Traceable, Watched, untold
from adapters.due import Due
from adapters.ece import Ece, EceConfig
from adapters.guard import Guard, Report
from adapters.last_known import LastAnswers, LastKnown, MemoryLastAnswers
from adapters.mapping import CaseConfig
from adapters.register import Register, RegisterConfig
from adapters.rest import Rest, RestConfig
from adapters.soap import Soap, SoapConfig
from adapters.sql import Sql, SqlConfig
from gateway import settings_files
from gateway.admission import Admission
from gateway.answers import Answers, Service
from gateway.api import DRAFT_FOR_S, Api
from gateway.channels import listed
from gateway.channels.callers import Callers
from gateway.channels.contract import Polled, Showing
from gateway.channels.esme import Esme
from gateway.channels.hearing import Hearing
from gateway.channels.http import Channels
from gateway.channels.outgoing import Notices, sender
from gateway.channels.polling import Poller
from gateway.channels.pushing import Pushing
from gateway.clock import Clock, SystemClock
from gateway.events import Events
from gateway.health import Health
from gateway.holidays import WorkingDays
from gateway.lasting import ended, lasting
from gateway.logs import configure as log_to
from gateway.menu_files import Edition, House, edition
from gateway.menu_watch import watch
from gateway.privacy import Keys, KeysUnusable, new_keys, read_keys
from gateway.publications import opened
from gateway.records import Records
from gateway.server import CannotListen
from gateway.services import Rate, RememberLanguage
from gateway.sessions.memory import MemorySessions
from gateway.sessions.redis import RedisSessions
from gateway.sessions.store import SessionStore
from gateway.settings import SHIPPED_MENU
from gateway.settings_files import HOLIDAYS, Settings
from gateway.sms.conversations import Conversations
from gateway.sms.follow_ups import FollowUps
from gateway.sms.follows import Follows
from gateway.sms.inbox import Inbox
from gateway.sms.outbox import Outbox, Pusher
from gateway.sms.parts import Parts
from gateway.sms.receipts import Receipts
from gateway.sms.worker import Worker
from gateway.storage.database import Database, DatabaseUnusable
from gateway.storage.kept import KeptAnswers
from gateway.storage.languages import Languages
from gateway.storage.leases import Leases
from gateway.storage.menus import StoredMenus
from gateway.storage.purge import Purge
from gateway.storage.ratings import Ratings
from gateway.turn import Turns
from gateway.uploads import Uploads
from menus import source
from menus.definition import Menu
from menus.machine import Wire
from menus.ports import Answer, Ask, Backend, reference
from menus.source import Document, Fault, Faulty

__all__ = ["Checked", "ask_backend", "check", "composed", "load", "log_to", "migrate", "new_keys", "publish",
           "remembered", "try_out", "working_days"]  # fmt: skip

log = structlog.get_logger()

Unmapped = Callable[[str], None]
"""Told each word of an office that its file has no meaning for."""

BACKEND_KINDS: Mapping[str, tuple[type[BaseModel], Callable[[Any, Unmapped], Lookup]]] = {
    "ece": (EceConfig, Ece),
    "register": (RegisterConfig, Register),
    "rest": (RestConfig, partial(Rest, now=SystemClock().now)),
    "soap": (SoapConfig, Soap),
    "sql": (SqlConfig, Sql),
}

Role = Literal["web", "carrier"]

TO_BE_MENDED = (Faulty, KeysUnusable, DatabaseUnusable, BackendUnusable, CannotListen)
"""Why a start is refused: each is a sentence for whoever started us, not a defect."""


def load(folder: Path, environ: Mapping[str, str], **changes: object) -> "Checked":
    """The settings of a folder, checked; changes are values of gateway.yaml. Raises Faulty."""
    return check(settings_files.read(folder, environ).at(**changes))


@dataclass(frozen=True, slots=True)
class Checked:
    """Settings whose files all hold, each backend's own settings typed; and the menu in their folder, or its faults.

    A faulty folder stops no start by itself: where a menu is published, that one is served.
    """

    settings: Settings
    menu: Edition | Faulty
    menu_folder: Path
    backends: Mapping[str, tuple[Any, Callable[[Any, Unmapped], Lookup]]]

    def whole(self) -> "Checked":
        """The same when the menu holds too. Raises Faulty with what is wrong in it."""
        if isinstance(self.menu, Faulty):
            raise self.menu
        return self


def check(settings: Settings) -> Checked:
    """Everything that can be wrong in files, before anything is opened.

    Raises Faulty with all of it; when only the menu is faulty, that is in what is returned.
    """
    faults: list[Fault] = []
    backends: dict[str, tuple[Any, Callable[[Any, Unmapped], Lookup]]] = {}
    for name, document in settings.backends.items():
        try:
            backends[name] = _backend(document, settings)
        except Faulty as faulty:
            faults += faulty.faults
    dialects = [
        *((name, channel.dialect, sorted(listed.USSD)) for name, channel in settings.ussd.items()),
        *((name, channel.dialect, sorted(listed.SMS)) for name, channel in settings.sms.items()),
    ]
    for name, dialect, known in dialects:
        if dialect not in known:
            carries = "ussd" if known == sorted(listed.USSD) else "sms"
            file = str(settings_files.channel_file(settings.folder, name, carries))
            faults.append(Fault(file, 1, f"dialect: {dialect!r} is none of {', '.join(known)}"))
    showing = [name for name, each in listed.USSD.items() if isinstance(each, Showing)]
    for name, channel in settings.ussd.items():
        if channel.push == "notify" and channel.dialect in listed.USSD and channel.dialect not in showing:
            path = settings_files.channel_file(settings.folder, name, "ussd")
            told = f"push: {channel.dialect} shows nothing by itself; over HTTP only {', '.join(showing)} does"
            faults.append(source.read(str(path), path.read_text(encoding="utf-8")).fault(("push",), told))
    folder = SHIPPED_MENU if settings.gateway.menu is None else Path(settings.gateway.menu)
    menu: Edition | Faulty
    try:
        menu = edition(folder, house(settings))
    except Faulty as faulty:
        menu = faulty
    if faults:
        raise Faulty([*faults, *(menu.faults if isinstance(menu, Faulty) else ())])
    return Checked(settings, menu, folder, backends)


def house(settings: Settings) -> House:
    """What these settings ask of a menu."""
    capacities = {name: channel.capacity for name, channel in settings.talks.items()}
    capacities |= {f"{name} (SMS)": channel.capacity for name, channel in settings.texts.items()}
    return House(settings.routes.keys(), capacities)


def working_days(folder: Path) -> WorkingDays:
    """The calendar of a settings folder. Raises Faulty."""
    return settings_files.working_days(folder) or WorkingDays()


def _backend(document: Document, settings: Settings) -> tuple[Any, Callable[[Any, Unmapped], Lookup]]:
    kind = document.data.get("kind")
    if not isinstance(kind, str) or kind not in BACKEND_KINDS:
        known = ", ".join(sorted(BACKEND_KINDS))
        raise Faulty([document.fault(("kind",), f"kind: {kind!r} is none of {known}")])
    model, make = BACKEND_KINDS[kind]
    config: Any = source.typed(model, document, document.data)
    if isinstance(config, CaseConfig):
        if config.due_in_working_days is not None and settings.working_days is None:
            fault = f"due_in_working_days: counted by {HOLIDAYS}, which is not in {settings.folder}"
            raise Faulty([document.fault(("due_in_working_days",), fault)])
        config = config.model_copy(update={"names": {**settings.names, **config.names}})
    return config, make


@asynccontextmanager
async def composed(
    checked: Checked,
    *,
    keys: Keys | None = None,
    clock: Clock | None = None,
    more: Iterable[web.RouteDef] = (),
    tell: Callable[[str], None] | None = None,
    known: LastAnswers | None = None,
    role: Role | None = None,
    owner: str | None = None,
) -> AsyncIterator[web.Application]:
    """The gateway at work, behind a web application that somebody serves. Stops in the reverse order of its start.

    more: routes of whoever composes us (the demo's). tell: watch the menu's files, and say here what came of an edit.
    known: where last answers are kept, for backends whose file wants that; without it in this process.
    role: web hears and answers by HTTP, carrier does all that nobody waits for by HTTP; without one both.
    owner: of the leases, the same for who replaces us when we are dead for certain; else of this start alone.
    Raises KeysUnusable, DatabaseUnusable or BackendUnusable with what to mend, and Faulty without a menu to serve.
    """
    settings, own = checked.settings, checked.settings.gateway
    clock = clock or SystemClock()
    keys = keys or read_keys(Path(own.keys_file))
    database = Database(own.database, keys, own.storage)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.stop)
        await database.start()
        if not await database.opens():
            where = f"what stands in database {database} was sealed with other keys"
            raise KeysUnusable(f"{own.keys_file}: {where}; bring back the file it was sealed with")
        publications = await opened(StoredMenus(database, clock), house(settings), checked.menu)
        menus = publications.menus
        stack.push_async_callback(menus.stop)
        no_cookies = aiohttp.DummyCookieJar()
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(), cookie_jar=no_cookies)
        http = await stack.enter_async_context(session)
        offices: dict[str, Backend] = {}
        registers: dict[str, Fillable] = {}
        known = known or MemoryLastAnswers()
        for name, (config, make) in checked.backends.items():
            unmapped, report = _heard(name)
            lookup = make(config, unmapped)
            if isinstance(lookup, Watched):
                lookup.tells(_news(name), clock.today)
            if isinstance(lookup, Fillable):
                registers[name] = lookup
            due = _due(lookup, config, settings.working_days)
            offices[name] = await stack.enter_async_context(_guarded(name, due, config, report, clock, known))
        senders = {name: sender(http, listed.SMS[each.dialect], each) for name, each in settings.sms.items()}
        binds = {
            name: Esme(name, each, random.random, clock.new_id, settings.gateway.sms.send_within_s)
            for name, each in settings.smpp.items()
        }
        senders |= {name: bind.send for name, bind in binds.items()}

        services: dict[str, Service] = {}
        kept = KeptAnswers(database, keys, clock)
        answers = Answers(settings.routes, offices, services, kept, keys)
        pushing = {
            name: Pushing(each.ussd, binds[name].notify, each.alphabet)
            for name, each in settings.smpp.items()
            if each.ussd and each.ussd.push == "notify"
        }
        pushers = {name: Pusher(settings.talks[name].capacity, each.send) for name, each in pushing.items()}
        for name, talk in settings.ussd.items():
            shows = listed.USSD[talk.dialect]
            if talk.push == "notify" and talk.push_to and isinstance(shows, Showing):
                notices = Notices(http, shows, talk.push_to, own.sms.send_within_s)
                stack.push_async_callback(notices.stop)
                pushers[name] = Pusher(talk.capacity, notices.send)
        rates = {name: each.send.per_s for name, each in settings.sms.items()}
        rates |= {name: each.per_s for name, each in settings.smpp.items()}
        outbox = Outbox(database, senders, rates, keys, clock, own.sms, pushers)
        languages = Languages(database, clock)
        services["remember_language"] = RememberLanguage(languages)
        services["rate"] = Rate(Ratings(database, keys, clock))
        sessions: SessionStore = MemorySessions(clock.monotonic)
        if own.sessions.redis is not None:
            sessions = in_redis = RedisSessions(own.sessions.redis, own.sessions.redis_within_s, keys)
            stack.push_async_callback(in_redis.stop)
            if trouble := await sessions.trouble():
                log.warning("sessions_in_trouble", reason=trouble)
        remembered_s: dict[Wire, float] = {"ussd": own.sessions.idle_s, "sms": own.sms.conversation_s}
        records = Records(database, clock.monotonic, remembered_s)
        stack.push_async_callback(ended, asyncio.create_task(lasting("records", records.run)))
        turns = Turns(menus, answers, sessions, languages, kept, keys, clock, own.sessions, records.note)
        talks = Conversations(database, clock, own.sms)
        follow_ups = FollowUps(database, turns, outbox, talks, settings.texts, keys, clock, own.follow_ups)
        services["escalate"] = follow_ups
        pace = _pace(settings, {name: config.polls_per_minute for name, (config, _) in checked.backends.items()})
        follows = Follows(database, turns, outbox, settings.texts, pace, keys, clock, own.follow)
        services["follow"], services["unfollow"] = follows.follow, follows.unfollow
        inbox = Inbox(database, turns, outbox, talks, follows, settings.texts, keys, clock, own.sms)
        long_ones, fates = Parts(database, inbox, keys, clock), Receipts(database, keys, clock)
        failed, busy = (
            {name: turns.outright(screen, "ussd", None, each.capacity)[1] for name, each in settings.talks.items()}
            for screen in ("failed", "busy")
        )
        admission = Admission(own.overload, asyncio.get_running_loop().time)
        stack.push_async_callback(ended, asyncio.create_task(lasting("admission", admission.run)))
        channels = Channels(
            {name: (each, listed.USSD[each.dialect]) for name, each in settings.ussd.items()},
            {name: (each, listed.SMS[each.dialect]) for name, each in settings.sms.items()},
            turns,
            inbox,
            fates,
            keys,
            clock,
            admission,
            failed,
            busy,
            own.proxies,
            Callers(own.sessions.idle_s),
        )
        alone = {f"follows {route}": worker.run for route, worker in follows.workers.items()}
        alone["parts"] = long_ones.run
        alone["purge"] = Purge(database, clock, own.retention).run
        for name, each in settings.sms.items():
            if isinstance(dialect := listed.SMS[each.dialect], Polled):
                poller = Poller(http, name, dialect, each, inbox, fates)
                stack.push_async_callback(poller.stop)
                alone[f"poll {name}"] = poller.run
        stack.push_async_callback(ended, asyncio.create_task(lasting("publications", publications.follow)))
        held: set[str] = set()
        for name, bind in binds.items():
            told = failed.get(name, ""), busy.get(name, "")
            hear = Hearing(
                name,
                settings.smpp[name],
                turns,
                inbox,
                long_ones,
                fates,
                keys,
                clock,
                admission,
                *told,
                pushing.get(name),
            )
            alone[f"bind {name}"] = partial(_bound, name, bind, hear, outbox.of_channel.get(name), held)
        if role != "web":
            ours = [each for name, each in outbox.of_channel.items() if name not in binds]
            leases = Leases(database, owner or clock.new_id())
            works = {worker.name: worker.run for worker in (*ours, follow_ups.worker, inbox.worker)}
            works |= {name: partial(leases.alone, name, work) for name, work in alone.items()}
            stack.push_async_callback(ended, *[asyncio.create_task(lasting(*each)) for each in works.items()])
        if tell is not None:
            watching = partial(watch, checked.menu_folder, publications, house(settings), tell)
            stack.push_async_callback(ended, asyncio.create_task(lasting("menu watch", watching)))
        else:
            _compare(checked, menus.current.version)

        application = web.Application()
        secrets = {name: config.events_secret for name, (config, _) in checked.backends.items() if config.events_secret}
        events = Events(follows, secrets, _routes_of(settings), clock)
        uploads = Uploads(registers, secrets, clock)
        api = Api(own.api_tokens, sessions, publications, house(settings), keys, clock)
        states = {name: partial(_states, name, bind, held) for name, bind in binds.items()}
        health = Health(database, sessions, menus, states, only_binds=not (settings.ussd or settings.sms))
        own_routes = [*events.routes(), *uploads.routes(), *api.routes(), *health.routes()]
        application.add_routes(health.routes() if role == "carrier" else [*channels.routes(), *own_routes, *more])
        for name, channel in (*settings.ussd.items(), *settings.sms.items()):
            if channel.auth.kind == "none":
                log.warning("channel_without_authentication", channel=name, taken_from="this machine only")
        _look_at_the_calendar(settings, clock)
        log.info(
            "started",
            menu=menus.current.version,
            channels=[*settings.ussd, *settings.sms, *settings.smpp],
            backends=[*offices],
        )
        yield application
        log.info("stopping")


async def publish(settings: Settings, folder: Path) -> tuple[Menu, bool]:
    """Publish the menu in a folder to every process on these settings' database; False: it was published already.

    Raises Faulty, KeysUnusable or DatabaseUnusable with what to mend; then nothing is published.
    """
    new = edition(folder, house(settings))
    async with _stored_menus(settings) as (stored, _):
        return new.menu, await stored.publish(new.menu.version, new.files)


async def try_out(settings: Settings, folder: Path | None, phone: str) -> tuple[Menu, datetime] | None:
    """Give one phone the menu in a folder, or without one what all have: in every process on these settings' database.

    phone: E.164. None: the phone has what all have. Raises as publish does.
    """
    new = edition(folder, house(settings)) if folder is not None else None
    async with _stored_menus(settings) as (stored, keys):
        if new is None:
            await stored.unbind(keys.tag(phone))
            return None
        return new.menu, await stored.bind(keys.tag(phone), new.menu.version, new.files, DRAFT_FOR_S)


async def migrate(settings: Settings, *, back_to: str | None = None) -> tuple[Database, str]:
    """Bring the schema of these settings' database to this release, or back to an earlier one; what it is now.

    Raises KeysUnusable, or DatabaseUnusable, also when something would be lost by going back."""
    own = settings.gateway
    database = Database(own.database, read_keys(Path(own.keys_file)), own.storage)
    try:
        if back_to is not None and (busy := await database.at_work()):
            told = "stop it first, or wait half a minute where it was killed; nothing was changed"
            raise DatabaseUnusable(f"database {database}: a gateway is at work on it (it has {busy}); {told}")
        await (database.start() if back_to is None else database.go_back(back_to))
        return database, await database.revision()
    finally:
        await database.stop()


@asynccontextmanager
async def _stored_menus(settings: Settings) -> AsyncIterator[tuple[StoredMenus, Keys]]:
    keys = read_keys(Path(settings.gateway.keys_file))
    database = Database(settings.gateway.database, keys, settings.gateway.storage)
    try:
        await database.start()
        yield StoredMenus(database, SystemClock()), keys
    except SQLAlchemyError as error:
        raise DatabaseUnusable(f"database {database}: {error}; nothing is published") from error
    finally:
        await database.stop()


def _routes_of(settings: Settings) -> dict[str, list[str]]:
    """Backend to the routes it has a part in."""
    found: dict[str, list[str]] = {}
    for route, lines in settings.routes.items():
        for backend in dict.fromkeys(name for line in lines for name in line.backends):
            found.setdefault(backend, []).append(route)
    return found


def _pace(settings: Settings, polls_per_minute: Mapping[str, float]) -> dict[str, float]:
    """Route to what the slowest of its offices takes. One that several routes lead to is shared by them."""
    shares = {name: polls_per_minute[name] / len(routes) for name, routes in _routes_of(settings).items()}
    return {
        route: min(shares[name] for line in lines for name in line.backends) for route, lines in settings.routes.items()
    }


async def remembered(checked: Checked, numbers: Mapping[str, Iterable[str]], on: date) -> LastAnswers:
    """A store of last answers as if these numbers had been asked on that day: backend to numbers. It asks the offices
    now, once. Each file must say `last_known`. Raises BackendFailed."""
    answers = MemoryLastAnswers()
    for name, asked in numbers.items():
        config, make = checked.backends[name]
        async with make(config, lambda _: None) as lookup:
            for number in asked:
                answer = await lookup.look_up(Ask("", 0, reference(number)))
                await LastKnown(config.last_known, name, answers).told(number, answer, on)
    return answers


def _compare(checked: Checked, serving: str) -> None:
    """Say what stands in the menu's folder when it is not what is served: nothing but publishing it makes it so."""
    folder, menu = str(checked.menu_folder), checked.menu
    if isinstance(menu, Faulty):
        log.warning("menu_folder_faulty", folder=folder, faults=[str(each) for each in menu.faults], serving=serving)
    elif menu.menu.version != serving:
        how = f"rasad menu publish {folder} --config {checked.settings.folder}"
        log.info("menu_folder_differs", folder=folder, menu=menu.menu.version, serving=serving, to_publish=how)


def _look_at_the_calendar(settings: Settings, clock: Clock) -> None:
    """Due dates that are counted without the holidays of a year come too early."""
    days = settings.working_days
    if days is not None and days.until is not None and clock.today() > days.until:
        log.warning("holidays_unknown", file=str(settings.folder / HOLIDAYS), known_until=str(days.until))


def _heard(name: str) -> tuple[Unmapped, Report]:
    """What the log hears of an office: words without a meaning, and how each question ended."""

    def unmapped(word: str) -> None:
        log.warning("office_word_without_meaning", backend=name, word=word)

    def report(word: str, reason: str, took_s: float) -> None:
        level = log.warning if reason else log.info
        level("office_asked", backend=name, outcome=word, ms=round(took_s * 1000), reason=reason)

    return unmapped, report


def _news(name: str) -> News:
    return lambda level, event, facts: getattr(log, level)(event, backend=name, **facts)


def _due(lookup: Lookup, config: Any, days: WorkingDays | None, trace: Trace = untold) -> Lookup:
    """The lookup, with a due date where its office has a rule instead."""
    if days is None or not isinstance(config, CaseConfig) or config.due_in_working_days is None:
        return lookup
    return Due(lookup, config.due_in_working_days, days.working_days_after, trace)


def _guarded(name: str, lookup: Lookup, config: Any, report: Report, clock: Clock, known: LastAnswers) -> Guard:
    def alarm(what: str) -> None:
        log.error("office_in_trouble", backend=name, what=what)

    return Guard(
        lookup,
        deadline_s=config.deadline_s,
        max_in_flight=config.max_in_flight,
        report=report,
        monotonic=clock.monotonic,
        breaker=Breaker(config.breaker),
        lateness_opens=config.lateness_opens,
        retries=config.retries,
        last_known=LastKnown(config.last_known, name, known) if config.last_known else None,
        today=clock.today,
        alarm=alarm,
    )


async def ask_backend(
    checked: Checked, name: str, ask: Ask, *, trace: Trace, unmapped: Unmapped, report: Report
) -> Answer:
    """One question to one backend, as the service would ask it, heard by whoever connects the office. No log has it."""
    config, make = checked.backends[name]
    lookup = make(config, unmapped)
    if isinstance(lookup, Traceable):
        lookup = lookup.traced(trace)
    if isinstance(lookup, Watched):
        lookup.tells(lambda _, event, facts: trace("news", _said(event, facts)), SystemClock().today)
    due = _due(lookup, config, checked.settings.working_days, trace)
    async with _guarded(name, due, config, report, SystemClock(), MemoryLastAnswers()) as office:
        return await office.ask(ask, config.deadline_s)


def _said(event: str, facts: Mapping[str, object]) -> str:
    return " ".join([event, *(f"{name}={value}" for name, value in facts.items())])


async def _bound(name: str, bind: Esme, hear: Hearing, sending: Worker | None, held: set[str]) -> None:
    """What goes over a bind, both ways: both are the affair of the process that has it."""
    task = asyncio.create_task(lasting(sending.name, sending.run)) if sending is not None else None
    held.add(name)
    try:
        await bind.run(hear, hear.over)
    finally:
        held.discard(name)
        if task is not None:
            await ended(task)


def _states(name: str, bind: Esme, held: set[str]) -> Mapping[str, str]:
    """Nothing of a bind that another process has."""
    return bind.states() if name in held else {}
