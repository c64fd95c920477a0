"""Menu files on disk to (name, text) pairs, and the menus this process serves by version."""

from pathlib import Path

from menus.definition import Menu
from menus.source import Fault, Faulty


def read_folder(folder: Path) -> list[tuple[str, str]]:
    """(path, text) of each YAML file in the folder. Raises Faulty when there is none or one cannot be read."""
    faults: list[Fault] = []
    pairs: list[tuple[str, str]] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            pairs.append((str(path), path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            faults.append(Fault(str(path), 1, f"cannot be read as UTF-8: {error}"))
    if not pairs and not faults:
        faults.append(Fault(str(folder), 1, "there is no menu here: no *.yaml file"))
    if faults:
        raise Faulty(faults)
    return pairs


class Menus:
    """The menu new dialogues begin with, and every version a running one may still be on."""

    def __init__(self, menu: Menu) -> None:
        self._current = menu
        self._versions = {menu.version: menu}

    @property
    def current(self) -> Menu:
        return self._current

    def version(self, version: str) -> Menu | None:
        """None when this process does not know it: the dialogue is from another time and begins anew."""
        return self._versions.get(version)
