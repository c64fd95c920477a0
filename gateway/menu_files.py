"""Menu files on disk: to (name, text) pairs, and to a menu that fits this house."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from menus import loader
from menus.alphabet import Capacity
from menus.check import check
from menus.definition import Menu
from menus.source import Fault, Faulty


def read_folder(folder: Path) -> list[tuple[str, str]]:
    """(path, text) of each YAML file in the folder. Raises Faulty when there is none or one cannot be read."""
    faults: list[Fault] = []
    pairs: list[tuple[str, str]] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            pairs.append((str(path), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError as error:
            line = bytes(error.object[: error.start]).count(b"\n") + 1
            faults.append(Fault(str(path), line, "not UTF-8 from here on; save the file as UTF-8"))
        except OSError as error:
            faults.append(Fault(str(path), 1, f"cannot be read: {error.strerror or error}"))
    if not pairs and not faults:
        faults.append(Fault(str(folder), 1, "there is no menu here: no *.yaml file"))
    if faults:
        raise Faulty(faults)
    return pairs


@dataclass(frozen=True, slots=True)
class House:
    """What a menu must fit: the routes there are and what each channel carries."""

    routes: Collection[str]
    capacities: Mapping[str, Capacity]


def loaded(pairs: list[tuple[str, str]], house: House) -> Menu:
    """The menu in these files, every screen of it walked. Raises Faulty with all that is wrong, file and line."""
    menu = loader.load(pairs, house.routes)
    faults = []
    for problem in check(menu, house.capacities):
        faults.append(Fault(*menu.place(problem.path or (problem.screen,)), str(problem)))
    if faults:
        raise Faulty(faults)
    return menu


@dataclass(frozen=True, slots=True)
class Edition:
    """A menu with the files it was loaded from: what can be published."""

    menu: Menu
    files: list[tuple[str, str]]


def edition(folder: Path, house: House) -> Edition:
    """What stands in a folder, fit to be published. Raises Faulty."""
    pairs = read_folder(folder)
    return Edition(loaded(pairs, house), pairs)
