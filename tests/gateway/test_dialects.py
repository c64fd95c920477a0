"""A dialogue of five steps in Persian over each USSD dialect: a request that arrives twice in the middle, a caller who
is lost and dials again, and what was left of the old session."""

from datetime import timedelta

import pytest

from gateway.channels import listed
from simulators.aggregator import SESSIONS, Call
from simulators.desk_phone import carried


class Line:
    """One phone's calls over one channel; the network may deliver a request twice."""

    def __init__(self, desk, dialect, clock):
        self._carry, self._dialect, self._clock = carried(desk.http, f"{desk.url}/ussd/{dialect}"), dialect, clock
        self.twice = False
        self.answers = []
        self._calls = 0

    def call(self):
        self._calls += 1
        session = SESSIONS[self._dialect]("+989161234567", f"call-{self._calls}", "*4*061#")
        return Call(session, "*4*061#", self._carried)

    async def _carried(self, request):
        answer = await self._carry(request)
        self.answers = [answer]
        if self.twice:
            self.answers.append(await self._carry(request))
        self._clock.advance(1.5)
        return answer


def lines(shown):
    return shown.text.split("\n")


@pytest.mark.parametrize("dialect", sorted(listed.USSD))
async def test_five_steps_in_persian_with_a_repeat_and_a_drop(desk, clock, dialect):
    async with desk() as d:
        phone = Line(d, dialect, clock)
        call = phone.call()
        assert "رصد خوزستان" == lines(await call.dial("*4*061#"))[0]
        assert "شماره نامه را وارد کنید" == lines(await call.type("1"))[0]
        phone.twice = True
        mistaken = await call.type("نامه من")
        assert ["شماره خوانده نشد.", "فقط عدد و * بزنید"] == lines(mistaken)[:2]
        assert phone.answers[0].body == phone.answers[1].body
        phone.twice = False

        await call.hang_up()
        again = phone.call()
        assert "نیمه‌کاره ماند. ادامه می‌دهید؟" == lines(await again.dial("*4*061#"))[0]
        assert "شماره نامه را وارد کنید" == lines(await again.type("1"))[0]
        found = await again.type("۲۲۰*۱۳۹۶*۵۴۳۲۱")
        assert "نامه 220/1396/54321" == lines(found)[0]
        assert not found.over


@pytest.mark.parametrize("dialect", sorted(listed.USSD))
async def test_arguments_and_the_end(desk, clock, dialect):
    async with desk() as d:
        phone = Line(d, dialect, clock)
        status = await phone.call().dial("*4*061*12345#")
        assert ("نامه 12345", False) == (lines(status)[0], status.over)
        over = await phone.call().dial("*4*061*02*2001000344#")

        assert ("درخواست 2001000344", True) == (lines(over)[0], over.over)


@pytest.mark.parametrize("dialect", sorted(listed.USSD))
async def test_a_session_whose_end_nobody_tells_is_closed_by_timer(desk, clock, dialect):
    async with desk() as d:
        phone = Line(d, dialect, clock)
        call = phone.call()
        await call.dial("*4*061#")
        await call.type("1")
        clock.advance(timedelta(minutes=3).total_seconds())

        assert "رصد خوزستان" == lines(await phone.call().dial("*4*061#"))[0]
