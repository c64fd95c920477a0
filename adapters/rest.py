"""An office's REST service, described by a file: what to request, and where its answer says what.

The file maps the office's own words: fields by JMESPath, states by a table, dates by calendar. A word that is not in
the table of states shows as under review.
"""

from collections.abc import Mapping
from datetime import date
from types import TracebackType
from typing import Annotated, Any, Literal, Self

import aiohttp
import jmespath
import msgspec
from persiantools.jdatetime import JalaliDate
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.contract import BackendGarbage, BackendUnreachable, Lookup
from menus.ports import Answer, Ask, Case, CaseStep, Found, Missing, Reference, Several, State, reference

MAX_TEXT = 64
"""Characters of one value we take from an office; what is longer is no field of a phone screen."""

MAX_STEPS = 24
MAX_CASES = 24


def _compiles(expression: str) -> str:
    try:
        jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"{expression!r} is no JMESPath expression: {error}") from None
    return expression


Expression = Annotated[str, AfterValidator(_compiles)]
Key = Literal["exact", "loose", "running"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Try(_Strict):
    """One request. query: parameter name to the form of the number it takes (exact, loose or running)."""

    path: str = Field(pattern=r"^/")
    query: dict[str, Key] = {}


class Fields(_Strict):
    """Where each field of a case is, relative to one record of the answer."""

    number: Expression
    state: Expression
    organisation: Expression | None = None
    year: Expression | None = None
    desk: Expression | None = None
    changed_on: Expression | None = None
    due_on: Expression | None = None
    step: Expression | None = None
    steps_total: Expression | None = None
    answer_number: Expression | None = None
    lacking: Expression | None = None
    phone: Expression | None = None
    classification: Expression | None = None


class Steps(_Strict):
    """each: the list of steps; desk and date: where in one of them."""

    each: Expression
    desk: Expression
    date: Expression | None = None


class RestConfig(_Strict):
    """One file of config/backends/ with `kind: rest`."""

    kind: Literal["rest"]
    case_kind: str
    """What the cases of this office are: letter, request."""
    base_url: str = Field(pattern=r"^https?://")
    deadline_s: float = Field(default=30.0, gt=0, le=120)
    """The most one question may take, however much time the caller has. 30 s is what a follow-up waits."""
    max_in_flight: int = Field(default=32, gt=0)
    """Questions at once; more wait, within their own time."""
    max_body_octets: int = Field(default=65_536, gt=0)
    """A longer answer is refused: a status takes a few hundred octets."""
    tries: list[Try] = Field(min_length=1)
    """Requests in order until one finds something; a form of the number that was asked already is not asked again."""
    missing_status: list[int] = [404]
    """HTTP statuses by which this office says that there is no such number."""
    cases: Expression
    """The record, or the list of records, in the answer. Null or an empty list is: no such number."""
    fields: Fields
    steps: Steps | None = None
    calendar: Literal["jalali", "gregorian"] = "jalali"
    states: dict[str, State]
    """The office's word to our state."""
    names: dict[str, dict[str, str]] = {}
    """The office's Persian name of a desk, organisation or document to its names in other languages."""


class Rest:
    """GET requests to one office. A lookup by number changes nothing there, so asking again is safe."""

    def __init__(self, config: RestConfig) -> None:
        self._config = config
        self._expressions = {
            name: jmespath.compile(expression)
            for name, expression in config.fields.model_dump(exclude_none=True).items()
        }
        self._cases = jmespath.compile(config.cases)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit_per_host=self._config.max_in_flight)
        # The deadline is the guard's; aiohttp's own would be a second one beside it.
        self._http = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout())
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
        done: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
        for attempt in self._config.tries:
            query = tuple((name, getattr(asked, key)) for name, key in attempt.query.items())
            if (attempt.path, query) in done or any(value == earlier for _, value in query for earlier in _said(done)):
                continue
            done.add((attempt.path, query))
            cases = self._mapped(await self._get(attempt.path, dict(query)), asked)
            if cases:
                return Found(cases[0]) if len(cases) == 1 else Several(tuple(cases[:MAX_CASES]))
        return Missing()

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
        except (msgspec.DecodeError, RecursionError) as error:
            raise BackendGarbage("no JSON") from error

    def _mapped(self, body: Any, asked: Reference) -> list[Case]:
        records = self._cases.search(body) if body is not None else None
        if records is None:
            return []
        records = records if isinstance(records, list) else [records]
        try:
            cases = [self._case(record) for record in records]
        except (ValueError, TypeError, msgspec.ValidationError) as error:
            raise BackendGarbage(f"a record does not fit its file: {type(error).__name__}") from error
        for case in cases:
            # An office that answers with another number shows somebody else's letter.
            answered = reference(case.number)
            if answered.loose != asked.loose and answered.running != asked.running:
                raise BackendGarbage("the answer is about another number than was asked")
        return cases

    def _case(self, record: Any) -> Case:
        found = {name: expression.search(record) for name, expression in self._expressions.items()}
        number = _text(found.get("number"))
        if not number:
            raise ValueError("no number")
        return Case(
            kind=self._config.case_kind,
            number=number,
            state=self._config.states.get(_text(found.get("state")), State.UNKNOWN),
            organisation=self._names(found.get("organisation")),
            year=_count(found.get("year")),
            desk=self._names(found.get("desk")),
            changed_on=self._date(found.get("changed_on")),
            due_on=self._date(found.get("due_on")),
            steps=self._steps(record),
            step=_count(found.get("step")),
            steps_total=_count(found.get("steps_total")),
            answer_number=_text(found.get("answer_number")) or None,
            lacking=self._names(found.get("lacking")),
            phone=_text(found.get("phone")) or None,
            classification=_text(found.get("classification")),
        )

    def _steps(self, record: Any) -> tuple[CaseStep, ...]:
        config = self._config.steps
        if config is None:
            return ()
        steps = jmespath.search(config.each, record) or []
        return tuple(
            CaseStep(
                desk=self._names(jmespath.search(config.desk, step)),
                on=self._date(jmespath.search(config.date, step)) if config.date else None,
            )
            for step in steps[-MAX_STEPS:]
        )

    def _names(self, value: Any) -> dict[str, str]:
        name = _text(value)
        return {"fa": name, **self._config.names.get(name, {})} if name else {}

    def _date(self, value: Any) -> date | None:
        """`1405/08/30`, `1405-08-30` or the same with a time behind it."""
        text = _text(value)
        if not text:
            return None
        year, month, day = (int(part) for part in text[:10].replace("/", "-").split("-"))
        if self._config.calendar == "gregorian":
            return date(year, month, day)
        return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]  # the library's __new__


_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")


def _text(value: Any) -> str:
    """A value of the office as a short text with ASCII digits; empty for null, lists and objects."""
    if value is None or isinstance(value, bool | list | dict):
        return ""
    return str(value).strip().translate(_DIGITS)[:MAX_TEXT]


def _count(value: Any) -> int | None:
    text = _text(value)
    return int(text) if text.isdecimal() else None


def _said(done: set[tuple[str, tuple[tuple[str, str], ...]]]) -> set[str]:
    return {value for _, query in done for _, value in query}


_: type[Lookup] = Rest
