"""The commands of the service itself."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway import app, logs, settings
from gateway.menu_files import read_folder
from gateway.privacy import new_keys, write_keys
from menus import loader

CONFIG = Path("config")

ConfigOption = Annotated[Path, typer.Option("--config", help="Folder of settings.", file_okay=False)]

menu = typer.Typer(no_args_is_help=True, help="Menus: check.")
config = typer.Typer(no_args_is_help=True, help="Settings: check.")
keys = typer.Typer(no_args_is_help=True, help="The keys that seal numbers and texts: new.")


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
    asyncio.run(_serve(app.load(config, os.environ, **changes)))


async def _serve(checked: app.Checked) -> None:
    own = checked.settings.gateway
    with app.listening(own.host, own.port) as on:
        async with app.stop_signal() as stopped, app.composed(checked) as web, app.serving(web, on):
            print(f"ready: http://{own.host}:{on.getsockname()[1]}/", flush=True)
            await stopped.wait()


@menu.command("check")
def check_menu(folder: Annotated[Path | None, typer.Argument(help="The shipped menu without it.")] = None) -> None:
    """All faults of a menu as file:line: message."""
    found = loader.load(read_folder(folder or settings.SHIPPED_MENU))
    print(f"menu {found.version}: {len(found.nodes)} screens and asks in {', '.join(found.languages)}, no fault")


@menu.callback()
def _menu() -> None:
    """Menus: what operators write and citizens read."""


@config.command("check")
def check_config(folder: ConfigOption = CONFIG) -> None:
    """All faults of the settings as file:line: message; nothing is opened."""
    found = app.load(folder, os.environ).settings
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
