"""An office's REST service, described by a file: what to request, and where its answer says what.

The file maps the office's own words: fields by JMESPath, states and secrecy by tables, dates by calendar. Words are
compared folded, so that an Arabic yeh makes no other word. A state that is not in the table shows as under review and
is reported; a word of secrecy that is not among the open ones is secret.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import TracebackType
from typing import Annotated, Any, Literal, Self

import aiohttp
import jmespath
import msgspec
from persiantools.jdatetime import JalaliDate
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.contract import BackendGarbage, BackendUnreachable, Lookup
from menus.ports import Answer, Ask, Case, CaseStep, Found, Missing, Reference, Several, State, fold, reference

MAX_TEXT = 64
"""Characters of one value we take from an office; what is longer is no field of a phone screen, and left out."""

MAX_NUMBER = 32
"""protocols.md G5 allows 20; more is no number anybody could have typed."""

MAX_COUNT = 9999
MAX_STEPS = 24


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
    query: dict[str, Key] = Field(min_length=1)
    echo: Expression | None = None
    """Where the number that was asked for is in a record, when it is not `fields.number` (the sender's own number)."""


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
    secrecy: Expression | None = None


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
    open_words: list[Annotated[str, Field(min_length=1)]] = ["عادی"]
    """The office's words for no secrecy at all; with `fields.secrecy`, any other word, and none, is secret."""
    names: dict[str, dict[str, str]] = {}
    """The office's Persian name of a desk, organisation or document to its names in other languages."""


class Rest:
    """GET requests to one office. A lookup by number changes nothing there, so asking again is safe."""

    def __init__(self, config: RestConfig, unmapped: Callable[[str], None] = lambda _: None) -> None:
        """unmapped is told each state that the file does not have, and each date that is none."""
        self._config = config
        self._unmapped = unmapped
        expressions = config.fields.model_dump(exclude_none=True)
        self._expressions = {name: jmespath.compile(expression) for name, expression in expressions.items()}
        self._cases = jmespath.compile(config.cases)
        self._states = {fold(word): state for word, state in config.states.items()}
        self._names = {fold(name): names for name, names in config.names.items()}
        self._open = {fold(word) for word in config.open_words}
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
            cases = self._mapped(await self._get(attempt.path, query), asked, attempt)
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

    def _mapped(self, body: Any, asked: Reference, attempt: Try) -> list[Case]:
        try:
            records = self._cases.search(body) if body is not None else None
            records = records if isinstance(records, list) else [] if records is None else [records]
            for record in records:
                self._is_about(asked, record, attempt)
            return [self._case(record) for record in records]
        except (ValueError, TypeError, LookupError, AttributeError, jmespath.exceptions.JMESPathError) as error:
            raise BackendGarbage(f"a record does not fit its file: {type(error).__name__}") from error

    def _is_about(self, asked: Reference, record: Any, attempt: Try) -> None:
        """An office that answers with another number shows somebody else's letter."""
        echo = attempt.echo or self._config.fields.number
        said = _text(jmespath.search(echo, record))
        answered = reference(said)
        by_running = "running" in attempt.query.values() and answered.running == asked.running
        if fold(said) != asked.exact and answered.loose != asked.loose and not by_running:
            raise BackendGarbage("the answer is about another number than was asked")

    def _case(self, record: Any) -> Case:
        found = {name: expression.search(record) for name, expression in self._expressions.items()}
        number = _text(found.get("number"))
        if not 0 < len(number) <= MAX_NUMBER:
            raise ValueError("no number, or none of a letter")
        return Case(
            kind=self._config.case_kind,
            # Hyphens and blanks between digits change their order on a right-to-left screen (protocols.md D7).
            number=re.sub(r"(?<=\w)[-_. ]+(?=\w)", "/", number),
            state=self._state(found.get("state")),
            organisation=self._named(found.get("organisation")),
            year=_count(found.get("year")),
            desk=self._named(found.get("desk")),
            changed_on=self._date(found.get("changed_on")),
            due_on=self._date(found.get("due_on")),
            steps=self._steps(record),
            step=_count(found.get("step")),
            steps_total=_count(found.get("steps_total")),
            answer_number=_text(found.get("answer_number")) or None,
            lacking=self._named(found.get("lacking")),
            phone=_text(found.get("phone")) or None,
            secret=self._secret(found.get("secrecy")),
        )

    def _steps(self, record: Any) -> tuple[CaseStep, ...]:
        config = self._config.steps
        if config is None:
            return ()
        steps = jmespath.search(config.each, record) or []
        return tuple(
            CaseStep(
                desk=self._named(jmespath.search(config.desk, step)),
                on=self._date(jmespath.search(config.date, step)) if config.date else None,
            )
            for step in steps[-MAX_STEPS:]
        )

    def _state(self, value: Any) -> State:
        word = _text(value)
        state = self._states.get(fold(word))
        if state is None:
            self._unmapped(word)
        return state or State.UNKNOWN

    def _secret(self, value: Any) -> bool:
        return self._config.fields.secrecy is not None and fold(_text(value)) not in self._open

    def _named(self, value: Any) -> dict[str, str]:
        name = _text(value)
        return {"fa": name, **self._names.get(fold(name), {})} if name else {}

    def _date(self, value: Any) -> date | None:
        """`1405/08/30`, `1405-08-30` or the same with a time behind it."""
        text = _text(value)
        if not text:
            return None
        try:
            year, month, day = (int(part) for part in re.split(r"[ T]", text)[0].replace("/", "-").split("-"))
            if self._config.calendar == "gregorian":
                return date(year, month, day)
            return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]  # the library's __new__
        except ValueError:
            self._unmapped(text)  # the rest of the record is good, and this day nobody could read
            return None


_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")


def _text(value: Any) -> str:
    """A value of the office as a short text with ASCII digits; empty for null, flags, lists, objects and long ones."""
    if value is None or isinstance(value, bool | list | dict):
        return ""
    text = str(value).strip().translate(_DIGITS)
    return text if len(text) <= MAX_TEXT else ""


def _count(value: Any) -> int | None:
    text = _text(value)
    return int(text) if text.isdecimal() and int(text) <= MAX_COUNT else None


_: type[Lookup] = Rest
