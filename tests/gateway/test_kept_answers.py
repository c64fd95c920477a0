"""An answer that was promised is there on the next dial, whatever became of its SMS."""

import asyncio

import pytest

from tests.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES

CALLER = "+989161234567"
DAY = 24 * 3600


async def promised(d, eventually):
    """The slow office's answer has come, though no SMS can leave."""
    assert (await d.ussd("31415"))[1].startswith("END سامانه اداره کند است")

    async def answered():
        rows = await d.rows("follow_up")
        return rows and rows[0].state == "answered"

    await eventually(answered)


@pytest.fixture
def slow(desk, clock, monkeypatch):
    """A gateway whose slow office is late for a dial and in time for a follow-up."""
    from gateway.answers import Answers
    from menus.ports import Late

    whole = Answers.ask_offices

    async def late_on_the_line(self, ask, msisdn, within_s):
        number = ask.reference.exact if ask.reference else ""
        return Late() if number == "31415" and within_s < 10 else await whole(self, ask, msisdn, within_s)

    monkeypatch.setattr(Answers, "ask_offices", late_on_the_line)
    return desk(sms_down=True)


async def test_it_is_shown_first_on_the_next_plain_dial_once(slow, eventually):
    async with slow as d:
        await promised(d, eventually)
        assert [] == d.phones.received(CALLER)

        _, first = await d.ussd(session_id="s2")
        assert "نامه 31415" == first.split("\n")[0].removeprefix("CON ")
        assert (await d.ussd("00", session_id="s2"))[1].startswith("CON رصد خوزستان")
        assert (await d.ussd(session_id="s3"))[1].startswith("CON رصد خوزستان")


async def test_a_repeated_request_gets_it_again(slow, eventually):
    async with slow as d:
        await promised(d, eventually)

        assert 1 == len({(await d.ussd(session_id="s2"))[1] for _ in range(3)})


async def test_the_same_question_again_gets_it_instead_of_another_promise(slow, eventually):
    async with slow as d:
        await promised(d, eventually)

        _, again = await d.ussd("31415", session_id="s2")
        assert "نامه 31415" == again.split("\n")[0].removeprefix("CON ")
        assert 1 == len(await d.rows("follow_up"))


async def test_it_is_for_her_phone_and_for_a_day(slow, clock, eventually):
    async with slow as d:
        await promised(d, eventually)
        assert (await d.ussd(session_id="s2", msisdn="+989167654321"))[1].startswith("CON رصد خوزستان")

        clock.advance(DAY + 1)
        assert (await d.ussd(session_id="s3"))[1].startswith("CON رصد خوزستان")


async def test_other_dialled_arguments_go_before_it(slow, eventually):
    async with slow as d:
        await promised(d, eventually)

        assert "نامه 12345" in (await d.ussd("12345", session_id="s2"))[1]
        assert "نامه 31415" in (await d.ussd(session_id="s3"))[1]


async def test_a_database_that_hangs_holds_no_dial(slow, eventually, monkeypatch):
    from contextlib import asynccontextmanager

    from gateway.storage import kept, languages
    from gateway.storage.database import Database

    @asynccontextmanager
    async def hangs(self):
        await asyncio.sleep(30)
        yield

    async with slow as d:
        await promised(d, eventually)
        with monkeypatch.context() as patched:
            patched.setattr(kept, "LOOK_WITHIN_S", 0.05)
            patched.setattr(languages, "LOOK_WITHIN_S", 0.05)
            patched.setattr(Database, "reading", hangs)
            async with asyncio.timeout(5):
                assert (await d.ussd(session_id="s2"))[1].startswith("CON رصد خوزستان")
        # It was not shown, so it still is.
        assert "نامه 31415" in (await d.ussd(session_id="s3"))[1]


async def test_an_answer_of_another_shape_holds_no_dial(slow, eventually):
    async with slow as d:
        await promised(d, eventually)
        table = d.database.tables.follow_up
        async with d.database.writing() as connection:
            await connection.execute(table.update().values(answer=b"another release"))

        assert (await d.ussd("31415", session_id="s2"))[1].startswith("END سامانه اداره کند است")
        assert (await d.ussd(session_id="s3"))[1].startswith("CON رصد خوزستان")
