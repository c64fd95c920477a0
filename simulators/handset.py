"""The phone in a terminal: `rasad dial` and `rasad text`, talking to a running demo over the wire."""

import asyncio
import random
import sys
import uuid
from pathlib import Path
from typing import Annotated

import aiohttp
import typer

from simulators.aggregator import AfricasTalkingCall, CallFailed, Shown
from simulators.desk_phone import DeskPhone, NotSent
from simulators.rehearsal import Mismatch, NotAConversation, fresh_msisdn, play, read

URL = "http://127.0.0.1:8061"
MSISDN = "+989161234567"
"""The default phone: a stranger to every letter of the demo."""

UrlOption = Annotated[str, typer.Option(help="Where the demo is.")]
MsisdnOption = Annotated[str, typer.Option(help="The phone's number.")]


def dial_command(
    code: Annotated[str, typer.Argument(help="As on a phone: '*4*061#' or '*4*061*12345#'.")],
    reply: Annotated[list[str] | None, typer.Argument(help="What is typed on each screen.")] = None,
    msisdn: MsisdnOption = MSISDN,
    channel: Annotated[str, typer.Option(help="The USSD channel.")] = "africastalking",
    url: UrlOption = URL,
) -> None:
    """Dial a code, print each screen. Replies come from the command line, or from the terminal when there are none."""
    replies = list(reply or [])
    interactive = not replies and sys.stdin.isatty()
    try:
        with asyncio.Runner() as runner:
            _dial(runner, code, replies, msisdn, f"{url.rstrip('/')}/ussd/{channel}", interactive=interactive)
    except CallFailed as failed:
        print(failed, file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print()  # she hung up


def _dial(runner: asyncio.Runner, code: str, replies: list[str], msisdn: str, url: str, *, interactive: bool) -> None:
    """The keyboard is read between two runs of the loop, so that Ctrl-C there is simply the end."""

    async def connected() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    http = runner.run(connected())
    try:
        call = AfricasTalkingCall(http, url, msisdn, session_id=uuid.uuid4().hex)
        shown = _printed(runner.run(call.dial(code)))
        for place, typed in enumerate(replies):
            if shown.over:
                raise CallFailed(f"the session ended before {typed!r} could be sent ({len(replies) - place} left)")
            print(f"> {typed}")
            shown = _printed(runner.run(call.type(typed)))
        while interactive and not shown.over:
            try:
                typed = input("> ")
            except EOFError:
                return
            shown = _printed(runner.run(call.type(typed)))
    finally:
        runner.run(http.close())


def _printed(shown: Shown) -> Shown:
    print(shown.text)
    print("-- end --" if shown.over else "--", flush=True)
    return shown


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


def rehearse_command(
    file: Annotated[list[Path], typer.Argument(help="Conversation files.")],
    channel: Annotated[str, typer.Option(help="The USSD channel.")] = "africastalking",
    url: UrlOption = URL,
) -> None:
    """Play conversations against a running demo; a diff and exit code 1 where it says something else."""
    failed = asyncio.run(_rehearse(file, channel, url.rstrip("/")))
    raise typer.Exit(1 if failed else 0)


async def _rehearse(files: list[Path], channel: str, url: str) -> int:
    chance = random.Random()
    failed = 0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        for path in files:
            try:
                conversation = read(path)
                phone = DeskPhone(http, url, conversation.phone or fresh_msisdn(chance), channel)
                await play(conversation, phone)
                print(f"ok    {path}")
            except (Mismatch, NotAConversation, CallFailed, NotSent, aiohttp.ClientError) as error:
                failed += 1
                print(f"FAIL  {path}\n{error}")
    return failed
