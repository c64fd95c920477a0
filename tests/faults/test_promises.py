"""What was promised by SMS, at size and by the test's clock: answers that follow, and notices of changes.

The clock stands until the workers have nothing left to do at its moment; so what is counted does not hang on how fast this machine is.
"""

import asyncio
import bisect
import shutil
from collections import Counter
from datetime import timedelta

import pytest
from aiohttp import web

from gateway import answers
from gateway.sms import worker
from gateway.storage import kept, languages
from simulators.demo import HOME
from simulators.kannel import Kannel
from simulators.offices import secretariat
from simulators.offices.data import Letter
from simulators.offices.faults import Front
from tests.experiments import counted

MINUTE = 60


@pytest.fixture(autouse=True)
def at_rest(monkeypatch):
    """`await at_rest()`: each worker has looked twice in a row and found nothing to do at this moment of the clock."""
    run, take, idle = worker.Worker.run, worker.Worker._take, {}

    async def running(self):
        idle[self] = 0
        try:
            await run(self)
        finally:
            del idle[self]

    async def taking(self):
        await take(self)
        idle[self] = 0 if self._busy else idle[self] + 1

    # A machine that is busy keeps nobody from being promised something: that is tried elsewhere.
    monkeypatch.setattr(answers, "SERVICE_WITHIN_S", 60)
    for each in (kept, languages):
        monkeypatch.setattr(each, "LOOK_WITHIN_S", 60)
    monkeypatch.setattr(worker.Worker, "run", running)
    monkeypatch.setattr(worker.Worker, "_take", taking)

    async def rested():
        idle.update(dict.fromkeys(idle, 0))
        while waiting := [each for each, looks in idle.items() if looks < 2]:
            for each in waiting:
                each.wake()
            await asyncio.sleep(0.002)

    return rested


def phone(count):
    return f"+98916{count:07}"


def number(count):
    return str(60_000 + count)


def letter(count, today, *, state="در حال بررسی", desks=("دبیرخانه", "دفتر حقوقی"), days_ago=3):
    day = today - timedelta(days=days_ago)
    return Letter(number(count), state, tuple((desk, day) for desk in desks), day)


async def dialled(d, count, inputs="", code="*4*061#", session="s"):
    status, text = await d.ussd(inputs, code=code, session_id=f"{session}{count}", msisdn=phone(count))
    assert 200 == status
    return text


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F26", "whoever was promised an answer while an office was down reads exactly one, also after a restart"
)
async def test_an_office_that_is_down_for_ten_minutes(desk, clock, at_rest, figure):
    total, down_s, step_s = counted(500), 10 * MINUTE, 10
    front = Front("secretariat", secretariat.application(letter(each, clock.today()) for each in range(total)))
    phones = Kannel("rasad", "demo")

    def told():
        return Counter(each.to for each in phones.messages)

    def entered():
        return desk(environ={"SECRETARIAT_URL": front.url}, phones=phones)

    async def promised(d, count):
        code = f"*4*061*{number(count)}#"
        assert "سامانه اداره فعلا قطع است" in await dialled(d, count, code=code)
        assert "نتیجه پیامک می‌شود" in await dialled(d, count, "1", code=code)

    async def passed(d, seconds):
        for _ in range(seconds // step_s):
            clock.advance(step_s)
            await at_rest()

    async with front:
        await front.fault("refuse")
        async with entered() as d:  # a half of them in the first minute, the other half in the next four
            for count in range(total // 2):
                await promised(d, count)
            for count in range(total // 2, total):
                clock.advance(4 * MINUTE / total)
                await promised(d, count)
        async with entered() as d:
            await passed(d, down_s - int(clock.seconds))
            assert not told()
            await front.fault("none")
            back_at = clock.seconds
            while len(told()) < total and clock.seconds < 2 * 60 * MINUTE:
                await passed(d, MINUTE)
            last_s = clock.seconds - back_at

            assert {phone(count): 1 for count in range(total)} == told()
            await passed(d, 10 * MINUTE)
            clock.advance(2 * 60 * MINUTE)
            await at_rest()
            assert total == told().total()
            for count in range(total):
                (one,) = phones.received(phone(count))
                assert one.text.startswith(f"رصد: نامه {number(count)} ")
            rows = await d.rows("follow_up")
            assert [("answered", total)] == [*Counter(row.state for row in rows).items()]
            for count in range(total):
                assert f"نامه {number(count)}\n" in await dialled(d, count, session="kept")
                assert f"نامه {number(count)}\n" not in await dialled(d, count, session="after")
    figure("runs", total)
    figure("SMS", told().total())
    figure("attempts", sum(row.tries for row in rows))
    figure("virtual minutes until the last", round(last_s / MINUTE))


@pytest.fixture
def declared(tmp_path):
    """Settings in which the offices that have letters take so many look-ups a minute: the slowest sets the pace."""

    def written(per_minute):
        folder = shutil.copytree(HOME / "config", tmp_path / "config")
        for file in (folder / "backends").glob("*secretariat.yaml"):
            file.write_text(f"{file.read_text('utf-8')}polls_per_minute: {per_minute}\n", "utf-8")
        return folder

    return written


class Register:
    """A secretariat that notes when it was asked for which letter."""

    def __init__(self, clock, total):
        self.clock, self.today = clock, clock.today()
        self.letters = {number(each): letter(each, self.today) for each in range(total)}
        self.asked = []

    def put(self, count, **more):
        self.letters[number(count)] = letter(count, self.today, **more)

    def application(self):
        async def find(request):
            wanted = request.query.get("number", "")
            self.asked.append((self.clock.seconds, wanted))
            found = self.letters.get(wanted)
            return web.json_response({"letters": [secretariat._row(found)] if found else []})

        application = web.Application()
        application.router.add_get("/letters", find)
        return application


def most_in_a_minute(times):
    return max(bisect.bisect_left(times, at + MINUTE) - place for place, at in enumerate(times))


@pytest.mark.timeout(300)
@pytest.mark.experiment(
    "F27", "followed cases are looked up within the office's pace, each change is one SMS by day, none goes back"
)
async def test_cases_that_are_followed(desk, clock, declared, at_rest, figure):
    total, changes, per_minute = counted(10_000), counted(200), 600
    every_s, round_s = 6 * 60 * MINUTE, -(-total * MINUTE // per_minute)
    register = Register(clock, total)
    front = Front("secretariat", register.application())
    phones = Kannel("rasad", "demo")

    async def followed(d, count):
        code = f"*4*061*{number(count)}#"
        assert f"نامه {number(count)}\n" in await dialled(d, count, code=code)
        assert "هر تغییر این پرونده پیامک می‌شود" in await dialled(d, count, "2", code=code)

    async def looked_up():
        """One round, in which each case is looked up once."""
        register.asked.clear()
        began = clock.seconds
        for _ in range(0, round_s + 2, 2):
            clock.advance(2)
            await at_rest()
        times, numbers = [each for each, _ in register.asked], Counter(name for _, name in register.asked)
        assert dict.fromkeys(register.letters, 1) == numbers
        assert most_in_a_minute(times) <= per_minute
        figure.count("look-ups", len(times))
        figure.most("most in a minute", most_in_a_minute(times))
        figure.most("virtual minutes for each round", round((times[-1] - began) / MINUTE, 1))

    def told():
        return Counter(each.to for each in phones.messages)

    moved = {"state": "ارجاع شده", "desks": ("دبیرخانه", "دفتر حقوقی", "دفتر فنی"), "days_ago": 1}
    by_day, by_night, back = range(changes // 2), range(changes // 2, changes), range(changes, 2 * changes)
    async with front, desk(config=declared(per_minute), environ={"SECRETARIAT_URL": front.url}, phones=phones) as d:
        for first in range(0, total, 10):
            await asyncio.gather(*(followed(d, count) for count in range(first, min(first + 10, total))))
        assert total == len(await d.rows("follow"))

        # 12:30 in Tehran and six hours: half of the changes, and as many letters of which the office says what was before
        for count in by_day:
            register.put(count, **moved)
        for count in back:
            register.put(count, state="ثبت شده", desks=("دبیرخانه",), days_ago=9)
        clock.advance(every_s - 1)
        await looked_up()
        await at_rest()
        assert {phone(count): 1 for count in by_day} == told()

        # Half past midnight: the other half of the changes, and the office forgets what it said of the first
        for count in by_night:
            register.put(count, **moved)
        for count in by_day:
            register.put(count)
        clock.advance(every_s - round_s - 2)
        await looked_up()
        assert {phone(count): 1 for count in by_day} == told()
        clock.advance(19.5 * 60 * MINUTE - clock.seconds - 1)
        await at_rest()
        assert {phone(count): 1 for count in by_day} == told()
        clock.advance(1)  # 08:00
        await at_rest()
        assert {phone(count): 1 for count in (*by_day, *by_night)} == told()
        assert changes == len([row for row in await d.rows("message_out") if row.state == "sent"])
        for count in (*by_day, *by_night):
            (one,) = phones.received(phone(count))
            assert one.text.startswith(f"رصد: نامه {number(count)} ارجاع شد، دفتر فنی")
    figure("runs", total)
    figure("SMS", told().total())
