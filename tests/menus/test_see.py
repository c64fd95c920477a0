"""What an operator looks at: all of the menu, measured as the network measures it."""

import json
import re
from pathlib import Path

import pytest

from menus import see
from menus.alphabet import Capacity, fits
from menus.definition import PREVIOUS, ScreenDef
from menus.inputs import Kind
from menus.trial import Trial

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def sights(menu, today):
    return [sight for language in menu.languages for sight in see.sights(menu, language, today)]


def test_every_screen_of_the_menu_is_seen_on_both_wires_in_every_language(menu, sights):
    screens = {name for name, node in menu.nodes.items() if isinstance(node, ScreenDef)}

    for language in menu.languages:
        for wire in ("ussd", "sms"):
            seen = {sight.screen for sight in sights if (sight.language, sight.wire) == (language, wire)}
            assert screens - seen == set(), (language, wire)


def test_every_page_fits_its_wire(sights):
    for sight in sights:
        for page in sight.pages:
            assert fits(page.text, see.WIRES[sight.wire]), (sight.screen, page.text)


def test_the_first_page_of_a_letter_under_way_has_number_state_and_due_date(menu, sights):
    for sight in sights:
        if sight.screen == "letter_status" and sight.wire == "ussd":
            first = sight.pages[0].text
            late = "overdue" in sight.how
            due = {
                "fa": "08/26" if late else "09/10",
                "ar": "08/26" if late else "09/10",
                "en": "17 Nov" if late else "1 Dec",
            }[sight.language]
            assert "12345" in first
            assert due in first
            assert any(label in first for label in menu.labels[sight.language].values())


def test_a_status_by_sms_is_one_segment(sights):
    said = [page.text for sight in sights for page in sight.pages
            if sight.wire == "sms" and sight.screen.startswith("letter_") and sight.how.startswith("found")]  # fmt: skip

    assert said
    assert all(fits(text, Capacity()) for text in said if "\n\n" not in text and "steps" not in text), said


@pytest.mark.parametrize(("file", "made"), [
    ("docs/screens.md", lambda menu, today: see.printed(menu, menu.languages, today) + "\n"),
    ("docs/menu.mmd", lambda menu, today: see.graph(menu)),
])  # fmt: skip
def test_the_documents_are_what_the_menu_is(menu, today, file, made):
    """`make screens` writes them anew."""
    assert made(menu, today) == (ROOT / file).read_text(encoding="utf-8")


def test_the_graph_has_every_screen_and_arrow(menu):
    graph = see.graph(menu)

    for name, node in menu.nodes.items():
        assert f"\n    {name}" in graph
        if isinstance(node, ScreenDef):
            ways = [choice for choice in node.choices if choice.next != PREVIOUS]  # back is drawn nowhere, nor is 0
            assert all(re.search(rf"\n    {name} -->\|{way.name}(, [^|]+)?\| {way.next}\n", graph) for way in ways)


def test_the_schema_describes_the_shipped_files(menu_files):
    from menus import source

    schema = see.schema()
    for name, text in menu_files:
        keys = source.read(name, text).data
        assert all(key in schema["properties"] or isinstance(keys[key], dict) for key in keys)
    assert "2020-12" in schema["$schema"]
    assert {"RawChoice", "RawInput", "RawEntry"} <= schema["$defs"].keys()
    assert {"text", "short", "when", "next", "language"} == schema["$defs"]["RawChoice"]["properties"].keys()
    assert {"include", "short", "text", "choices"} <= schema["$defs"]["RawScreen"]["properties"].keys()
    assert "blocks" in schema["properties"]
    assert set(Kind) == set(schema["$defs"]["Kind"]["enum"])
    json.dumps(schema)


def test_a_menu_can_be_tried_without_an_office(menu, today):
    trial = Trial(menu, None, today)
    trial.dial()
    trial.type("1")

    assert trial.type("12345").text.startswith("نامه 12345\nدر حال بررسی")
    trial.type("00")
    trial.type("1")
    assert trial.type("31415").end
    assert Trial(menu, "en", today).dial("99999").text.startswith("No letter was found")
