"""`rasad demo`: gateway, offices and the SMS side in one process, on free ports but the gateway's own.

The second composition root. Data stands under var/ of the checkout and is made anew at each start.
"""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import aiohttp
import typer
from aiohttp import web

from gateway import app as gateway
from simulators.desk import Desk
from simulators.kannel import Kannel
from simulators.offices import data, secretariat, services

SLOW_OFFICE_S = 12.0
"""What the slow office takes: longer than any turn, shorter than a follow-up."""

PASSWORD = "demo"  # noqa: S105  # of a simulated Kannel that listens on the loopback only
HOME = Path(__file__).resolve().parent.parent


def command(
    config: Annotated[Path | None, typer.Option("--config", help="Folder of settings.", file_okay=False)] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any.")] = 8061,
    var: Annotated[Path | None, typer.Option(help="Folder for the demo's data; emptied at each start.")] = None,
) -> None:
    """Everything on one desk: gateway, simulated offices, simulated SMS side. Until Ctrl-C."""
    asyncio.run(_run(config or HOME / "config", host, port, var or HOME / "var"))


async def _run(config: Path, host: str, port: int, var: Path) -> None:
    async with gateway.stop_signal() as stopped, running(config, host, port, var) as url:
        print(f"ready: {url}/", flush=True)
        await stopped.wait()


@asynccontextmanager
async def running(config: Path, host: str, port: int, var: Path) -> AsyncIterator[str]:
    """The demo at work; its address. The port is taken first: a second demo must not empty the first one's data."""
    folder = var / "demo"
    async with AsyncExitStack() as stack:
        on = stack.enter_context(gateway.listening(host, port))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log = stack.enter_context((folder / "rasad.log").open("w", encoding="utf-8", buffering=1))
        print(f"log: {folder / 'rasad.log'}", file=sys.stderr)
        gateway.log_to(log)

        phones = Kannel("rasad", PASSWORD)

        async def listening(application: web.Application) -> str:
            """A simulated service on a port of its own. It has no manners: when the demo ends it is gone."""
            found = stack.enter_context(gateway.listening("127.0.0.1", 0))
            await stack.enter_async_context(gateway.serving(application, found, stop_within_s=0.1))
            return address(found)

        offices = await _offices(datetime.now(ZoneInfo("Asia/Tehran")).date(), listening)
        environ = {**os.environ, **offices, "KANNEL_PASSWORD": PASSWORD}
        environ["KANNEL_URL"] = f"{await listening(phones.application())}/cgi-bin/sendsms"
        database = f"sqlite+aiosqlite:///{folder / 'rasad.db'}"
        checked = gateway.load(config, environ, host=host, port=port, database=database)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        desk = Desk(phones, http, f"{address(on)}/sms/kannel")
        whole = gateway.composed(checked, keys=gateway.new_keys(), more=desk.routes(), tell=_tell)
        await stack.enter_async_context(gateway.serving(await stack.enter_async_context(whole), on))
        yield address(on)


def _tell(line: str) -> None:
    """What became of an edited menu, where whoever edits it looks."""
    print(line, file=sys.stderr, flush=True)


def address(on: socket.socket) -> str:
    host, port = on.getsockname()[:2]
    return f"http://{host}:{port}"


async def _offices(today: date, listening: Callable[[web.Application], Awaitable[str]]) -> dict[str, str]:
    """The offices' addresses under the names their backend files use."""
    slow = secretariat.application(data.slow_letters(today), delay_s=SLOW_OFFICE_S)
    return {
        "SECRETARIAT_URL": await listening(secretariat.application(data.letters(today))),
        "SLOW_SECRETARIAT_URL": await listening(slow),
        "SERVICES_URL": await listening(services.application(data.requests(today))),
    }
