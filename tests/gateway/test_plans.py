"""Whatever is asked each second is found by an index, in its order, also among millions of rows: the databases' own plans
of the statements as they go out."""

import asyncio
import re
from datetime import timedelta

import sqlalchemy as sa

from gateway.channels.contract import DeliveryReceipt
from gateway.settings import RetentionSettings
from gateway.sms.receipts import Receipts
from gateway.storage import purge
from gateway.storage.purge import Purge
from tests.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES

CALLER = "+989161234567"
MANY = 4000
"""Rows of each table, nearly all of them done: enough for both planners to prefer an index where there is one."""


async def fill(desk):
    """Rows that are over, of other phones, and some that are open."""
    tables, now, tag = desk.database.tables, desk.clock.now(), lambda number: f"{number:032}"
    old = now - timedelta(days=1)
    base = [
        {"channel": "kannel", "msisdn": "+989", "msisdn_tag": tag(number), "tries": 1} for number in range(MANY)
    ]  # fmt: skip
    open_one = [number % 400 == 0 for number in range(MANY)]
    asks = {"created_at": old, "due_at": old, "expires_at": now + timedelta(days=1)}
    rows = {
        tables.message_in: [
            {**row, "provider_id": f"old {number}", "short_code": "4040", "text": "1", "received_at": old, "due_at": old,
             "state": "done", "text_tag": tag(number)}
            for number, row in enumerate(base)
        ],
        tables.message_out: [
            {**row, **asks, "cause": f"old:{number}", "text": "1", "doubts": 0, "state": "sent", "sent_at": old,
             "provider_id": f"p-{number}", "fate": None if open_one[number] else "delivered"}
            for number, row in enumerate(base)
        ],
        tables.follow_up: [
            {**row, **asks, "cause": f"old:{number}", "question_tag": tag(number), "dialogue": b"", "state": "expired"}
            for number, row in enumerate(base)
        ],
        tables.follow: [
            {**row, **asks, "follow_tag": tag(number), "case_tag": tag(number), "number_tag": tag(number),
             "asked_tag": tag(number), "route": "letters", "dialogue": b"", "seen": "", "notices": 0, "due_at": now +
             timedelta(days=1), "state": "following" if number % 2 else "stopped"}
            for number, row in enumerate(base)
        ],
        tables.receipt: [
            {"channel": "kannel", "provider_id": f"p-{number}", "msisdn_tag": tag(number) if number % 2 else "",
             "fate": "delivered", "reason": "", "received_at": old}
            for number in range(MANY)
        ],
        tables.conversation: [
            {"channel": "kannel", "msisdn_tag": tag(number), "dialogue": b"", "held": b"", "expires_at": old}
            for number in range(MANY)
        ],
        tables.message_part: [
            {"channel": "kannel", "msisdn": "+989", "msisdn_tag": tag(number), "short_code": "4040", "message_key": "k",
             "number": 1, "data_coding": 8, "octets": b"", "received_at": now, "state": "done"}
            for number in range(MANY)
        ],
        tables.phone: [
            {"msisdn_tag": tag(number), "language": "fa", "changed_at": old} for number in range(MANY)
        ],
    }  # fmt: skip
    async with desk.database.writing() as connection:
        for table, each in rows.items():
            await connection.execute(table.insert(), each)
        if not desk.database.sqlite:  # PostgreSQL counts its rows by itself, SQLite never does
            await connection.execute(sa.text("ANALYZE"))


async def plans(database, asked):
    """Each statement to its plan: SQLite's in its own lines, PostgreSQL's as nodes `Seq Scan message_out`."""
    found = {}
    engine = database.engine
    async with engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        for statement, parameters in asked.items():
            if database.sqlite:
                if statement.startswith("INSERT"):
                    continue
                cursor = await raw.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                found[statement] = [row[3] for row in await cursor.fetchall()]
            else:
                if statement.startswith("INSERT"):
                    continue
                (plan,) = await raw.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *parameters)
                found[statement] = list(nodes(plan["Plan"]))
    return found


def nodes(plan):
    yield f"{plan['Node Type']} {plan.get('Relation Name', '')}"
    for each in plan.get("Plans", ()):
        yield from nodes(each)


BIG = "message_in|message_out|receipt|follow|follow_up|conversation|phone|message_part"
SLOW = {
    "sqlite": re.compile(
        r"SCAN (?!\w+ USING (COVERING )?INDEX ix_\w+_open\b|(\d+ )?CONSTANT|\(subquery)"
        r"|SEARCH \w+ USING (COVERING )?INDEX (?!ix_\w+_open)\w+ \((channel|state)=\?\)$"
    ),
    "postgresql": re.compile(rf"Seq Scan ({BIG})$"),
}
"""Nothing is scanned but what is open, and nothing searched by what most rows have alike."""


async def looking_through_all_rows(database, asked):
    """The statements that do, with their plans, for a person to read; and how many did not."""
    found = {
        statement: plan
        for statement, plan in (await plans(database, dict(asked))).items()
        if re.search(rf"\b({BIG})\b", statement) and "WHERE" in statement  # tests themselves look at whole tables
    }
    slow = SLOW[database.engine.dialect.name]
    bad = [each for each, plan in found.items() if any(slow.search(node) for node in plan)]
    return "\n\n".join(f"{each}\n  {found[each]}" for each in bad), found.keys() - set(bad)


async def test_nothing_looks_through_all_rows(desk, asked, eventually, clock, keys, monkeypatch):
    monkeypatch.setattr(purge, "BATCH", 20)  # of so few rows a thousand are most, and read at once
    monkeypatch.setattr(purge, "PAUSE_S", 0)
    async with desk() as d:
        await fill(d)
        asked.clear()  # what a start does, it does once
        await d.ussd("12345", session_id="one", code="*4*061*12345#")
        await d.ussd("31415", session_id="two", code="*4*061*31415#")
        await d.sms("12345")
        await d.sms("99999", message_id="m-2", sender="+989160000001")
        await d.sms("0", message_id="m-3")

        async def sent():
            return len([row for row in await d.rows("message_out") if row.state == "sent" and row.id > MANY]) >= 3

        await eventually(sent)
        receipts = Receipts(d.database, keys, clock)
        await receipts.receive("kannel", DeliveryReceipt("p-7", "", "delivered", ""))
        await receipts.receive("kannel", DeliveryReceipt("p-8", CALLER, "delivered", ""))
        await receipts.awaited("kannel", 100)
        await asyncio.sleep(1.5)  # the workers have looked once more
        await Purge(d.database, clock, RetentionSettings(texts_days=0.5)).once()
        bad, good = await looking_through_all_rows(d.database, asked)
    assert not bad, bad
    for table in ("message_in", "message_out", "receipt", "follow", "follow_up", "conversation", "phone"):
        assert any(re.search(rf"\b{table}\b", each) for each in good), table
    assert len([each for each in good if "leased_until" in each]) > 8, "the claims of the workers"
