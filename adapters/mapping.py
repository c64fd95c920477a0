"""From an office's records to cases: which field is where, what its words mean, what its dates are.

Every kind of backend brings records as plain data (what JSON can say); its file maps them: fields by JMESPath, states
and secrecy by tables, dates by calendar. Words are compared folded, so that an Arabic yeh makes no other word. A state
that is not in the table shows as under review and is reported; a word of secrecy that is not among the open ones is
secret.
"""

import json
import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

import jmespath
from persiantools.jdatetime import JalaliDate
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.breaker import BreakerConfig
from adapters.contract import BackendGarbage, ContractBreach, Trace, untold
from adapters.last_known import LastKnownConfig
from adapters.records import NotThere, followed
from menus.ports import Case, CaseStep, Reference, State, fold, reference

MAX_TEXT = 64
"""Characters of one value we take from an office; what is longer is no field of a phone screen, and left out."""

MAX_SUBJECT = 160

MAX_NUMBER = 32
"""protocols.md G5 allows 20; more is no number anybody could have typed."""

FIRST_DAY, LAST_DAY = date(1921, 3, 21), date(2121, 3, 20)
"""The Jalali years 1300 to 1499. Days outside are no letter's: read by the wrong calendar they are centuries off."""

MAX_COUNT = 9999
MAX_STEPS = 24


_NAME = re.compile(r"[\w\u200c][\w\u200c /-]*")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _compiles(expression: str) -> str:
    # JMESPath wants `شماره نامه` in quotes of its own inside YAML's; as it stands it can mean nothing else.
    if _NAME.fullmatch(expression) and not _IDENTIFIER.fullmatch(expression):
        expression = json.dumps(expression, ensure_ascii=False)
    try:
        jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"{expression!r} is no JMESPath expression: {error}") from None
    return expression


Expression = Annotated[str, AfterValidator(_compiles)]


def _meant(state: State) -> State:
    if state is State.UNKNOWN:
        raise ValueError("unknown is what a word that is not in the file reads as; no word means it")
    return state


Meant = Annotated[State, AfterValidator(_meant)]
"""A state an office's word may mean."""

Ours = TypeVar("Ours")


def reader(expression: str) -> Callable[[Any], Any]:
    """What finds this expression's value in a record. A plain name, which most are, is looked up and not interpreted:
    a register is read by the hundred thousand rows."""
    compiled = jmespath.compile(expression)
    if compiled.parsed["type"] != "field":
        return compiled.search  # type: ignore[no-any-return]  # the library has no types
    name = compiled.parsed["value"]
    return lambda record: record.get(name) if isinstance(record, dict) else None


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fields(Strict):
    """Where each field of a case is, relative to one record of the answer."""

    number: Expression
    state: Expression
    organisation: Expression | None = None
    year: Expression | None = None
    desk: Expression | None = None
    registered_on: Expression | None = None
    changed_on: Expression | None = None
    due_on: Expression | None = None
    step: Expression | None = None
    steps_total: Expression | None = None
    answer_number: Expression | None = None
    lacking: Expression | None = None
    phone: Expression | None = None
    secrecy: Expression | None = None
    subject: Expression | None = None
    sender: Expression | None = None
    citizen_phone: Expression | None = None
    """The number this office has of the citizen: who calls from it has proved that the case is hers."""


class Steps(Strict):
    """each: the list of steps; desk and date: where in one of them."""

    each: Expression
    desk: Expression
    date: Expression | None = None


MIN_SECRET = 22
"""Characters of a secret: 128 random bits in base64."""


def _hard_to_guess(secret: str) -> str:
    if secret and len(secret) < MIN_SECRET:
        raise ValueError(f"events_secret needs {MIN_SECRET} characters or more (128 random bits)")
    return secret


class CaseConfig(Strict):
    """What the file of any kind of backend says about its cases."""

    case_kind: str
    """What the cases of this office are: letter, request."""
    deadline_s: float = Field(default=30.0, gt=0, le=120)
    """The most one question may take, however much time the caller has. 30 s is what a follow-up waits."""
    max_in_flight: int = Field(default=32, gt=0)
    """Questions at once; more wait, within their own time."""
    polls_per_minute: float = Field(default=60.0, gt=0)
    """How many of the cases that citizens follow may be looked up here in a minute."""
    events_secret: Annotated[str, AfterValidator(_hard_to_guess)] = Field(default="", repr=False)
    """What this office signs what it posts with (POST /backends/NAME/events and /register); empty: it posts nothing."""
    retries: int = Field(default=1, ge=0, le=3)
    """How often one question is asked again at once, where that does no harm and there is time."""
    breaker: BreakerConfig = BreakerConfig()
    lateness_opens: bool = True
    """Whether no answer in time counts as a failure for the breaker."""
    last_known: LastKnownConfig | None = None
    """Absent: nothing is kept, and an office that fails is unavailable."""
    fields: Fields
    steps: Steps | None = None
    calendar: Literal["jalali", "gregorian"] = "jalali"
    due_in_working_days: int | None = Field(default=None, gt=0, le=365)
    """Where the office gives no due date: so many working days after the registration, or after the first step."""
    states: dict[str, Meant]
    """The office's word to our state."""
    open_words: list[Annotated[str, Field(min_length=1)]] = ["عادی"]
    """The office's words for no secrecy at all; with `fields.secrecy`, any other word, and none, is secret."""
    names: dict[str, dict[str, str]] = {}
    """The office's Persian name of a desk, organisation or document to its names in other languages."""


Unmapped = Callable[[str], None]
"""Told each state that the file does not have, and each date that is none."""


_MISFIT = (ValueError, TypeError, LookupError, AttributeError, jmespath.exceptions.JMESPathError)


class Mapper:
    """Records of one office to cases, as its file says."""

    def __init__(self, config: CaseConfig, unmapped: Unmapped = lambda _: None, trace: Trace = untold) -> None:
        self._config = config
        self._unmapped = unmapped
        self._trace = trace
        expressions = config.fields.model_dump(exclude_none=True)
        self._readers = {name: reader(expression) for name, expression in expressions.items()}
        # Offices have few words and many records, and folding is most of what a record costs.
        self._fold = lru_cache(maxsize=4096)(fold)
        self._states = {fold(word): state for word, state in config.states.items()}
        self._names = {fold(name): names for name, names in config.names.items()}
        self._open = {fold(word) for word in config.open_words}

    def cases(
        self,
        records: list[Any],
        asked: Reference | None,
        *,
        echo: str | None = None,
        by_running: bool = False,
        proven: bool = False,
    ) -> list[Case]:
        """The cases in these records. Raises BackendGarbage when one does not fit its file or is about another number.

        asked: None when nobody asked for a number (a whole register). echo: where the number that was asked for is in
        a record, when it is not `fields.number`. by_running: the office was asked for the running number alone.
        proven: it was asked for the receipt code.
        """
        try:
            if asked is not None:
                for record in records:
                    self._is_about(asked, record, echo or self._config.fields.number, by_running=by_running)
            return [self._case(record, proven=proven) for record in records]
        except _MISFIT as error:
            self._trace("fault", f"a record does not fit its file: {error}")
            raise BackendGarbage(f"a record does not fit its file: {type(error).__name__}") from error

    def steps(self, record: Any) -> tuple[CaseStep, ...]:
        """The desks in a record, for who learns them after the case. Raises BackendGarbage like `cases`."""
        self._trace("record", "")
        try:
            return self._steps(record)
        except _MISFIT as error:
            raise BackendGarbage(f"its steps do not fit its file: {type(error).__name__}") from error

    def day(self, value: Any) -> date | None:
        """A date as this office writes it; None for no date, told when it should have been one."""
        return self._date(value)

    def _is_about(self, asked: Reference, record: Any, echo: str, *, by_running: bool) -> None:
        """An office that answers with another number shows somebody else's letter."""
        said = _text(jmespath.search(echo, record))
        if not said:
            followed(jmespath.compile(echo).parsed, record)
        answered = reference(said)
        running = by_running and answered.running == asked.running
        if fold(said) != asked.exact and answered.loose != asked.loose and not running:
            self._trace("fault", f"asked for {asked.exact!r}, answered about {said!r} ({echo})")
            raise ContractBreach("the answer is about another number than was asked")

    def _case(self, record: Any, *, proven: bool) -> Case:
        found = {name: read(record) for name, read in self._readers.items()}

        self._trace("record", "")

        def take(name: str, read: Callable[[Any], Ours]) -> Ours:
            ours = read(found.get(name))
            if name in found and self._trace is not untold:
                absent = _absent(getattr(self._config.fields, name), record) if found[name] is None else ""
                self._trace("field", f"{name}: {found[name]!r} -> {_spoken(ours)}{absent}")
            return ours

        number = take("number", _text)
        if not 0 < len(number) <= MAX_NUMBER:
            raise ValueError("no number, or none of a letter")
        return Case(
            kind=self._config.case_kind,
            # Hyphens and blanks between digits change their order on a right-to-left screen (protocols.md D7).
            number=re.sub(r"(?<=\w)[-_. ]+(?=\w)", "/", number),
            state=take("state", self._state),
            organisation=take("organisation", self._named),
            year=take("year", _count),
            desk=take("desk", self._named),
            registered_on=take("registered_on", self._date),
            changed_on=take("changed_on", self._date),
            due_on=take("due_on", self._date),
            steps=self._steps(record),
            step=take("step", _count),
            steps_total=take("steps_total", _count),
            answer_number=take("answer_number", _text) or None,
            lacking=take("lacking", self._named),
            phone=take("phone", _text) or None,
            secret=take("secrecy", self._secret),
            subject=take("subject", lambda value: _text(value, MAX_SUBJECT)),
            sender=take("sender", _text),
            citizen_phone=take("citizen_phone", _text),
            proven=proven,
        )

    def _steps(self, record: Any) -> tuple[CaseStep, ...]:
        config = self._config.steps
        if config is None:
            return ()
        listed = jmespath.search(config.each, record) or []
        steps = listed if isinstance(listed, list) else [listed]  # in XML, a list of one is that one
        found = tuple(
            CaseStep(
                desk=self._named(jmespath.search(config.desk, step)),
                on=self._date(jmespath.search(config.date, step)) if config.date else None,
            )
            for step in steps[-MAX_STEPS:]
        )
        if self._trace is not untold:
            if not found and (absent := _absent(config.each, record)):
                self._trace("field", f"steps: none{absent}")
            for each in found:
                self._trace("field", f"a step: {_spoken(each.desk)}; {_spoken(each.on)}")
        return found

    def _state(self, value: Any) -> State:
        word = _text(value)
        state = self._states.get(self._fold(word))
        if state is None:
            self._unmapped(word)
        return state or State.UNKNOWN

    def _secret(self, value: Any) -> bool:
        return self._config.fields.secrecy is not None and self._fold(_text(value)) not in self._open

    def _named(self, value: Any) -> dict[str, str]:
        name = _text(value)
        return {"fa": name, **self._names.get(self._fold(name), {})} if name else {}

    def _date(self, value: Any) -> date | None:
        """`1405/08/30`, `1405-08-30` or the same with a time behind it; a date of a database or a sheet is one."""
        text = _text(value)
        if not text:
            return None
        try:
            return _of_our_time(value if isinstance(value, date) else self._day(text))
        except ValueError:
            self._unmapped(text)  # the rest of the record is good, and this day nobody could read
            return None

    def _day(self, text: str) -> date:
        """Raises ValueError."""
        year, month, day = (int(part) for part in re.split(r"[ T]", text)[0].replace("/", "-").split("-"))
        if self._config.calendar == "gregorian":
            return date(year, month, day)
        return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]  # the library's __new__


def _absent(expression: str, record: Any) -> str:
    """For whoever connects an office: that its record has no such name, which may be misspelt in the file."""
    try:
        followed(jmespath.compile(expression).parsed, record)
    except NotThere as why:
        return f": the record has {why}"
    return ""


def _of_our_time(day: date) -> date:
    """Raises ValueError."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError("no day of a letter")
    return day


def _spoken(ours: object) -> str:
    """A value of ours, for whoever reads what became of the office's."""
    match ours:
        case None | "":
            return "none"
        case bool():
            return "secret" if ours else "no secret"
        case dict():
            return ", ".join(f"{language}: {name}" for language, name in ours.items()) or "none"
        case _:
            return str(ours)


_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")


def _text(value: Any, at_most: int = MAX_TEXT) -> str:
    """A value of the office as a short text with ASCII digits; empty for null, flags, lists, objects and long ones."""
    if value is None or isinstance(value, bool | list | dict):
        return ""
    text = str(value).strip().translate(_DIGITS)
    return text if len(text) <= at_most else ""


def _count(value: Any) -> int | None:
    text = _text(value)
    return int(text) if text.isdecimal() and int(text) <= MAX_COUNT else None
