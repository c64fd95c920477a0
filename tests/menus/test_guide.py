"""The examples of docs/menus.md are menus: what an author copies from it has no fault."""

import re
from pathlib import Path

import pytest

from gateway.menu_files import House, loaded
from menus.alphabet import Capacity
from menus.trial import Trial

GUIDE = (Path(__file__).parents[2] / "docs" / "menus.md").read_text("utf-8")
HOUSE = House(routes={"letters", "requests"}, capacities={"ussd": Capacity(), "sms": Capacity(parts=3)})


@pytest.fixture
def hung(menu_files):
    """The shipped menu with an example in a file of its own, which a choice of the help leads to."""

    def one(name):
        (example,) = re.findall(rf"```yaml\n({name}:\n.*?)```", GUIDE, re.DOTALL)
        texts = dict(menu_files) | {"new.yaml": example}
        texts["help.yaml"] += f"    - new: {{text: {{fa: تازه, ar: جديد, en: New}}, next: {name}}}\n"
        return loaded(list(texts.items()), HOUSE)

    return one


def typed(menu, today, *texts, language):
    trial = Trial(menu, language, today)
    trial.dial()
    return [trial.type(text).text for text in texts][-1]


def test_the_example_of_a_screen_hangs_into_the_help_and_is_seen_on_its_last_page(hung, today):
    menu = hung("offices")

    assert "2)New" in typed(menu, today, "3", "9", language="en")
    assert "Governorate" in typed(menu, today, "3", "2", language="en")
    assert "06133360001" in typed(menu, today, "3", "2", "1", language="en")


@pytest.mark.parametrize(("language", "said"), [("fa", "روز 09/30\n"), ("ar", "يوم 09/30\n"), ("en", "Day: 21 Dec\n")])
def test_the_example_of_an_input_repeats_the_day_in_the_readers_calendar(hung, today, language, said):
    menu = hung("ask_visit_day")

    assert typed(menu, today, "3", "2", "1405*9*30", language=language).startswith(said)
    assert typed(menu, today, "3", "2", "2026*12*21", language=language).startswith(said)


def test_zero_leads_to_the_first_page_of_a_screen_that_was_left_on_its_last(hung, today):
    menu = hung("offices")

    assert typed(menu, today, "3", language="en") == typed(menu, today, "3", "9", "2", "0", language="en")
