"""Whose session ended, by both sides' ids of it."""

import pytest
from structlog.testing import capture_logs

from gateway.channels.callers import Callers
from simulators.aggregator import Response
from simulators.aggregators.restcomm import RestComm


def test_the_caller_who_had_these_ids_last():
    callers = Callers(180)
    callers.heard("restcomm", "12/13", "+989161234567", 0)
    callers.heard("restcomm", "12/14", "+989160000001", 1)

    assert "+989161234567" == callers.of("restcomm", "12/13", 2)
    assert "" == callers.of("restcomm", "12/15", 2)
    assert "" == callers.of("another", "12/13", 2)
    callers.heard("restcomm", "12/13", "+989160000002", 3)  # a begin: the dialogue that had them is over
    assert "+989160000002" == callers.of("restcomm", "12/13", 4)


def test_only_as_long_as_a_session_may_say_nothing():
    callers = Callers(180)
    callers.heard("restcomm", "1/1", "+989161234567", 0)
    callers.heard("restcomm", "2/2", "+989160000001", 100)

    assert "" == callers.of("restcomm", "1/1", 180)
    callers.heard("restcomm", "1/1", "+989161234567", 170)
    callers.heard("restcomm", "3/3", "+989160000002", 300)
    assert {("restcomm", "1/1"), ("restcomm", "3/3")} == set(callers._found)


@pytest.mark.parametrize(("remote_id", "known"), [("13", True), ("14", False)])
async def test_an_end_that_gives_nothing_back_is_that_sessions_by_both_ids(desk, remote_id, known):
    session = RestComm("+989161234567", "s1", "*4*061#")
    async with desk() as d:

        async def says(request, change=("", "")):
            body = request.body.decode().replace(*change)
            async with d.http.post(f"{d.url}/ussd/restcomm", data=body.encode(), headers=request.headers) as response:
                assert 200 == response.status
                return Response(200, {}, await response.text())

        with capture_logs() as logs:
            shown = session.shown(await says(session.dialled("12345")))
            assert shown.text.startswith("نامه 12345")
            session._given = ""
            await says(session.hung_up(), ('remoteId="13"', f'remoteId="{remote_id}"'))

    assert [known] == [each["known"] for each in logs if each["event"] == "session_ended"]
