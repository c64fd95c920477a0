"""`rasad demo`: gateway, offices and the SMS side in one process, on free ports but the gateway's own.

The second composition root. Data stands under var/ beside the settings and is made anew at each start.
"""

import asyncio
import os
import shutil
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
from yarl import URL

from gateway import app as gateway
from gateway import logs, settings
from gateway.commands import explained, stop_signal
from gateway.privacy import new_keys, write_keys
from simulators import kannel
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
    with explained():
        asyncio.run(_run(config or HOME / "config", host, port, var or HOME / "var"))


async def _run(config: Path, host: str, port: int, var: Path) -> None:
    async with stop_signal() as stopped, running(config, host, port, var) as url:
        print(f"ready: {url}/", flush=True)
        await stopped.wait()


@asynccontextmanager
async def running(config: Path, host: str, port: int, var: Path) -> AsyncIterator[str]:
    """The demo at work; its address."""
    folder = var / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    async with AsyncExitStack() as stack:
        log = stack.enter_context((folder / "rasad.log").open("w", encoding="utf-8", buffering=1))
        logs.configure(log)
        print(f"log: {folder / 'rasad.log'}", file=sys.stderr)
        today = datetime.now(ZoneInfo("Asia/Tehran")).date()
        phones = Kannel("rasad", PASSWORD)

        async def listening(application: web.Application) -> str:
            found = await stack.enter_async_context(gateway.serving(application, "127.0.0.1", 0))
            return f"http://127.0.0.1:{found}"

        offices = await _offices(today, listening)
        environ = {**os.environ, **offices, "KANNEL_PASSWORD": PASSWORD}
        environ["KANNEL_URL"] = f"{await listening(phones.application())}/cgi-bin/sendsms"
        keys_file, database = folder / "keys.yaml", f"sqlite+aiosqlite:///{folder / 'rasad.db'}"
        write_keys(keys_file, new_keys())
        read = settings.read(config, environ).at(host=host, port=port, keys_file=str(keys_file), database=database)
        desk = Desk(phones, await stack.enter_async_context(aiohttp.ClientSession()))
        application = await stack.enter_async_context(gateway.composed(gateway.check(read), more=desk.routes()))
        found = await stack.enter_async_context(gateway.serving(application, host, port))
        desk.gateway_url = f"http://{host}:{found}"
        yield desk.gateway_url


async def _offices(today: date, listening: Callable[[web.Application], Awaitable[str]]) -> dict[str, str]:
    """The offices' addresses under the names their backend files use."""
    return {
        "SECRETARIAT_URL": await listening(secretariat.application(data.letters(today))),
        "SLOW_SECRETARIAT_URL": await listening(
            secretariat.application(data.slow_letters(today), delay_s=SLOW_OFFICE_S)
        ),
        "SERVICES_URL": await listening(services.application(data.requests(today))),
    }


class Desk:
    """/sim/v1: the phones' side of the demo. Never part of a served gateway."""

    def __init__(self, phones: Kannel, http: aiohttp.ClientSession) -> None:
        self._phones, self._http = phones, http
        self.gateway_url = ""

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/sim/v1/messages", self._send), web.get("/sim/v1/inbox", self._inbox)]

    async def _send(self, request: web.Request) -> web.Response:
        """{from, to, text}: 202 with `after`, the id behind which the answer will be."""
        try:
            message = await request.json()
            sender, to, text = (message[name] for name in ("from", "to", "text"))
        except (ValueError, KeyError, TypeError):
            return web.json_response(
                {"error": 'expected {"from": "+98...", "to": "4040", "text": "12345"}'}, status=400
            )
        if not all(isinstance(each, str) for each in (sender, to, text)):
            return web.json_response({"error": "from, to and text are texts"}, status=400)
        after = self._phones.last_id
        status = await self._phones.send(self._http, URL(f"{self.gateway_url}/sms/kannel"), sender, to, text)
        if status != 200:
            return web.json_response({"error": f"the gateway answered {status} to this SMS"}, status=502)
        return web.json_response({"after": after}, status=202)

    async def _inbox(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        found = self._phones.received(request.query.get("msisdn", ""), int(after) if after.isdecimal() else 0)
        return web.json_response({"messages": [kannel.as_json(each) for each in found]})
