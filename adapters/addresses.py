"""Where we connect: to public hosts, and to those private networks that a backend file names. Nowhere else.

A name in a file says nothing about where it leads, and an answer of DNS may change between two looks. So what can be
known from an address as it is written is refused with the settings, and every address is checked once more at the
moment a socket is made for it. The ranges are our own: Python's is_private is false for 100.64.0.1, and is_global is
true for 64:ff9b::7f00:1, 2002:7f00:1:: and 224.0.0.1 (reliability.md C12).
"""

import re
import socket
import ssl
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import AddrInfoType
from pydantic import AfterValidator
from yarl import URL

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PRIVATE: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128")
)
"""What a backend file may allow: where an office's system can stand."""

_NEVER: tuple[Network, ...] = tuple(
    # Metadata services of clouds: AWS and its likes, Alibaba, AWS over IPv6, Azure's wire server.
    ip_network(each)
    for each in ("169.254.0.0/16", "100.100.100.200/32", "fd00:ec2::/32", "168.63.129.16/32")
)
"""Refused even inside a network that is allowed."""

_BAD: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in (
        # IPv4: IANA's special-purpose registry, with multicast and the reserved rest.
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        # IPv6: what 2000::/3 has that leads elsewhere: Teredo and others, documentation, 6to4.
        "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    )
)  # fmt: skip

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The only IPv6 that is public. Mapped, compatible and translated IPv4 (::ffff:0:0/96, 64:ff9b::/96) is outside."""


class AddressRefused(OSError):
    """One of our rules, found where a socket would have been made. The message has no address of the office's."""


def _allowable(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no network like 10.1.2.0/24: {error}") from None
    if not any(_within(network, private) for private in _PRIVATE):
        raise ValueError(f"{text!r} is not part of a private network; public hosts need no line here")
    return network


def _within(network: Network, other: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)


Inside = Annotated[str, AfterValidator(lambda text: str(_allowable(text)))]
"""A private network in which a backend's host may stand: `10.1.2.0/24`, `127.0.0.1/32`."""


def refusal(address: Address, inside: Sequence[str]) -> str | None:
    """Why we do not connect to this address; None when we may."""
    if any(address in network for network in _NEVER):
        return "an address of the machine's own surroundings"
    if any(address in ip_network(each) for each in inside):
        return None
    public = isinstance(address, IPv4Address) or address in _GLOBAL_UNICAST
    if not public or any(address in network for network in _BAD):
        return "not a public address, and in no network of `inside`"
    return None


_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")
_HERE = re.compile(r"(?:.*\.)?localhost(?:\.localdomain)?")
_SERVER = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[^\]/?#@]*\]|[^\[\]/?#@:]*)(?::(?P<port>[0-9]{1,5}))?(?P<path>/.*)?"
)
_METADATA = frozenset({"metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"})


def fault(url: str, inside: Sequence[str], *, query: bool = False) -> str | None:
    """What is wrong with an address as a file has it; None when nothing can be known from its looks.

    query: whether one may stand behind its path.
    """
    if not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        return "a host is written in ASCII (xn-- for other scripts), without blanks and backslashes"
    parts = _SERVER.fullmatch(url)
    if parts is None:
        return "http://HOST[:PORT][/PATH] or https:// was expected, without a name or password before the host"
    if "#" in url or ("?" in url and not query):
        return "no query and no fragment belong here"
    if parts["port"] is not None and not 0 < int(parts["port"]) < 65536:
        return "there is no such port"
    host = parts["host"]
    try:
        literal: Address | None = ip_address(host.strip("[]"))
    except ValueError:
        literal = None
    if host.startswith("[") != isinstance(literal, IPv6Address):
        return f"{host!r} is no address"
    if literal is not None:
        why = refusal(literal, inside)
        return f"{host}: {why}" if why else None
    if not _HOST.fullmatch(host) or len(host) > 253 or URL(url).raw_host != host.lower():
        return f"{host!r} is no name of a host"
    if _NUMERIC.fullmatch(host.rpartition(".")[2]):
        return f"{host!r} would be read as a number; write the address as 192.0.2.1"
    if host.lower() in _METADATA or (_HERE.fullmatch(host.lower()) and not inside):
        return f"{host}: not a public host, and nothing is allowed by `inside`"
    return None


def connector(
    inside: Sequence[str],
    *,
    limit: int,
    tls: ssl.SSLContext | None = None,
    resolver: AbstractResolver | None = None,
) -> aiohttp.TCPConnector:
    """Connections to allowed addresses only: the very address a socket is made for is looked at, just before."""

    def checked(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, sockaddr = info
        if refusal(ip_address(str(sockaddr[0]).partition("%")[0]), inside) is not None:
            raise AddressRefused("not a public address, and in no network of `inside`")
        return socket.socket(family, kind, protocol)

    # Without a cache of names: what is checked is what this connection goes to, either way.
    return aiohttp.TCPConnector(
        limit=limit, ssl=tls or True, resolver=resolver, use_dns_cache=False, socket_factory=checked
    )
