"""An office's REST service, described by a file: what to request, and where its answer has its records."""

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp
import jmespath
import msgspec
from pydantic import Field

from adapters.contract import BackendGarbage, BackendUnreachable, Lookup
from adapters.mapping import CaseConfig, Expression, Mapper, Strict, Unmapped
from menus.ports import Answer, Ask, Found, Missing, Reference, Several

Key = Literal["exact", "loose", "running", "receipt_code"]


class Try(Strict):
    """One request. query: parameter name to the form of the number it takes (exact, loose, running, or receipt_code:
    then it is sent only where the number has the form of one, and what is found is proved to be the caller's)."""

    path: str = Field(pattern=r"^/")
    query: dict[str, Key] = Field(min_length=1)
    echo: Expression | None = None
    """Where the number that was asked for is in a record, when it is not `fields.number` (the sender's own number)."""


class RestConfig(CaseConfig):
    """One file of config/backends/ with `kind: rest`."""

    kind: Literal["rest"]
    base_url: str = Field(pattern=r"^https?://")
    max_body_octets: int = Field(default=65_536, gt=0)
    """A longer answer is refused: a status takes a few hundred octets."""
    tries: list[Try] = Field(min_length=1)
    """Requests in order until one finds something; a form of the number that was asked already is not asked again."""
    missing_status: list[int] = Field(default=[404])
    """HTTP statuses by which this office says that there is no such number."""
    cases: Expression
    """The record, or the list of records, in the answer. Null or an empty list is: no such number."""


class Rest:
    """GET requests to one office. A lookup by number changes nothing there, so asking again is safe."""

    def __init__(self, config: RestConfig, unmapped: Unmapped = lambda _: None) -> None:
        self._config = config
        self._mapper = Mapper(config, unmapped)
        self._cases = jmespath.compile(config.cases)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit_per_host=self._config.max_in_flight)
        # The deadline is the guard's; aiohttp's own would be a second one beside it.
        self._http = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(), cookie_jar=aiohttp.DummyCookieJar()
        )
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
        for attempt in self._attempts(asked):
            query = {name: getattr(asked, key) for name, key in attempt.query.items()}
            records = self._records(await self._get(attempt.path, query))
            keys = attempt.query.values()
            cases = self._mapper.cases(
                records, asked, echo=attempt.echo, by_running="running" in keys, proven="receipt_code" in keys
            )
            if cases and all(case.secret for case in cases):
                # Asked on like for a missing one, so that it takes as long.
                secret = Found(cases[0])
            elif cases:
                return Found(cases[0]) if len(cases) == 1 else Several(tuple(cases))
        return secret

    def _attempts(self, asked: Reference) -> Iterator[Try]:
        """The tries, without those that would ask the very same again in another form of the number."""
        said: set[tuple[str, tuple[str, ...]]] = set()
        for attempt in self._config.tries:
            forms = tuple(getattr(asked, key) for key in attempt.query.values())
            if None in forms:  # no receipt code was typed
                continue
            if (attempt.path, forms) not in said or "exact" in attempt.query.values():
                said.add((attempt.path, forms))
                yield attempt

    async def _get(self, path: str, query: Mapping[str, str]) -> Any:
        assert self._http is not None, "enter the backend before asking it"
        url = self._config.base_url.rstrip("/") + path
        try:
            async with self._http.get(url, params=query, allow_redirects=False) as response:
                if response.status in self._config.missing_status:
                    return None
                if response.status != 200:
                    raise BackendGarbage(f"HTTP {response.status}")
                body = await response.content.read(self._config.max_body_octets + 1)
                while not response.content.at_eof() and len(body) <= self._config.max_body_octets:
                    body += await response.content.read(self._config.max_body_octets + 1 - len(body))
        except aiohttp.ClientError as error:
            raise BackendUnreachable(type(error).__name__) from error
        if len(body) > self._config.max_body_octets:
            raise BackendGarbage(f"more than {self._config.max_body_octets} octets")
        try:
            return msgspec.json.decode(body)
        except (ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors, as is broken UTF-8
            raise BackendGarbage("no JSON") from error

    def _records(self, body: Any) -> list[Any]:
        try:
            found = self._cases.search(body) if body is not None else None
        except (ValueError, TypeError, jmespath.exceptions.JMESPathError) as error:
            raise BackendGarbage(f"its records cannot be found: {type(error).__name__}") from error
        return found if isinstance(found, list) else [] if found is None else [found]


_: type[Lookup] = Rest
