"""Who may call a channel at all: decided before anything a caller wrote is read. Pure; deny by default.

What a channel asks for is in its file, and all of it must hold. A secret may be two: the old one and the new one, while
the other side changes.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote

from gateway.channels.contract import Refusal
from gateway.settings_channels import Auth
from gateway.signed import FRESH_S, sign

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

STAMP, SIGNATURE = "X-Rasad-Timestamp", "X-Rasad-Signature"
FORWARDED_FOR = "X-Forwarded-For"
CLIENT_CERT = "Client-Cert"
"""RFC 9440: the client's certificate as the proxy got it, `:base64 of its DER:`. nginx gives PEM, percent-encoded."""


@dataclass(frozen=True, slots=True)
class Knock:
    """A request as far as it may be looked at. source: who asks, None when a proxy does not say. headers: name in lower
    case and value, as often as they came. certificate: of the TLS connection, its DER."""

    source: Address | None
    local: bool
    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    certificate: bytes | None = None

    def one(self, name: str) -> str:
        """A header's value; empty when it is missing, and also when it is there twice: one of them is not meant."""
        found = [value for header, value in self.headers if header == name.lower()]
        return found[0] if len(found) == 1 else ""


def admitted(auth: Auth, knock: Knock, tail: str) -> str:
    """What is left of the path behind the channel's name once its secret is taken off. Raises Refusal."""
    if auth.kind == "none":
        if not knock.local:
            raise Refusal(403, "this channel has no authentication and is for this machine only")
        return tail
    if auth.source and not any(knock.source in network for network in auth.source if knock.source is not None):
        raise Refusal(403, "this channel is not for where this request comes from")
    if auth.certificate and _fingerprint(knock.certificate) not in auth.certificate:
        raise Refusal(403, "this channel wants the client certificate it knows")
    if auth.secret_path:
        secret, _, tail = tail.partition("/")
        if not _among(secret, auth.secret_path):
            raise Refusal(403, "the path lacks this channel's secret")
    if auth.basic is not None and not _among(_credentials(knock, "basic"), auth.basic.encoded()):
        raise Refusal(401, "expected Authorization: Basic", {"WWW-Authenticate": 'Basic realm="rasad"'})
    if auth.bearer and not _among(_credentials(knock, "bearer"), auth.bearer):
        raise Refusal(401, "expected Authorization: Bearer", {"WWW-Authenticate": "Bearer"})
    return tail


def fresh(auth: Auth, knock: Knock, now_s: float) -> None:
    """Of a channel that wants requests signed: refuse what is not of this moment, before its body is waited for."""
    if not auth.hmac:
        return
    stamp = knock.one(STAMP)
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= 12):
        raise Refusal(401, f"{STAMP}: seconds since 1970 were expected")
    if abs(now_s - int(stamp)) > FRESH_S:
        raise Refusal(401, f"{STAMP} is more than {FRESH_S} s from our clock")
    if not knock.one(SIGNATURE):
        raise Refusal(401, f"{SIGNATURE} is missing")


def signed(auth: Auth, knock: Knock, body: bytes) -> None:
    """Refuse a body that is not signed with one of the channel's keys, for this method and this address.

    Signed is `timestamp.METHOD path?query`, a line end, and the body as it came.
    """
    if not auth.hmac:
        return
    octets = f"{knock.method} {knock.target}\n".encode() + body
    expected = [sign(key, knock.one(STAMP), octets).decode("ascii") for key in auth.hmac]
    if not _among(knock.one(SIGNATURE), expected):
        raise Refusal(401, f"{SIGNATURE} is not that of this request")


def source_of(peer: str | None, forwarded_for: Sequence[str], proxies: Iterable[Network]) -> Address | None:
    """Who asks: the peer, or, where that is a proxy of ours, the last address in its header that is none of them."""
    proxies = tuple(proxies)
    if not is_proxy(peer, proxies):
        return _address(peer or "")  # whatever the header says: anybody can write one
    for each in reversed([part.strip() for line in forwarded_for for part in line.split(",")]):
        source = _address(each)
        if source is None or not _one_of(source, proxies):
            return source
    return None


def is_proxy(peer: str | None, proxies: Iterable[Network]) -> bool:
    address = _address(peer or "")
    return address is not None and _one_of(address, proxies)


def forwarded_certificate(value: str) -> bytes | None:
    """The certificate a proxy of ours gives on, its DER; None when it is none."""
    try:
        if value.startswith(":") and value.endswith(":"):
            return base64.b64decode(value.strip(":"), validate=True)
        pem = unquote(value)
        inner = pem.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END CERTIFICATE-----")[0]
        return base64.b64decode("".join(inner.split()), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _one_of(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _fingerprint(der: bytes | None) -> str:
    return hashlib.sha256(der).hexdigest() if der else ""


def _credentials(knock: Knock, scheme: str) -> str:
    said, _, value = knock.one("Authorization").partition(" ")
    return value.strip() if said.lower() == scheme else ""


def _among(given: str, secrets: Sequence[str]) -> bool:
    """Each is compared in full, so that how long it takes says nothing."""
    octets = given.encode("utf-8", "replace")
    return bool(sum([hmac.compare_digest(octets, secret.encode()) for secret in secrets]))
