"""An office's SOAP service, described by a file: what to send, where its answer has its records, what is a `no`."""

import asyncio
import base64
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp
import jmespath
from aiohttp.abc import AbstractResolver
from pydantic import Field, ValidationInfo, field_validator, model_validator

from adapters import addresses, wsdl, xml
from adapters.auth import Secret, Word, shown_on_the_way
from adapters.contract import BackendFailed, BackendGarbage, Lookup, Progress, Trace, Traceable, in_progress, untold
from adapters.envelope import Template, Version, body, fault_codes, fault_reason
from adapters.exchange import ONCE_MORE, Reply, Request, exchange, session, told, unexpected
from adapters.mapping import CaseConfig, Expression, Mapper, Strict, Unmapped
from adapters.records import Records
from menus.ports import Answer, Ask, Found, Missing, Reference, Several


class SoapTry(Strict):
    """One request, by template or by WSDL. The form of the number is named in it: `{{exact}}`, `{{loose}}`,
    `{{running}}`, or `{{receipt_code}}` (then it is sent only where the number has the form of one, and what is found
    is proved to be the caller's)."""

    envelope: str | None = None
    """The whole Envelope, or the one element of its Body."""
    action: str | None = None
    """SOAPAction; with a WSDL, what that says."""
    operation: str | None = None
    parameters: dict[str, Any] = Field(default={})
    echo: Expression | None = None
    """Where the number that was asked for is in a record, when it is not `fields.number` (the sender's own number)."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.envelope is None) == (self.operation is None):
            raise ValueError("either envelope, or operation and parameters of a wsdl")
        return self


class Credentials(Strict):
    """kind: HTTP basic, or a WS-Security UsernameToken with the password as text: both show it to the line."""

    kind: Literal["basic", "username_token"]
    username: Word
    password: Secret


class SoapConfig(CaseConfig):
    """One file of config/backends/ with `kind: soap`."""

    kind: Literal["soap"]
    inside: list[addresses.Inside] = Field(default=[])
    """Private networks in which the office's host may stand. Public hosts need none."""
    url: str
    """Where requests go; an address in a WSDL does not count."""
    version: Version = "1.1"
    auth: Literal["none"] | Credentials = "none"
    wsdl: str | None = None
    """A WSDL file beside this file; needs rasad[wsdl]."""
    max_body_octets: int = Field(default=65_536, gt=0)
    """A longer answer is refused before it is parsed."""
    max_depth: int = Field(default=32, gt=0, le=200)
    max_nodes: int = Field(default=10_000, gt=0)
    tries: list[SoapTry] = Field(min_length=1)
    """Requests in order until one finds something; a form of the number that was asked already is not asked again."""
    lists: list[str] = Field(default=[])
    """Names of elements that are lists even when there is one of them."""
    missing_faults: list[str] = Field(default=[])
    """Fault codes, without prefix, by which this office says that there is no such number."""
    missing_when: Expression | None = None
    """JMESPath on the Body; when it is true, there is no such number."""
    cases: Expression
    """The record, or the list of records, in the Body. Null, "" or an empty list there is: no such number."""

    @field_validator("url")
    @classmethod
    def _somewhere_we_go(cls, url: str, info: ValidationInfo) -> str:
        # When `inside` itself is faulty, that is what is told.
        if "inside" in info.data and (why := addresses.fault(url, info.data["inside"], query=True)):
            raise ValueError(why)
        return url

    @field_validator("auth")
    @classmethod
    def _over_a_safe_way(
        cls, auth: Literal["none"] | Credentials, info: ValidationInfo
    ) -> Literal["none"] | Credentials:
        why = shown_on_the_way([info.data.get("url", "https://")], info.data.get("inside", ()))
        if auth != "none" and why:
            raise ValueError(why)
        return auth

    @field_validator("wsdl")
    @classmethod
    def _there(cls, name: str | None, info: ValidationInfo) -> str | None:
        if name is None:
            return None
        if importlib.util.find_spec("zeep") is None:
            raise ValueError("this needs zeep: install rasad[wsdl]")
        file = Path((info.context or {}).get("file", "")).parent / name
        if not file.is_file():
            raise ValueError(f"there is no file {file}")
        return str(file)

    @model_validator(mode="after")
    def _templates_hold(self) -> Self:
        for place, each in enumerate(self.tries):
            if each.envelope is None:
                if self.wsdl is None:
                    raise ValueError(f"tries.{place}.operation: say with wsdl which file describes it")
                continue
            try:
                Template(each.envelope, self.version)
            except ValueError as error:
                raise ValueError(f"tries.{place}.envelope: {error}") from None
        return self


@dataclass(frozen=True, slots=True)
class _Request:
    template: Template
    action: str
    echo: str | None


class Soap:
    """POST requests to one office. A lookup by number changes nothing there, so asking again is safe."""

    def __init__(
        self,
        config: SoapConfig,
        unmapped: Unmapped = lambda _: None,
        *,
        resolver: AbstractResolver | None = None,
        trace: Trace = untold,
    ) -> None:
        self._config, self._unmapped, self._trace = config, unmapped, trace
        self._resolver = resolver
        self._mapper = Mapper(config, unmapped, trace)
        self._records_in = Records(config.cases)
        self._missing_when = jmespath.compile(config.missing_when) if config.missing_when else None
        self._limits = xml.Limits(config.max_body_octets, config.max_depth, config.max_nodes)
        self._requests: list[_Request] = []
        self._http: aiohttp.ClientSession | None = None

    def traced(self, trace: Trace) -> "Soap":
        return Soap(self._config, self._unmapped, resolver=self._resolver, trace=trace)

    async def __aenter__(self) -> Self:
        self._requests = await self._described()
        config = self._config
        self._http = session(addresses.connector(config.inside, limit=config.max_in_flight, resolver=self._resolver))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def _described(self) -> list[_Request]:
        """The requests of the file's tries. Raises BackendUnusable when the WSDL does not have one of them."""
        config = self._config
        operations = [(each.operation, each.parameters) for each in config.tries if each.operation is not None]
        by_wsdl = iter(
            await asyncio.to_thread(wsdl.templates, Path(config.wsdl), config.version, operations)
            if config.wsdl and operations
            else ()
        )
        found = []
        for each in config.tries:
            template, action = (Template(each.envelope, config.version), "") if each.envelope else next(by_wsdl)
            found.append(_Request(template, action if each.action is None else each.action, each.echo))
        return found

    async def look_up(self, ask: Ask) -> Answer:
        asked = ask.reference
        if asked is None:
            raise BackendGarbage("the menu asked without a number")
        secret: Answer = Missing()
        with in_progress() as progress:
            for request, forms in self._attempts(asked):
                records = await self._ask(request, forms, progress)
                cases = self._mapper.cases(
                    records, asked, echo=request.echo, by_running="running" in forms, proven="receipt_code" in forms
                )
                if cases and all(case.secret for case in cases):
                    # Asked on like for a missing one, so that it takes as long.
                    secret = Found(cases[0])
                elif cases:
                    return Found(cases[0]) if len(cases) == 1 else Several(tuple(cases))
        return secret

    def _attempts(self, asked: Reference) -> Iterator[tuple[_Request, Mapping[str, str]]]:
        """The tries with the forms they send, without those that would send the same octets again."""
        said: set[tuple[str, bytes]] = set()
        for request in self._requests:
            forms = {form: getattr(asked, form) for form in request.template.forms}
            if None in forms.values():  # no receipt code was typed
                continue
            try:
                octets = request.template.filled(forms)
            except ValueError:  # a sign that XML cannot hold: no office has such a number
                continue
            if (request.action, octets) not in said:
                said.add((request.action, octets))
                yield request, forms

    async def _ask(self, request: _Request, forms: Mapping[str, str], progress: Progress) -> list[Any]:
        auth = self._config.auth
        token = (auth.username, auth.password) if auth != "none" and auth.kind == "username_token" else None
        if self._trace is not untold:
            self._trace("request", self._told(request, forms, token))
        try:
            sent = Request(
                "POST", self._config.url, self._headers(request.action), request.template.filled(forms, token)
            )
            reply = await self._reply(sent, progress)
            try:
                answer = body(xml.parse(reply.body, self._limits, charset=reply.charset), self._config.version)
            except xml.XmlRefused as refused:
                raise BackendGarbage(f"HTTP {reply.status}: {refused}") from None
            return self._records(answer, reply.status)
        except BackendFailed as failure:
            self._trace("fault", f"{type(failure).__name__}: {failure.__cause__ or failure}")
            failure.again = isinstance(failure, ONCE_MORE)
            raise

    def _told(self, request: _Request, forms: Mapping[str, str], token: tuple[str, str] | None) -> str:
        """A request as whoever connects an office reads it: without the password."""
        headers = {name: value for name, value in self._headers(request.action).items() if name != "Authorization"}
        envelope = request.template.filled(forms, token and (token[0], "***"))
        return told(Request("POST", self._config.url, headers, envelope))

    async def _reply(self, request: Request, progress: Progress) -> Reply:
        assert self._http is not None, "enter the backend before asking it"
        most = self._config.max_body_octets
        reply = await exchange(self._http, request, max_octets=most, gzip=False, progress=progress)
        self._trace("answer", f"HTTP {reply.status}")
        if self._trace is not untold:
            self._trace("answer", _readable(reply.body, reply.charset))
        if reply.status not in (200, 500, *((400,) if self._config.version == "1.2" else ())):
            raise unexpected(reply)
        return reply

    def _headers(self, action: str) -> dict[str, str]:
        auth = self._config.auth
        headers = dict[str, str]()
        if self._config.version == "1.1":
            headers |= {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{action}"'}
        else:
            named = f'; action="{action}"' if action else ""
            headers["Content-Type"] = f"application/soap+xml; charset=utf-8{named}"
        if auth != "none" and auth.kind == "basic":
            pair = f"{auth.username}:{auth.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        return headers

    def _records(self, answer: xml.Element, status: int) -> list[Any]:
        """Raises BackendGarbage for a fault that does not mean missing, and when the records cannot be found."""
        codes = fault_codes(answer)
        said = xml.records(answer, self._config.lists)
        try:
            if self._missing_when is not None and self._missing_when.search(said) is True:
                return []
            if codes is not None:
                if set(codes) & set(self._config.missing_faults):
                    return []
                raise BackendGarbage(fault_reason(codes))
            if status != 200:
                raise BackendGarbage(f"HTTP {status} without a fault")
        except (ValueError, TypeError, jmespath.exceptions.JMESPathError) as error:
            raise BackendGarbage(f"its answer cannot be judged: {type(error).__name__}") from error
        return self._records_in.of(said)


def _readable(octets: bytes, charset: str | None) -> str:
    """For a person: what the parser makes of it is another matter."""
    try:
        return octets.decode(charset or "utf-8", "replace")
    except LookupError:
        return octets.decode("utf-8", "replace")


_: type[Lookup] = Soap
_traceable: type[Traceable] = Soap
