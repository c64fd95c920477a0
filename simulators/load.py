"""`rasad load`: many callers at a gateway, as many a second as asked for, however slowly it answers.

Dialogues begin by a schedule (open loop), and what is measured begins at the scheduled moment: a gateway that stops
for a second shows as all the callers of that second, not as the one who happened to be on the line. A dialogue is a
conversation like those that are rehearsed, and what its screens say is looked at too.
"""

import asyncio
import ipaddress
import json
import random
import resource
import sys
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
import msgspec
import typer

from simulators.aggregator import SESSIONS, Call, CallFailed, Request, Shown, no_session_for
from simulators.channels import Channel, NoSuchChannel, channels, chosen
from simulators.desk_phone import NotSent, call_of
from simulators.handset import URL, UrlOption
from simulators.load_page import page
from simulators.load_result import Tally, result
from simulators.rehearsal import Conversation, Mismatch, NoSms, NotAConversation, fresh_msisdn, play, read
from simulators.wire import Wire

MIX = {"letter_in_one_dial": 5, "letter_by_menu": 3, "letter_unknown": 1, "request_by_menu": 1}
"""Of simulators/mix/, with weights: what is played when no file is named."""

FINISH_WITHIN_S = 30.0
"""What dialogues get that run when the last one has begun; longer than a gateway gives any of their steps."""

LOOK_FOR_SMS_S = 0.05

NOT_QUOTED = 3
"""Exit code of a run that was too late itself to say anything of the gateway."""


def command(
    file: Annotated[
        list[str] | None, typer.Argument(help="Conversations, FILE or FILE=WEIGHT; without them letters and requests.")
    ] = None,
    dialogues_per_s: Annotated[float, typer.Option(help="Dialogues begun in a second.", min=0.01)] = 5.0,
    seconds: Annotated[float, typer.Option(help="How long dialogues begin.", min=0.01)] = 10.0,
    channel: Annotated[str | None, typer.Option(help="The USSD channel; without it the demo's first.")] = None,
    url: UrlOption = URL,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result here.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a page with plots here.")] = None,
    seed: Annotated[int, typer.Option(help="Chooses who calls when.")] = 0,
) -> None:
    """Play many conversations at once and measure the answers from the moment each was due."""
    url = url.rstrip("/")
    try:
        mix = [part(each) for each in file] if file else [(_shipped(name), weight) for name, weight in MIX.items()]
        plan = Plan(
            [(str(path) if file else path.stem, read(path), weight) for path, weight in mix],
            dialogues_per_s, seconds, seed,
        )  # fmt: skip
        target = asyncio.run(_target(url, channel))
        _many_connections()
        tally = asyncio.run(_load(plan, url, target))
    except (NotAConversation, NoSuchChannel, NotHere, CallFailed, ValueError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except (aiohttp.ClientError, TimeoutError) as error:
        print(f"the gateway at {url} cannot be reached: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    found = result(tally, url, target.name, dialogues_per_s, seconds, plan.weights)
    print("\n".join(found.lines()))
    for path, text in ((json_file, json.dumps(msgspec.to_builtins(found), indent=2)), (html_file, page(found))):
        if path is not None:
            path.write_text(text + "\n", encoding="utf-8")
    if not found.quoted:
        raise typer.Exit(NOT_QUOTED)
    raise typer.Exit(1 if found.failed else 0)


class NotHere(Exception):
    """This gateway is not to be loaded."""


def part(text: str) -> tuple[Path, float]:
    """FILE or FILE=WEIGHT. Raises NotAConversation."""
    if Path(text).exists() or "=" not in text:
        return Path(text), 1.0
    name, _, weight = text.rpartition("=")
    try:
        found = float(weight)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise NotAConversation(f"{text}: behind the = a weight was expected, a number above 0: {name}=3")
    return Path(name), found


def _shipped(name: str) -> Path:
    return Path(__file__).parent / "mix" / f"{name}.yaml"


@dataclass(frozen=True, slots=True)
class Plan:
    """mix: name, conversation and weight of each."""

    mix: Sequence[tuple[str, Conversation, float]]
    dialogues_per_s: float
    seconds: float
    seed: int = 0

    @property
    def weights(self) -> dict[str, float]:
        return {name: weight for name, _, weight in self.mix}

    def arrivals(self) -> Iterable[tuple[float, Conversation, str]]:
        """Seconds from the start, the conversation, and the phone it is played from."""
        chance = random.Random(self.seed)
        conversations = [conversation for _, conversation, _ in self.mix]
        weights = [weight for _, _, weight in self.mix]
        for place in range(round(self.dialogues_per_s * self.seconds)):
            (conversation,) = chance.choices(conversations, weights)
            yield place / self.dialogues_per_s, conversation, conversation.phone or fresh_msisdn(chance)


async def _target(url: str, name: str | None) -> Channel:
    """The channel to load. Raises NotHere for what may be a gateway with citizens at it."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
        found = await channels(http, url)
    if found is None and not _this_machine(urlsplit(url).hostname or ""):
        raise NotHere(f"{url} is no demo, and its answers may go to citizens' phones: load a demo, or this machine")
    target = chosen(found, name)
    if target.dialect not in SESSIONS:
        raise NotHere(no_session_for(target.dialect))
    return target


def _this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _many_connections() -> None:
    """As many as this machine allows: each waiting caller has one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


# -- the run


async def _load(plan: Plan, url: str, target: Channel) -> Tally:
    wire = Wire(url)
    tally = Tally()
    inbox = Inbox(wire)
    watching = [asyncio.create_task(_progress(tally))]
    if any(step.act == "sms" for _, conversation, _ in plan.mix for step in conversation.steps):
        await inbox.skip()
        watching.append(asyncio.create_task(inbox.run()))
    try:
        await offer(plan, lambda msisdn, due: Caller(wire, target, inbox, msisdn, due, tally), tally)
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        wire.close()
    return tally


async def offer(plan: Plan, caller: "Callable[[str, float], Caller]", tally: Tally) -> None:
    """Begin every dialogue at its moment, whatever became of those before it, and wait for the last."""
    loop = asyncio.get_running_loop()
    under_way: set[asyncio.Task[None]] = set()
    tally.started_at = loop.time()
    for due_in_s, conversation, msisdn in plan.arrivals():
        due = tally.started_at + due_in_s
        await asyncio.sleep(max(0.0, due - loop.time()))
        tally.begun(due, loop.time())
        task = asyncio.create_task(_dialogue(conversation, caller(msisdn, due), tally))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    if under_way:
        _, late = await asyncio.wait(under_way, timeout=FINISH_WITHIN_S)
        for task in late:
            task.cancel()
            tally.failed("unfinished", f"not over {FINISH_WITHIN_S:.0f} s after the last dialogue began")
        await asyncio.gather(*late, return_exceptions=True)


async def _dialogue(conversation: Conversation, caller: "Caller", tally: Tally) -> None:
    try:
        await play(conversation, caller)
    except CallFailed as failed:
        tally.failed(failed.kind, str(failed))
    except NoSms as failed:
        tally.failed("no SMS", str(failed))
    except Mismatch as failed:
        tally.failed("another screen", str(failed))
    except NotSent as failed:
        tally.failed("SMS not taken", str(failed))
    else:
        tally.finished(asyncio.get_running_loop().time())


class Caller:
    """A phone whose every step is measured: the first from the moment it was due, the others from the one before."""

    def __init__(self, wire: Wire, channel: Channel, inbox: "Inbox", msisdn: str, due: float, tally: Tally) -> None:
        self._wire, self._channel, self._inbox, self._tally = wire, channel, inbox, tally
        self.msisdn = msisdn
        self._due: float | None = due

    def call(self) -> "Caller.Timed":
        return Caller.Timed(
            self, call_of(self._channel, self.msisdn, uuid.uuid4().hex, self._wire.at(self._channel.path))
        )

    @dataclass(frozen=True, slots=True)
    class Timed:
        caller: "Caller"
        call: Call

        async def dial(self, code: str) -> Shown:
            with self.caller.measured("dial"):
                return await self.call.dial(code)

        async def type(self, text: str) -> Shown:
            with self.caller.measured("type"):
                return await self.call.type(text)

    async def send(self, text: str) -> None:
        body = msgspec.json.encode({"from": self.msisdn, "to": "4040", "text": text})
        request = Request("POST", headers={"Content-Type": "application/json"}, body=body)
        with self.measured("text"):
            answer = await self._wire.ask("/sim/v1/messages", request)
            if answer.status != 202:
                raise NotSent(f"HTTP {answer.status}: {answer.body.strip()}")

    async def next_sms(self, within_s: float) -> str:
        with self.measured("sms"):
            return await asyncio.wait_for(self._inbox.of(self.msisdn).get(), within_s)

    def measured(self, act: str) -> "Measured":
        began, self._due = self._due, None
        return Measured(self._tally, act, began)


class Measured:
    """A step that was answered, or that got no answer in time; what was refused at once says nothing of speed."""

    def __init__(self, tally: Tally, act: str, due: float | None) -> None:
        self._tally, self._act = tally, act
        self._began = asyncio.get_running_loop().time() if due is None else due

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is None or isinstance(error, TimeoutError) or getattr(error, "kind", "") == "no answer":
            self._tally.step(self._act, self._began, asyncio.get_running_loop().time())


class Inbox:
    """The SMS of all phones, fetched together: a request for each phone that waits would be a load of its own."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._read = 0
        self._queues: dict[str, asyncio.Queue[str]] = {}

    def of(self, msisdn: str) -> asyncio.Queue[str]:
        return self._queues.setdefault(msisdn, asyncio.Queue())

    async def skip(self) -> None:
        """What is there by now is nobody's answer. Raises CallFailed."""
        for message in await self._messages():
            self._read = message.id

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_FOR_SMS_S)
            try:
                found = await self._messages()
            except CallFailed:
                continue  # whoever waits for an SMS will say that none came
            for message in found:
                self._read = message.id
                self.of(message.to).put_nowait(message.text)

    async def _messages(self) -> "list[Message]":
        answer = await self._wire.ask("/sim/v1/inbox", Request("GET", query=f"after={self._read}"))
        if answer.status != 200:
            raise CallFailed(f"/sim/v1/inbox: HTTP {answer.status}; only a demo's phones have an inbox to look into")
        return msgspec.json.decode(answer.body, type=Messages).messages


class Message(msgspec.Struct, frozen=True):
    id: int
    to: str
    text: str


class Messages(msgspec.Struct, frozen=True):
    messages: list[Message]


async def _progress(tally: Tally) -> None:
    while True:
        await asyncio.sleep(1)
        print(tally.line(asyncio.get_running_loop().time()), file=sys.stderr, flush=True)
