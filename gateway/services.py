"""The gateway's own answers to a menu's asks, beside the follow-ups (gateway/sms/follow_ups.py)."""

from dataclasses import dataclass

from gateway.answers import Caller, Service
from gateway.storage.languages import Languages
from menus.machine import Dialogue
from menus.ports import Answer, Ask, Done, Unavailable


@dataclass(frozen=True, slots=True)
class RememberLanguage:
    """`ask: remember_language`: this phone's next dialogue opens in the language of this one."""

    languages: Languages

    async def __call__(self, ask: Ask, dialogue: Dialogue, caller: Caller) -> Answer:
        return Done() if await self.languages.remember(caller.tag, dialogue.language) else Unavailable()


_: type[Service] = RememberLanguage
