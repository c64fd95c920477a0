"""The channels of a running demo, as GET /sim/v1/channels tells of them."""

from collections.abc import Sequence
from typing import Literal

import aiohttp
import msgspec


class Channel(msgspec.Struct, frozen=True):
    """service_code: of a USSD channel; an SMS channel has none. at: where the demo's own network takes the calls
    of a channel that is not over HTTP; others go to the gateway, /ussd/NAME."""

    name: str
    carries: Literal["ussd", "sms"]
    dialect: str
    service_code: str = ""
    at: str = ""

    @property
    def path(self) -> str:
        return self.at or f"/ussd/{self.name}"


class Channels(msgspec.Struct, frozen=True):
    channels: list[Channel]


class NoSuchChannel(Exception):
    """The message says which there are."""


AS_SHIPPED = Channel("africastalking", "ussd", "africastalking", "*4*061#")
"""Of a gateway that is no demo, and so cannot be asked: what its channel is when its name says nothing else."""


async def channels(http: aiohttp.ClientSession, url: str) -> list[Channel] | None:
    """None of a gateway that is no demo. Raises aiohttp.ClientError or TimeoutError when nobody is there."""
    async with http.get(f"{url}/sim/v1/channels") as response:
        body = await response.read()
    if response.status != 200:
        return None
    try:
        return msgspec.json.decode(body, type=Channels).channels
    except msgspec.DecodeError:
        return None


def chosen(found: Sequence[Channel] | None, name: str | None, carries: str = "ussd") -> Channel:
    """The channel of this name, or the first without one. Raises NoSuchChannel."""
    if found is None:
        return msgspec.structs.replace(AS_SHIPPED, name=name or AS_SHIPPED.name)
    fit = [each for each in found if each.carries == carries and name in (None, each.name)]
    if not fit:
        there_are = ", ".join(each.name for each in found if each.carries == carries) or "none"
        wanted = "is no" if name is None else f"is no channel {name} among the"
        raise NoSuchChannel(f"there {wanted} {carries.upper()} channels of this demo; there are {there_are}")
    return fit[0]
