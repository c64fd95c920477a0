"""`rasad demo`: gateway, offices and the SMS side in one process, on free ports but the gateway's own.

The second composition root. Data stands under var/ of the checkout and is made anew at each start.
"""

import asyncio
import os
import secrets
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import aiohttp
import typer
import yaml
from aiohttp import web

from gateway import app as gateway
from gateway import server
from simulators.africastalking import AfricasTalking
from simulators.aggregator import SESSIONS
from simulators.channels import Channel
from simulators.desk import Desk, Provider
from simulators.kannel import Kannel
from simulators.kavenegar import Kavenegar
from simulators.magfa import Magfa
from simulators.offices import data, generated, secretariat, services
from simulators.offices.days import Calendar
from simulators.offices.faults import Front
from simulators.phone import pages
from simulators.phone.calls import Calls, Line
from simulators.phone.drafts import Drafts
from simulators.phone.wire import Tap, Wire
from simulators.phones import Phones
from simulators.recorder import Public, public_in
from simulators.restcomm import RestComm
from simulators.smsc import Smsc
from simulators.smsc_desk import SmscDesk

SLOW_OFFICE_S = 12.0
"""What the slow office takes: longer than any turn, shorter than a follow-up."""

NEIGHBOURS = 1_000
"""Generated letters, and as many requests, beside the handbook's rows: `rasad cases` shows their numbers."""

BOUND_WITHIN_S = 3.0

PASSWORD = "demo"  # noqa: S105  # of a simulated Kannel that listens on the loopback only
HOME = Path(__file__).resolve().parent.parent


def command(
    config: Annotated[Path | None, typer.Option("--config", help="Folder of settings.", file_okay=False)] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes any.")] = 8061,
    var: Annotated[Path | None, typer.Option(help="Folder for the demo's data; emptied at each start.")] = None,
    cases: Annotated[
        int, typer.Option(help="Generated letters, and as many requests.", min=0, max=generated.MOST)
    ] = NEIGHBOURS,
) -> None:
    """Everything on one desk: gateway, simulated offices, simulated SMS side. Until Ctrl-C."""
    asyncio.run(_run(config or HOME / "config", host, port, var or HOME / "var", cases))


def cases_command(
    count: Annotated[int, typer.Argument(help="How many to show.", min=1)] = 10,
    begin: Annotated[int, typer.Option("--from", help="The place of the first.", min=0)] = 0,
    config: Annotated[Path | None, typer.Option("--config", help="Folder of settings.", file_okay=False)] = None,
) -> None:
    """What to dial in the demo: numbers of its generated letters and requests, with state and subject."""
    today, calendar = _today(), gateway.working_days(config or HOME / "config")
    letters = generated.Letters(today, generated.MOST, calendar)[begin : begin + count]
    requests = generated.Requests(today, generated.MOST, calendar)[begin : begin + count]
    for letter, request in zip(letters, requests, strict=True):
        hidden = "" if letter.confidentiality == "عادی" else f" ({letter.confidentiality})"
        print(f"letter  {letter.number}  {letter.organisation}  {letter.state}{hidden}  {letter.subject}")
        print(f"request {request.code}  {request.agency}  {request.status}  {request.title}")


async def _run(config: Path, host: str, port: int, var: Path, cases: int) -> None:
    async with server.stop_signal() as stopped, running(config, host, port, var, cases) as url:
        print(f"ready: {url}/", flush=True)
        await stopped.wait()


@asynccontextmanager
async def running(config: Path, host: str, port: int, var: Path, cases: int = NEIGHBOURS) -> AsyncIterator[str]:
    """The demo at work; its address. The port is taken first: a second demo must not empty the first one's data."""
    folder = var / "demo"
    async with AsyncExitStack() as stack:
        on = stack.enter_context(server.listening(host, port))
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log = stack.enter_context((folder / "rasad.log").open("w", encoding="utf-8", buffering=1))
        print(f"log: {folder / 'rasad.log'}", file=sys.stderr)
        gateway.log_to(log)

        phones, wire = Phones(), Wire()
        kannel = Kannel("rasad", PASSWORD, phones)
        kavenegar, magfa = Kavenegar(PASSWORD, phones), Magfa("rasad/demo", PASSWORD, phones)
        africastalking = AfricasTalking("rasad", PASSWORD, phones)
        kavenegar.status_url = f"{address(on)}/dlr/kavenegar"
        africastalking.status_url = f"{address(on)}/dlr/africastalking"

        today = _today()
        fronts = _offices(today, gateway.working_days(config), cases)
        offices = {front.name: await stack.enter_async_context(front) for front in fronts}
        urls = {f"{name.upper()}_URL": front.url for name, front in offices.items()}
        smsbox = kannel.application()
        smsbox.middlewares.append(wire.middleware("kannel"))
        providers = web.Application()
        for name, provider in (("kavenegar", kavenegar), ("magfa", magfa), ("africastalking", africastalking)):
            providers.add_subapp(f"/{name}", provider.application())
        providers.add_subapp("/ussd", RestComm(phones).application())
        for front in (Front("kannel", smsbox), Front("sms_providers", providers)):
            offices[front.name] = await stack.enter_async_context(front)
        urls["KANNEL_URL"] = f"{offices['kannel'].url}/cgi-bin/sendsms"
        urls["SMS_PROVIDERS_URL"] = offices["sms_providers"].url
        for name, url in urls.items():
            print(f"{name}={url}", file=sys.stderr)  # for `rasad backend try` in another terminal
        environ = {**os.environ, **urls, "KANNEL_PASSWORD": PASSWORD, "SMS_PROVIDERS_KEY": PASSWORD}
        smsc = Smsc("rasad", PASSWORD, phones.deliver)
        smpp_port = str(await stack.enter_async_context(smsc.listening()))
        environ |= {"SMPP_PORT": smpp_port, "SMPP_PASSWORD": PASSWORD}
        database = f"sqlite+aiosqlite:///{folder / 'rasad.db'}"
        token = secrets.token_urlsafe(32)  # the phone page's, which never sees it, and of commands given here
        _left_for_commands(folder / "token", token)
        own = {"host": host, "port": port, "database": database, "api_tokens": {"phone": token}}
        checked = gateway.load(config, environ, **own)
        http = await stack.enter_async_context(aiohttp.ClientSession(trace_configs=[Tap(wire, "kannel").trace()]))
        # 50050 was asked while its office still answered; since then neither of these two does.
        known = await gateway.remembered(checked, {"failing_secretariat": ["50050"]}, on=today - timedelta(days=3))
        for name in ("failing_secretariat", "dead_secretariat"):
            await offices[name].fault("refuse")
        texts_by: dict[str, Provider] = {
            "kannel": kannel,
            "kavenegar": kavenegar,
            "magfa": magfa,
            "africastalking": africastalking,
            "smpp": smsc,
        }
        lines = {name: (each, f"{address(on)}/sms/{name}") for name, each in texts_by.items()}
        desk = Desk(phones, http, lines, _channels(checked), offices,
                    public=lambda: _public(checked))  # fmt: skip
        wire.hide(secret for channel in checked.settings.ussd.values() for secret in channel.auth.secret_path)
        calls = Calls(_lines(checked, address(on)), wire, address(on), token)
        stack.push_async_callback(calls.stop)
        drafts = Drafts(address(on), token)
        more = [
            *desk.routes(),
            *calls.routes(),
            *drafts.routes(),
            *SmscDesk(smsc).routes(),
            *wire.routes(),
            *pages.routes(),
        ]
        whole = gateway.composed(checked, keys=gateway.new_keys(), more=more, tell=_tell, known=known)
        await stack.enter_async_context(server.serving(await stack.enter_async_context(whole), on))
        if checked.settings.smpp:
            await _bound(smsc)
        yield address(on)


async def _bound(smsc: Smsc) -> None:
    """Whoever reads `ready:` may call by SMPP at once. Settings of another SMSC are bound elsewhere, or not at all."""
    with suppress(TimeoutError):
        async with asyncio.timeout(BOUND_WITHIN_S):
            while not smsc.binds:  # noqa: ASYNC110  # a moment, once
                await asyncio.sleep(0.02)


def _channels(checked: gateway.Checked) -> list[Channel]:
    found = [Channel(name, "ussd", each.dialect, each.service_code) for name, each in checked.settings.ussd.items()]
    found += [_by_smsc(name, each.ussd.service_code) for name, each in checked.settings.smpp.items() if each.ussd]
    found += [Channel(name, "sms", each.dialect) for name, each in checked.settings.sms.items()]
    return found + [Channel(name, "sms", "smpp") for name, each in checked.settings.smpp.items() if each.sms]


def _by_smsc(name: str, service_code: str) -> Channel:
    return Channel(name, "ussd", "smpp", service_code, at="/sim/v1/smsc")


def _public(checked: gateway.Checked) -> Public:
    """What the menu's files say, the names of desks, and the numbers of the handbook."""
    files = [*checked.menu_folder.glob("*.yaml"), *checked.settings.folder.glob("names.yaml")]
    said = [scalar for path in files for scalar in _scalars(path.read_text(encoding="utf-8"))]
    codes = [each.service_code for each in checked.settings.talks.values()]
    return public_in([*said, *codes, *data.FIXED_NUMBERS, *data.FIXED_CODES, data.PHONE])


def _scalars(text: str) -> list[str]:
    """The texts of a YAML file; of one that is being edited and cannot be read, none."""
    try:
        return [each.value for each in yaml.scan(text) if isinstance(each, yaml.ScalarToken)]
    except yaml.YAMLError:
        return []


def _left_for_commands(path: Path, token: str) -> None:
    """Where `rasad menu publish --draft` finds it; for its owner alone."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(token)


def _today() -> date:
    return datetime.now(ZoneInfo("Asia/Tehran")).date()


def _tell(line: str) -> None:
    """What became of an edited menu, where whoever edits it looks."""
    print(line, file=sys.stderr, flush=True)


def address(on: socket.socket) -> str:
    host, port = on.getsockname()[:2]
    return f"http://{host}:{port}"


def _lines(checked: gateway.Checked, url: str) -> dict[str, Line]:
    """The USSD channels a phone of the demo can call through: those whose dialect an aggregator here speaks."""
    lines = {
        name: Line(
            Channel(name, "ussd", channel.dialect, channel.service_code),
            "/".join((url, "ussd", name, *channel.auth.secret_path[:1])),
            channel.page.max_septets,
            channel.page.max_units,
        )
        for name, channel in checked.settings.ussd.items()
        if channel.dialect in SESSIONS
    }
    for name, bind in checked.settings.smpp.items():
        if bind.ussd is not None:
            channel, page = _by_smsc(name, bind.ussd.service_code), bind.ussd.page
            lines[name] = Line(channel, f"{url}{channel.path}", page.max_septets, page.max_units)
    return lines


def _offices(today: date, calendar: Calendar, cases: int) -> Iterator[Front]:
    """Each under the name of its backend file, which takes its address from NAME_URL."""
    letters = generated.Letters(today, cases, calendar)
    requests = generated.Requests(today, cases, calendar)
    yield Front("secretariat", secretariat.application(data.letters(today, calendar), neighbours=letters))
    yield Front("slow_secretariat", secretariat.application(data.slow_letters(today, calendar), delay_s=SLOW_OFFICE_S))
    yield Front("failing_secretariat", secretariat.application(data.failing_letters(today, calendar)))
    yield Front("dead_secretariat", secretariat.application(data.dead_letters(today, calendar)))
    yield Front("services", services.application(data.requests(today, calendar), neighbours=requests))
