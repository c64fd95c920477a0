"""Texts that RestComm shows on phones that are in no call: a caller was promised her answer, and what became of it."""

import asyncio
import shutil
from contextlib import asynccontextmanager

import aiohttp
import pytest
from structlog.testing import capture_logs

from gateway.channels.contract import NotAccepted
from gateway.channels.dialects.restcomm import RestComm as Dialect
from gateway.channels.outgoing import SHOWN_AT_ONCE, Notices
from gateway.settings import SmsSettings
from gateway.settings_channels import PushSettings
from simulators.aggregator import Call, Response
from simulators.aggregators.restcomm import RestComm as Session
from simulators.demo import HOME
from simulators.phones import Phones
from simulators.restcomm import RestComm

CALLER = "+989161234567"
PUSH = '\npush: notify\npush_to: {url: "${RESTCOMM_URL}"}\nanswer_within_s: 8\nreserve_s: 7.8\n'


@pytest.fixture
def promised(desk, tmp_path, aiohttp_server, eventually):
    """`async with promised() as (d, restcomm, phones)`: her answer came too late for the call, and has been sent."""

    @asynccontextmanager
    async def entered(notices="shown", *, number="12345", push=PUSH, send_within_s=3, loses_ends=False, away=False):
        config = shutil.copytree(HOME / "config", tmp_path / "config")
        with (config / "channels/restcomm.yaml").open("a", encoding="utf-8") as file:
            file.write(push)
        phones = Phones()
        restcomm = RestComm(phones)
        restcomm.notices, restcomm.loses_ends = notices, loses_ends
        server = await aiohttp_server(restcomm.application())
        url = "http://127.0.0.1:9/restcomm" if away else str(server.make_url("/restcomm"))
        hurried = SmsSettings(send_within_s=send_within_s)
        async with desk(config=config, office_s=0.5, environ={"RESTCOMM_URL": url}, sms=hurried) as d:
            await Call(Session(CALLER, "s1", "*4*061#"), "*4*061#", carried(d)).dial(f"*4*061*{number}#")

            async def sent():
                return [row for row in await d.rows("message_out") if row.state == "sent"]

            await eventually(sent)
            yield d, restcomm, phones

    return entered


def carried(d):
    async def carry(request):
        url = f"{d.url}/ussd/restcomm"
        async with d.http.request(request.method, url, data=request.body, headers=request.headers) as response:
            return Response(response.status, {}, await response.text())

    return carry


async def test_a_promised_answer_is_shown_and_no_sms_follows(promised, eventually):
    async with promised() as (d, restcomm, phones):
        (row,) = await d.rows("message_out")
        (shown,) = phones.messages

        assert (CALLER, row.push_text) == (shown.to, shown.text)
        assert shown.text.startswith("رصد: نامه 12345 در حال بررسی")
        assert ("sent", "delivered", "restcomm", 1, 0) == (row.state, row.fate, row.channel, row.tries, row.doubts)
        assert [] == d.phones.messages

        async def ended():
            return not restcomm.open

        await eventually(ended)  # else her phone could not dial
        assert [CALLER] == restcomm.pushed


@pytest.mark.parametrize(
    ("notices", "doubts", "reason"),
    [
        ("busy", 0, "error 72"),
        ("rejected", 0, "rejected"),
        ("aborted", 0, "mapUserAbortChoice isProcedureCancellationReason_associatedProcedureFailure"),
        ("refused", 0, "mapRefuseReason NoReasonGiven"),
        ("unseen", 1, "invokeTimedOut 0"),
        ("empty", 1, "no dialog in the answer"),
        ("silent", 1, "no answer within 3 s"),
    ],
)
async def test_what_the_phone_does_not_show_goes_as_an_sms(promised, notices, doubts, reason):
    with capture_logs() as logs:
        async with promised(notices) as (d, restcomm, phones):
            (row,) = await d.rows("message_out")

            assert [(CALLER, row.text)] == [(each.to, each.text) for each in d.phones.messages]
            assert ("sent", "kannel", 2, doubts) == (row.state, row.channel, row.tries, row.doubts)
            assert ([CALLER], []) == (restcomm.pushed, phones.messages)
    assert [reason] == [each["reason"] for each in logs if each["event"] == "ussd_not_shown"]


async def test_a_gateway_that_is_away_leaves_an_sms_without_a_doubt(promised):
    async with promised(away=True) as (d, restcomm, _):
        (row,) = await d.rows("message_out")

        assert ("sent", "kannel", 2, 0) == (row.state, row.channel, row.tries, row.doubts)
        assert ([], 1) == (restcomm.pushed, len(d.phones.messages))


async def test_what_was_shown_stays_shown_though_its_dialogue_is_not_ended(promised, eventually):
    with capture_logs() as logs:
        async with promised(loses_ends=True) as (d, _, phones):

            async def told():
                return [each["why"] for each in logs if each["event"] == "notice_not_ended"]

            assert ["HTTP 503"] == await eventually(told)
            (row,) = await d.rows("message_out")
            assert ("sent", "restcomm", 1, 1, []) == (
                row.state, row.channel, row.tries, len(phones.messages), d.phones.messages,
            )  # fmt: skip


@pytest.mark.parametrize(
    ("push", "number"),
    [
        (PUSH, "22010"),  # she is asked which one, and may answer by SMS
        (PUSH + "page: {max_septets: 160, max_units: 60}\n", "12345"),
        (PUSH.replace("push: notify", "push: none"), "12345"),
    ],
    ids=["a question", "more than a page", "not agreed"],
)
async def test_what_is_no_notice_of_one_page_is_an_sms_at_once(promised, push, number):
    async with promised(push=push, number=number) as (d, restcomm, _):
        (row,) = await d.rows("message_out")

        assert ([], None, 1) == (restcomm.pushed, row.push_text, row.tries)
        assert [row.text] == [each.text for each in d.phones.messages]


async def test_a_gateway_that_is_silent_keeps_a_few_texts_and_no_more(aiohttp_server, eventually):
    restcomm = RestComm(Phones())
    restcomm.notices = "silent"
    url = str((await aiohttp_server(restcomm.application())).make_url("/restcomm"))
    async with aiohttp.ClientSession() as http:
        notices = Notices(http, Dialect(), PushSettings(url=url), 10)
        waiting = [asyncio.create_task(notices.send(f"+98916000{n:04}", "1", str(n))) for n in range(SHOWN_AT_ONCE)]

        async def all_there():
            return len(restcomm.pushed) == SHOWN_AT_ONCE

        await eventually(all_there)
        assert isinstance(await notices.send(CALLER, "1", "99"), NotAccepted)
        given_up = waiting.pop()
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        waiting.append(asyncio.create_task(notices.send(CALLER, "1", "99")))

        async def asked():
            return CALLER in restcomm.pushed

        await eventually(asked)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
