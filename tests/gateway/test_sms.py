"""SMS both ways through a whole gateway: nothing lost, nothing twice, nothing unsealed."""

import asyncio
import sqlite3

import pytest

from gateway.settings import FollowUpSettings

CALLER = "+989161234567"


async def test_an_sms_is_answered_once(desk, eventually):
    async with desk() as d:
        assert (200, "") == await d.sms("12345")

        async def answered():
            return d.phones.received(CALLER)

        messages = await eventually(answered)
        assert 1 == len(messages)
        assert messages[0].text.startswith("رصد: نامه 12345 در حال بررسی")


async def test_the_same_message_again_is_acknowledged_and_not_answered_again(desk, eventually):
    async with desk() as d:
        answers = await asyncio.gather(*(d.sms("12345") for _ in range(10)))

        assert [(200, "")] * 10 == answers

        async def done():
            return [row for row in await d.rows("message_out") if row.state == "sent"]

        assert 1 == len(await eventually(done))
        assert 1 == len(await d.rows("message_in"))
        assert 1 == len(d.phones.received(CALLER))


async def test_messages_of_one_phone_are_answered_in_order(desk, eventually):
    async with desk() as d:
        for number in range(5):
            await d.sms(f"{99990 + number}", message_id=f"m-{number}")

        async def all_of_them():
            return len(d.phones.received(CALLER)) == 5

        await eventually(all_of_them)
        numbers = [message.text.split()[3] for message in d.phones.received(CALLER)]
        assert ["99990", "99991", "99992", "99993", "99994"] == numbers


async def test_what_was_stored_before_a_crash_is_answered_after_it(desk, eventually):
    async with desk(office_s=30) as d:
        await d.sms("12345")

        async def stored():
            return await d.rows("message_in")

        await eventually(stored)
    async with desk() as d:

        async def answered():
            return d.phones.received(CALLER)

        assert 1 == len(await eventually(answered))


async def test_a_reply_waits_for_a_provider_that_is_down(desk, eventually, clock):
    async with desk(sms_down=True) as d:
        await d.sms("12345")

        async def tried():
            return [row for row in await d.rows("message_out") if row.tries == 1 and row.reason]

        row = (await eventually(tried))[0]
        assert ("waiting", "no answer: ConnectionError") == (row.state, row.reason)
    clock.advance(60)
    async with desk() as d:

        async def sent():
            return [row for row in await d.rows("message_out") if row.state == "sent"]

        assert 2 == (await eventually(sent))[0].tries
        assert 1 == len(d.phones.received(CALLER))


async def test_a_reply_too_old_to_help_is_not_sent(desk, eventually, clock):
    async with desk(sms_down=True) as d:
        await d.sms("12345")

        async def tried():
            return [row for row in await d.rows("message_out") if row.reason]

        await eventually(tried)
    clock.advance(3 * 3600)
    async with desk() as d:

        async def expired():
            return [row for row in await d.rows("message_out") if row.state == "expired"]

        await eventually(expired)
        assert [] == d.phones.received(CALLER)


async def test_no_number_and_no_text_stand_in_the_database_file(desk, eventually, tmp_path):
    async with desk(office_s=0) as d:
        await d.sms("12345")
        await d.ussd("31415", session_id="s9")

        async def sent():
            return [row for row in await d.rows("message_out") if row.state == "sent"]

        await eventually(sent)
    with sqlite3.connect(tmp_path / "rasad.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = (tmp_path / "rasad.db").read_bytes()
    for secret in (CALLER, CALLER[1:], CALLER[3:], "نامه", "12345 "):
        assert secret.encode() not in content
        assert secret.encode("utf-16-be") not in content


async def test_a_message_that_breaks_us_is_set_aside_and_its_sender_told(desk, eventually, monkeypatch):
    from gateway.turn import Turns

    converse = Turns.converse

    async def broken(self, menu, dialogue, event, caller, *more):
        if caller.msisdn == CALLER:
            raise RuntimeError("boom")
        return await converse(self, menu, dialogue, event, caller, *more)

    monkeypatch.setattr(Turns, "converse", broken)
    async with desk() as d:
        await d.sms("12345")
        await d.sms("12345", sender="+989160000001", message_id="m-2")

        async def parked():
            return [row for row in await d.rows("message_in") if row.state == "parked"]

        assert 2 == (await eventually(parked))[0].tries

        async def told():
            return d.phones.received(CALLER)

        assert (await eventually(told))[0].text.startswith("الان نشد")
        assert 1 == len(d.phones.received("+989160000001"))


class TestPromises:
    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch):
        """Waiting four seconds for each promise would be waiting, not testing."""
        from gateway.settings import UssdChannel

        validate = UssdChannel.model_validate

        def hurried(data, **more):
            return validate({**data, "answer_within_s": 1.2, "reserve_s": 1.0}, **more)

        monkeypatch.setattr(UssdChannel, "model_validate", hurried)

    async def test_the_answer_follows_once(self, desk, eventually):
        async with desk(office_s=0.5) as d:
            status, body = await d.ussd("31415")
            assert (200, True) == (status, body.startswith("END پاسخ اداره دیر شد."))
            again = await d.ussd("31415")

            assert (status, body) == again

            async def followed():
                return d.phones.received(CALLER)

            assert (await eventually(followed))[0].text.startswith("رصد: نامه 31415")
            assert ["answered"] == [row.state for row in await d.rows("follow_up")]
            assert 1 == len(d.phones.received(CALLER))

    async def test_it_survives_a_crash(self, desk, eventually):
        async with desk(office_s=20) as d:
            await d.ussd("31415")
        async with desk() as d:

            async def followed():
                return d.phones.received(CALLER)

            assert (await eventually(followed))[0].text.startswith("رصد: نامه 31415")

    async def test_an_office_that_stays_away_is_apologised_for_once(self, desk, eventually, clock):
        async with desk(office_s=20) as d:
            await d.ussd("31415")
        clock.advance(2 * 3600 + 1)
        async with desk(office_s=20, follow_ups=FollowUpSettings(within_s=0.05)) as d:

            async def apologised():
                return d.phones.received(CALLER)

            assert (await eventually(apologised))[0].text.startswith("رصد: اداره تا حالا پاسخ نداد")
            await asyncio.sleep(1.2)
            assert 1 == len(d.phones.received(CALLER))
            assert ["expired"] == [row.state for row in await d.rows("follow_up")]
