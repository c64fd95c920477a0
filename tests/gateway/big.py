"""`make big`: what each statement of a working gateway takes among ten million messages, into docs/size.md. It takes many
minutes and gigabytes, so it is no test of the suite; tests/gateway/test_plans.py says the same of the plans."""

import asyncio
import os
import re
import statistics
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from gateway.channels.contract import DeliveryReceipt
from gateway.clock import SystemClock
from gateway.settings import RetentionSettings
from gateway.sms.receipts import Receipts
from gateway.storage.columns import UtcTime
from gateway.storage.database import Database
from gateway.storage.purge import Purge
from simulators.demo import HOME
from tests.conftest import BOTH_DATABASES
from tests.gateway.conftest import PATIENT
from tests.revision import revision

ROWS = int(os.environ.get("ROWS", "10000000"))
BATCH = 100_000
DIALOGUES = 200
DOCUMENT = HOME / "docs" / "size.md"
TABLES = ("message_in", "message_out", "receipt", "follow_up", "follow", "conversation", "phone", "lease", "pace")

pytestmark = [BOTH_DATABASES, pytest.mark.timeout(4 * 3600)]

TAG = "substr('00000000000000000000000000000000' || {0}, length(CAST({0} AS VARCHAR)) + 1, 32)".format(
    "CAST((i * 48271) % 2147483647 AS VARCHAR)"
)
"""Of a phone: scattered, as tags are."""

FILL = {
    "message_in": """INSERT INTO message_in (channel, provider_id, msisdn, msisdn_tag, short_code, text, received_at, due_at,
        state, tries, outcome, done_at, text_tag)
        SELECT 'kannel', 'old-' || CAST(i AS VARCHAR), :msisdn, TAG, '4040', :text, :at, :at, 'done', 1, 'letter_status',
        :at, TAG FROM n""",
    "message_out": """INSERT INTO message_out (cause, channel, msisdn, msisdn_tag, text, created_at, due_at, expires_at,
        state, tries, doubts, provider_id, sent_at, fate)
        SELECT 'old:' || CAST(i AS VARCHAR), 'kannel', :msisdn, TAG, :text, :at, :at, :at, 'sent', 1, 0,
        'p-' || CAST(i AS VARCHAR), :at, CASE WHEN i % 50 = 0 THEN NULL ELSE 'delivered' END FROM n""",
    "receipt": """INSERT INTO receipt (channel, provider_id, msisdn_tag, fate, reason, received_at)
        SELECT 'kannel', 'p-' || CAST(i AS VARCHAR), CASE WHEN i % 2 = 0 THEN '' ELSE TAG END, 'delivered', '', :at
        FROM n WHERE i % 10 = 0""",
    "follow_up": """INSERT INTO follow_up (cause, channel, msisdn, msisdn_tag, question_tag, dialogue, created_at, due_at,
        expires_at, state, tries)
        SELECT 'old:' || CAST(i AS VARCHAR), 'kannel', :msisdn, TAG, TAG, :text, :at, :at, :at, 'expired', 1
        FROM n WHERE i % 10 = 0""",
    "follow": """INSERT INTO follow (follow_tag, case_tag, number_tag, asked_tag, channel, msisdn, msisdn_tag, route,
        dialogue, seen, notices, created_at, due_at, expires_at, state)
        SELECT CAST(i AS VARCHAR), TAG, TAG, TAG, 'kannel', :msisdn, TAG, 'letters', :text, '', 0, :at, :later,
        :later, CASE WHEN i % 20 = 0 THEN 'ended' ELSE 'following' END FROM n WHERE i % 10 = 0""",
    "phone": "INSERT INTO phone (msisdn_tag, language, changed_at) SELECT TAG, 'ar', :at FROM n WHERE i % 10 = 0",
}  # fmt: skip

SERIES = "WITH RECURSIVE n(i) AS (SELECT CAST(:first AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < :last) "


async def fill(url, keys, now):
    database = Database(url, keys, PATIENT.model_copy(update={"statement_within_s": 3600}))
    await database.start()
    began = time.monotonic()
    sealed = {"msisdn": keys.seal(b"+989161234567", "x"), "text": keys.seal("نامه 12345 ".encode() * 6, "x")}
    later = now + timedelta(days=10)
    for first in range(1, ROWS + 1, BATCH):
        at = now - timedelta(days=29) * (1 - first / ROWS)
        values = {**sealed, "at": at, "later": later, "first": first, "last": min(first + BATCH - 1, ROWS)}
        async with database.writing() as connection:
            for table, filling in FILL.items():
                statement = filling.replace("TAG", TAG)
                head, _, query = statement.partition("SELECT")
                series = f"{head} {SERIES} SELECT{query}" if not database.sqlite else f"{SERIES}{statement}"
                used = {name: value for name, value in values.items() if f":{name}" in series}
                times = [sa.bindparam(name, type_=UtcTime) for name in ("at", "later") if name in used]
                if table == "phone":
                    series += " ON CONFLICT DO NOTHING"
                await connection.execute(sa.text(series).bindparams(*times), used)
    if not database.sqlite:  # PostgreSQL counts its rows by itself, SQLite never does
        async with database.writing() as connection:
            await connection.execute(sa.text("ANALYZE"))
    await database.stop()
    return time.monotonic() - began


@pytest.fixture(scope="module")
def results():
    found = {}
    yield found
    if len(found) == 2:
        write(found)


async def test_ten_million_messages(desk, database_url, keys, clock, eventually, results):
    filled_s = await fill(database_url, keys, clock.now())
    took = {}

    def before(connection, cursor, statement, parameters, context, many):
        context.began = time.perf_counter()

    def after(connection, cursor, statement, parameters, context, many):
        if not hasattr(context, "began"):
            return  # it began before we looked
        took.setdefault(re.sub(r"\s+", " ", statement), []).append((time.perf_counter() - context.began) * 1000)

    async with desk() as d:
        sa.event.listen(sa.Engine, "before_cursor_execute", before)
        sa.event.listen(sa.Engine, "after_cursor_execute", after)
        receipts = Receipts(d.database, keys, clock)
        for number in range(DIALOGUES):
            phone = f"+98916{number:07}"
            assert 200 == (await d.ussd("12345", session_id=f"s{number}", msisdn=phone))[0]
            assert 200 == (await d.sms("12345", message_id=f"m-{number}", sender=phone))[0]
            await receipts.receive("kannel", DeliveryReceipt(f"p-{number * 50 + 50}", "", "delivered", ""))
            await receipts.receive("kannel", DeliveryReceipt(f"x-{number}", phone, "delivered", ""))
        await receipts.awaited("kannel", 100)

        async def answered():
            table = d.database.tables.message_out
            async with d.database.reading() as connection:
                new = sa.select(sa.func.count()).where(table.c.id > ROWS, table.c.state == "sent")
                return (await connection.execute(new)).scalar() >= DIALOGUES

        await eventually(answered, 600)
        await asyncio.sleep(2)
        clock.advance(2 * 86_400)
        began = time.monotonic()
        gone = await Purge(d.database, clock, RetentionSettings()).once()
        purged_s = time.monotonic() - began
        sa.event.remove(sa.Engine, "before_cursor_execute", before)
        sa.event.remove(sa.Engine, "after_cursor_execute", after)
    results[d.database.engine.dialect.name] = (filled_s, took, gone, purged_s)


def write(results):
    told = (
        f"Written by `make big` on {revision(HOME)}, {SystemClock().today().isoformat()}; nothing here is by hand."
        f" {ROWS:,} messages in and as many out, a tenth as many receipts, promises and followed cases; {DIALOGUES} USSD"
        " dialogues, SMS with their answers and twice as many receipts among them. Milliseconds are the driver's way there"
        " and back, on a machine that may have had other work."
    )
    lines = ["# Size", "", told, ""]
    for name, (filled_s, took, gone, purged_s) in results.items():
        what = ", ".join(f"{count:,} {each}" for each, count in gone.items()) or "nothing"
        told = (
            f"Filled in {filled_s / 60:.0f} minutes. What a day made too old went in {purged_s:.0f} s, a pause after each"
            f" thousand included: {what}."
        )
        lines += [f"## {name}", "", told, "", "| statement | times | median, ms | slowest, ms |", "|---|---|---|---|"]
        of_size = {
            each: ms
            for each, ms in took.items()
            if re.search(rf"\b({'|'.join(TABLES)})\b", each) and "count(" not in each
        }
        for each, ms in sorted(of_size.items(), key=lambda item: -statistics.median(item[1])):
            shown = re.sub(r"^SELECT .*? FROM", "SELECT ... FROM", each.replace("|", "\\|"))
            shown = re.sub(r"\(VALUES .*?\)\)|IN \([?$][^)]*\)", "IN (...)", shown)
            shown = re.sub(r"(INSERT INTO \w+) .*", r"\1", re.sub(r" SET .*? WHERE", " SET ... WHERE", shown))
            lines.append(f"| `{shown[:180]}` | {len(ms)} | {statistics.median(ms):.2f} | {max(ms):.1f} |")
        lines.append("")
    DOCUMENT.write_text("\n".join(lines), encoding="utf-8")
