"""What is kept no longer than it is needed: what is too old goes, in batches, and nothing else."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from gateway.settings import RetentionSettings
from gateway.storage import purge
from gateway.storage.purge import Purge
from tests.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES

DAY = 86_400


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(purge, "PAUSE_S", 0)


def message(clock, days, number, **more):
    then = clock.now() - timedelta(days=days)
    return {"channel": "kannel", "provider_id": f"m-{number}", "msisdn": "+989161234567", "msisdn_tag": "tag",
            "short_code": "4040", "text": "12345", "received_at": then, "due_at": then, "state": "done", "tries": 1,
            **more}  # fmt: skip


def sending(clock, days, number, **more):
    then = clock.now() - timedelta(days=days)
    return {"channel": "kannel", "cause": f"in:{number}", "msisdn": "+989161234567", "msisdn_tag": "tag",
            "text": "نامه", "push_text": "نامه", "created_at": then, "due_at": then, "expires_at": then, "state": "sent",
            "tries": 1, "doubts": 0, **more}  # fmt: skip


def promise(clock, days, number, **more):
    then = clock.now() - timedelta(days=days)
    return {"channel": "kannel", "cause": f"d:{number}", "msisdn": "+989161234567", "msisdn_tag": "tag",
            "question_tag": "q", "dialogue": b"", "created_at": then, "due_at": then, "expires_at": then,
            "state": "answered", "tries": 1, **more}  # fmt: skip


def followed(clock, days, number, **more):
    then = clock.now() - timedelta(days=days)
    return {"channel": "kannel", "follow_tag": f"f-{number}", "case_tag": "", "number_tag": "", "asked_tag": "",
            "msisdn": "+989161234567", "msisdn_tag": "tag", "route": "letters", "dialogue": b"", "seen": "",
            "notices": 1, "created_at": then, "due_at": then, "expires_at": then, "state": "ended", **more}  # fmt: skip


async def put(database, table, rows):
    async with database.writing() as connection:
        await connection.execute(getattr(database.tables, table).insert(), rows)


async def rows(database, table, column="id", by=None):
    found = getattr(database.tables, table)
    async with database.reading() as connection:
        return (await connection.execute(sa.select(found.c[column]).order_by(found.c[by or column]))).scalars().all()


async def test_messages_go_by_their_age_and_what_is_open_stays(database, clock):
    ages = [40, 31, 30.01, 29.99, 1, 0]
    await put(database, "message_in", [message(clock, days, n) for n, days in enumerate(ages)])
    await put(database, "message_in", [message(clock, 40, "open", state="new"), message(clock, 0, "newest")])
    await put(database, "message_out", [sending(clock, days, n) for n, days in enumerate(ages)])
    open_still = {"expires_at": clock.now()}
    waiting = sending(clock, 40, "open", state="waiting", **open_still)
    await put(database, "message_out", [waiting, sending(clock, 0, "newest")])
    await put(database, "follow_up", [promise(clock, days, n) for n, days in enumerate(ages)])
    await put(database, "follow_up", [promise(clock, 40, "open", state="waiting"), promise(clock, 0, "newest")])
    await put(database, "follow", [followed(clock, days, n) for n, days in enumerate(ages)])
    following = followed(clock, 40, "open", state="following", **open_still)
    await put(database, "follow", [following, followed(clock, 0, "newest")])

    gone = await Purge(database, clock, RetentionSettings()).once()

    assert {"sent": 3, "came": 3, "promises": 3, "follows": 3} == gone
    for table in ("message_in", "message_out", "follow_up", "follow"):
        assert [4, 5, 6, 7, 8] == await rows(database, table), table
    assert {} == await Purge(database, clock, RetentionSettings()).once()


async def test_what_waits_for_a_channel_or_a_route_that_is_gone_ends_a_day_after_its_expiry(
    database, clock, monkeypatch
):
    monkeypatch.setattr(purge, "BATCH", 10)
    await put(database, "message_out", [sending(clock, days, days, state="waiting") for days in range(25)])
    await put(database, "follow", [followed(clock, days, days, state="following") for days in range(4)])
    await put(database, "message_out", [sending(clock, 20, "in hand", state="waiting", leased_until=2.0**40)])
    await put(database, "message_out", [sending(clock, 0, "newest", state="waiting")])
    await put(database, "follow", [followed(clock, 0, "newest", state="following")])

    gone = await Purge(database, clock, RetentionSettings()).once()

    assert {"never_sent": 23, "never_looked_up": 2} == gone
    assert ["waiting"] * 2 + ["expired"] * 23 + ["waiting"] * 2 == await rows(database, "message_out", "state", by="id")
    assert ["following"] * 2 + ["expired"] * 2 + ["following"] == await rows(database, "follow", "state", by="id")
    clock.advance(31 * DAY)
    assert 22 < (await Purge(database, clock, RetentionSettings()).once())["sent"]


async def test_more_than_a_batch_goes_in_batches(database, clock, monkeypatch):
    monkeypatch.setattr(purge, "BATCH", 10)
    await put(database, "message_in", [message(clock, 40, n) for n in range(95)])
    await put(database, "message_in", [message(clock, 1, n) for n in range(95, 130)])
    spoken = [
        {"channel": "kannel", "msisdn_tag": f"{n}", "dialogue": b"", "held": b"",
         "expires_at": clock.now() + timedelta(seconds=n - 34.5)}
        for n in range(40)
    ]  # fmt: skip
    await put(database, "conversation", spoken)
    writes = []
    writing = database.writing

    def counted():
        writes.append(1)
        return writing()

    monkeypatch.setattr(database, "writing", counted)
    assert {"came": 95, "conversations": 35} == await Purge(database, clock, RetentionSettings()).once()
    assert len(writes) >= 10 + 4
    assert list(range(96, 131)) == await rows(database, "message_in")
    assert 5 == len(await rows(database, "conversation", "msisdn_tag"))


async def test_the_newest_number_is_never_given_again(database, clock):
    await put(database, "message_out", [sending(clock, 40, n) for n in range(3)])
    await Purge(database, clock, RetentionSettings()).once()
    await put(database, "message_out", [sending(clock, 0, "new")])
    assert [3, 4] == await rows(database, "message_out")


async def test_texts_go_before_their_rows_and_a_callback_is_known_all_the_same(desk, clock):
    async with desk() as d:
        await put(d.database, "message_in", [message(clock, days, n) for n, days in enumerate((20, 8, 6))])
        await put(d.database, "message_in", [message(clock, 8, "open", state="parked"), message(clock, 0, "newest")])
        await put(d.database, "message_out", [sending(clock, days, n) for n, days in enumerate((20, 8, 6))])
        cleaning = Purge(d.database, clock, RetentionSettings(texts_days=7, rows_days=30))

        assert {"texts_came": 3, "texts_sent": 2} == await cleaning.once()

        async def by_number(table):
            return sorted(await d.rows(table), key=lambda row: row.id)

        for row in (await by_number("message_in"))[:2]:
            assert ("", "", "tag") == (row.msisdn, row.text, row.msisdn_tag)
        for row in (await by_number("message_out"))[:2]:
            assert ("", "", "") == (row.msisdn, row.text, row.push_text)
        assert "12345" == (await by_number("message_in"))[2].text
        assert {} == await cleaning.once()
        assert {} == await Purge(d.database, clock, RetentionSettings(texts_days=7, rows_days=30)).once()

        before = len(await d.rows("message_in"))
        assert 200 == (await d.sms("12345", message_id="m-1"))[0]  # 8 days later
        assert before == len([row for row in await d.rows("message_in") if row.state != "clash"])
        clock.advance(2 * DAY)
        assert {"texts_came": 1, "texts_sent": 1} == await cleaning.once()


async def test_the_rest_goes_when_nothing_needs_it_any_more(database, clock):
    now, tables = clock.now(), database.tables
    old, young = now - timedelta(days=200), now - timedelta(days=100)
    versions = [("published", old), ("tried", old), ("unused", old), ("young", young)]
    async with database.writing() as connection:
        for name, at in versions:
            await connection.execute(tables.menu_version.insert().values(hash=name, files="[]", published_at=at))
        await connection.execute(tables.menu_publication.insert().values(hash="published", published_at=old))
        for tag, hours in (("on", 1), ("over", -1)):
            until = now + timedelta(hours=hours)
            await connection.execute(tables.menu_draft.insert().values(msisdn_tag=tag, hash="tried", expires_at=until))
        for number, at in enumerate((old, young, now)):
            await connection.execute(
                tables.receipt.insert().values(
                    channel="c", provider_id=f"{number}", msisdn_tag="", fate="d", reason="", received_at=at
                )
            )

    assert {"receipts": 2, "drafts": 1, "menus": 1} == await Purge(database, clock, RetentionSettings()).once()

    assert ["published", "tried", "young"] == await rows(database, "menu_version", "hash")
    assert ["on"] == await rows(database, "menu_draft", "msisdn_tag")
    assert [3] == await rows(database, "receipt")


async def test_citizens_are_answered_while_it_runs(desk, clock, eventually, monkeypatch):
    monkeypatch.setattr(purge, "BATCH", 50)
    async with desk() as d:
        await put(d.database, "message_in", [message(clock, 40, n) for n in range(2000)])
        running = asyncio.create_task(Purge(d.database, clock, RetentionSettings()).once())
        for number in range(10):
            assert 200 == (await d.sms("99999", sender=f"+98916123456{number}", message_id=f"new {number}"))[0]
        await running

        async def answered_alone():  # the gateway's own purge may have had a part in it
            return ["99999"] * 10 == [row.text for row in await d.rows("message_in") if row.state == "done"]

        await eventually(answered_alone)


async def test_what_fails_is_put_off_and_tried_again(database, clock, monkeypatch):
    monkeypatch.setattr(purge, "EVERY_S", 0.01)
    await put(database, "message_in", [message(clock, 40, 1), message(clock, 0, 2)])
    once, tried = Purge.once, []

    async def failing(self):
        tried.append(1)
        if len(tried) == 1:
            raise sa.exc.OperationalError("", None, Exception("away"))
        return await once(self)

    monkeypatch.setattr(Purge, "once", failing)
    running = asyncio.create_task(Purge(database, clock, RetentionSettings()).run())
    async with asyncio.timeout(30):
        while [2] != await rows(database, "message_in"):
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait({running})


def test_a_text_does_not_outlive_its_row():
    with pytest.raises(ValueError, match="not be less than texts_days"):
        RetentionSettings(texts_days=60, rows_days=30)
    with pytest.raises(ValueError, match="rows_days"):
        RetentionSettings(rows_days=29)
