"""Phones that dial, type, repeat, hang up and come back in any order, against a model that only remembers.

The model keeps for each phone and session what was said and shown last, and steps a dialogue of its own through the
machine, never written down. Whatever order requests come in, gateway and model say the same, nobody reads of another
phone's letter, and no screen leads nowhere.
"""

import asyncio
import logging
import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import NamedTuple

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers import Answers
from gateway.channels.contract import UssdInput, UssdReply
from gateway.menu_versions import Menus
from gateway.sessions.memory import MemorySessions
from gateway.settings import SessionSettings
from gateway.settings_channels import UssdChannel
from gateway.settings_offices import RouteLine
from gateway.turn import Turns
from menus import machine
from menus.alphabet import fits
from menus.definition import SERVICES
from menus.inputs import luhn_ok
from menus.machine import Answered, Dialogue, Opened, Typed
from menus.ports import Ask, Case, CaseStep, Done, Found, Late, Missing, Refused, Several, State, Unavailable
from menus.render import render
from menus.screens import Page
from tests.experiments import often

CHANNEL = UssdChannel(carries="ussd", dialect="africastalking", auth="none", service_code="*4*061#", later_by="kannel")
SETTINGS = SessionSettings()
PHONES = ["+989161234560", "+989161234561", "+989161234562"]
NAMES = ["QQQ", "XXX", "ZZZ"]
"""In every name of a phone's letters."""

# --- the world: letters that belong to one phone each ---------------------------------------------------------------


def desk(owner):
    return {language: f"{word} {NAMES[owner]}" for language, word in
            {"fa": "میز", "ar": "مكتب", "en": "Desk"}.items()}  # fmt: skip


@cache
def code(owner, kind):
    """A tracking code: nine digits with owner and kind in them, and the one that checks them."""
    body = f"2{owner}0100{kind}00"
    return next(body + last for last in "0123456789" if luhn_ok(body + last))


def of(owner, kind):
    """(number, what the office says to it): one of each sort for every phone."""

    def case(**more):
        steps = tuple(CaseStep(desk(owner), date(2026, 11, 1 + row)) for row in range(6))
        return Case(
            number=f"7{owner}00{kind}",
            desk=desk(owner),
            **{"kind": "letter", "steps": steps, "phone": "06133360001", **more},
        )

    requested = {"kind": "request", "number": code(owner, kind), "step": 2, "steps_total": 4}
    answers = [
        Found(case(state=State.IN_PROGRESS, changed_on=date(2026, 11, 10), due_on=date(2026, 11, 29))),
        Found(case(state=State.ANSWERED, answer_number="5512")),
        Several(tuple(case(state=State.SEEN, year=1390 + row, organisation=desk(owner)) for row in range(11))),
        Late(),
        Late(),  # and the promise cannot be stored
        Unavailable(),
        Found(case(state=State.SEEN, secret=True)),
        Refused(),
        Found(msgspec.structs.replace(case(state=State.REGISTERED), **requested)),
        Found(msgspec.structs.replace(case(state=State.NEEDS_CITIZEN), lacking=desk(owner), **requested)),
    ]
    return (code(owner, kind) if kind > 7 else f"7{owner}00{kind}"), answers[kind]


LETTERS = dict(of(owner, kind) for owner in range(len(PHONES)) for kind in range(10))
MARKS = {phone: re.compile(rf"{NAMES[owner]}|7{owner}00\d|2{owner}0100\d00\d") for owner, phone in enumerate(PHONES)}
"""What only this phone may read."""
CANNOT_PROMISE = {f"7{owner}004" for owner in range(len(PHONES))}


def said(answer):
    """The answer as anybody may have it: a secret letter is a missing one."""
    return Missing() if isinstance(answer, Found) and answer.case.secret else answer


def promise(dialogue):
    """What the gateway says when asked to answer later."""
    return Unavailable() if question(dialogue) in CANNOT_PROMISE else Done()


def question(dialogue):
    return dialogue.values["number" if dialogue.asked == "find_letter" else "code"].exact


async def no_other(version):
    """Every dialogue here is of the one menu."""


class Office:
    async def ask(self, ask, within_s):
        return LETTERS.get(ask.reference.exact, Missing())


class Services:
    """Our own services, with what they were asked to do."""

    def __init__(self):
        self.chosen = {}
        self.promised = {}

    async def of(self, msisdn_tag):
        return self.chosen.get(msisdn_tag)

    async def remember(self, ask, dialogue, caller):
        self.chosen[caller.tag] = dialogue.language
        return Done()

    async def done(self, ask, dialogue, caller):
        return Done()

    async def unseen(self, msisdn_tag):
        """No answer has come after its caller had gone."""

    async def answer(self, question):
        """Nor is one kept."""

    async def escalate(self, ask, dialogue, caller):
        asked = (caller.msisdn, question(dialogue))
        name = (ask.dialogue, ask.step)
        assert asked == self.promised.setdefault(name, asked), "two questions have one name: one is never answered"
        return promise(dialogue)


# --- the model ------------------------------------------------------------------------------------------------------


@dataclass
class Kept:
    """What a session said and was shown last."""

    chain: list[str]
    dialogue: Dialogue
    page: Page
    until: float

    @property
    def reply(self):
        return UssdReply(self.page.text, self.page.end)


class Model:
    def __init__(self, menu, clock):
        self.menu = menu
        self.clock = clock
        self.kept: dict[tuple[str, str], Kept] = {}
        self.languages: dict[str, str] = {}
        self.latest: dict[str, str] = {}

    def expects(self, phone, session_id, chain):
        """The reply to all that was said in a session, from the service code on."""
        kept = self.alive(phone, session_id)
        if kept is not None and self.known(kept, chain):
            return kept.reply, True
        if kept is None or kept.reply.end:
            dialogue, event = self.begun(phone, session_id, chain)
        else:
            dialogue, event = kept.dialogue, Typed("*".join(chain[len(kept.chain) :]))
        dialogue, page, self.languages[phone] = self.through(dialogue, event, self.languages.get(phone))
        idle_s = SETTINGS.ended_s if page.end else SETTINGS.idle_s
        self.latest[phone] = session_id
        kept = self.kept[phone, session_id] = Kept(chain, dialogue, page, self.clock.monotonic() + idle_s)
        return kept.reply, False

    def alive(self, phone, session_id):
        kept = self.kept.get((phone, session_id))
        return kept if kept and kept.until > self.clock.monotonic() else None

    def known(self, kept, chain):
        """Said before, or another answer to a screen she has left; after an end, only what was said before it."""
        before = kept.chain[: len(chain)] == chain
        if kept.reply.end:
            return before and (chain != [] or kept.chain == [])
        return before or chain[: len(kept.chain)] != kept.chain

    def begun(self, phone, session_id, chain):
        """A dialogue and its first event: the one place where the model begins one."""
        arguments = tuple(filter(None, "*".join(chain).rstrip("#").split("*")))
        begun = machine.begin(self.menu, "ussd", self.languages.get(phone))
        return begun, Opened(arguments, before=None if arguments else self.left_open(phone, session_id))

    def left_open(self, phone, session_id):
        """What this phone was to type in another session, the one it was in last."""
        last = self.latest.get(phone)
        kept = self.alive(phone, last) if last not in (None, session_id) else None
        waits = kept and not kept.reply.end and machine.unfinished(self.menu, kept.dialogue)
        return kept.dialogue if waits else None

    def through(self, dialogue, event, language=None):
        """From an event to its page: (dialogue, page, the language this phone has now)."""
        step = machine.step(self.menu, dialogue, event, self.clock.today())
        while isinstance(step.then, Ask):
            match step.then.route:
                case "remember_language":
                    answer, language = Done(), step.dialogue.language
                case "escalate":
                    answer = promise(step.dialogue)
                case service if service in SERVICES:
                    answer = Done()
                case _:
                    answer = said(LETTERS.get(step.then.reference.exact, Missing()))
            step = machine.step(self.menu, step.dialogue, Answered(answer), self.clock.today())
        pages = render(step.then, CHANNEL.capacity, self.menu.navigation[step.dialogue.language])
        return *machine.shown(step.dialogue, pages), language

    def leads_somewhere(self, dialogue, page):
        """0 and 00 answer, and something that is offered leads away from this page."""
        for key in ("0", "00"):
            assert fits(self.through(dialogue, Typed(key))[1].text, CHANNEL.capacity)
        if self.menu.nodes[dialogue.at].input is not None:
            return True
        offered = re.findall(r"(?:^|\s)(\d{1,2})\)", page.text, re.M)
        return any(self.through(dialogue, Typed(key))[1].text != page.text for key in offered)


# --- what phones do -------------------------------------------------------------------------------------------------


class Deed(NamedTuple):
    """§ in a text is the phone's own digit."""

    name: str
    phone: int = 0
    line: str = ""
    text: str = ""
    then: str = ""


KEYS = ["1", "2", "3", "4", "9", "0", "00", "۱", "٢", "3#", "5", "8"]
OWN = [f"7§00{kind}" for kind in range(8)] + ["§request", "§lacking", "7۰۰۱", "0007§000", "7§000*5", "1*7§003"]
GARBAGE = [
    "",
    "*",
    "#",
    "**1",
    "سلام",
    "0*0",
    "12²",
    "\u202e1",
    "😀",
    "-1",
    "x" * 200,
    "2001000352",
    "01",
    "02",
    "\x00",
    "1\n",
]


LATE = ["7§003", "7§004"]
TWO = [("1", "7§000"), ("1", "7§003"), ("9", "0"), ("0", "1"), ("2", "§request"), ("4", "3"), ("7§002", "1")]


def deeds():
    """All that may be done, what leads deeper more often than what does not."""
    for phone, line in [(0, "a"), (0, "a"), (0, "b"), (1, "a"), (1, "a"), (2, "a")]:
        yield from (Deed("types", phone, line, text) for text in [*KEYS * 6, *OWN * 6, *GARBAGE])
        yield from (
            Deed("dials", phone, line, text) for text in [*[""] * 20, *OWN * 2, "01", "02", "01*7§000", "4", "99999"]
        )
        yield from (Deed("opens letters", phone, line, text) for text in OWN * 4)
        yield from (Deed("chooses a language", phone, line, text) for text in "123" * 3)
        yield from (Deed("dials under the old id", phone, line, text) for text in [*[""] * 5, *OWN])
        yield from (Deed("opens letters under the old id", phone, line, text) for text in OWN)
        yield from (Deed("is put off and dials again under the old id", phone, line, text) for text in LATE * 3)
        yield from (Deed("gives another answer", phone, line, text) for text in [*KEYS, *OWN])
        yield from (Deed("sends two in the wrong order", phone, line, *two) for two in TWO * 3)
        for repeat in ("repeats", "repeats an earlier part", "repeats from the session before"):
            yield from (Deed(repeat, phone, line) for _ in range(10))
    for pause in ["1", "100", "179", "181", "181", "181", "599", "601", "601", "4000", "90000"] * 20:
        yield Deed("waits", text=pause)


ALL = list(deeds())
RETURNS = [
    *(Deed("is put off and dials again under the old id", 0, "a", text) for text in LATE * 2),
    *(Deed("opens letters under the old id", 0, "a", text) for text in [*LATE, "7§000"]),
    *(Deed("dials under the old id", phone, "a") for phone in (0, 0, 1)),
    *(Deed("repeats", phone, "a") for phone in (0, 1)),
    *(Deed("waits", text=pause) for pause in ["181", "181", "601"]),
]
"""Of few deeds many: a session id that ends, is forgotten and comes back."""

RUNS = st.one_of(
    st.lists(st.sampled_from(ALL), min_size=1, max_size=8),
    st.lists(st.sampled_from(ALL), min_size=10, max_size=30),
    st.lists(st.sampled_from(RETURNS), min_size=3, max_size=10),
)


class Handset:
    """One phone on one line, in one session after the other, in a dialect that repeats all that was said."""

    def __init__(self, phone, line):
        self.phone, self.line = phone, line
        self.sessions = 0
        self.last = None
        self.dials()

    def dials(self, arguments="", *, anew=True):
        """Under the next session id, which the other phones use too, or once more under the old one."""
        if anew:
            self.before = self.last
            self.sessions += 1
        self.code, self.said = f"*4*061{'*' if arguments else ''}{arguments}#", []

    def does(self, deed):
        """(session id, service code, inputs): the requests of this deed, in the order they arrive."""
        text, then = (self.own(each) for each in (deed.text, deed.then))
        anew = "under the old id" not in deed.name
        match deed.name.removesuffix(" under the old id"):
            case "dials":
                self.dials(text, anew=anew)
            case "types":
                self.said.append(text)
            case "opens letters" | "chooses a language":
                self.dials(anew=anew)
                for each in ("1" if deed.name.startswith("opens") else "4", text):
                    yield self.request()
                    self.said.append(each)
            case "is put off and dials again":
                self.dials(anew=False)
                for said in ([], ["1"], ["1", text]):
                    yield self.request(said)
            case "repeats from the session before":
                if self.before:
                    yield self.before
                return
            case "repeats an earlier part":
                yield self.request(self.said[:-1])
                return
            case "gives another answer":
                yield self.request([*self.said[:-1], text])
                return
            case "sends two in the wrong order":
                self.said += [text, then]
                yield self.request()
                yield self.request(self.said[:-1])
                return
        self.last = self.request()
        yield self.last

    def request(self, said=None):
        return f"{self.line}{self.sessions}", self.code, "*".join(self.said if said is None else said)

    def own(self, text):
        text = {"§request": code(self.phone, 8), "§lacking": code(self.phone, 9)}.get(text, text)
        return text.replace("§", str(self.phone))


@pytest.mark.experiment(
    "F18", "whatever order USSD requests come in, replies are the model's, of no other phone, fit, and lead somewhere"
)
@pytest.mark.timeout(300)  # a thousand dialogues, also where the machine has other work
def test_whatever_order_requests_come_in(figure, shipped_menu, keys, clock):
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    lines = (RouteLine(backend="office"),)
    looked_at = set()
    screens = set()

    async def played(run):
        time, services = type(clock)(), Services()
        model = Model(shipped_menu, time)
        answers = Answers(
            {"letters": lines, "requests": lines}, {"office": Office()},
            {
                **dict.fromkeys(SERVICES, services.done),
                "escalate": services.escalate,
                "remember_language": services.remember,
            },
            services,
            keys,
        )  # fmt: skip
        turns = Turns(
            Menus(shipped_menu, no_other),
            answers,
            MemorySessions(time.monotonic),
            services,
            services,
            keys,
            time,
            SETTINGS,
            lambda _: None,
        )
        handsets = {}
        for deed in run:
            if deed.name == "waits":
                time.advance(float(deed.text))
                continue
            handset = handsets.setdefault((deed.phone, deed.line), Handset(deed.phone, deed.line))
            for request in handset.does(deed):
                await one(turns, model, PHONES[deed.phone], *request)

    async def one(turns, model, phone, session, code, inputs):
        expired = (phone, session) in model.kept and model.alive(phone, session) is None
        reply = await turns.take("ussd", CHANNEL, UssdInput(session, phone, code, inputs))
        behind = code.removeprefix("*4*061").strip("*#")
        chain = "*".join(filter(None, (behind, inputs)))
        expected, repeated = model.expects(phone, session, chain.split("*") if chain else [])
        figure.count("turns")
        figure.count("repeats", repeated)
        figure.count("after expiry", expired)
        figure.count("ends", reply.end)

        assert expected == reply
        assert fits(reply.text, CHANNEL.capacity)
        assert [] == [other for other in PHONES if other != phone and MARKS[other].search(reply.text)]
        figure.count("of her own letter", MARKS[phone].search(reply.text) is not None)
        kept = model.kept[phone, session]
        screens.add((kept.dialogue.at, kept.dialogue.language))
        state = machine.encode(msgspec.structs.replace(kept.dialogue, turns=0))
        if not reply.end and state not in looked_at:
            looked_at.add(state)
            assert model.leads_somewhere(kept.dialogue, kept.page)

    loop = asyncio.new_event_loop()

    @often(10_000)
    @given(RUNS)
    def tried(run):
        loop.run_until_complete(played(run))
        figure.count("runs")

    try:
        tried()
    finally:
        loop.close()
    figure("screens in three languages", len(screens))
