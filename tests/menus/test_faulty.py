"""Corpus C9 (reliability.md 3.4): every faulty menu and setting is refused with all its faults, each where it stands.

The cases are in faulty/*.yaml, one file a class; faulty/README.md says how they are written.
"""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import menu_watch, settings_files
from gateway.menu_files import House, loaded, read_folder
from gateway.menu_versions import Menus
from gateway.menu_watch import watch
from menus.alphabet import Capacity
from menus.source import Faulty

CORPUS = Path(__file__).parent / "faulty"
SOUND = CORPUS / "sound"
HOUSE = House(routes={"letters"}, capacities={"ussd": Capacity(), "sms": Capacity(parts=3)})
ENVIRON = {
    "AFRICASTALKING_SECRET": "a-secret-of-22-letters-or-more",
    "KANNEL_SECRET": "another-secret-of-22-letters",
    "KANNEL_PASSWORD": "a-password",
    "KANNEL_URL": "http://127.0.0.1:13013",
    "SECRETARIAT_URL": "http://127.0.0.1:8071",
}


@dataclass(frozen=True)
class Case:
    """An edit of one file below sound/, and the faults it must be told with: file, line and a piece of the message."""

    kind: str
    name: str
    written: dict[str, Any]

    @property
    def of_settings(self) -> bool:
        return self.written["in"].startswith("config/")

    @property
    def file(self) -> str:
        return self.written["in"].removeprefix("config/")

    def text(self, file: str) -> str:
        """The file after the edit, as an editor shows it."""
        path = SOUND / ("config" if self.of_settings else "menu") / file
        text = path.read_text("utf-8") if path.exists() else ""
        if file != self.file:
            return text
        for edit in (self.written, *self.written.get("and", ())):
            if "old" in edit:
                assert text.count(edit["old"]) == 1, f"{edit['old']!r} must stand once in {file}"
                text = text.replace(edit["old"], edit["new"])
            elif "new" in edit:
                text += f"\n{edit['new']}\n"
        return text

    def octets(self) -> bytes:
        text = self.text(self.file)
        if not self.written.get("raw"):
            return text.encode(self.written.get("whole", "utf-8"))
        before, new, after = text.partition(self.written["new"])
        return before.encode() + new.encode("latin-1") + after.encode()

    def told(self) -> list[tuple[str, int, str]]:
        return sorted(self._told(**each) for each in self.written["told"])

    def _told(self, at: str | int, says: str, **more: str) -> tuple[str, int, str]:
        file = more.get("in", self.file)
        if isinstance(at, int):
            return file, at, says
        text = self.text(file)
        assert text.count(at) == 1, f"{at!r} stands {text.count(at)} times in {file}"
        return file, text[: text.index(at) + len(at)].count("\n") + 1, says


CLASSES = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in sorted(CORPUS.glob("*.yaml"))}
CASES = [Case(kind, name, written) for kind, cases in CLASSES.items() for name, written in cases.items()]
MENUS = [case for case in CASES if not case.of_settings]


def ids(case):
    return f"{case.kind}: {case.name}"


def laid_out(case, folder):
    """A folder with the sound files, one of them edited."""
    shutil.copytree(SOUND / ("config" if case.of_settings else "menu"), folder, dirs_exist_ok=True)
    (folder / case.file).write_bytes(case.octets())
    return folder


def read(case, folder):
    return settings_files.read(folder, ENVIRON) if case.of_settings else loaded(read_folder(folder), HOUSE)


def test_there_are_eleven_classes_of_six():
    assert [6] * 11 == [len(cases) for cases in CLASSES.values()]
    assert 66 == len(CASES)


def test_what_every_case_is_an_edit_of_has_no_fault():
    assert ("fa", "ar", "en") == loaded(read_folder(SOUND / "menu"), HOUSE).languages
    assert {"kannel"} == settings_files.read(SOUND / "config", ENVIRON).sms.keys()


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_it_is_refused_with_every_fault_where_it_stands(case, tmp_path):
    folder = laid_out(case, tmp_path)

    with pytest.raises(Faulty) as found:
        read(case, folder)

    faults = [(str(Path(fault.file).relative_to(folder)), fault.line, fault.message) for fault in found.value.faults]
    told = case.told()
    assert [each[:2] for each in told] == [fault[:2] for fault in faults], found.value
    assert [] == [piece for file, line, piece in told if not any(fault[:2] == (file, line) and piece in fault[2] for fault in faults)], found.value  # fmt: skip
    assert all("\n" not in message for _, _, message in faults)


@pytest.fixture(scope="module")
def sound():
    return loaded(read_folder(SOUND / "menu"), HOUSE)


class Published:
    """What watch() publishes to, without a database: the menus served, and what it tried to publish."""

    def __init__(self, menu):
        self.menus = Menus(menu, self._find)
        self.editions = []

    async def publish(self, edition):
        self.editions.append(edition)
        self.menus.publish(edition.menu)

    async def _find(self, version):
        return None


@pytest.mark.parametrize("case", MENUS, ids=ids)
async def test_a_running_menu_is_unharmed(case, sound, tmp_path, monkeypatch):
    monkeypatch.setattr(menu_watch, "LOOK_EVERY_S", 0.01)
    published, told = Published(sound), []
    watching = asyncio.create_task(watch(laid_out(case, tmp_path), published, HOUSE, told.append))
    try:
        async with asyncio.timeout(30):
            while not told:
                await asyncio.sleep(0.01)
    finally:
        watching.cancel()

    (said,) = told
    assert said.endswith(f"the menu is not published; version {sound.version} serves on")
    assert [] == published.editions
    assert sound is published.menus.current
    assert sound is await published.menus.version(sound.version)


@pytest.mark.parametrize("case", [case for case in CASES if case.kind == "secret_in_file"], ids=ids)
def test_a_secret_is_not_repeated_in_what_is_told_of_it(case, tmp_path):
    folder = laid_out(case, tmp_path)
    with pytest.raises(Faulty) as found:
        read(case, folder)

    for secret in ("Ahvaz", "karun-dez", "dez-1405", "bm9ib2R5", "rsd_live"):
        assert secret not in str(found.value)
