"""The commands of the service itself."""

import asyncio
import json
import os
import signal
import socket
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway import app, backend_try, drafts, logs, msisdn, server, settings, settings_files
from gateway.app import Role
from gateway.clock import SystemClock
from gateway.menu_files import House, loaded, read_folder
from gateway.privacy import new_keys, write_keys
from gateway.supervisor import CrashLoop, Line, Supervisor
from menus import loader, reach, samples, see
from menus.check import notes
from menus.definition import Menu
from menus.ports import Ask, outcome
from menus.source import Faulty, meant
from menus.trial import Trial

CONFIG = Path("config")
DEMO = "http://127.0.0.1:8061"
PHONE = "+989161234567"
"""The demo's default phone, also in `rasad dial`."""

ConfigOption = Annotated[Path, typer.Option("--config", help="Folder of settings.", file_okay=False)]

FolderArgument = Annotated[Path | None, typer.Argument(help="The shipped menu without it.")]

menu = typer.Typer(no_args_is_help=True, help="Menus: check, publish, print, graph, schema, try.")
config = typer.Typer(no_args_is_help=True, help="Settings: check.")
backend = typer.Typer(no_args_is_help=True, help="Offices' systems: try.")
db = typer.Typer(no_args_is_help=True, help="Our own database: upgrade, downgrade.")
keys = typer.Typer(no_args_is_help=True, help="The keys that seal numbers and texts: new.")


def serve(
    config: ConfigOption = CONFIG,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any.")] = None,
    workers: Annotated[int, typer.Option(help="Processes; more than one need sessions.redis.", min=1)] = 1,
    role: Annotated[
        Role | None, typer.Option(help="web: HTTP alone; carrier: binds, outgoing SMS, follow-ups; without: both.")
    ] = None,
    worker: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serve the channels in the settings until told to stop."""
    changes = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    if worker is not None:
        number, descriptor, line = map(int, worker.split(",")[:3])
        logs.configure(worker=number)
        owner = worker.split(",")[3]
        asyncio.run(_work(config, changes, socket.socket(fileno=descriptor), line, role, owner))
        return
    logs.configure()
    checked = app.load(config, os.environ, **changes)
    if workers > 1 and role != "carrier" and checked.settings.gateway.sessions.redis is None:
        told = (
            f"for --workers {workers} set sessions.redis in {config / 'gateway.yaml'}, as in redis://127.0.0.1:6379/0"
        )
        print(f"serve: sessions are in each process's memory; {told}", file=sys.stderr)
        raise typer.Exit(1)
    try:
        asyncio.run(_serve(checked, role) if workers == 1 else _supervise(checked, workers))
    except CrashLoop as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


async def _serve(checked: app.Checked, role: Role | None) -> None:
    own = checked.settings.gateway
    context = server.tls(own.tls) if own.tls else None
    with server.listening(own.host, own.port) as on:
        async with (
            server.stop_signal() as stopped,
            app.composed(checked, role=role) as web,
            server.serving(web, on, server.DRAIN_S, context),
        ):
            server.started()
            _print_ready(own, on)
            await stopped.wait()


async def _supervise(checked: app.Checked, workers: int) -> None:
    own = checked.settings.gateway
    if own.tls:
        server.tls(own.tls)  # told now, and once

    ours = SystemClock().new_id()

    def command(number: int, descriptor: int, line: int) -> list[str]:
        # Who comes after a dead one has its leases at once: they are of the place, not of the process.
        told = f"{number},{descriptor},{line},{ours}-{number}"
        return [sys.executable, *sys.orig_argv[1:], "--worker", told]

    with server.listening(own.host, own.port) as on:
        await Supervisor(workers, on, command, lambda: _print_ready(own, on)).run()


def _print_ready(own: settings.GatewaySettings, on: socket.socket) -> None:
    print(f"ready: http{'s' if own.tls else ''}://{own.host}:{on.getsockname()[1]}/", flush=True)


async def _work(
    config: Path, changes: dict[str, Any], on: socket.socket, descriptor: int, role: Role | None, owner: str
) -> None:
    """One of several workers, on a socket that is not its own. Ctrl-C in a terminal is the supervisor's to hear."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    async with server.stop_signal(signal.SIGTERM) as stopped:
        line = Line(descriptor, stopped.set)
        try:
            checked = app.load(config, os.environ, **changes)
            tls = checked.settings.gateway.tls
            context = server.tls(tls) if tls else None
            with on:
                async with (
                    app.composed(checked, role=role, owner=owner) as web,
                    server.serving(web, on, server.DRAIN_S, context, shared=True),
                ):
                    server.started()
                    line.ready()
                    await stopped.wait()
        except app.TO_BE_MENDED as error:
            line.say(str(error))
            raise typer.Exit(1) from None


@menu.command("check")
def check_menu(
    folder: FolderArgument = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings whose routes and channels to check against.", file_okay=False)
    ] = None,
) -> None:
    """All faults of a menu as file:line: message: what is written, and every screen a citizen could get."""
    pairs = read_folder(folder or settings.SHIPPED_MENU)
    if config is None:
        routes = loader.load(pairs).routes  # whatever it asks: without settings nobody knows which there are
        house = House(routes, {str(wire): capacity for wire, capacity in see.WIRES.items()})
    else:
        house = app.house(settings_files.read(config, os.environ))
    found = loaded(pairs, house)
    _note(found, house)
    print(f"menu {found.version}: {len(found.nodes)} screens and asks in {', '.join(found.languages)}, no fault")


def _note(found: Menu, house: House) -> None:
    for note in notes(found, house.capacities):
        file, line = found.place(note.path)
        print(f"{file}:{line}: note: {note}")


@menu.command("publish")
def publish_menu(
    folder: Annotated[Path | None, typer.Argument(help="The folder of menu files.")] = None,
    config: Annotated[Path | None, typer.Option(help="Folder of settings; config without it.", file_okay=False)] = None,
    draft: Annotated[bool, typer.Option("--draft", help="For one phone alone; without a folder: no more.")] = False,
    phone: Annotated[str, typer.Option("--msisdn", help="The phone that tries the draft.")] = PHONE,
    url: Annotated[str, typer.Option(help="The running demo whose phone it is, unless --config is given.")] = DEMO,
) -> None:
    """Publish a menu to whoever serves these settings, as it runs; a faulty one is told and changes nothing."""
    number = msisdn.normal(phone)
    if number is None:
        print(f"--msisdn: {phone} is no mobile phone number; expected one like {PHONE}", file=sys.stderr)
        raise typer.Exit(1)
    if draft:
        _try_out(folder, config, number, url)
        return
    if folder is None:
        print("which folder? expected: rasad menu publish DIR", file=sys.stderr)
        raise typer.Exit(1)
    here = settings_files.read(config or CONFIG, os.environ)
    found, new = asyncio.run(app.publish(here, folder))
    _note(found, app.house(here))
    state = "is published" if new else "is the published one already"
    print(f"menu {found.version} {state}: {len(found.nodes)} screens and asks in {', '.join(found.languages)}")


def _try_out(folder: Path | None, config: Path | None, phone: str, url: str) -> None:
    """By the database of the settings, or into a demo: its keys and its database are its own."""
    if config is not None:
        here = settings_files.read(config, os.environ)
        bound = asyncio.run(app.try_out(here, folder, phone))
        told = (bound[0].version, bound[1]) if bound is not None else None
        if bound is not None:
            _note(bound[0], app.house(here))
    else:
        try:
            taken = asyncio.run(drafts.sent(url.rstrip("/"), phone, read_folder(folder) if folder else None))
        except drafts.NotTaken as error:
            print(error, file=sys.stderr)
            raise typer.Exit(1) from None
        told = (taken.menu, taken.until) if taken is not None else None
        for note in taken.notes if taken is not None else ():
            file, line, what = note.split(":", 2)
            print(f"{file}:{line}: note:{what}")
    if told is None:
        print(f"{phone} has the menu that all have")
        return
    until = told[1].astimezone().strftime("%H:%M")
    print(f"menu {told[0]} is tried by {phone} alone until {until}; all others stay on the published one")
    print("dial anew to see it; after another edit give the command once more")


@menu.command("print")
def print_menu(
    folder: FolderArgument = None,
    screens: Annotated[list[str] | None, typer.Argument(help="These screens alone; all without.")] = None,
    lang: Annotated[str | None, typer.Option(help="One language instead of all.")] = None,
    today: Annotated[str | None, typer.Option(help="The day the samples are of, 2026-11-22.")] = None,
) -> None:
    """Every screen, or those named, with sample data and its units, on both wires."""
    found = loader.load(read_folder(folder or settings.SHIPPED_MENU))
    if lang is not None and lang not in found.languages:
        print(f"{lang} is none of this menu's languages ({', '.join(found.languages)})", file=sys.stderr)
        raise typer.Exit(1)
    there = sorted(node.name for node in reach.screens(found))
    strange = [name for name in screens or () if name not in there]
    if strange:
        told = [f"there is no screen {name}{meant(name, there)}" for name in strange]
        print(*told, f"there are {', '.join(there)}", sep="\n", file=sys.stderr)
        raise typer.Exit(1)
    day = date.fromisoformat(today) if today else SystemClock().today()
    print(see.printed(found, (lang,) if lang else found.languages, day, screens or ()))


@menu.command("try")
def try_menu(
    folder: FolderArgument = None,
    lang: Annotated[str | None, typer.Option(help="The language to begin in.")] = None,
) -> None:
    """The menu in the terminal, with canned answers instead of offices; a line is what is typed."""
    trial = Trial(loader.load(read_folder(folder or settings.SHIPPED_MENU)), lang, SystemClock().today())
    print("numbers: " + ", ".join(f"{number} {what}" for number, what in samples.CANNED.items()), file=sys.stderr)
    page = trial.dial()
    while True:
        print(page.text, "-- end --" if page.end else "--", sep="\n", flush=True)
        if page.end:
            return
        try:
            page = trial.type(input("> " if sys.stdin.isatty() else ""))
        except (EOFError, KeyboardInterrupt):
            return


@menu.command("graph")
def graph_menu(folder: FolderArgument = None) -> None:
    """The menu as a Mermaid flowchart."""
    print(see.graph(loader.load(read_folder(folder or settings.SHIPPED_MENU))), end="")


@menu.command("schema")
def menu_schema() -> None:
    """JSON Schema of a menu file, for editors."""
    print(json.dumps(see.schema(), ensure_ascii=False, indent=2))


@menu.callback()
def _menu() -> None:
    """Menus: what operators write and citizens read."""


@config.command("check")
def check_config(folder: ConfigOption = CONFIG) -> None:
    """All faults of the settings as file:line: message; nothing is opened."""
    found = app.load(folder, os.environ).whole().settings
    print(f"{len(found.ussd)} USSD and {len(found.sms)} SMS channels, {len(found.backends)} backends, no fault")


@config.callback()
def _config() -> None:
    """Settings: what engineers write."""


@backend.command("try")
def try_backend(
    name: Annotated[str, typer.Argument(help="The backend: the name of its file.")],
    number: Annotated[str, typer.Argument(help="What a citizen would type.")],
    config: ConfigOption = CONFIG,
    lang: Annotated[str, typer.Option(help="The language of the screens.")] = "fa",
) -> None:
    """One question to one office: the request, its answer, what becomes of each value, and what a citizen reads."""
    checked = app.check(settings_files.read(config, os.environ, backend=name)).whole()
    assert not isinstance(checked.menu, Faulty)
    menu, routes = checked.menu.menu, checked.settings.routes
    if lang not in menu.languages:
        print(f"{lang} is none of this menu's languages ({', '.join(menu.languages)})", file=sys.stderr)
        raise typer.Exit(1)
    asks = backend_try.asking(menu, routes, name)
    asked, mistake = backend_try.as_typed(menu, asks[0] if asks else None, number)
    file = config / "backends" / f"{name}.yaml"
    heard = backend_try.Heard(backend_try.secrets_in(file.read_text(encoding="utf-8"), os.environ))
    question = Ask(asks[0].route if asks else name, 1, asked)
    answer = asyncio.run(
        app.ask_backend(
            checked, name, question, trace=heard.trace, unmapped=heard.unmapped, report=heard.report
        )
    )  # fmt: skip
    print(*heard.lines(), sep="\n")
    print(f"\n-- outcome\n{backend_try.ended(answer, heard)}")
    if mistake is not None:
        print(f"a citizen cannot ask this: her phone says that {number} is no such number ({mistake})")
    if not asks:
        print(f"no route of {config / 'routes.yaml'} asks {name}: no citizen reads anything of it yet")
    for ask in asks:
        other = backend_try.elsewhere(routes, ask, name, asked.exact)
        if other is not None:
            print(f"a citizen's question for this number goes to {other or 'no backend'}: {config / 'routes.yaml'}")
        print(*backend_try.screens(menu, ask, asked, answer, lang, SystemClock().today()), sep="\n")
    if outcome(answer) not in backend_try.ANSWERED:
        deadline_s = checked.backends[name][0].deadline_s
        print(f"no answer: {backend_try.advice(answer, heard, deadline_s)}", file=sys.stderr)
        raise typer.Exit(1)


@backend.callback()
def _backend() -> None:
    """Offices' systems: what engineers connect."""


@db.command("upgrade")
def upgrade_database(config: ConfigOption = CONFIG) -> None:
    """Make the tables of our own database, or bring them to this release; `rasad serve` does it by itself."""
    _migrate(config, None)


@db.command("downgrade")
def downgrade_database(
    revision: Annotated[
        str, typer.Argument(help="What the earlier release calls its schema, 0007; its `db upgrade` says.")
    ],
    config: ConfigOption = CONFIG,
) -> None:
    """Take them back to an earlier release's, when none of ours runs; refused when something would be lost."""
    _migrate(config, revision)


def _migrate(config: Path, back_to: str | None) -> None:
    database, revision = asyncio.run(app.migrate(settings_files.read(config, os.environ), back_to=back_to))
    print(f"database {database}: its schema is {revision}")


@db.callback()
def _db() -> None:
    """Our own database: what engineers upgrade and take back."""


@keys.command("new")
def make_keys(file: Path) -> None:
    """Make a file of new keys, readable by its owner only."""
    try:
        write_keys(file, new_keys())
    except FileExistsError:
        print(f"{file} is there already: without the keys in it nobody can read what they sealed", file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"{file}: keep a copy elsewhere; losing it loses the data")


@keys.callback()
def _keys() -> None:
    """The keys that seal numbers and texts."""
