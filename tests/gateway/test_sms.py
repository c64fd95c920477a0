"""SMS both ways through a whole gateway: nothing lost, nothing twice, nothing unsealed."""

import asyncio
import functools
import shutil
import sqlite3
from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from gateway.settings import FollowUpSettings
from gateway.sms import worker
from simulators.demo import HOME
from simulators.offices import data
from tests.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES

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
        assert ("waiting", 0) == (row.state, row.doubts)
        assert row.reason.startswith("not reached: ")
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


@pytest.mark.databases("sqlite")
async def test_no_number_and_no_text_stand_in_the_database_file(desk, eventually, tmp_path):
    async with desk() as d:
        await d.sms("12345")
        await d.sms("نامه شیرین", message_id="m-2", sender="+989160000001")

        async def sent():
            rows = [row for row in await d.rows("message_out") if row.state == "sent"]
            return len(rows) == 2 and await d.rows("conversation")

        await eventually(sent)
    file = tmp_path / "deep" / "rasad.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = file.read_bytes()
    # Of what was said, in or out, words the menu does not have: that stands there for everybody to read.
    for secret in (CALLER, CALLER[1:], CALLER[3:], "شیرین", "دفتر حقوقی", "نامه 12345 در حال"):
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

        assert 3 == (await eventually(parked))[0].tries

        async def told():
            return d.phones.received(CALLER)

        assert (await eventually(told))[0].text.startswith("رصد: الان ممکن نشد")
        assert 1 == len(d.phones.received("+989160000001"))


async def test_a_row_that_does_not_open_is_set_aside_and_holds_up_nobody(desk, eventually):
    async with desk(sms_down=True) as d:
        await d.sms("12345", sender="+989160000001", message_id="m-1")

        async def tried():
            return [row for row in await d.rows("message_out") if row.reason]

        await eventually(tried)
        async with d.database.writing() as connection:
            spoiled = sa.text("UPDATE message_out SET text = :octets, due_at = '2000-01-01 00:00:00.000000'")
            await connection.execute(spoiled, {"octets": b"\x01\xff"})
            added = sa.text(
                "INSERT INTO message_in (channel, provider_id, msisdn, msisdn_tag, short_code, text, received_at,"
                " due_at, state, tries)"
                " VALUES ('kannel', 'x', :octets, 'other', '4040', :octets, '2026-11-22', '2026-11-22', 'new', 0)"
            )
            await connection.execute(added, {"octets": b"\x00"})
    async with desk() as d:
        await d.sms("12345", message_id="m-2")

        async def answered():
            return d.phones.received(CALLER)

        await eventually(answered)

        async def parked():
            async with d.database.reading() as connection:
                table = d.database.tables
                queries = [
                    sa.select(each.c.state).where(each.c.state == "parked")
                    for each in (table.message_in, table.message_out)
                ]
                return all([(await connection.execute(query)).all() for query in queries])

        await eventually(parked)


async def test_an_attempt_without_an_answer_is_made_twice_and_then_left_at_that(desk, eventually, clock):
    from aiohttp import web

    from simulators.kannel import Kannel

    class Mute(Kannel):
        """Takes messages and answers nothing."""

        def application(self):
            async def mute(request):
                await self._sendsms(request)
                request.transport.abort()
                return web.Response()

            app = web.Application()
            app.router.add_get("/cgi-bin/sendsms", mute)
            return app

    async with desk(phones=Mute("rasad", "demo")) as d:
        await d.sms("12345")

        async def unknown():
            clock.advance(60)
            return [row for row in await d.rows("message_out") if row.state == "unknown"]

        assert 2 == (await eventually(unknown))[0].doubts
        assert 2 == len(d.phones.received(CALLER))


class TestPromises:
    @pytest.fixture
    def desk(self, desk, tmp_path):
        """The same with little patience: waiting four seconds for each promise would be waiting, not testing."""
        config = shutil.copytree(HOME / "config", tmp_path / "config")
        file = config / "channels" / "africastalking.yaml"
        text = file.read_text(encoding="utf-8")
        assert "reserve_s: 4" in text
        file.write_text(text.replace("answer_within_s: 8", "answer_within_s: 4.2"))  # the office's is what is left
        return functools.partial(desk, config=config)

    async def test_the_answer_follows_once(self, desk, eventually):
        async with desk(office_s=0.5) as d:
            status, body = await d.ussd("31415")
            assert (200, True) == (status, body.startswith("END سامانه اداره کند است."))
            again = await d.ussd("31415")

            assert (status, body) == again

            async def followed():
                return d.phones.received(CALLER)

            assert (await eventually(followed))[0].text.startswith("رصد: نامه 31415")
            assert ["answered"] == [row.state for row in await d.rows("follow_up")]
            assert 1 == len(d.phones.received(CALLER))

    async def test_asking_twice_is_one_promise(self, desk, eventually):
        async with desk(office_s=0.5) as d:
            first, second = await d.ussd("31415", session_id="a"), await d.ussd("31415", session_id="b")

            assert first == second

            async def followed():
                return d.phones.received(CALLER)

            await eventually(followed)
            assert 1 == len(await d.rows("follow_up"))

    async def test_when_the_office_knows_several_she_can_say_which(self, desk, eventually, monkeypatch):
        first = next(iter(data.slow_letters(date(2026, 11, 22))))
        several = [first, replace(first, organisation="شهرداری")]
        monkeypatch.setattr(data, "slow_letters", lambda today: several)
        async with desk(office_s=0.5) as d:
            await d.ussd("31415")

            async def asked():
                return d.phones.received(CALLER)

            assert "کدام نامه؟\n1)استانداری 1405\n2)شهرداری 1405" == (await eventually(asked))[0].text
            await d.sms("2", message_id="m-9")

            async def answered():
                return d.phones.received(CALLER)[1:]

            assert (await eventually(answered))[0].text.startswith("رصد: نامه 31415")

    async def test_it_survives_a_crash(self, desk, eventually, clock):
        async with desk(office_s=20) as d:
            await d.ussd("31415")
        clock.advance(61)  # the attempt that was cut off counts: the next one is due a minute later
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

            assert (await eventually(apologised))[0].text.startswith("رصد: شماره 31415: سامانه اداره جواب نداد")
            await asyncio.sleep(1.2)
            assert 1 == len(d.phones.received(CALLER))
            assert ["expired"] == [row.state for row in await d.rows("follow_up")]

    async def test_a_question_of_another_release_is_set_aside_and_she_is_told_once(self, desk, eventually, clock):
        async with desk(office_s=20) as d:
            await d.ussd("31415")
            async with d.database.writing() as connection:
                table = d.database.tables.follow_up
                await connection.execute(sa.update(table).values(dialogue=b"\x80"))
        clock.advance(61)
        async with desk() as d:

            async def told():
                return d.phones.received(CALLER)

            assert (await eventually(told))[0].text.startswith("رصد: الان ممکن نشد")
            assert ["parked"] == [row.state for row in await d.rows("follow_up")]
            clock.advance(2 * 3600)
            await asyncio.sleep(1.2)
            assert 1 == len(d.phones.received(CALLER))

    async def test_an_apology_that_breaks_us_is_tried_again_in_its_time(self, desk, eventually, clock, monkeypatch):
        from menus import machine

        outright, tried = machine.outright, []

        def broken(menu, dialogue, name, today):
            if name == "expired":
                tried.append(clock.seconds)
                if len(tried) < 3:
                    raise RuntimeError("boom")
            return outright(menu, dialogue, name, today)

        monkeypatch.setattr(machine, "outright", broken)
        monkeypatch.setattr(worker, "POLL_S", 0.02)
        async with desk(office_s=20) as d:
            await d.ussd("31415")
        clock.advance(2 * 3600)
        async with desk() as d:
            for count, again_after_s in ((1, 60), (2, 120), (3, 300)):

                async def tried_again(count=count):
                    return len(tried) >= count and not any(row.leased_until for row in await d.rows("follow_up"))

                await eventually(tried_again)
                # Time passes only while nothing is in hand: what a try takes is not what it waits.
                clock.advance(again_after_s - 1)
                await asyncio.sleep(0.2)
                assert count == len(tried)
                clock.advance(2)

            async def told():
                return d.phones.received(CALLER)

            assert (await eventually(told))[0].text.startswith("رصد: شماره 31415: سامانه اداره جواب نداد")
            assert 3 == len(tried)
