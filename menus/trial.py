"""A menu tried without a gateway: what a phone would show, with canned answers instead of offices."""

from datetime import date

from menus import machine, samples
from menus.alphabet import Capacity
from menus.definition import SERVICES, Menu
from menus.machine import Answered, Event, Opened, Typed
from menus.ports import Answer, Ask
from menus.render import render
from menus.screens import Page


class Trial:
    """One USSD session. dial first, then type until a page ends it."""

    def __init__(self, menu: Menu, language: str | None, today: date) -> None:
        self._menu, self._today = menu, today
        self._dialogue = machine.begin(menu, "ussd", language)

    def dial(self, *arguments: str) -> Page:
        return self._after(Opened(arguments))

    def type(self, text: str) -> Page:
        return self._after(Typed(text))

    def _after(self, event: Event) -> Page:
        step = machine.step(self._menu, self._dialogue, event, self._today)
        for _ in range(machine.MAX_ASKS):
            if not isinstance(step.then, Ask):
                break
            step = machine.step(self._menu, step.dialogue, Answered(self._answer(step.then)), self._today)
        if isinstance(step.then, Ask):
            raise machine.NoWayOut(step.dialogue.at)
        pages = render(step.then, Capacity(), self._menu.navigation[step.dialogue.language])
        self._dialogue, page = machine.shown(step.dialogue, pages)
        return page

    def _answer(self, ask: Ask) -> Answer:
        if ask.route in SERVICES:
            return samples.DONE
        number = ask.reference.exact if ask.reference else ""
        return samples.canned(ask.route, number, self._today)
