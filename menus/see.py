"""A menu to look at: every screen as a citizen gets it, with its units; the picture of it; the schema for editors."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from pydantic import TypeAdapter

from menus import machine, samples, widest
from menus.alphabet import Capacity, alphabet_of, segments, size
from menus.definition import PREVIOUS, SERVICES, AskDef, Menu, ScreenDef
from menus.inputs import CHECKED
from menus.language import RawAsk, RawScreen, RawShared
from menus.machine import Answered, Dialogue, Typed
from menus.ports import Answer, Ask, Reference, Unavailable
from menus.render import render
from menus.screens import Page, Screen

WIRES: Mapping[machine.Wire, Capacity] = {"ussd": Capacity(), "sms": Capacity(parts=3)}


@dataclass(frozen=True, slots=True)
class Sight:
    """One screen on one wire in one language; how: the way that leads there; pages: none when it is silent there."""

    screen: str
    how: str
    wire: machine.Wire
    language: str
    pages: tuple[Page, ...]


def sights(menu: Menu, language: str, today: date) -> Iterator[Sight]:
    """Every screen of the menu with sample data, in the order of its names; each way to it that reads differently."""
    for wire, capacity in WIRES.items():
        seen: set[tuple[str, str]] = set()
        for how, step in _ways(menu, wire, language, today):
            if not isinstance(step.then, Screen):
                continue
            silent = step.then.silent
            pages = () if silent else render(step.then, capacity, menu.navigation[language])
            text = "".join(page.text for page in pages)
            if (step.then.name, text) not in seen:
                seen.add((step.then.name, text))
                yield Sight(step.then.name, how, wire, language, pages)


def _ways(menu: Menu, wire: machine.Wire, language: str, today: date) -> Iterator[tuple[str, machine.Step]]:
    typed = {name: Reference(*(widest.NUMBERS[kind],) * 3) for name, kind in menu.inputs.items()}
    start = msgspec.structs.replace(machine.begin(menu, wire, language), values=typed)
    for node in menu.nodes.values():
        if isinstance(node, ScreenDef) and not _needs_an_answer(menu, node):
            shown = machine.outright(menu, start, node.name, today)
            yield "", shown
            yield from _mistakes(menu, node, shown, today)
        elif isinstance(node, AskDef):
            yield from _answers(menu, node, start, today)


def _needs_an_answer(menu: Menu, node: ScreenDef) -> bool:
    """Whether its text speaks of a case, so that it means nothing before an office has answered."""
    texts = [*node.text.values(), *(node.pick or {}).values(), *(node.lines or {}).values()]
    return any(value.path[0] in ("case", "item", "asked", "as_of") for text in texts for value in text.values)


def _mistakes(menu: Menu, node: ScreenDef, shown: machine.Step, today: date) -> Iterator[tuple[str, machine.Step]]:
    if not isinstance(shown.then, Screen) or not (node.input or node.choices):
        return
    pages = render(shown.then, WIRES[shown.dialogue.wire], menu.navigation[shown.dialogue.language])
    dialogue, _ = machine.shown(shown.dialogue, pages)
    yield "after a mistake", machine.step(menu, dialogue, Typed("?"), today)
    if node.input is not None and node.input.kind in CHECKED:
        yield (
            "after a wrong check digit",
            machine.step(menu, dialogue, Typed(widest.mistyped(node.input.kind)[1]), today),
        )


def _answers(menu: Menu, node: AskDef, start: Dialogue, today: date) -> Iterator[tuple[str, machine.Step]]:
    if node.route in SERVICES:
        said: dict[str, Answer] = {"done": samples.DONE, "not stored": Unavailable()}
        for name, answer in said.items():
            step = machine.outright(menu, start, node.name, today)
            yield name, machine.step(menu, step.dialogue, Answered(answer), today)
        return
    number = start.values[node.given].exact if node.given else ""
    for name, answer in samples.answers(node.route, number, today).items():
        asked = machine.outright(menu, start, node.name, today)
        answered = machine.step(menu, asked.dialogue, Answered(answer), today)
        while isinstance(answered.then, Ask):
            answered = machine.step(menu, answered.dialogue, Answered(samples.DONE), today)
        yield name, answered
        yield from _behind(menu, answered, name, today)
    begun = msgspec.structs.replace(start, asked=node.name)
    yield "no answer in time", machine.outright(menu, begun, "expired", today)


def _behind(menu: Menu, step: machine.Step, how: str, today: date) -> Iterator[tuple[str, machine.Step]]:
    """The screens that a choice on an answer leads to."""
    node = menu.nodes.get(step.dialogue.at)
    if not isinstance(node, ScreenDef) or not isinstance(step.then, Screen) or node.pick is not None:
        return
    for choice in node.choices:
        target = menu.nodes.get(choice.next)
        if isinstance(target, ScreenDef) and _needs_an_answer(menu, target):
            yield f"{how}, {choice.name}", machine.outright(menu, step.dialogue, target.name, today)


def printed(menu: Menu, languages: tuple[str, ...], today: date, screens: Collection[str] = ()) -> str:
    """Every screen as text, or those named alone, a block each: its name, wire, units, pages."""
    lines: list[str] = ["# What citizens read", "", f"Menu {menu.version}, sample data of {today}.", ""]
    for language in languages:
        lines += [f"## {language}", ""]
        for sight in sorted(sights(menu, language, today), key=lambda each: (each.screen, each.wire != "ussd")):
            if screens and sight.screen not in screens:
                continue
            how = f", {sight.how}" if sight.how else ""
            lines += [f"### {sight.screen} ({sight.wire}{how})", ""]
            if not sight.pages:
                lines += ["nothing is sent", ""]
            for page in sight.pages:
                lines += [_measure(page, sight.wire), "", "```", page.text, "```", ""]
    return "\n".join(lines)


def _measure(page: Page, wire: machine.Wire) -> str:
    alphabet = alphabet_of(page.text)
    what = f"{size(page.text)} {'septets' if alphabet.value == 'gsm7' else 'units'}"
    if wire == "sms":
        return f"{what}, {segments(page.text)} SMS"
    return f"{what}, {'ends the session' if page.end else 'goes on'}"


def graph(menu: Menu) -> str:
    """The menu as a Mermaid flowchart: screens are boxes, asks are diamonds, outcomes and choices are arrows."""
    lines = ["flowchart TD"]
    for entry in menu.entries.values():
        words = [*([entry.code] if entry.code else []), *list(entry.keywords)[:2]]
        lines.append(f'    entry_{entry.journey}(["{" / ".join(words)}"]) --> {entry.next}')
    for node in menu.nodes.values():
        if isinstance(node, ScreenDef):
            lines.append(f'    {node.name}["{node.name}"]')
            onward = [choice for choice in node.choices if choice.next != PREVIOUS]
            lines += [f"    {node.name} -->|{_condition(each.name, each.then.when)}| {each.next}" for each in onward]
            way = "picked" if node.pick else "typed"
            lines += [f"    {node.name} -->|{_condition(way, each.when)}| {each.next}" for each in node.then]
        else:
            lines.append(f'    {node.name}{{"{node.route}?"}}')
            for outcome, branches in node.branches.items():
                lines += [
                    f"    {node.name} -.->|{_condition(outcome, branch.when)}| {branch.next}" for branch in branches
                ]
    return "\n".join(lines) + "\n"


def _condition(outcome: str, when: Mapping[str, tuple[str, ...] | bool]) -> str:
    words = [f"{key} {' or '.join(wanted) if isinstance(wanted, tuple) else wanted}" for key, wanted in when.items()]
    return ", ".join([outcome, *words])


def schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one menu file, for editors: the shared keys by name, anything else a screen."""
    shared = RawShared.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    node = TypeAdapter(RawScreen | RawAsk).json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions = {**shared.get("$defs", {}), **node.get("$defs", {})}
    # A block has keys of a screen, whichever it likes.
    block = {**definitions["RawScreen"], "required": [], "title": "RawBlock"}
    block["properties"] = {key: each for key, each in block["properties"].items() if key != "include"}
    shared["properties"]["blocks"] = {"type": "object", "additionalProperties": {"$ref": "#/$defs/RawBlock"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A menu file of Rasad",
        "type": "object",
        "properties": shared["properties"],
        "additionalProperties": {"anyOf": node["anyOf"]},
        "$defs": {**definitions, "RawBlock": block},
    }
