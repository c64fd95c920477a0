"""`rasad rehearse`: conversations played against a running demo, on one of its channels or on all of them."""

import asyncio
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import aiohttp
import typer

from simulators.aggregator import CallFailed
from simulators.channels import AS_SHIPPED, Channel, NoSuchChannel, channels, chosen
from simulators.desk_phone import DeskPhone, NotSent
from simulators.handset import URL, UrlOption
from simulators.rehearsal import Mismatch, NotAConversation, files, fresh_msisdn, play, read


def command(
    file: Annotated[list[Path], typer.Argument(help="Conversation files, or folders of them.")],
    channel: Annotated[str | None, typer.Option(help="Play on this channel; without it on the demo's first.")] = None,
    all_channels: Annotated[bool, typer.Option("--all-channels", help="Play each on every channel.")] = False,
    msisdn: Annotated[str | None, typer.Option(help="Play from this phone instead of a fresh one each time.")] = None,
    url: UrlOption = URL,
) -> None:
    """Play conversations against a running demo; a diff and exit code 1 where it says something else."""
    if channel is not None and all_channels:
        print("--channel and --all-channels exclude each other", file=sys.stderr)
        raise typer.Exit(1)
    try:
        good = asyncio.run(_rehearse(file, channel, all_channels, msisdn, url.rstrip("/")))
    except (NotAConversation, NoSuchChannel) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except (aiohttp.ClientError, TimeoutError) as error:
        print(f"the demo at {url} cannot be reached: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if good else 1)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where conversations are played. wire: which one they must have for it; None: whichever they like."""

    label: str
    wire: str | None
    calls: Channel
    texts_by: str | None


def stages(found: Sequence[Channel] | None, name: str | None, every: bool) -> list[Stage]:
    """The channels to play on: the first of each wire, the named one, or every one. Raises NoSuchChannel."""
    if found is None or not (name or every):
        return [Stage("", None, chosen(found, name), None)]
    wanted = [each for each in found if every or each.name == name]
    if not wanted:
        raise NoSuchChannel(f"there is no channel {name}; there are {', '.join(each.name for each in found)}")
    calls = next((each for each in found if each.carries == "ussd"), AS_SHIPPED)
    return [
        Stage(each.name, "ussd", each, None) if each.carries == "ussd" else Stage(each.name, "sms", calls, each.name)
        for each in wanted
    ]


async def _rehearse(paths: list[Path], channel: str | None, every: bool, msisdn: str | None, url: str) -> bool:
    chance = random.Random()
    counted = {"ok": 0, "FAIL": 0, "n/a": 0}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        for stage in stages(await channels(http, url), channel, every):
            for path in files(paths):
                try:
                    verdict, told = await _played(http, url, stage, path, msisdn or fresh_msisdn(chance), msisdn)
                except (Mismatch, NotAConversation, CallFailed, NotSent, aiohttp.ClientError, TimeoutError) as error:
                    verdict, told = "FAIL", f"\n{error}"
                counted[verdict] += 1
                print(f"{verdict:4}  {stage.label + '  ' if stage.label else ''}{path}{told}", flush=True)
    print(f"{counted['ok']} passed, {counted['FAIL']} failed, {counted['n/a']} not applicable")
    if not counted["ok"] and not counted["FAIL"]:
        print("nothing was played", file=sys.stderr)
    return counted["ok"] > 0 and not counted["FAIL"]


async def _played(
    http: aiohttp.ClientSession, url: str, stage: Stage, path: Path, fresh: str, only: str | None
) -> tuple[str, str]:
    conversation = read(path)
    why_not = conversation.excluded(stage.wire or next(iter(conversation.wires)), only)
    if why_not is not None:
        return "n/a", f": {why_not}"
    phone = DeskPhone(http, url, only or conversation.phone or fresh, stage.calls, stage.texts_by)
    await play(conversation, phone)
    return "ok", ""
