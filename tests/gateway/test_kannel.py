"""Debian's Kannel between an SMSC and a whole gateway: set up as docs/channels.md says, nothing of it simulated."""

import shutil
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from simulators.demo import HOME
from simulators.smsc import Smsc
from tests import kannel
from tests.gateway.test_smpp import CALLER, TEXT, Phones

pytestmark = [pytest.mark.needs(kannel.BEARERBOX), pytest.mark.needs(kannel.SMSBOX)]


@pytest.fixture
def behind(desk, tmp_path):
    """`async with behind() as (smsc, phones, gateway)`: a Kannel at work; `async with gateway() as d` behind it."""

    @asynccontextmanager
    async def entered():
        phones, port = Phones(), kannel.free_port()
        smsc = Smsc("kannel", "demo", phones)
        config = shutil.copytree(HOME / "config", tmp_path / "config")
        (config / "channels" / "kannel.yaml").write_text(
            "carries: sms\ndialect: kannel\nauth: {secret_path: '${SECRET}'}\nsend: {url: '${KANNEL_URL}', "
            "username: rasad, password: '${KANNEL_PASSWORD}', sender: '4040', receipts_url: '${KANNEL_DLR}'}\n",
            encoding="utf-8",
        )
        async with smsc.listening() as smsc_port, kannel.running(tmp_path, smsc_port, port) as sendsms:
            dlr = f"http://127.0.0.1:{port}/dlr/kannel/{kannel.SECRET}"
            environ = {"KANNEL_URL": sendsms, "KANNEL_DLR": dlr, "SECRET": kannel.SECRET}
            yield smsc, phones, lambda: desk(config=config, environ=environ, port=port)

    return entered


async def queued(d, text):
    """A row as whoever decides an answer writes it."""
    now = d.clock.now()
    async with d.database.writing() as connection:
        await connection.execute(
            d.database.tables.message_out.insert().values(
                cause="test", channel="kannel", msisdn=CALLER, msisdn_tag=d.keys.tag(CALLER), text=text, created_at=now,
                due_at=now, expires_at=now + timedelta(hours=2), state="waiting", tries=0, doubts=0,
            )
        )  # fmt: skip


def with_fate(d, fate):
    async def found():
        return [row for row in await d.rows("message_out") if row.fate == fate]

    return found


async def test_an_sms_is_answered_in_one_persian_text_whose_delivery_is_reported(behind, eventually):
    async with behind() as (smsc, phones, gateway), gateway() as d:
        await smsc.text(CALLER, "4040", "۱۲۳۴۵")

        (row,) = await eventually(with_fate(d, "delivered"))
        assert [(CALLER, "4040", row.text)] == phones.messages
        assert row.text.startswith("رصد: نامه 12345 در حال بررسی")
        assert [(CALLER, "4040", "۱۲۳۴۵")] == [
            (each.msisdn, each.short_code, each.text) for each in await d.rows("message_in")
        ]

        async def taken_and_delivered():
            return {each.fate for each in await d.rows("receipt")} == {"pending", "delivered"}

        await eventually(taken_and_delivered)


@pytest.mark.parametrize("text", [TEXT, "Letter {12345} costs 5 €, £3 @ home? " * 9])
async def test_long_texts_go_and_come_as_one(behind, eventually, text):
    async with behind() as (smsc, phones, gateway), gateway() as d:
        await queued(d, text)
        await eventually(with_fate(d, "delivered"))
        assert [(CALLER, "4040", text)] == phones.messages

        await smsc.text(CALLER, "4040", text)

        async def arrived():
            return await d.rows("message_in")

        assert [text] == [row.text for row in await eventually(arrived)]


async def test_what_the_smsc_refuses_has_failed(behind, eventually):
    async with behind() as (smsc, phones, gateway), gateway() as d:
        smsc.mode = "refuse"
        await queued(d, "Letter 1")

        await eventually(with_fate(d, "failed"))
        assert [] == phones.messages


async def test_an_sms_that_comes_while_we_are_down_is_answered_once_when_we_are_back(behind, eventually, tmp_path):
    async def tried():
        return "Couldn't fetch" in (tmp_path / "kannel.log").read_text(encoding="utf-8", errors="replace")

    async with behind() as (smsc, phones, gateway):
        await smsc.text(CALLER, "4040", "12345")
        await eventually(tried)
        async with gateway() as d:
            await eventually(with_fate(d, "delivered"))

        assert 1 == len(phones.of(CALLER))
