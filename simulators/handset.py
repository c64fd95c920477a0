"""The phone in a terminal: `rasad dial` and `rasad text`, talking to a running demo over the wire."""

import asyncio
import os
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import aiohttp
import msgspec
import typer

from simulators.aggregator import CallFailed, Shown
from simulators.channels import NoSuchChannel, channels, chosen
from simulators.desk_phone import DeskPhone, NotSent
from simulators.recorder import Act, Happened, Public, written
from simulators.rehearsal import fresh_msisdn
from simulators.rtl import Rtl, shown_as, visual

URL = "http://127.0.0.1:8061"
MSISDN = "+989161234567"
"""The default phone: a stranger to every letter of the demo."""

UrlOption = Annotated[str, typer.Option(help="Where the demo is.")]
MsisdnOption = Annotated[str, typer.Option(help="The phone's number.")]


def dial_command(
    code: Annotated[str, typer.Argument(help="As on a phone: '*4*061#' or '*4*061*12345#'.")],
    reply: Annotated[list[str] | None, typer.Argument(help="What is typed on each screen.")] = None,
    msisdn: Annotated[str | None, typer.Option(help="The phone's number.", show_default=MSISDN)] = None,
    channel: Annotated[str | None, typer.Option(help="The USSD channel; without it the demo's first.")] = None,
    url: UrlOption = URL,
    rtl: Annotated[Rtl, typer.Option(help="Who puts Persian from right to left: the terminal, or this.")] = Rtl.AUTO,
    wait: Annotated[float, typer.Option(help="Seconds to wait for an SMS when the call is over.", min=0)] = 0.0,
    record: Annotated[Path | None, typer.Option(help="Write a conversation file, with nobody in it.")] = None,
) -> None:
    """Dial a code, print each screen. Replies come from the command line, or from the terminal when there are none.

    In the terminal Page Down is 9 (more), Page Up is 0 (back), and End, Ctrl-D or Ctrl-C hang up.
    """
    replies = list(reply or [])
    interactive = not replies and sys.stdin.isatty()
    if record is not None and record.exists():
        print(f"{record} is there already", file=sys.stderr)
        raise typer.Exit(1)
    # A play is from a phone nobody has used, so a recording is too.
    number = msisdn or (fresh_msisdn(random.Random()) if record is not None else MSISDN)
    shows = shown_as(rtl, os.environ, sys.stdout.isatty())
    good = False
    try:
        with asyncio.Runner() as runner:
            handset = runner.run(_handset(url.rstrip("/"), number, channel, shows, record))
            try:
                good = handset.dial(runner, code, replies, interactive=interactive, wait_s=wait)
            finally:
                runner.run(handset.http.close())
                if record is not None and handset.happened:
                    text = written(handset.happened, handset.public)
                    record.write_text(text, encoding="utf-8")
                    print(f"{record} is written; it plays back by: rasad rehearse {record}", file=sys.stderr)
    except (CallFailed, NoSuchChannel, NoDemo) as failed:
        print(failed, file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print()  # she hung up
        return
    raise typer.Exit(0 if good else 1)


class NoDemo(Exception):
    """What was asked for only a demo can do."""


async def _handset(url: str, msisdn: str, channel: str | None, shows: Rtl, record: Path | None) -> "Handset":
    """Raises CallFailed, NoSuchChannel or NoDemo."""
    http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
    try:
        found = await channels(http, url)
        if record is not None and found is None:
            raise NoDemo(f"{url} is no demo: what may stand in a recording can be asked of a demo only")
        public = Public(frozenset(), frozenset())
        if record is not None:
            async with http.get(f"{url}/sim/v1/public") as response:
                public = msgspec.json.decode(await response.read(), type=Public)
        return Handset(http, DeskPhone(http, url, msisdn, chosen(found, channel)), shows, public, [])
    except (aiohttp.ClientError, TimeoutError) as error:
        await http.close()
        raise CallFailed(f"the gateway cannot be reached: {error}") from None
    except Exception:
        await http.close()
        raise


@dataclass(frozen=True, slots=True)
class Handset:
    """A phone in a terminal. What happens on it is noted for a recording."""

    http: aiohttp.ClientSession
    phone: DeskPhone
    shows: Rtl
    public: Public
    happened: list[Happened]

    def dial(self, runner: asyncio.Runner, code: str, replies: list[str], *, interactive: bool, wait_s: float) -> bool:
        """False when no SMS came that was waited for. Raises CallFailed.

        The keyboard is read between two runs of the loop, so that Ctrl-C there is simply the end.
        """
        if wait_s:
            runner.run(self.phone.skip())
        call = self.phone.call()
        self._note("dial", code)
        shown = self._screen(runner.run(call.dial(code)))
        for place, typed in enumerate(replies):
            if shown.over:
                raise CallFailed(f"the session ended before {typed!r} could be sent ({len(replies) - place} left)")
            print(f"> {typed}")
            self._note("type", typed)
            shown = self._screen(runner.run(call.type(typed)))
        if interactive:
            page_keys()
        while interactive and not shown.over:
            try:
                typed = input("> ")
            except (EOFError, KeyboardInterrupt):
                print()
                break
            self._note("type", typed)
            shown = self._screen(runner.run(call.type(typed)))
        if not shown.over:
            runner.run(call.hang_up())
        return not wait_s or runner.run(self._sms(wait_s))

    def _screen(self, shown: Shown) -> Shown:
        self._note("screen", shown.text, over=shown.over)
        self._print(shown.text)
        print("-- end --" if shown.over else "--", flush=True)
        return shown

    async def _sms(self, wait_s: float) -> bool:
        try:
            text = await self.phone.next_sms(wait_s)
        except TimeoutError:
            print(f"no SMS within {wait_s:g} s", file=sys.stderr)
            return False
        self._note("sms", text)
        self._print(text)
        return True

    def _print(self, text: str) -> None:
        print(visual(text) if self.shows is Rtl.VISUAL else text, flush=True)

    def _note(self, act: Act, value: str, *, over: bool = False) -> None:
        self.happened.append(Happened(act, value, over, time.monotonic()))


def page_keys() -> None:
    """The keys of a keyboard that a phone has too: GNU readline types what they stand for."""
    try:
        import readline
    except ImportError:  # a Python without it: the digits themselves do
        return
    for key, stands_for in ((r"\e[6~", r"9\n"), (r"\e[5~", r"0\n"), (r"\e[F", r"\C-d"), (r"\e[4~", r"\C-d")):
        readline.parse_and_bind(f'"{key}": "{stands_for}"')


def text_command(
    to: Annotated[str, typer.Argument(help="The short code: 4040.")],
    body: Annotated[str, typer.Argument(help="What the citizen writes.")],
    wait: Annotated[float, typer.Option(help="Seconds to wait for an answer.")] = 20.0,
    msisdn: MsisdnOption = MSISDN,
    url: UrlOption = URL,
) -> None:
    """Send an SMS into the running demo and print the replies."""
    try:
        answered = asyncio.run(_text(to, body, wait, msisdn, url.rstrip("/")))
    except NotSent as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except (aiohttp.ClientError, TimeoutError) as error:
        print(f"the demo at {url} cannot be reached: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    if not answered:
        print(f"no answer within {wait:g} s", file=sys.stderr)
        raise typer.Exit(1)


async def _text(to: str, body: str, wait_s: float, msisdn: str, url: str) -> bool:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        phone = DeskPhone(http, url, msisdn)
        await phone.send(body, to)
        try:
            # By SMS nothing is promised first: whatever comes is the answer.
            print(await phone.next_sms(wait_s))
        except TimeoutError:
            return False
        return True
