"""From an office's records to cases: which field is where, what its words mean, what its dates are.

Every kind of backend brings records as plain data (what JSON can say); its file maps them: fields by JMESPath, states
and secrecy by tables, dates by calendar. Words are compared folded, so that an Arabic yeh makes no other word. A state
that is not in the table shows as under review and is reported; a word of secrecy that is not among the open ones is
secret.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

import jmespath
from persiantools.jdatetime import JalaliDate
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from adapters.contract import BackendGarbage
from menus.ports import Case, CaseStep, Reference, State, fold, reference

MAX_TEXT = 64
"""Characters of one value we take from an office; what is longer is no field of a phone screen, and left out."""

MAX_SUBJECT = 160

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


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fields(Strict):
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
    subject: Expression | None = None
    sender: Expression | None = None
    citizen_phone: Expression | None = None
    """The number this office has of the citizen: who calls from it has proved that the case is hers."""


class Steps(Strict):
    """each: the list of steps; desk and date: where in one of them."""

    each: Expression
    desk: Expression
    date: Expression | None = None


class CaseConfig(Strict):
    """What the file of any kind of backend says about its cases."""

    case_kind: str
    """What the cases of this office are: letter, request."""
    deadline_s: float = Field(default=30.0, gt=0, le=120)
    """The most one question may take, however much time the caller has. 30 s is what a follow-up waits."""
    max_in_flight: int = Field(default=32, gt=0)
    """Questions at once; more wait, within their own time."""
    fields: Fields
    steps: Steps | None = None
    calendar: Literal["jalali", "gregorian"] = "jalali"
    states: dict[str, State]
    """The office's word to our state."""
    open_words: list[Annotated[str, Field(min_length=1)]] = ["عادی"]
    """The office's words for no secrecy at all; with `fields.secrecy`, any other word, and none, is secret."""
    names: dict[str, dict[str, str]] = {}
    """The office's Persian name of a desk, organisation or document to its names in other languages."""


Unmapped = Callable[[str], None]
"""Told each state that the file does not have, and each date that is none."""


class Mapper:
    """Records of one office to cases, as its file says."""

    def __init__(self, config: CaseConfig, unmapped: Unmapped = lambda _: None) -> None:
        self._config = config
        self._unmapped = unmapped
        expressions = config.fields.model_dump(exclude_none=True)
        self._expressions = {name: jmespath.compile(expression) for name, expression in expressions.items()}
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
        except (ValueError, TypeError, LookupError, AttributeError, jmespath.exceptions.JMESPathError) as error:
            raise BackendGarbage(f"a record does not fit its file: {type(error).__name__}") from error

    def _is_about(self, asked: Reference, record: Any, echo: str, *, by_running: bool) -> None:
        """An office that answers with another number shows somebody else's letter."""
        said = _text(jmespath.search(echo, record))
        answered = reference(said)
        running = by_running and answered.running == asked.running
        if fold(said) != asked.exact and answered.loose != asked.loose and not running:
            raise BackendGarbage("the answer is about another number than was asked")

    def _case(self, record: Any, *, proven: bool) -> Case:
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
            subject=_text(found.get("subject"), MAX_SUBJECT),
            sender=_text(found.get("sender")),
            citizen_phone=_text(found.get("citizen_phone")),
            proven=proven,
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


def _text(value: Any, at_most: int = MAX_TEXT) -> str:
    """A value of the office as a short text with ASCII digits; empty for null, flags, lists, objects and long ones."""
    if value is None or isinstance(value, bool | list | dict):
        return ""
    text = str(value).strip().translate(_DIGITS)
    return text if len(text) <= at_most else ""


def _count(value: Any) -> int | None:
    text = _text(value)
    return int(text) if text.isdecimal() and int(text) <= MAX_COUNT else None
