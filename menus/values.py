"""What a text may speak of, `{{ case.due_on | day }}`: every value there is, its sort, and how it may be written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from menus.filters import FILTERS
from menus.inputs import Kind
from menus.ports import Case, CaseStep
from menus.source import meant
from menus.templates import Value


@dataclass(frozen=True, slots=True)
class Sort:
    """first: the filters one of which comes first, "" for none; then: those that may follow."""

    first: tuple[str, ...]
    then: tuple[str, ...] = ()


TEXT = Sort(("",))
NUMBER = Sort(("",), ("digits", "masked"))
STATE = Sort(("label",))
PERSON = Sort(("masked",), ("digits",))
DATE = Sort(("day", "relative"), ("digits",))
TYPED_DATE = Sort(("", *DATE.first), DATE.then)

_SORTS: dict[str, dict[str, Sort]] = {
    "case": {
        **dict.fromkeys(Case.__struct_fields__, TEXT),
        **dict.fromkeys(("number", "year", "step", "steps_total", "answer_number", "phone"), NUMBER),
        "state": STATE,
        "registered_on": DATE,
        "changed_on": DATE,
        "due_on": DATE,
    },
    "item": {"desk": TEXT, "on": DATE},
}
# A list (each: case.steps), and what is not for reading aloud.
for _name in ("steps", "kind", "secret", "citizen_phone", "proven"):
    del _SORTS["case"][_name]
assert _SORTS["item"].keys() == set(CaseStep.__struct_fields__)

_TYPED = {Kind.DATE: TYPED_DATE, Kind.NATIONAL_ID: PERSON, Kind.FREE_TEXT: TEXT, Kind.YES_NO: TEXT}
"""What was typed is a number of some sort, but for these. A person's number is never shown whole."""


def sort_of(path: tuple[str, ...], kept: Mapping[str, Kind]) -> Sort | None:
    """None when there is no such value. kept: the names inputs are kept as, each a typed.NAME."""
    match path:
        case ("as_of",):
            return DATE
        case ("asked",):
            return NUMBER
        case ("typed", name):
            return _TYPED.get(kept[name], NUMBER) if name in kept else None
        case (name, key):
            return _SORTS.get(name, {}).get(key)
        case _:
            return None


def known(kept: Iterable[str]) -> tuple[str, ...]:
    """Every value there is, for an author who wrote something else."""
    ours = (f"{name}.{key}" for name, keys in _SORTS.items() for key in sorted(keys))
    return ("as_of", "asked", *ours, *(f"typed.{name}" for name in sorted(kept)))


def misused(value: Value, kept: Mapping[str, Kind], *, in_lines: bool) -> str | None:
    """What is wrong with a value in a text, in an author's words; None when nothing is. Where there is no such value
    (sort_of says so) the caller adds which there are."""
    sort = sort_of(value.path, kept)
    if sort is None:
        return f"there is no value {value.name}{meant(value.name, known(kept))}"
    if value.path[0] == "item" and not in_lines:
        return f"{value.name} is only known in lines:, once for each item"
    for name in value.filters:
        if name not in FILTERS:
            return f"there is no filter {name}; there are {', '.join(sorted(filter(None, FILTERS)))}"
    first, *then = value.filters if value.filters and value.filters[0] not in sort.then else ("", *value.filters)
    if first in sort.first and len(set(then)) == len(then) and set(then) <= set(sort.then):
        return None
    ways = " or ".join(_written(value.name, name) for name in sort.first)
    more = f", and behind it | {' or | '.join(sort.then)}" if sort.then else ""
    return f"{value.name} is written {ways}{more}"


def _written(name: str, takes: str) -> str:
    return f"{{{{ {name} | {takes} }}}}" if takes else f"{{{{ {name} }}}}"
