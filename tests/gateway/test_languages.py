"""The language a phone chose, on either wire."""

import asyncio

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from gateway.storage import kept, languages
from gateway.storage.kept import KeptAnswers
from gateway.storage.languages import Languages
from tests.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES

CALLER = "+989161234567"


async def choose_english(d, session_id="s1", msisdn=CALLER):
    chain = ""
    for typed in ("4", "3"):
        await d.ussd(chain, session_id=session_id, msisdn=msisdn)
        chain = f"{chain}*{typed}".strip("*")
    return (await d.ussd(chain, session_id=session_id, msisdn=msisdn))[1]


async def test_the_next_dial_and_the_next_sms_are_in_the_language_she_chose(desk, eventually):
    async with desk() as d:
        assert (await choose_english(d)).startswith("CON Rasad Khuzestan")

        assert (await d.ussd("12345", session_id="s2"))[1].startswith("CON Letter 12345")
        await d.sms("12345")

        async def answered():
            return d.phones.received(CALLER)

        assert (await eventually(answered))[0].text.startswith("Rasad: letter 12345")


async def test_it_survives_a_restart_and_is_hers_alone(desk):
    async with desk() as d:
        await choose_english(d)
    async with desk() as d:
        assert (await d.ussd(session_id="s3"))[1].startswith("CON Rasad Khuzestan")
        assert (await d.ussd(session_id="s3", msisdn="+989167654321"))[1].startswith("CON رصد")


async def test_she_may_choose_again(desk):
    async with desk() as d:
        await choose_english(d)
        for chain in ("", "4", "4*1"):
            _, body = await d.ussd(chain, session_id="s4")
        assert body.startswith("CON رصد")
        assert (await d.ussd(session_id="s5"))[1].startswith("CON رصد")


async def test_a_keyword_in_another_language_counts_for_its_answer(desk, eventually):
    async with desk() as d:
        await choose_english(d)
        await d.sms("نامه 12345", message_id="m-1", coding="0")

        async def answered():
            return d.phones.received(CALLER)

        assert (await eventually(answered))[0].text.startswith("رصد: نامه 12345")


async def test_a_database_that_does_not_answer_costs_the_language_and_nothing_else(desk, monkeypatch):
    async with desk() as d:
        await choose_english(d)
        monkeypatch.setattr("gateway.storage.database.Database.reading", lambda self: _Broken())

        assert (await d.ussd(session_id="s6"))[1].startswith("CON رصد")


class _Broken:
    async def __aenter__(self):
        raise OperationalError("SELECT", {}, Exception("locked"))

    async def __aexit__(self, *_):
        return None


@pytest.mark.parametrize(
    ("module", "look", "event"),
    [
        (languages, lambda database, keys, clock: Languages(database, clock).of("tag"), "language_late"),
        (kept, lambda database, keys, clock: KeptAnswers(database, keys, clock).unseen("tag"), "kept_answer_late"),
    ],
    ids=["language", "kept answer"],
)
async def test_what_is_late_costs_a_line_and_no_traceback(database, keys, clock, monkeypatch, module, look, event):
    # Rendering a traceback takes milliseconds: under load they were what made everybody late.
    monkeypatch.setattr(module, "LOOK_WITHIN_S", 0.0)
    with capture_logs() as logs:
        assert None is await look(database, keys, clock)
        # A connection that was given up while it was made: SQLite's thread says so to a loop that must still be there.
        await asyncio.sleep(0.3)

    assert [{"event": event, "log_level": "warning"}] == logs
