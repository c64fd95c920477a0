"""One turn, start to end: the one path every message takes. `take` puts a USSD session around `converse`;
gateway/sms/inbox.py puts a stored message around it."""

from dataclasses import dataclass, replace

import msgspec
import structlog

from gateway.answers import Answers, Caller
from gateway.channels.contract import UssdEnd, UssdInput, UssdReply
from gateway.clock import Clock
from gateway.menu_versions import Menus
from gateway.privacy import Keys
from gateway.records import Note, record
from gateway.sessions.store import Session, SessionKey, SessionStore, StoreUnavailable
from gateway.settings import SessionSettings
from gateway.settings_channels import UssdTerms
from gateway.storage.kept import KeptAnswers
from gateway.storage.languages import Languages
from gateway.trail import Trail
from menus import inputs, machine
from menus.alphabet import Capacity, size
from menus.definition import Menu
from menus.machine import Answered, Dialogue, Event, Opened, Typed, Wire
from menus.ports import outcome
from menus.render import render
from menus.screens import Page, Screen

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of an event. asked: each question on the way with its outcome, `letters:found`."""

    dialogue: Dialogue
    screen: Screen
    page: Page
    asked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turns:
    """note: takes what is to be known of a dialogue, and never waits."""

    menus: Menus
    answers: Answers
    sessions: SessionStore
    languages: Languages
    kept: KeptAnswers
    keys: Keys
    clock: Clock
    settings: SessionSettings
    note: Note

    async def take(self, name: str, channel: UssdTerms, said: UssdInput) -> UssdReply:
        """A channel's input, its msisdn in E.164, to what the caller sees. Raises UnknownServiceCode."""
        began = self.clock.monotonic()
        said = _with_all_arguments(channel, said)
        try:
            key, session, version = await self._found(name, said)  # load the dialogue
        except StoreUnavailable as away:
            return self._noted(began, await self._without_session(name, channel, said, began), sessions=str(away))
        if session is not None and self._repeated(session, said):
            return self._noted(began, UssdReply(session.reply, session.end), repeated=True)
        now = self.clock.now()
        running = await self._continued(session, said)
        trail = session.trail if session is not None and running else Trail(now.timestamp())
        menu, dialogue, event = running or await self._opened(key, version, said)

        caller = Caller(said.msisdn, key.owner, channel.later_by, line=name)
        turn = await self.converse(menu, dialogue, event, caller, channel.capacity, channel.office_s)

        dialogue, reply, now = turn.dialogue, UssdReply(turn.page.text, turn.page.end), self.clock.now()
        ttl_s = self.settings.ended_s if reply.end else self.settings.idle_s
        trail = trail.on(turn.screen.name, turn.asked, round((self.clock.monotonic() - began) * 1000))
        saved = Session(
            *machine.encode(dialogue), said.inputs, reply.text, reply.end, said.sequence, now.timestamp(), trail=trail
        )
        facts = {"screen": turn.screen.name, "language": dialogue.language, "menu": menu.version}
        try:
            if await self.sessions.save(key, saved, version, ttl_s):  # save it, then answer
                self.note(record(dialogue, trail, name, key.owner, now, "completed" if reply.end else "silent"))
            else:
                reply = await self._of_the_winner(key) or reply
        except StoreUnavailable as away:
            alone = self._alone(menu, turn, channel)
            if alone is not None:
                self.note(record(dialogue, trail, name, key.owner, now, "completed"))
            reply = alone or await self._busy(key.owner, channel)
            facts["sessions"] = str(away)
        return self._noted(began, reply, **facts)

    async def ended(self, name: str, notice: UssdEnd) -> None:
        """The peer has told that a session is over: what was being typed in it waits for her next dial."""
        key = SessionKey(name, self.keys.tag(notice.msisdn), notice.session_id)
        session, version = await self.sessions.load(key) or (None, 0)
        known = session is not None
        if session is not None and not session.end and not session.left:
            # An input that came in the meantime is the newer news: then this one is not saved.
            left = msgspec.structs.replace(session, left=True)
            if await self.sessions.save(key, left, version, self.settings.idle_s):
                dialogue = machine.decode(session.dialogue, b"")
                now, why = self.clock.now(), str(notice.why)
                self.note(record(dialogue, session.trail, name, key.owner, now, "left", why))
        log.info("session_ended", why=notice.why, raw=notice.raw, known=known)

    async def converse(
        self, menu: Menu, dialogue: Dialogue, event: Event, caller: Caller, capacity: Capacity, within_s: float
    ) -> Turn:
        """Event -> Dialogue + Screen | Ask -> Answer -> ... -> Screen -> the page that fits. On either wire."""
        until = self.clock.monotonic() + within_s
        step = machine.step(menu, dialogue, event, self.clock.today())
        asked = []
        for _ in range(machine.MAX_ASKS):
            if isinstance(step.then, Screen):
                break
            left_s = until - self.clock.monotonic()
            answer = await self.answers.answer(step.then, step.dialogue, caller, left_s)
            asked.append(f"{step.then.route}:{outcome(answer)}")
            step = machine.step(menu, step.dialogue, Answered(answer), self.clock.today())
        if not isinstance(step.then, Screen):
            raise machine.NoWayOut(step.dialogue.at)
        words = menu.navigation[step.dialogue.language]
        pages = render(step.then, capacity, words, until=step.dialogue.page)
        dialogue, page = machine.shown(step.dialogue, pages)
        return Turn(dialogue, step.then, page, tuple(asked))

    def outright(self, name: str, wire: Wire, language: str | None, capacity: Capacity) -> tuple[Dialogue, str]:
        """What the gateway itself has to say, by the name of its screen: nothing is asked and nothing awaited."""
        menu = self.menus.current
        step = machine.outright(menu, machine.begin(menu, wire, language), name, self.clock.today())
        assert isinstance(step.then, Screen), "the loader has seen to it"
        return step.dialogue, render(step.then, capacity, menu.navigation[step.dialogue.language])[0].text

    async def _without_session(self, name: str, channel: UssdTerms, said: UssdInput, began: float) -> UssdReply:
        """A question that came whole, in the dial string, needs no session; anything else we cannot go on with."""
        key = SessionKey(name, self.keys.tag(said.msisdn), said.session_id)
        if said.inputs and said.opens is not False:
            trail = Trail(self.clock.now().timestamp())
            menu, dialogue, event = await self._opened(key, 0, said)
            caller = Caller(said.msisdn, key.owner, channel.later_by)
            turn = await self.converse(menu, dialogue, event, caller, channel.capacity, channel.office_s)
            # A menu's digit is more likely the answer to a screen than a number: only a case that was found tells.
            astray = len(said.inputs.partition("*")[0]) == 1 and machine.case_shown(turn.dialogue) is None
            if not astray and (reply := self._alone(menu, turn, channel)):
                trail = trail.on(turn.screen.name, turn.asked, round((self.clock.monotonic() - began) * 1000))
                self.note(record(turn.dialogue, trail, name, key.owner, self.clock.now(), "completed"))
                return reply
        return await self._busy(key.owner, channel)

    def _alone(self, menu: Menu, turn: Turn, channel: UssdTerms) -> UssdReply | None:
        """A screen nobody will remember: its text ends the session, without the choices she could no longer make.
        None when it is no answer but a question to her, or the news that her session is lost: it is not."""
        screen, page = turn.screen, turn.page
        if screen.name == "session_ended":
            return None
        if page.end:
            return UssdReply(page.text, end=True)
        if not turn.dialogue.asked or screen.open or screen.listed or screen.name in (menu.start, "resume"):
            return None
        short = replace(screen.short, labels=()) if screen.short else None
        bare = replace(screen, labels=(), offered=(), short=short)
        first = render(bare, channel.capacity, menu.navigation[screen.language], until=0)[0]
        return UssdReply(first.body, end=True)

    async def _busy(self, owner: str, channel: UssdTerms) -> UssdReply:
        language = await self.languages.of(owner)
        return UssdReply(self.outright("busy", "ussd", language, channel.capacity)[1], end=True)

    async def _found(self, name: str, said: UssdInput) -> tuple[SessionKey, Session | None, int]:
        """The session of an input. Some peers change or forget the id of one that goes on: then it is the phone's."""
        key = SessionKey(name, self.keys.tag(said.msisdn), said.session_id)
        found = await self.sessions.load(key)
        if found is None and said.opens is False:
            latest = await self.sessions.latest(name, key.owner)
            if latest is not None and not latest[1].end and not latest[1].left:
                key, found = latest[0], await self.sessions.load(latest[0])
        return (key, *found) if found is not None else (key, None, 0)

    def _repeated(self, session: Session, said: UssdInput) -> bool:
        """Whether we have answered this request: by the peer's count, by the chain, or else by its coming too soon."""
        if said.sequence is not None and session.sequence is not None:
            return said.sequence <= session.sequence
        if said.newest:
            soon = self.clock.now().timestamp() - session.at <= self.settings.repeat_within_ms / 1000
            return soon and session.inputs == said.inputs
        return _in_the_chain(session, said)

    async def _continued(self, session: Session | None, said: UssdInput) -> tuple[Menu, Dialogue, Event] | None:
        """The stored dialogue and what is new in this request; None when the request opens a session."""
        if session is None or session.end or session.left or said.opens:
            return None
        dialogue = machine.decode(session.dialogue, session.held)
        menu = await self.menus.version(dialogue.menu)
        typed = said.inputs if said.newest else _newest(session.inputs, said.inputs)
        return (menu, dialogue, Typed(typed)) if menu else None

    async def _opened(self, key: SessionKey, version: int, said: UssdInput) -> tuple[Menu, Dialogue, Event]:
        # The same for two requests that open one session at once, another for a new dial under an old or no id:
        # until the old session is forgotten its version differs, and after that the time does, since none is
        # forgotten sooner than a window lasts.
        window = int(self.clock.now().timestamp() // min(self.settings.idle_s, self.settings.ended_s))
        name = self.keys.tag(f"{key.channel} {key.owner} {key.session_id} {version} {window}")
        arguments = tuple(filter(None, said.inputs.rstrip("#").split("*")))
        menu, opened = (None if arguments else await self._taken_up(key)) or (
            await self.menus.of(key.owner),
            Opened(arguments),
        )
        language = await self.languages.of(key.owner)
        return menu, machine.begin(menu, "ussd", language, dialogue_id=name), opened

    async def _taken_up(self, key: SessionKey) -> tuple[Menu, Opened] | None:
        """What a plain dial goes on with: an answer that came after her last call, or what she was typing when that
        dropped. Each in the menu it began in."""
        kept = await self.kept.unseen(key.owner)
        if kept is not None and (menu := await self.menus.version(kept.menu)) is not None:
            return menu, Opened(kept=kept)
        try:
            found = await self.sessions.latest(key.channel, key.owner)
        except StoreUnavailable:  # whether her session can be kept is seen when it is saved
            return None
        if found is None or found[1].end:
            return None
        before = machine.decode(found[1].dialogue, found[1].held)
        began_in = await self.menus.version(before.menu)
        return (
            (began_in, Opened(before=before)) if began_in is not None and machine.unfinished(began_in, before) else None
        )

    async def _of_the_winner(self, key: SessionKey) -> UssdReply | None:
        """Two inputs came at once and the other one was first: both callers read what it led to."""
        winner = await self.sessions.load(key)
        return UssdReply(winner[0].reply, winner[0].end) if winner else None

    def _noted(self, began: float, reply: UssdReply, **more: object) -> UssdReply:
        ms = round((self.clock.monotonic() - began) * 1000)
        log.info("turn", units=size(reply.text), end=reply.end, ms=ms, **more)
        return reply


def _in_the_chain(session: Session, said: UssdInput) -> bool:
    """The same chain again, or an earlier part of it that arrives late: she gets the screen she is at.

    The bare code after an ended session is no repeat but a new dial under an old id.
    """
    if session.inputs == said.inputs or (said.inputs and session.inputs.startswith(f"{said.inputs}*")):
        return True
    # A chain that does not go on from ours is another answer to a screen she has left: the first one counted.
    goes_on = session.inputs == "" or said.inputs.startswith(f"{session.inputs}*")
    return not session.end and not session.left and not goes_on


def _newest(before: str, now: str) -> str:
    """What follows the chain already stored, so that a typed `*` survives (protocols.md E1)."""
    return now[len(before) + 1 :] if before else now


class UnknownServiceCode(Exception):
    """The code that was dialled is not this channel's. The peer's to mend: it routed the call to us."""


def _with_all_arguments(channel: UssdTerms, said: UssdInput) -> UssdInput:
    """The inputs from the service code on: what stands in the dial string behind our code comes first.

    protocols.md A4. Raises UnknownServiceCode.
    """
    if not said.service_code and said.opens is False:
        return said
    behind = inputs.behind(channel.service_code, said.service_code)
    if behind is None:
        raise UnknownServiceCode(f"the service code is {channel.service_code}")
    return replace(said, inputs="*".join(filter(None, (behind, said.inputs))))
