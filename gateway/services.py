"""The gateway's own answers to a menu's asks, beside the follow-ups (gateway/sms/follow_ups.py)."""

from dataclasses import dataclass

from gateway.answers import Caller, Service
from gateway.storage.languages import Languages
from gateway.storage.ratings import Ratings
from menus import machine
from menus.machine import Dialogue
from menus.ports import Answer, Ask, Done, Unavailable


@dataclass(frozen=True, slots=True)
class RememberLanguage:
    """`ask: remember_language`: this phone's next dialogue opens in the language of this one."""

    languages: Languages

    async def __call__(self, ask: Ask, dialogue: Dialogue, caller: Caller) -> Answer:
        return Done() if await self.languages.remember(caller.tag, dialogue.language) else Unavailable()


@dataclass(frozen=True, slots=True)
class Rate:
    """`ask: rate`: what she thinks of how the case before her was handled. Of a phone's opinions on a case the last."""

    ratings: Ratings

    async def __call__(self, ask: Ask, dialogue: Dialogue, caller: Caller) -> Answer:
        case = machine.case_shown(dialogue)
        if case is None or ask.reference is None:
            return Unavailable()
        kept = await self.ratings.keep(caller.msisdn, case, int(ask.reference.exact))
        return Done() if kept else Unavailable()


_: tuple[type[Service], ...] = (RememberLanguage, Rate)
