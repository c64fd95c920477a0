"""The settings folder: YAML, read once, checked once against the models of `settings*.py`.

    gateway.yaml        this process
    channels/*.yaml     one route to one operator or aggregator each; the file's name is the channel's, up to a dot
    backends/*.yaml     one office's system each
    routes.yaml         which backend answers what a menu asks
    holidays.yaml       the days offices do not work; without it Thursdays and Fridays
    names.yaml          names of desks, agencies and documents in other languages, for all backends

`${NAME}` in a value is taken from the environment, so that no secret stands in a file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.holidays import WorkingDays, gregorian
from gateway.settings import GatewaySettings
from gateway.settings_channels import SmppChannel, SmsChannel, SmsTerms, UssdChannel, UssdTerms
from gateway.settings_offices import LEAP_YEAR, HolidaySettings, Names, RouteLine, Routes, month_and_day
from menus import source
from menus.source import Document, Fault, Faulty

HOLIDAYS = "holidays.yaml"
NAMES = "names.yaml"


@dataclass(frozen=True, slots=True)
class Settings:
    gateway: GatewaySettings
    ussd: Mapping[str, UssdChannel]
    sms: Mapping[str, SmsChannel]
    smpp: Mapping[str, SmppChannel]
    backends: Mapping[str, Document]
    """Still as data: what a kind of backend needs to be told is that kind's own."""
    routes: Mapping[str, tuple[RouteLine, ...]]
    folder: Path
    working_days: WorkingDays | None = None
    """None: there is no holidays.yaml here."""
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """A Persian name of a desk, agency or document to its names in other languages."""

    @property
    def talks(self) -> dict[str, UssdTerms]:
        """Every channel with USSD, whatever it speaks."""
        return {**self.ussd, **{name: each.ussd for name, each in self.smpp.items() if each.ussd}}

    @property
    def texts(self) -> dict[str, SmsTerms]:
        """Every channel with SMS."""
        return {**self.sms, **{name: each.sms for name, each in self.smpp.items() if each.sms}}

    def at(self, **changes: Any) -> "Settings":
        """The same with other values of gateway.yaml (host and port of the command line)."""
        return replace(self, gateway=self.gateway.model_copy(update=changes))


def read(folder: Path, environ: Mapping[str, str], *, backend: str | None = None) -> Settings:
    """All settings in this folder. Raises Faulty with every mistake found: file, line, what was expected.

    backend: only what this one needs; channels and other backends need not hold, nor their secrets be at hand.
    """
    faults: list[Fault] = []

    def take(path: Path, model: type[source.Model]) -> source.Model | None:
        try:
            document = _document(path, environ)
            return source.typed(model, document, document.data)
        except Faulty as fault:
            faults.extend(fault.faults)
            return None

    if not folder.is_dir():
        raise Faulty([Fault(str(folder), 1, "there is no such folder; say where the settings are with --config DIR")])
    gateway = take(folder / "gateway.yaml", GatewaySettings)
    ussd: dict[str, UssdChannel] = {}
    sms: dict[str, SmsChannel] = {}
    smpp: dict[str, SmppChannel] = {}
    sms_files: set[str] = set()
    for path in sorted((folder / "channels").glob("*.yaml")) if backend is None else ():
        try:
            carries = _document(path, environ).data.get("carries")
        except (Faulty, AttributeError):
            carries = None
        name = _named(path)
        if name in smpp or name in (sms if carries == "sms" else ussd) or (carries == "smpp" and name in sms):
            faults.append(Fault(str(path), 1, f"there is another channel {name} that carries {carries}"))
            continue
        if carries != "ussd":
            sms_files.add(_named(path))
        if carries == "sms":
            if channel := take(path, SmsChannel):
                sms[name] = channel
        elif carries == "smpp":
            if bind := take(path, SmppChannel):
                smpp[name] = bind
        elif found := take(path, UssdChannel):
            ussd[name] = found
    sms_files -= {name for name, each in smpp.items() if each.sms is None}
    promising: list[tuple[Path, source.Path, str | None]]
    promising = [(channel_file(folder, name, "ussd"), ("later_by",), each.later_by) for name, each in ussd.items()]
    promising += [
        (channel_file(folder, name, "smpp"), ("ussd", "later_by"), each.ussd.later_by)
        for name, each in smpp.items()
        if each.ussd
    ]
    for path, key, later_by in promising:
        if later_by is not None and later_by not in sms_files:
            faults.append(_document(path, environ).fault(key, f"there is no SMS channel {later_by}"))
    backends: dict[str, Document] = {}
    files = {path.stem: path for path in sorted((folder / "backends").glob("*.yaml"))}
    if backend is not None and backend not in files:
        told = f"there is no backends/{backend}.yaml here; there are {', '.join(files) or 'none'}"
        faults.append(Fault(str(folder), 1, told))
    for path in files.values():
        if backend not in (None, path.stem):
            continue
        try:
            backends[path.stem] = _document(path, environ)
        except Faulty as fault:
            faults.extend(fault.faults)
    routes = take(folder / "routes.yaml", Routes)
    lines = {name: tuple(each) for name, each in (routes.__pydantic_extra__ if routes else {}).items()}
    for name, several in lines.items():
        for place, line in enumerate(several):
            for name_of_backend in line.backends:
                if name_of_backend not in files:
                    document = _document(folder / "routes.yaml", environ)
                    told = f"there is no backends/{name_of_backend}.yaml"
                    faults.append(document.fault((name, place, "backend"), told))
    if not faults and not ussd and not sms and not smpp and backend is None:
        faults.append(Fault(str(folder / "channels"), 1, "there is no channel here: no *.yaml file"))
    calendar: WorkingDays | None = None
    try:
        calendar = working_days(folder)
    except Faulty as fault:
        faults.extend(fault.faults)
    names = take(folder / NAMES, Names) if (folder / NAMES).exists() else None
    if faults or gateway is None:
        raise Faulty(faults)
    shared = names.__pydantic_extra__ if names else {}
    return Settings(gateway, ussd, sms, smpp, backends, lines, folder, calendar, shared)


def _document(path: Path, environ: Mapping[str, str]) -> Document:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Faulty([Fault(str(path), 1, "this file is missing")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Faulty([Fault(str(path), 1, f"cannot be read: {error}")]) from None
    document = source.read(str(path), text)
    if not isinstance(document.data, dict):
        raise Faulty([Fault(str(path), 1, "keys and values were expected")])
    data = _with_environment(document, document.data, (), environ)
    if document.faults:
        raise Faulty(document.faults)
    return replace(document, data=data)


def _named(path: Path) -> str:
    """A channel's name: its file's, without what stands behind a dot, so that one name may carry both."""
    return path.name.partition(".")[0]


def channel_file(folder: Path, name: str, carries: str) -> Path:
    """Where a channel is described: `NAME.sms.yaml` beside a `NAME.yaml` that carries USSD, or the other way round."""
    own = folder / "channels" / f"{name}.{carries}.yaml"
    return own if own.exists() else folder / "channels" / f"{name}.yaml"


VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _with_environment(document: Document, value: Any, path: source.Path, environ: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _with_environment(document, each, (*path, key), environ) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_environment(document, each, (*path, place), environ) for place, each in enumerate(value)]
    if not isinstance(value, str):
        return value
    for name in sorted(set(VARIABLE.findall(value)) - environ.keys()):
        document.faults.append(document.fault(path, f"the environment has no {name}"))
    return VARIABLE.sub(lambda found: environ.get(found[1], ""), value)


def working_days(folder: Path) -> WorkingDays | None:
    """The calendar in this folder, None when it has none. Raises Faulty."""
    if not (folder / HOLIDAYS).exists():
        return None
    document = _document(folder / HOLIDAYS, {})
    found = source.typed(HolidaySettings, document, document.data)
    written: list[tuple[source.Path, int, str]] = [(("every_year", day), LEAP_YEAR, day) for day in found.every_year]
    written += [(("in_year", str(year), day), year, day) for year, days in found.in_year.items() for day in days]
    for place, year, day in written:
        try:
            gregorian(year, *month_and_day(day))
        except ValueError:
            document.faults.append(document.fault(place, f"{'.'.join(map(str, place))}: the calendar has no such day"))
    if document.faults:
        raise Faulty(document.faults)
    return found.working_days()
