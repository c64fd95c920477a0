"""What a dialogue leaves behind: one row, on either wire, whoever saw its turns and however it ended."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from gateway import records
from gateway.records import Record, Records
from gateway.sessions.store import Session
from gateway.settings import StorageSettings
from gateway.storage.database import Database
from gateway.trail import MAX_ASKED, MAX_SCREENS, Trail

OPERATORS = (Path(__file__).parent.parent.parent / "docs/operators.md").read_text(encoding="utf-8")
IDLE_S = {"ussd": 180.0, "sms": 1800.0}


@pytest.fixture
def made(clock):
    """A record as a turn makes it, changed a little."""

    def record(dialogue="d1", outcome="silent", turns=1, **changes):
        now = clock.now()
        plain = Record(
            dialogue, "ussd", "json", "tag", "fa", "menu", now, now, outcome, "", turns, "main", "main", "", 3
        )
        return replace(plain, **changes)

    return record


@pytest.fixture
def process(database, clock, monkeypatch):
    """`process()` is what one process notes into the database. Its end waits also for a machine that is busy."""
    monkeypatch.setattr(records, "STOP_WITHIN_S", 30.0)
    return lambda: Records(database, clock.monotonic, IDLE_S)


@pytest.fixture
def rows(database):
    async def found():
        async with database.reading() as connection:
            return (await connection.execute(database.tables.dialogue_record.select())).all()

    return found


async def written(each):
    """As at its end: all it knows."""
    running = asyncio.create_task(each.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_a_trail_stays_short_however_long_a_dialogue_is():
    trail = Trail(1_800_000_000.5)
    for turn in range(1000):
        trail = trail.on(f"a_screen_with_a_name_{turn:03}", ("letters:found",), turn % 7)

    assert (MAX_SCREENS, MAX_ASKED, 6) == (len(trail.screens), len(trail.asked), trail.slowest_ms)
    assert "a_screen_with_a_name_999" == trail.screens[-1]
    assert 1_800_000_000.5 == trail.began
    assert len(msgspec.msgpack.encode(trail)) < 900


def test_a_session_of_the_release_before_has_an_empty_trail():
    class Before(msgspec.Struct, frozen=True, omit_defaults=True):
        dialogue: bytes
        held: bytes
        inputs: str
        reply: str
        end: bool

    old = msgspec.msgpack.encode(Before(b"one", b"", "1", "screen", False))
    assert Trail() == msgspec.msgpack.decode(old, type=Session).trail
    now = Session(b"one", b"", "1", "screen", False, trail=Trail(1.5, ("main",), ("letters:found",), 2))
    assert now == msgspec.msgpack.decode(msgspec.msgpack.encode(now), type=Session)


async def test_what_is_over_is_written_within_a_second_or_two(process, made, rows, eventually):
    here = process()
    running = asyncio.create_task(here.run())
    here.note(made("a", "completed"))
    here.note(made("b"))
    await eventually(rows)

    assert [("a", "completed")] == [(row.dialogue, row.outcome) for row in await rows()]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [("a", "completed"), ("b", "silent")] == [(row.dialogue, row.outcome) for row in await rows()]


async def test_who_says_nothing_more_is_silent_when_her_session_is_forgotten(process, made, rows, clock, eventually):
    here = process()
    running = asyncio.create_task(here.run())
    here.note(made("gone"))
    clock.advance(100)
    here.note(made("back"))
    clock.advance(79.9)
    await asyncio.sleep(1.2)
    assert [] == await rows()

    clock.advance(0.1)
    await eventually(rows)
    here.note(made("back", turns=2))
    clock.advance(179)
    await asyncio.sleep(1.2)
    assert ["gone"] == [row.dialogue for row in await rows()]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert {"gone": 1, "back": 2} == {row.dialogue: row.turns for row in await rows()}


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    ("early", "late"), [(("silent", 1), ("completed", 3)), (("silent", 2), ("left", 2)), (("silent", 1), ("silent", 2))]
)
async def test_of_two_processes_the_one_that_knows_more_has_the_last_word(process, made, rows, early, late, first):
    here, there = process(), process()
    here.note(made("d", *early))
    there.note(made("d", *late, asked="letters:found"))
    for each in (here, there)[:: 1 if first else -1]:
        await written(each)

    assert [(*late, "letters:found")] == [(row.outcome, row.turns, row.asked) for row in await rows()]


async def test_one_dialogue_may_have_a_row_for_each_wire(process, made, rows):
    here = process()
    here.note(made("d", "completed"))
    here.note(made("d", "completed", turns=2, wire="sms"))
    await written(here)

    assert [("sms", 2), ("ussd", 1)] == sorted((row.wire, row.turns) for row in await rows())


async def test_a_thousand_and_one_are_written_in_their_order(process, made, rows):
    here = process()
    for place in range(1001):
        here.note(made(f"d{place:04}", "completed", slowest_ms=place))
    await written(here)

    assert list(range(1001)) == [row.slowest_ms for row in sorted(await rows())]


async def test_what_finds_no_room_is_counted_and_told(process, made, rows, monkeypatch):
    monkeypatch.setattr(records, "MOST", 10)
    here = process()
    with capture_logs() as logs:
        for place in range(25):
            here.note(made(f"d{place}", "completed" if place % 2 else "silent"))
        here.note(made("d0", turns=2))  # has its room
        await written(here)

    assert (15, 10) == (here.lost, len(await rows()))
    assert [("records_lost", 15)] == [(each["event"], each["count"]) for each in logs]


async def test_while_the_database_is_away_they_wait(made, rows, database, database_url, keys, clock, eventually):
    hurried = Database(database_url, keys, StorageSettings(lock_within_s=0.3))
    here = Records(hurried, clock.monotonic, IDLE_S)
    with capture_logs() as logs:
        async with database.engine.connect() as other:
            hold = "BEGIN IMMEDIATE" if database.sqlite else "LOCK TABLE dialogue_record IN ACCESS EXCLUSIVE MODE"
            await other.exec_driver_sql(hold)
            running = asyncio.create_task(here.run())
            here.note(made("d", "completed"))

            async def complained():
                return [each for each in logs if each["event"] == "records_not_written"]

            assert 1 == (await eventually(complained))[0]["waiting"]
            await other.rollback()
        await eventually(rows)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await hurried.stop()
    assert (0, ["d"]) == (here.lost, [row.dialogue for row in await rows()])


# --- whole dialogues of the demo, over the wire


async def recorded(d, eventually, count):
    async def there():
        found = await d.rows("dialogue_record")
        return sorted(found, key=lambda row: (row.turns, row.screens)) if len(found) >= count else None

    return await eventually(there)


async def test_dialogues_leave_the_rows_they_should(desk, clock, eventually, keys, shipped_menu):
    async with desk() as d:

        async def said(session, kind, **more):
            body = {"type": kind, "session": session, "msisdn": "+989161234567", **more}
            async with d.http.post(f"{d.url}/ussd/json", json=body) as response:
                assert 200 == response.status

        await said("s1", "begin", code="*4*061#")  # to the end of what she wanted, then away
        await said("s1", "input", text="1")
        clock.advance(30)
        await said("s1", "input", text="12345")
        clock.advance(10)
        await said("s1", "end")
        await said("s2", "begin", code="*4*061*99999#")  # not found; the line is silent
        await d.sms("12345")
        assert {"left", "completed"} == {row.outcome for row in await recorded(d, eventually, 2)}
        clock.advance(180)
        second, by_sms, first = await recorded(d, eventually, 3)

        assert ("left", "user_abort", 3, "main ask_letter_number letter_status", "letters:found") == (
            first.outcome, first.why, first.turns, first.screens, first.asked,
        )  # fmt: skip
        assert timedelta(seconds=40) == first.ended_at - first.began_at
        assert ("fa", shipped_menu.version, "json", keys.tag("+989161234567")) == (
            first.language, first.menu, first.channel, first.msisdn_tag,
        )  # fmt: skip
        assert ("silent", "", 1, "letter_missing", "letters:missing", first.ended_at) == (
            second.outcome, second.why, second.turns, second.screens, second.asked, second.ended_at,
        )  # fmt: skip
        assert ("completed", "kannel", "sms:1", "letter_status", "letters:found") == (
            by_sms.outcome, by_sms.channel, by_sms.dialogue, by_sms.screens, by_sms.asked,
        )  # fmt: skip


async def test_a_question_by_sms_is_one_dialogue_whoever_goes_on_with_it(desk, clock, eventually):
    async with desk() as d:
        await d.sms("22010")

        async def answered():
            return [row for row in await d.rows("message_in") if row.state == "done"]

        await eventually(answered)
    async with desk() as d:  # another process has the rest of it
        await d.sms("1", message_id="m-2")

        async def both():
            return len(await answered_in(d)) == 2

        async def answered_in(d):
            return [row for row in await d.rows("message_in") if row.state == "done"]

        await eventually(both)
    async with desk() as d:
        (row,) = await d.rows("dialogue_record")

    assert ("sms:1", 2, "which_letter letter_status", "letters:several") == (
        row.dialogue, row.turns, row.screens, row.asked,
    )  # fmt: skip


async def test_where_citizens_give_up_can_be_read_from_them(desk, clock, eventually):
    (query,) = re.findall(r"```sql\n(.*?)```", OPERATORS, re.S)
    async with desk() as d:

        async def dials(session, *inputs, away=True):
            chain = []
            for each in inputs:
                chain += [each] if each else []
                await d.ussd("*".join(chain), session_id=session, msisdn=f"+9891612345{session}")
            if away:
                form = {"sessionId": session, "phoneNumber": f"+9891612345{session}", "status": "Incomplete"}
                async with d.http.post(f"{d.url}/ussd/africastalking/end", data=form) as response:
                    assert 200 == response.status

        await dials("01", "", "1")  # where the number is to be typed
        await dials("02", "", "1")
        await dials("03", "")
        await dials("04", "", "1", "12345")  # has read what she wanted
        await dials("05", "", "1", "99999", away=False)
        clock.advance(200)
        await recorded(d, eventually, 5)
        async with d.database.reading() as connection:
            found = (await connection.exec_driver_sql(query)).all()

    assert [("ask_letter_number", 2), ("letter_missing", 1), ("main", 1)] == [tuple(row) for row in found]
