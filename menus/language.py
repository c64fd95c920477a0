"""What an author writes: the keys of the menu language, as models that say what is wrong with a value.

Also the source of the JSON Schema for editors. What the keys mean together is loader.py's to check.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from menus import inputs


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


def _text_or_texts(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and all(isinstance(text, str | None) for text in value.values()):
        return {language: text or "" for language, text in value.items()}  # one left empty is told by its language
    raise ValueError('a text was expected, or one per language: {fa: "...", en: "..."}')


Texts = Annotated[str | dict[str, str], BeforeValidator(_text_or_texts)]
"""One text for all languages, or one per language code."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _choices(value: Any) -> Any:
    if value is None:
        raise ValueError("has no choice under it; add one, or delete this line")
    return value


def _choice(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1 and all(isinstance(choice, dict) for choice in value.values()):
        return value
    raise ValueError("one name and its choice were expected: - steps: {text: ..., next: ...}")


def _branches(value: Any) -> Any:
    if isinstance(value, str | list):
        return _listed(value)
    raise ValueError("the name of a screen was expected, or lines of - {when: ..., next: ...}")


def _branch(value: Any) -> Any:
    return {"next": value} if isinstance(value, str) else value


def _condition(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, list) and all(isinstance(word, str) for word in value)):
        return value
    raise ValueError("true (there is one), false (there is none), or a list of words was expected")


Condition = Annotated[list[str] | bool, BeforeValidator(_condition)]


class RawInput(_Strict):
    """`input: {as: letter_number, into: number}`"""

    kind: inputs.Kind = Field(alias="as", strict=False)
    into: str


class RawChoice(_Strict):
    """when: it is offered only where all of this holds; short: its text where the other would take another page."""

    text: Texts
    short: Texts | None = None
    when: dict[str, Condition] = {}
    next: str
    language: str | None = None


class RawBranch(_Strict):
    """`{when: {state: [closed], answer_number: true}, next: closed_with_answer}`"""

    next: str
    when: dict[str, Condition] = {}


Branches = Annotated[list[Annotated[RawBranch, BeforeValidator(_branch)]], BeforeValidator(_branches)]
"""A screen, or branches of which the first that holds is taken; the last one is a screen alone."""


class RawScreen(_Strict):
    """short: said instead of text where text would take another page, in the languages that need it."""

    include: str | list[str] | None = None
    text: Texts
    short: Texts | None = None
    sms: Texts | None = None
    lines: Texts | None = None
    each: str | None = None
    choices: Annotated[list[Annotated[dict[str, RawChoice], BeforeValidator(_choice)]], BeforeValidator(_choices)] = []
    pick: str | None = None
    input: RawInput | None = None
    mistaken: Texts | None = None
    check_digit: Texts | None = None
    sms_mistaken: Texts | None = None
    sms_check_digit: Texts | None = None
    next: Branches = []
    end: bool | None = None
    silent_by_sms: bool = False


class RawAsk(_Strict):
    include: str | list[str] | None = None
    ask: str
    given: dict[str, str] = Field(default={}, alias="with")
    found: Branches = []
    several: Branches = []
    missing: Branches = []
    refused: Branches = []
    late: Branches = []
    unavailable: Branches = []
    done: Branches = []


class RawEntry(_Strict):
    code: str | None = None
    keywords: dict[str, Annotated[list[str], BeforeValidator(_listed)]] = {}
    next: str

    @field_validator("code")
    @classmethod
    def _zero(cls, code: str | None) -> str | None:
        if code is not None and not (code.isascii() and code.isdecimal() and code.startswith("0") and len(code) > 1):
            raise ValueError('an entry code is a zero and digits, for example "01"')
        return code


class RawField(_Strict):
    """width: the most characters the value takes, which the checker fills in; leave_out: when an SMS has no room, the
    part with the highest goes first, and a value without it always stays."""

    width: int = Field(default=20, gt=0, le=160)
    leave_out: int = Field(default=0, ge=0)


class RawNavigation(_Strict):
    back: Texts
    more: Texts
    main: Texts


class RawShared(_Strict):
    """The keys of a file that are no screens."""

    journey: str | None = None
    entry: RawEntry | None = None
    languages: list[str] | None = None
    start: str | None = None
    arguments: str | None = None
    wrong_choice: Texts | None = None
    stop_notices: Texts | None = None
    """What stands below each SMS about a change of a case she follows."""
    navigation: RawNavigation | None = None
    labels: dict[str, Texts] | None = None
    fields: dict[str, RawField] | None = None
    blocks: dict[str, dict[str, Any]] | None = None
    """Keys that several screens share: `include: NAME` takes them over."""
