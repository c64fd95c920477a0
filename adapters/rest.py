"""An office's REST service, described by a file: what to request, how to prove who asks, what its answers mean."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from types import TracebackType
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import quote, urlencode

import aiohttp
import jmespath
from aiohttp.abc import AbstractResolver
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from adapters import addresses, strict_json
from adapters.auth import IN_CLEAR, AnyAuth, HeaderName, NoAuth, OAuth2, Signing, Word, shown_on_the_way, tls
from adapters.contract import (
    BackendError,
    BackendFailed,
    BackendGarbage,
    Lookup,
    NotReadable,
    Progress,
    Trace,
    Traceable,
    WebPage,
    in_progress,
    untold,
)
from adapters.exchange import ONCE_MORE, Reply, Request, exchange, session, told, unexpected
from adapters.mapping import CaseConfig, Expression, Mapper, Strict, Unmapped
from adapters.records import Records
from menus.ports import Answer, Ask, Found, Missing, Reference, Refused, Several

Key = Literal["exact", "loose", "running", "receipt_code"]
KEYS: tuple[str, ...] = get_args(Key)

MAX_TEMPLATE_DEPTH = 8


def _template(value: Any, depth: int = 0) -> Any:
    """A template is data whose texts are keys or literals; `{literal: exact}` is the text and not the key."""
    if depth > MAX_TEMPLATE_DEPTH:
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        if value.keys() == {"literal"} and not isinstance(value["literal"], dict | list):
            return value
        return {str(key): _template(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_template(each, depth + 1) for each in value]
    if isinstance(value, str) and value not in KEYS and get_close_matches(value, KEYS, cutoff=0.8):
        raise ValueError(f"{value!r}: one of {', '.join(KEYS)}, or, if it is meant so, {{literal: {value}}}")
    return value


def _flat(value: dict[str, Any]) -> dict[str, Any]:
    for name, each in value.items():
        if isinstance(each, list) or (isinstance(each, dict) and each.keys() != {"literal"}):
            raise ValueError(f"{name}: one value was expected, a key ({', '.join(KEYS)}) or a literal")
    return value


Template = Annotated[Any, AfterValidator(_template)]
Flat = Annotated[dict[str, Any], AfterValidator(_template), AfterValidator(_flat)]

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_OURS = frozenset({
    "authorization", "proxy-authorization", "cookie", "host", "content-length", "transfer-encoding", "connection",
    "accept-encoding",
})  # fmt: skip


class Try(Strict):
    """One request. A value of its path, query, headers or body is a form of the number that was asked (exact, loose,
    running, or receipt_code: then it is sent only where the number has the form of one, and what is found is proved
    to be the caller's) or a literal."""

    method: Literal["GET", "POST"] = "GET"
    path: str = Field(pattern=r"^/[^?#\s]*$")
    """`/letters/{exact}`: forms of the number stand in braces and are percent-encoded."""
    query: Flat = Field(default={})
    headers: dict[HeaderName, Any] = Field(default={})
    json_body: Template = Field(default=None, alias="json")
    form: Flat | None = None
    repeatable: bool | None = None
    """Whether asking twice does no harm. A GET is; of a POST its file says it, and only then it is ever repeated."""
    echo: Expression | None = None
    """Where the number that was asked for is in a record, when it is not `fields.number` (the sender's own number)."""

    @field_validator("path")
    @classmethod
    def _known_placeholders(cls, path: str) -> str:
        for name in _PLACEHOLDER.findall(path):
            if name not in KEYS:
                raise ValueError(f"{{{name}}} is none of {', '.join(KEYS)}")
        if set(_PLACEHOLDER.sub("", path)) & set("{}"):
            raise ValueError("a brace without its other one")
        return path

    @field_validator("headers")
    @classmethod
    def _free_headers(cls, headers: dict[str, Any]) -> dict[str, Any]:
        for name in headers:
            if name.lower() in _OURS:
                raise ValueError(f"{name} is not set here; what proves who we are belongs in auth:")
        return _flat(_template(headers))

    def model_post_init(self, _: Any) -> None:
        if self.method == "GET" and (self.json_body is not None or self.form is not None):
            raise ValueError("a GET has no body; say method: POST")
        if self.json_body is not None and self.form is not None:
            raise ValueError("json and form are two bodies; leave one out")
        if self.method == "POST" and self.repeatable is None:
            raise ValueError("repeatable: true or false is missing: may this POST be sent twice?")
        if not self.keys:
            raise ValueError(f"nothing in it is the number that was asked: one of {', '.join(KEYS)}")

    @property
    def keys(self) -> tuple[str, ...]:
        """The forms of the number it sends, in the order of the file."""
        in_path = _PLACEHOLDER.findall(self.path)
        return (
            *in_path,
            *(key for part in (self.query, self.headers, self.json_body, self.form) for key in _keys(part)),
        )

    @property
    def again(self) -> bool:
        return self.method == "GET" if self.repeatable is None else self.repeatable


def _keys(template: Any) -> Iterator[str]:
    if isinstance(template, dict):
        if template.keys() != {"literal"}:
            for each in template.values():
                yield from _keys(each)
    elif isinstance(template, list):
        for each in template:
            yield from _keys(each)
    elif isinstance(template, str) and template in KEYS:
        yield template


class RestConfig(CaseConfig):
    """One file of config/backends/ with `kind: rest`."""

    kind: Literal["rest"]
    inside: list[addresses.Inside] = Field(default=[])
    """Private networks in which the office's host may stand. Public hosts need none."""
    base_url: str
    ca_file: str | None = None
    """PEM certificates that vouch for the office, instead of those this machine trusts."""
    auth: AnyAuth = NoAuth(kind="none")
    max_body_octets: int = Field(default=65_536, gt=0)
    """A longer answer is refused, packed or unpacked: a status takes a few hundred octets."""
    gzip: bool = False
    """Whether answers may come packed."""
    charset: Word = "utf-8"
    """Of its answers, whatever their headers say."""
    tries: list[Try] = Field(min_length=1)
    """Requests in order until one finds something; a form of the number that was asked already is not asked again."""
    missing_status: list[int] = Field(default=[404])
    """HTTP statuses by which this office says that there is no such number. Also one by which it says: confidential.
    With a page in HTML they say nothing."""
    refused_status: list[int] = Field(default=[])
    """HTTP statuses by which it says that it does not answer this caller."""
    missing_when: Expression | None = None
    """True of an answer that says: no such number."""
    failed_when: Expression | None = None
    """True of an answer with HTTP 200 that says: something went wrong."""
    cases: Expression
    """The record, or the list of records, in the answer. Null or an empty list there is: no such number."""

    @field_validator("base_url")
    @classmethod
    def _somewhere_we_go(cls, url: str, info: ValidationInfo) -> str:
        # When `inside` itself is faulty, that is what is told.
        if "inside" in info.data and (why := addresses.fault(url, info.data["inside"])):
            raise ValueError(why)
        return url

    @field_validator("charset")
    @classmethod
    def _known_charset(cls, name: str) -> str:
        try:
            b"".decode(name)
        except LookupError:
            raise ValueError(f"{name!r} is no charset") from None
        return codecs.lookup(name).name

    @field_validator("auth")
    @classmethod
    def _over_a_safe_way(cls, auth: AnyAuth, info: ValidationInfo) -> AnyAuth:
        inside, url = info.data.get("inside", ()), info.data.get("base_url", "https://")
        urls = [url]
        if isinstance(auth, OAuth2):
            if why := addresses.fault(auth.token_url, inside):
                raise ValueError(f"token_url: {why}")
            urls.append(auth.token_url)
        if auth.kind in IN_CLEAR and (why := shown_on_the_way(urls, inside)):
            raise ValueError(why)
        if auth.kind == "certificate" and not url.startswith("https:"):
            raise ValueError("a certificate needs https://")
        if url.startswith("https:") or info.data.get("ca_file"):
            tls(info.data.get("ca_file"), auth)
        return auth


class Rest:
    """Requests to one office, in the order of its file. now: the wall clock, for signatures."""

    def __init__(
        self,
        config: RestConfig,
        unmapped: Unmapped = lambda _: None,
        *,
        now: Callable[[], datetime] = lambda: datetime.fromtimestamp(0, UTC),
        resolver: AbstractResolver | None = None,
        trace: Trace = untold,
    ) -> None:
        self._config, self._unmapped, self._trace = config, unmapped, trace
        self._mapper = Mapper(config, unmapped, trace)
        self._now, self._resolver = now, resolver
        self._records_in = Records(config.cases)
        self._missing_when = jmespath.compile(config.missing_when or "`false`")
        self._failed_when = jmespath.compile(config.failed_when or "`false`")
        self._http: aiohttp.ClientSession | None = None
        self._signing: Signing | None = None

    def traced(self, trace: Trace) -> "Rest":
        return Rest(self._config, self._unmapped, now=self._now, resolver=self._resolver, trace=trace)

    async def __aenter__(self) -> Self:
        config = self._config
        secure = tls(config.ca_file, config.auth) if config.base_url.startswith("https:") or config.ca_file else None
        self._http = session(
            addresses.connector(config.inside, limit=config.max_in_flight, tls=secure, resolver=self._resolver)
        )
        self._signing = Signing(config.auth, self._http, self._now)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def look_up(self, ask: Ask) -> Answer:
        asked = ask.reference
        if asked is None:
            raise BackendGarbage("the menu asked without a number")
        secret: Answer = Missing()
        with in_progress() as progress:
            for attempt in self._attempts(asked):
                records = await self._records(attempt, asked, progress)
                if records is None:
                    return Refused()
                cases = self._mapper.cases(
                    records, asked, echo=attempt.echo, by_running="running" in attempt.keys,
                    proven="receipt_code" in attempt.keys,
                )  # fmt: skip
                if cases and all(case.secret for case in cases):
                    # Asked on like for a missing one, so that it takes as long.
                    secret = Found(cases[0])
                elif cases:
                    return Found(cases[0]) if len(cases) == 1 else Several(tuple(cases))
        return secret

    def _attempts(self, asked: Reference) -> Iterator[Try]:
        """The tries, without those that would ask the very same again in another form of the number."""
        said: set[tuple[str, str, tuple[str, ...]]] = set()
        for attempt in self._config.tries:
            forms = tuple(getattr(asked, key) for key in attempt.keys)
            if None in forms:  # no receipt code was typed
                continue
            same = (attempt.method, _PLACEHOLDER.sub("{}", attempt.path), forms)
            if same not in said or {"exact", "receipt_code"} & set(attempt.keys):
                said.add(same)
                yield attempt

    async def _records(self, attempt: Try, asked: Reference, progress: Progress) -> list[Any] | None:
        """The records of one request; None when the office refuses the caller."""
        try:
            reply = await self._reply(_request(self._config.base_url, attempt, asked), progress)
            if reply.status in self._config.refused_status:
                return None
            return self._found(reply)
        except BackendFailed as failure:
            self._trace("fault", f"{type(failure).__name__}: {failure.__cause__ or failure}")
            if isinstance(failure, ONCE_MORE):
                failure.again = attempt.again
            raise

    async def _reply(self, request: Request, progress: Progress) -> Reply:
        assert self._http is not None, "enter the backend before asking it"
        assert self._signing is not None
        config = self._config
        self._trace("request", told(request))  # before it is signed: nothing in it proves who we are
        signed = await self._signing.signed(request, progress)
        how: dict[str, Any] = {"max_octets": config.max_body_octets, "gzip": config.gzip, "progress": progress}
        reply = await exchange(self._http, signed, **how)
        if reply.status == 401 and self._signing.renewed_after_401(signed):
            # It did nothing but refuse us, so this is no repeat.
            reply = await exchange(self._http, await self._signing.signed(request, progress), **how)
        if self._trace is not untold:
            self._trace("answer", f"HTTP {reply.status}")
            self._trace("answer", reply.body.decode(config.charset, "replace"))
        return reply

    def _found(self, reply: Reply) -> list[Any]:
        if reply.status in self._config.missing_status:
            if _markup(reply):  # of a proxy, or of a path the office does not have
                raise WebPage(f"HTTP {reply.status} with a page for people")
            return []
        if reply.status != 200:
            raise unexpected(reply)
        try:
            body = strict_json.parsed(reply.body.decode(self._config.charset))
        except UnicodeDecodeError:
            raise NotReadable("its octets are not in the charset of its file") from None
        except ValueError as error:
            raise (WebPage("markup instead of JSON") if _markup(reply) else NotReadable(str(error))) from None
        try:
            if self._failed_when.search(body):
                raise BackendError("it says so in its answer")
            if self._missing_when.search(body):
                return []
        except (ValueError, TypeError, jmespath.exceptions.JMESPathError) as error:
            raise BackendGarbage(f"its answer cannot be judged: {type(error).__name__}") from error
        return self._records_in.of(body)


def _markup(reply: Reply) -> bool:
    return reply.body.lstrip().startswith(b"<")


def _request(base_url: str, attempt: Try, asked: Reference) -> Request:
    path = _PLACEHOLDER.sub(
        lambda found: quote(getattr(asked, found[1]), safe=""), quote(attempt.path, safe="/{}%:@!$&'()*+,;=~")
    )
    query = urlencode({name: _text(_filled(each, asked)) for name, each in attempt.query.items()}, quote_via=quote)
    headers = {"Accept": "application/json"}
    body = b""
    if attempt.json_body is not None:
        body = json.dumps(_filled(attempt.json_body, asked), ensure_ascii=False).encode("utf-8")
        headers["Content-Type"] = "application/json; charset=utf-8"
    elif attempt.form is not None:
        body = urlencode({name: _text(_filled(each, asked)) for name, each in attempt.form.items()}).encode("ascii")
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    headers |= {name: _text(_filled(each, asked)) for name, each in attempt.headers.items()}
    url = base_url.rstrip("/") + path + (f"?{query}" if query else "")
    return Request(attempt.method, url, headers, body)


def _filled(template: Any, asked: Reference) -> Any:
    if isinstance(template, dict):
        if template.keys() == {"literal"}:
            return template["literal"]
        return {name: _filled(each, asked) for name, each in template.items()}
    if isinstance(template, list):
        return [_filled(each, asked) for each in template]
    return getattr(asked, template) if isinstance(template, str) and template in KEYS else template


def _text(value: Any) -> str:
    """A value in a query, form or header: flags as JSON has them, null as nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


_: type[Lookup] = Rest
_traceable: type[Traceable] = Rest
