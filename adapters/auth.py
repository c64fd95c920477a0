"""How we prove to an office who asks: one block `auth:` in its file, secrets as ${NAME} only.

auth: none
auth: {kind: basic, username: rasad, password: "${OFFICE_PASSWORD}"}
auth: {kind: bearer, token: "${OFFICE_TOKEN}"}
auth: {kind: api_key, header: X-Api-Key, api_key: "${OFFICE_KEY}"}
auth: {kind: oauth2, token_url: https://..., client_id: rasad, client_secret: "${OFFICE_SECRET}", scope: letters}
auth: {kind: hmac, secret: "${OFFICE_SECRET}", key_id: rasad}
auth: {kind: certificate, cert_file: ..., key_file: ...}
"""

import asyncio
import base64
import hashlib
import hmac
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote_plus, urlencode

import aiohttp
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from adapters import strict_json
from adapters.contract import BackendError, BackendGarbage, NotReadable, Progress
from adapters.exchange import Request, exchange

MAX_TOKEN_OCTETS = 16_384

RENEWED_BEFORE_S = 60.0
"""A token is renewed so long before it ends, or after four fifths of its time when that is later."""

LIVES_S = 300.0
"""A token of which nothing is said. RFC 6749 5.1 leaves it to us."""


def _no_controls(text: str) -> str:
    if any(char < " " or char == "\x7f" for char in text):
        raise ValueError("a line end or another control character stands in it")
    return text


Secret = Annotated[str, Field(min_length=1, repr=False), AfterValidator(_no_controls)]
Word = Annotated[str, Field(min_length=1), AfterValidator(_no_controls)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class NoAuth(_Strict):
    kind: Literal["none"]


class Basic(_Strict):
    """RFC 7617, UTF-8."""

    kind: Literal["basic"]
    username: Annotated[Word, Field(pattern=r"^[^:]*$")]
    password: Secret


class Bearer(_Strict):
    """RFC 6750, a token that does not change."""

    kind: Literal["bearer"]
    token: Secret


class ApiKey(_Strict):
    """One header or one query parameter."""

    kind: Literal["api_key"]
    api_key: Secret
    header: HeaderName | None = None
    query: Word | None = None

    def model_post_init(self, _: Any) -> None:
        if (self.header is None) == (self.query is None):
            raise ValueError("api_key needs one of header and query")


class OAuth2(_Strict):
    """RFC 6749 4.4, client credentials. by: where the token service wants our account (2.3.1)."""

    kind: Literal["oauth2"]
    token_url: str
    client_id: Word
    client_secret: Secret
    scope: str | None = None
    by: Literal["header", "body"] = "header"


class Hmac(_Strict):
    """HMAC-SHA256 in hex over `METHOD LF path[?query] LF timestamp LF sha256 of the body in hex`, UTF-8; timestamp in
    Unix seconds. The path and query are those on the wire."""

    kind: Literal["hmac"]
    secret: Secret
    key_id: Word | None = None
    signature_header: HeaderName = "X-Signature"
    timestamp_header: HeaderName = "X-Timestamp"
    key_id_header: HeaderName = "X-Key-Id"


class Certificate(_Strict):
    """TLS with a certificate of ours (RFC 8446 4.4.2); PEM files, the key without a password."""

    kind: Literal["certificate"]
    cert_file: Word
    key_file: Word


AnyAuth = Annotated[
    NoAuth | Basic | Bearer | ApiKey | OAuth2 | Hmac | Certificate,
    Field(discriminator="kind"),
    BeforeValidator(lambda value: {"kind": value} if isinstance(value, str) else value),
]

IN_CLEAR = ("basic", "bearer", "api_key", "oauth2")
"""Kinds whose secret itself is sent: not over http:// to anybody outside."""


def shown_on_the_way(urls: Sequence[str], inside: Sequence[str]) -> str | None:
    """Why a secret may not go there in clear; None when it may: over TLS, or within networks the file names."""
    if not inside and any(url.startswith("http:") for url in urls):
        return "over http:// anybody on the way reads the secret; https:// was expected"
    return None


def tls(ca_file: str | None, auth: AnyAuth) -> ssl.SSLContext:
    """Raises ValueError with the file that cannot be used."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"ca_file {ca_file}: no certificates can be read: {error.strerror or error}") from None
    if isinstance(auth, Certificate):
        try:
            context.load_cert_chain(auth.cert_file, auth.key_file, password=_no_password)
        except (OSError, ssl.SSLError) as error:
            files = f"{auth.cert_file} with {auth.key_file}"
            raise ValueError(f"auth: {files} cannot be used: {error.strerror or error}") from None
    return context


def _no_password() -> str:
    raise OSError("the key asks for a password; keep it without one, readable by this service alone")


class Signing:
    """Signs requests as one auth block says. now: the wall clock, aware."""

    def __init__(self, auth: AnyAuth, http: aiohttp.ClientSession, now: Callable[[], datetime]) -> None:
        self._auth, self._now = auth, now
        self._tokens = _Tokens(auth, http) if isinstance(auth, OAuth2) else None

    async def signed(self, request: Request, progress: Progress) -> Request:
        """Raises BackendFailed when a token is needed and cannot be had."""
        match self._auth:
            case Basic(username=username, password=password):
                return _with(request, Authorization=_basic(username, password))
            case Bearer(token=token):
                return _with(request, Authorization=f"Bearer {token}")
            case ApiKey(header=str() as header, api_key=key):
                return _with(request, **{header: key})
            case ApiKey(query=str() as name, api_key=key):
                between = "&" if "?" in request.url else "?"
                return replace(request, url=f"{request.url}{between}{urlencode({name: key})}")
            case OAuth2():
                assert self._tokens is not None
                return _with(request, Authorization=f"Bearer {await self._tokens.current(progress)}")
            case Hmac() as auth:
                timestamp = str(int(self._now().timestamp()))
                more = {auth.key_id_header: auth.key_id} if auth.key_id else {}
                signature = signature_of(auth.secret, request, timestamp)
                return _with(request, **more, **{auth.timestamp_header: timestamp, auth.signature_header: signature})
            case _:
                return request

    def renewed_after_401(self, request: Request) -> bool:
        """Whether a 401 to this signed request was about a token that we can replace: then ask once more."""
        if self._tokens is None:
            return False
        self._tokens.drop(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return True


def signature_of(secret: str, request: Request, timestamp: str) -> str:
    target = "/" + request.url.split("://", 1)[1].partition("/")[2]
    said = "\n".join([request.method, target, timestamp, hashlib.sha256(request.body).hexdigest()])
    return hmac.new(secret.encode("utf-8"), said.encode("utf-8"), hashlib.sha256).hexdigest()


class _Tokens:
    """One token for all questions: who comes while it is fetched waits for it."""

    def __init__(self, auth: OAuth2, http: aiohttp.ClientSession) -> None:
        self._auth, self._http = auth, http
        self._fetching = asyncio.Lock()
        self._token, self._until = "", 0.0

    async def current(self, progress: Progress) -> str:
        clock = asyncio.get_running_loop().time
        progress.doing = "authorising"
        async with self._fetching:
            if not self._token or clock() >= self._until:
                self._token, lives_s = await self._fetched()
                self._until = clock() + max(lives_s - RENEWED_BEFORE_S, lives_s * 0.8)
            return self._token

    def drop(self, token: str) -> None:
        """This one was refused; another that was fetched meanwhile stays."""
        if token == self._token:
            self._token = ""

    async def _fetched(self) -> tuple[str, float]:
        auth = self._auth
        form = {"grant_type": "client_credentials", **({"scope": auth.scope} if auth.scope else {})}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if auth.by == "header":
            headers["Authorization"] = _basic(quote_plus(auth.client_id), quote_plus(auth.client_secret))
        else:
            form |= {"client_id": auth.client_id, "client_secret": auth.client_secret}
        request = Request("POST", auth.token_url, headers, urlencode(form).encode())
        reply = await exchange(self._http, request, max_octets=MAX_TOKEN_OCTETS, gzip=False, progress=Progress())
        if reply.status != 200:
            raise BackendError(f"no token: HTTP {reply.status}")
        try:
            said = strict_json.parsed(reply.body.decode("utf-8"))
            token, kind, lives_s = said["access_token"], said.get("token_type", "bearer"), said.get("expires_in")
        except (ValueError, LookupError, TypeError, AttributeError):
            raise NotReadable("no token in what the token service said") from None
        if (
            not isinstance(token, str)
            or not token.isascii()
            or not token.isprintable()
            or str(kind).lower() != "bearer"
        ):
            raise BackendGarbage("the token is none that can be sent as Bearer")
        known = isinstance(lives_s, int | float) and not isinstance(lives_s, bool) and lives_s > 0
        return token, float(lives_s) if known else LIVES_S


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def _with(request: Request, **headers: str) -> Request:
    return replace(request, headers={**request.headers, **headers})
