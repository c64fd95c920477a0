"""Secrets written where many people read: menus and settings are copied, mailed and kept in repositories."""

import re

_NAMES = re.compile(r"(?:^|_)(?:password|passwd|secret|token|apikey|api_key|private_key|secret_path|hmac|bearer)$")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_IN_AN_ADDRESS = re.compile(r"://[^/\s:@]+:[^/\s@$][^/\s@]*@")
# As issued by machines: letters and digits mixed, longer than any word or number of ours.
_ISSUED = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{20,}")
_NAMED_ELSEWHERE = re.compile(r"\$\{[^}]*\}")

_INSTEAD = "write ${NAME} here and give NAME in the environment"


def given_away(key: str, value: str) -> str | None:
    """What is wrong with a value under this key when it is a secret in plain words; None when it is none."""
    plain = _NAMED_ELSEWHERE.sub("", value)
    if _PRIVATE_KEY.search(plain):
        return "a secret stands here in plain: a private key; keep it in a file of its own"
    if _IN_AN_ADDRESS.search(plain):
        return f"a secret stands here in plain: a password in an address; {_INSTEAD}"
    if _NAMES.search(key.lower()) and plain.strip() and plain == value:
        return f"{key}: a secret stands here in plain; {_INSTEAD}"
    if _ISSUED.search(plain):
        return f"this looks like a secret in plain (a key or token); {_INSTEAD}"
    return None
