"""What tests of menus share: the shipped menu, one fixed day, sample cases, and a citizen who dials and types."""

from datetime import date
from pathlib import Path

import pytest

from gateway.menu_files import read_folder
from menus import loader, machine, render
from menus.alphabet import Capacity
from menus.definition import SERVICES
from menus.ports import Ask, Case, CaseStep, Done, Found, State

SHIPPED = Path(__file__).parents[2] / "menus" / "rasad"
EVERY_INPUT = Path(__file__).parent / "every_input"
ROUTES = {"letters", "requests"}
TODAY = date(2026, 11, 22)


@pytest.fixture(scope="session")
def today() -> date:
    return TODAY


@pytest.fixture(scope="session")
def menu_files() -> list[tuple[str, str]]:
    return [(path.name, path.read_text("utf-8")) for path in sorted(SHIPPED.glob("*.yaml"))]


@pytest.fixture(scope="session")
def menu(menu_files):
    return loader.load(menu_files, ROUTES)


@pytest.fixture(scope="session")
def every_input():
    """The menu that has every kind of input and all else the language has."""
    return loader.load(read_folder(EVERY_INPUT), {"letters"})


@pytest.fixture(scope="session")
def letter() -> Case:
    desks = {
        "دبیرخانه": "السكرتارية", "دفتر استاندار": "مكتب المحافظ", "معاونت عمرانی": "شؤون الإعمار",
        "دفتر حقوقی": "القانونية",
    }  # fmt: skip
    return Case(
        kind="letter",
        number="12345",
        state=State.IN_PROGRESS,
        organisation={"fa": "استانداری", "ar": "المحافظة", "en": "Governor"},
        year=1405,
        desk={"fa": "دفتر حقوقی", "ar": "القانونية", "en": "Legal Office"},
        changed_on=date(2026, 11, 10),
        due_on=date(2026, 11, 29),
        steps=tuple(
            CaseStep({"fa": fa, "ar": ar, "en": f"Office {row}"}, date(2026, 11, row + 3))
            for row, (fa, ar) in enumerate(desks.items())
        ),
        phone="06133360001",
    )


@pytest.fixture(scope="session")
def request_lacking() -> Case:
    return Case(
        kind="request",
        number="2001000344",
        state=State.NEEDS_CITIZEN,
        desk={"fa": "شهرداری", "ar": "البلدية", "en": "Town Hall"},
        due_on=date(2026, 11, 29),
        step=2,
        steps_total=4,
        lacking={"fa": "کپی شناسنامه", "ar": "نسخة شهادة ميلاد", "en": "Birth certificate"},
        phone="06133360001",
    )


class Citizen:
    """A phone and an office: what she dials and types goes through the machine until there is a page.

    Between any two events the dialogue is written down and read again, as a store would. office: the answer to
    every question; may be changed on the way. service: what the gateway's own services answer.
    """

    def __init__(self, menu, *, office=None, service=None, wire="ussd", language=None, capacity=None):
        self.menu = menu
        self.office = office
        self.service = service or Done()
        self.capacity = capacity or Capacity()
        self.dialogue = machine.begin(menu, wire, language)
        self.asks: list[Ask] = []
        self.kept: list[tuple[machine.Dialogue, bytes, bytes]] = []
        self.seen: list[str] = []

    def opens(self, *arguments, entry=None, before=None):
        return self._after(machine.Opened(arguments, entry, before))

    def types(self, *texts):
        for text in texts:
            self._after(machine.Typed(text))
        return self

    def _after(self, event):
        step = machine.step(self.menu, self.dialogue, event, TODAY)
        while isinstance(step.then, Ask):
            self.asks.append(step.then)
            answer = self.service if step.then.route in SERVICES else self.office
            assert answer is not None, f"nobody answers {step.then}"
            step = machine.step(self.menu, self._stored(step.dialogue), machine.Answered(answer), TODAY)
        pages = render.render(step.then, self.capacity, self.menu.navigation[step.dialogue.language])
        dialogue, self.page = machine.shown(step.dialogue, pages)
        self.dialogue = self._stored(dialogue)
        self.screen = step.then
        self.seen.append(step.then.name)
        return self

    def _stored(self, dialogue):
        core, held = machine.encode(dialogue)
        self.kept.append((dialogue, core, held))
        return machine.decode(core, held)

    @property
    def at(self) -> str:
        return self.screen.name

    @property
    def text(self) -> str:
        return self.page.text


@pytest.fixture
def citizen(menu, letter):
    """citizen(office=Missing(), wire="sms"): someone new with the shipped menu; by default her letter is found.

    citizen(menu=small(...)): with another menu.
    """

    def one(office=None, menu=menu, **more) -> Citizen:
        return Citizen(menu, office=office or Found(letter), **more)

    return one
