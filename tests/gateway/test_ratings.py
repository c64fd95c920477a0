"""What a citizen thinks of how her letter was handled: one row of a phone on a case, from which neither can be read."""

import pytest
from sqlalchemy.exc import OperationalError

from tests.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES

CALLER = "+989161234567"
THANKS = "END نظر شما ثبت شد. سپاس"


async def rate(d, score, session_id, number="110718", msisdn=CALLER):
    for chain in (number, f"{number}*2"):
        await d.ussd(chain, session_id=session_id, msisdn=msisdn)
    return (await d.ussd(f"{number}*2*{score}", session_id=session_id, msisdn=msisdn))[1]


async def test_an_opinion_is_kept_with_its_office_and_without_its_author(desk):
    async with desk() as d:
        assert THANKS == await rate(d, "۴", "s1")

        (row,) = await d.rows("rating")
        assert ("letter", "استانداری", "answered", 4) == (row.kind, row.organisation, row.state, row.score)
        assert not {"110718", CALLER, CALLER[3:]} & {str(value) for value in row}


async def test_a_second_opinion_of_a_phone_on_a_case_replaces_the_first(desk):
    async with desk() as d:
        for place, (score, number, msisdn) in enumerate(
            [("1", "110718", CALLER), ("5", "110718", CALLER), ("2", "12346", CALLER), ("3", "110718", "+989167654321")]
        ):
            assert THANKS == await rate(d, score, f"s{place}", number, msisdn)

        assert [2, 3, 5] == sorted(row.score for row in await d.rows("rating"))


async def test_a_repeated_request_leaves_one_opinion(desk):
    async with desk() as d:
        await rate(d, "4", "s1")
        assert THANKS == (await d.ussd("110718*2*4", session_id="s1"))[1]

        assert 1 == len(await d.rows("rating"))


@pytest.mark.parametrize("typed", ["6", "0", "45", "x", "خوب"])
async def test_anything_but_one_to_five_is_no_opinion(desk, typed):
    async with desk() as d:
        assert THANKS != await rate(d, typed, "s1")

        assert [] == await d.rows("rating")


async def test_when_it_cannot_be_stored_she_reads_so(desk, monkeypatch):
    from gateway.storage.database import Database

    def broken(self):
        raise OperationalError("INSERT", None, Exception("disk full"))

    async with desk() as d:
        with monkeypatch.context() as patched:
            patched.setattr(Database, "writing", broken)
            assert "END الان ثبت نشد." == (await rate(d, "4", "s1"))[: len("END الان ثبت نشد.")]
