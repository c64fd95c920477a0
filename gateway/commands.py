"""The commands of the service itself."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from gateway import app, logs, settings
from gateway.menu_files import read_folder
from gateway.privacy import KeysUnusable, new_keys, write_keys
from gateway.storage.database import DatabaseUnusable
from menus import loader
from menus.source import Faulty

CONFIG = Path("config")

ConfigOption = Annotated[Path, typer.Option("--config", help="Folder of settings.", file_okay=False)]

menu = typer.Typer(no_args_is_help=True, help="Menus: check.")
config = typer.Typer(no_args_is_help=True, help="Settings: check.")
keys = typer.Typer(no_args_is_help=True, help="The keys that seal numbers and texts: new.")


@contextmanager
def explained() -> Iterator[None]:
    """What somebody has to mend, as its own sentence on stderr and exit code 1."""
    try:
        yield
    except (Faulty, KeysUnusable, DatabaseUnusable, app.CannotListen) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def serve(
    config: ConfigOption = CONFIG,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any.")] = None,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
) -> None:
    """Serve the channels in the settings until told to stop."""
    if workers > 1:
        print("serve: sessions are in this process's memory, so only --workers 1 can be served", file=sys.stderr)
        raise typer.Exit(1)
    logs.configure()
    changes = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    with explained():
        asyncio.run(_serve(app.check(settings.read(config, os.environ).at(**changes))))


async def _serve(checked: app.Checked) -> None:
    own = checked.settings.gateway
    async with stop_signal() as stopped, app.composed(checked) as web, app.serving(web, own.host, own.port) as port:
        print(f"ready: http://{own.host}:{port}/", flush=True)
        await stopped.wait()


@asynccontextmanager
async def stop_signal() -> AsyncIterator[asyncio.Event]:
    """An event that SIGINT or SIGTERM sets, from now on: a signal during start-up stops us too, in order."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    yield stopped


@menu.command("check")
def check_menu(folder: Annotated[Path | None, typer.Argument(help="The shipped menu without it.")] = None) -> None:
    """All faults of a menu as file:line: message."""
    with explained():
        found = loader.load(read_folder(folder or settings.SHIPPED_MENU))
    print(f"menu {found.version}: {len(found.nodes)} screens and asks in {', '.join(found.languages)}, no fault")


@menu.callback()
def _menu() -> None:
    """Menus: what operators write and citizens read."""


@config.command("check")
def check_config(folder: ConfigOption = CONFIG) -> None:
    """All faults of the settings as file:line: message; nothing is opened."""
    with explained():
        found = app.check(settings.read(folder, os.environ)).settings
    print(f"{len(found.ussd)} USSD and {len(found.sms)} SMS channels, {len(found.backends)} backends, no fault")


@config.callback()
def _config() -> None:
    """Settings: what engineers write."""


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
