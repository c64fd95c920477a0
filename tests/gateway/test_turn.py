"""The turn with a fake clock: repeats, two inputs at once, an office that is late, sessions that end."""

import asyncio
from dataclasses import replace

import pytest

from gateway.answers import Answers
from gateway.channels.contract import UssdEnd, UssdInput, Why
from gateway.menu_versions import Menus
from gateway.sessions.memory import MemorySessions
from gateway.settings import SessionSettings
from gateway.settings_channels import UssdChannel
from gateway.settings_offices import RouteLine
from gateway.turn import Turns, UnknownServiceCode
from menus.ports import Case, Done, Found, Late, Missing, State, Unavailable

CHANNEL = UssdChannel(carries="ussd", dialect="africastalking", auth="none", service_code="*4*061#", later_by="kannel")
LETTER = Found(Case(kind="letter", number="12345", state=State.IN_PROGRESS, desk={"fa": "دفتر حقوقی"}))


class Office:
    """A backend that answers what it is told, and remembers what it was asked and with how much time."""

    def __init__(self):
        self.answer = LETTER
        self.asked = []

    async def ask(self, ask, within_s):
        self.asked.append((ask.reference.exact, within_s))
        await asyncio.sleep(0)
        return self.answer


class Languages:
    """Phones that never chose."""

    async def of(self, msisdn_tag):
        return None


async def no_other(version):
    """Nothing was ever published."""


class Kept:
    """Answers that were promised: to a phone's next dial, and to a question asked again."""

    def __init__(self):
        self.dialogue, self.found = None, None

    async def unseen(self, msisdn_tag):
        found, self.dialogue = self.dialogue, None
        return found

    async def answer(self, question):
        return self.found


class Escalate:
    def __init__(self):
        self.answer = Done()
        self.causes = []

    async def __call__(self, ask, dialogue, caller):
        self.causes.append((ask.dialogue, ask.step))
        return self.answer


class Caller:
    """One session over a chain dialect."""

    def __init__(self, turns, msisdn="+989161234567", session_id="s1"):
        self._turns, self._msisdn, self._session_id = turns, msisdn, session_id
        self.inputs = ""

    async def dials(self, code="*4*061#", arguments=""):
        self.inputs = arguments
        return await self.sends(code)

    async def types(self, text):
        self.inputs = f"{self.inputs}*{text}" if self.inputs else text
        return await self.sends()

    async def sends(self, code="*4*061#"):
        said = UssdInput(self._session_id, self._msisdn, code, self.inputs)
        return await self._turns.take("africastalking", CHANNEL, said)


async def test_who_dials_again_in_the_middle_of_an_entry_is_asked_whether_to_go_on(turns, office):
    first, again = Caller(turns), Caller(turns, session_id="s2")
    await first.dials()
    asked = await first.types("1")
    assert "شماره نامه" in asked.text

    offered = await again.dials()
    assert ["نیمه‌کاره ماند. ادامه می‌دهید؟", "1)ادامه 2)از اول"] == offered.text.split("\n")[:2]
    assert asked.text == (await again.types("1")).text
    assert "نامه 12345" in (await again.types("12345")).text


async def test_dialled_arguments_win_over_what_was_left_open(turns, office):
    first, again = Caller(turns), Caller(turns, session_id="s2")
    await first.dials()
    await first.types("1")

    assert "نامه 12345" in (await again.dials("*4*061*12345#")).text


@pytest.mark.parametrize(
    ("typed", "seconds", "msisdn"),
    [
        (["1"], 181, "+989161234567"),
        (["1", "12345"], 1, "+989161234567"),
        (["3"], 1, "+989161234567"),
        (["1"], 1, "+989161234568"),
    ],
    ids=["too long ago", "already answered", "nothing to type", "another phone"],
)
async def test_nothing_is_taken_up_again(turns, clock, typed, seconds, msisdn):
    first = Caller(turns)
    await first.dials()
    for text in typed:
        await first.types(text)
    clock.advance(seconds)

    assert (await Caller(turns, msisdn, session_id="s2").dials()).text.startswith("رصد خوزستان")


@pytest.fixture
def office():
    return Office()


@pytest.fixture
def escalate():
    return Escalate()


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def noted():
    """What is to be known of dialogues, in order."""
    return []


@pytest.fixture
def turns(shipped_menu, office, escalate, kept, keys, clock, noted):
    lines = (RouteLine(backend="office"),)
    answers = Answers({"letters": lines, "requests": lines}, {"office": office}, {"escalate": escalate}, kept, keys)
    sessions, settings = MemorySessions(clock.monotonic), SessionSettings()
    return Turns(
        Menus(shipped_menu, no_other), answers, sessions, Languages(), kept, keys, clock, settings, noted.append
    )


@pytest.fixture
def caller(turns):
    return Caller(turns)


def first_line(reply):
    return reply.text.split("\n")[0]


async def test_a_dial_shows_the_main_menu(caller):
    reply = await caller.dials()

    assert ("رصد خوزستان", False) == (first_line(reply), reply.end)


async def test_arguments_lead_straight_to_the_letter(caller, office):
    reply = await caller.dials(arguments="12345")

    assert "نامه 12345" == first_line(reply)
    assert [("12345", 4.0)] == office.asked


async def test_arguments_may_stand_in_the_service_code(caller):
    assert "نامه 12345" == first_line(await caller.dials("*4*061*12345#"))


async def test_another_service_code_is_the_peers_mistake(caller):
    with pytest.raises(UnknownServiceCode, match=r"\*4\*061#"):
        await caller.dials("*5*061#")


async def test_a_repeated_request_gets_the_same_bytes_and_asks_nobody_again(caller, office):
    first = await caller.dials(arguments="12345")

    assert first == await caller.sends()
    assert 1 == len(office.asked)


async def test_a_start_that_arrives_again_late_gets_the_screen_she_is_at(caller, turns):
    await caller.dials()
    here = await caller.types("1")

    assert here == await Caller(turns).dials()


async def test_a_typed_star_survives(caller, office):
    await caller.dials()
    await caller.types("1")
    await caller.types("220*1396*54321")

    assert ["220/1396/54321"] == [number for number, _ in office.asked]


async def test_two_equal_inputs_at_once_advance_once(caller):
    await caller.dials()
    caller.inputs = "1"

    first, second = await asyncio.gather(caller.sends(), caller.sends())

    assert first == second
    assert "شماره نامه را وارد کنید" == first_line(first)


async def test_two_different_inputs_at_once_read_the_same_screen(caller, turns, office):
    await caller.dials()
    await caller.types("1")
    other = Caller(turns)
    caller.inputs, other.inputs = "1*12345", "1*99999"

    first, second = await asyncio.gather(caller.sends(), other.sends())

    assert first == second


async def test_sessions_of_two_phones_under_one_id_are_apart(turns):
    hers, his = Caller(turns), Caller(turns, msisdn="+989167654321")
    await hers.dials(arguments="12345")

    assert "رصد خوزستان" == first_line(await his.dials())


async def test_a_late_office_ends_in_a_stored_promise(caller, office, escalate):
    office.answer = Late()
    reply = await caller.dials(arguments="31415")

    assert reply.end
    assert reply.text.startswith("سامانه اداره کند است. نتیجه پیامک می‌شود.")
    assert 1 == len(escalate.causes)


async def test_a_repeat_of_a_promise_promises_nothing_twice(caller, office, escalate):
    office.answer = Late()
    first = await caller.dials(arguments="31415")

    assert first == await caller.sends()
    assert 1 == len(escalate.causes)


async def test_a_second_dial_under_the_same_session_id_has_an_effect_of_its_own(caller, office, escalate, clock):
    office.answer = Late()
    await caller.dials(arguments="31415")
    await caller.dials()
    await caller.types("1")
    await caller.types("31415")
    clock.advance(601)
    await caller.dials(arguments="31415")

    assert 3 == len(set(escalate.causes))


async def test_a_session_id_that_comes_back_after_its_session_was_forgotten_names_an_effect_of_its_own(
    caller, office, escalate, clock
):
    office.answer = Late()
    for number in ("31415", "31416"):
        for text in ("", "1", number):
            await (caller.types(text) if text else caller.dials())
        await caller.dials()  # the old id once more, and nothing said: forgotten after its idle time
        clock.advance(181)

    assert 2 == len(set(escalate.causes))


async def test_two_openings_at_once_name_one_effect(turns, office, escalate):
    office.answer = Late()
    await asyncio.gather(Caller(turns).dials(arguments="31415"), Caller(turns).dials(arguments="31415"))

    assert 1 == len(set(escalate.causes))


async def test_what_cannot_be_stored_is_not_promised(caller, office, escalate):
    office.answer, escalate.answer = Late(), Unavailable()
    reply = await caller.dials(arguments="31415")

    assert "پیامک می‌شود" not in reply.text
    assert "111" in reply.text


async def test_confidential_reads_like_missing(caller, turns, office):
    office.answer = Found(Case(kind="letter", number="777", state=State.SEEN, secret=True))
    confidential = await caller.dials(arguments="777")
    office.answer = Missing()

    assert confidential == await Caller(turns, session_id="s2").dials(arguments="777")


async def test_a_session_is_forgotten_after_its_idle_time(caller, clock, office):
    office.answer = Missing()
    await caller.dials()
    clock.advance(181)
    reply = await caller.types("1")

    assert ["1"] == [number for number, _ in office.asked], "it may be a letter's number"
    assert "ادامه ممکن نشد. از اول بگیرید:" == first_line(reply), "but more likely a choice of a menu that is gone"


async def test_a_lost_session_with_a_menu_chain_is_told_that_it_ended(caller, clock, office):
    await caller.dials()
    await caller.types("1")
    clock.advance(181)
    office.answer = Missing()
    reply = await caller.types("12345")

    assert reply.end
    assert "ادامه ممکن نشد. از اول بگیرید:" == first_line(reply)


async def test_what_arrives_late_after_the_end_gets_the_end_again(caller, turns, office):
    office.answer = Late()
    await caller.dials()
    await caller.types("1")
    end = await caller.types("31415")
    late = Caller(turns)
    late.inputs = "1"

    assert end == await late.sends()
    assert end == await caller.sends()


async def test_another_answer_to_a_screen_she_has_left_does_not_count(caller, turns):
    await caller.dials()
    here = await caller.types("1")
    other = Caller(turns)
    other.inputs = "3"

    assert here == await other.sends()


async def test_after_the_end_the_session_id_may_serve_a_new_dial(caller, office):
    office.answer = Late()
    await caller.dials(arguments="31415")
    office.answer = LETTER

    assert "رصد خوزستان" == first_line(await caller.dials())


async def test_a_new_dial_after_the_end_counts_though_the_chain_began_with_a_star(caller, office):
    office.answer = Late()
    await caller.dials(arguments="*31415")

    assert "رصد خوزستان" == first_line(await caller.dials())


class Newest:
    """One session over a dialect that sends what was typed last and nothing else."""

    def __init__(self, turns, clock, session_id="s1", counts=False):
        self._turns, self._clock, self.session_id = turns, clock, session_id
        self._count = 0 if counts else None

    async def dials(self, code="*4*061#"):
        return await self._sends(UssdInput(self.session_id, "+989161234567", code, "", newest=True, opens=True))

    async def types(self, text):
        return await self._sends(UssdInput(self.session_id, "+989161234567", "", text, newest=True, opens=False))

    async def _sends(self, said):
        self._clock.advance(1.5)  # nobody reads and types faster
        if self._count is not None:
            self._count += 1
            said = replace(said, sequence=self._count)
        self.said = said
        return await self.sends_again()

    async def sends_again(self):
        return await self._turns.take("json", CHANNEL, self.said)

    async def is_gone(self):
        await self._turns.ended("json", UssdEnd(self.session_id, "+989161234567", Why.USER_ABORT, "3"))


@pytest.fixture
def newest(turns, clock):
    return Newest(turns, clock)


async def test_where_only_the_newest_input_is_sent_the_session_knows_the_others(newest):
    assert ["رصد خوزستان", "شماره نامه را وارد کنید", "نامه 12345"] == [
        first_line(await newest.dials()), first_line(await newest.types("1")), first_line(await newest.types("12345"))
    ]  # fmt: skip


async def test_the_same_input_within_a_second_is_a_repeat_and_later_another_one(newest, clock, office):
    await newest.dials()
    first = await newest.types("1")
    clock.advance(1.0)
    assert first == await newest.sends_again()
    assert [] == office.asked
    clock.advance(0.001)
    assert "نامه 12345" == first_line(await newest.sends_again())
    assert ["1"] == [number for number, _ in office.asked]


async def test_where_requests_are_counted_a_repeat_is_known_whenever_it_comes(turns, clock):
    counted = Newest(turns, clock, counts=True)
    await counted.dials()
    first = await counted.types("1")
    clock.advance(60)
    assert first == await counted.sends_again()
    assert "نامه 12345" == first_line(await counted.types("1"))


async def test_an_id_that_changes_in_the_middle_is_the_phones_session(newest):
    await newest.dials()
    newest.session_id = "s2"
    assert "شماره نامه را وارد کنید" == first_line(await newest.types("1"))
    newest.session_id = ""
    assert "نامه 12345" == first_line(await newest.types("12345"))


async def test_a_dial_under_the_id_of_a_session_that_goes_on_is_a_new_one(newest):
    await newest.dials()
    await newest.types("3")

    assert "رصد خوزستان" == first_line(await newest.dials())


async def test_an_input_of_no_session_at_all_is_looked_up(newest):
    assert "نامه 12345" == first_line(await newest.types("12345"))


async def test_after_the_notice_of_an_end_the_entry_waits_for_the_next_dial(newest):
    await newest.dials()
    await newest.types("1")
    await newest.is_gone()
    newest.session_id = "s2"

    assert "نیمه‌کاره ماند. ادامه می‌دهید؟" == first_line(await newest.dials())


async def test_after_the_notice_of_an_end_nothing_goes_on_in_that_session(newest, office):
    await newest.dials()
    await newest.types("1")
    await newest.is_gone()

    assert "نامه 12345" == first_line(await newest.types("12345"))
    assert 1 == len(office.asked)
    office.answer = Missing()
    await newest.is_gone()
    assert "ادامه ممکن نشد. از اول بگیرید:" == first_line(await newest.types("1"))


async def test_the_notice_of_an_end_of_a_session_we_do_not_know_does_nothing(newest):
    from structlog.testing import capture_logs

    with capture_logs() as lines:
        await newest.is_gone()

    assert [("session_ended", "user_abort", "3", False)] == [
        (line["event"], line["why"], line["raw"], line["known"]) for line in lines
    ]


async def test_every_turn_leaves_one_line(caller):
    from structlog.testing import capture_logs

    with capture_logs() as lines:
        await caller.dials(arguments="12345")

    assert ["turn"] == [line["event"] for line in lines]
    assert "letter_status" == lines[0]["screen"]
