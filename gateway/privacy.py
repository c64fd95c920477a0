"""Keys, and what they do: sealed values, tags to find them by, tags for logs.

A sealed value is AES-256-GCM with a random nonce and carries its key's id, so keys can be rotated. A tag is
HMAC-SHA-256 under another key: phone numbers are so few that a plain hash of one is no shield. The tag in logs is of
one day only, so that logs cannot be joined to a person's history.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_OCTETS = 32
_NONCE_OCTETS = 12  # NIST SP 800-38D 8.2: 96 bits


class KeysUnusable(Exception):
    """The keys file is missing or not ours. The engineer's; the message says what to do."""


class Unsealable(Exception):
    """A sealed value whose key is not here, or that was changed."""


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """data: key id to key, the last one seals and all open; index: for tags; log: for the tags of a day."""

    data: Mapping[int, bytes]
    index: bytes
    log: bytes

    def seal(self, plain: bytes, place: str) -> bytes:
        """place names the column: a value copied to another column does not open."""
        key_id = max(self.data)
        nonce = os.urandom(_NONCE_OCTETS)
        return bytes([key_id]) + nonce + AESGCM(self.data[key_id]).encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """Raises Unsealable."""
        key = self.data.get(sealed[0]) if sealed else None
        if key is None:
            raise Unsealable(f"{place}: there is no key {sealed[0] if sealed else '(empty)'}")
        nonce, text = sealed[1 : 1 + _NONCE_OCTETS], sealed[1 + _NONCE_OCTETS :]
        try:
            return AESGCM(key).decrypt(nonce, text, place.encode())
        except (InvalidTag, ValueError) as error:  # changed, or too short to be one
            raise Unsealable(f"{place}: the value was changed, or belongs elsewhere") from error

    def tag(self, value: str) -> str:
        """What a value is found by: the same for the same value, telling nothing without the key. 32 hex digits."""
        return hmac.digest(self.index, value.encode(), hashlib.sha256).hex()[:32]

    def day_tag(self, value: str, day: date) -> str:
        """What a log line has in place of a number. 12 hex digits, other ones tomorrow."""
        return hmac.digest(self.log, f"{day.isoformat()}:{value}".encode(), hashlib.sha256).hex()[:12]


def new_keys() -> Keys:
    return Keys(data={1: os.urandom(KEY_OCTETS)}, index=os.urandom(KEY_OCTETS), log=os.urandom(KEY_OCTETS))


def write_keys(path: Path, keys: Keys) -> None:
    """Readable by its owner only, never over an existing file (FileExistsError): its data would be lost."""

    def text(key: bytes) -> str:
        return base64.b64encode(key).decode()

    content = {
        "data": {str(key_id): text(key) for key_id, key in keys.data.items()},
        "index": text(keys.index),
        "log": text(keys.log),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        yaml.safe_dump(content, file)


def read_keys(path: Path) -> Keys:
    """Raises KeysUnusable with what was expected."""
    try:
        content = yaml.safe_load(path.read_text())
        keys = Keys(
            data={int(key_id): _key(text) for key_id, text in content["data"].items()},
            index=_key(content["index"]),
            log=_key(content["log"]),
        )
    except FileNotFoundError:
        raise KeysUnusable(f"{path}: no keys here; `rasad keys new {path}` makes them") from None
    except OSError as error:
        raise KeysUnusable(f"{path}: cannot be read by who runs this: {error.strerror or error}") from None
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise KeysUnusable(
            f"{path}: not a keys file ({type(error).__name__}); expected data, index and log keys"
        ) from None
    if not keys.data or not all(0 < key_id < 256 for key_id in keys.data):
        raise KeysUnusable(f"{path}: data: key ids are 1 to 255")
    return keys


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_OCTETS:
        raise ValueError("a key is 32 octets")
    return key
