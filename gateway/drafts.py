"""A draft into a running gateway, by its API."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import msgspec

from gateway.api import CALLER, Bound, Draft
from menus.source import Fault, Faulty

TOKEN = "RASAD_TOKEN"  # noqa: S105  # its name, not its value
"""Environment: a token of api_tokens."""

DEMO_TOKEN = Path("var/demo/token")
"""Where a demo started in this folder leaves its own."""

WITHIN_S = 30.0


class NotTaken(Exception):
    """The gateway did not take the draft; the message says why and what to do."""


async def sent(url: str, phone: str, paths: Sequence[tuple[str, str]] | None) -> Bound | None:
    """The draft as the gateway took it; without files the phone has what all have, and None.

    paths: (path, text) of each file. Raises Faulty with what is wrong in them, and NotTaken.
    """
    names = {Path(path).name: path for path, _ in paths or ()}
    draft = Draft({Path(path).name: text for path, text in paths or ()})
    headers = {"Authorization": f"Bearer {_token()}", CALLER: phone}
    timeout = aiohttp.ClientTimeout(total=WITHIN_S)
    path = f"{url}/api/v1/draft"
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as http:
            if paths is None:
                async with http.delete(path) as response:
                    body = await response.read()
            else:
                async with http.put(path, data=msgspec.json.encode(draft)) as response:
                    body = await response.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise NotTaken(f"{url} cannot be reached: {str(error) or type(error).__name__}") from None
    match response.status:
        case 200:
            bound = msgspec.json.decode(body, type=Bound)
            notes = [str(_fault(line, names)) for line in bound.notes]
            return msgspec.structs.replace(bound, notes=notes)
        case 204 | 404 if paths is None:
            return None
        case 422:
            raise Faulty([_fault(line, names) for line in msgspec.json.decode(body, type=_Faults).faults])
        case _:
            raise NotTaken(f"{url} answered {response.status}: {body[:300].decode('utf-8', 'replace')}")


class _Faults(msgspec.Struct):
    faults: list[str]


def _fault(line: str, names: Mapping[str, str]) -> Fault:
    file, number, message = line.split(":", 2)
    return Fault(names.get(file, file), int(number), message.strip())


def _token() -> str:
    try:
        return os.environ.get(TOKEN) or DEMO_TOKEN.read_text(encoding="ascii").strip()
    except OSError:
        what = f"run it where the demo was started ({DEMO_TOKEN}), or set {TOKEN} to a token of api_tokens"
        raise NotTaken(f"no token for the gateway's API: {what}; --config DIR needs none") from None
