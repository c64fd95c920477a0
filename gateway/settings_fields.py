"""What the models of several settings files share."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


MIN_SECRET = 22
"""Characters of 128 random bits in base64."""


def listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(listed)]
