"""SMS me on change: an office whose letters move on, phones that follow them, and what is told to whom and when."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from sqlalchemy import select

from gateway import server
from gateway.signed import sign
from gateway.sms import worker
from simulators.demo import HOME, address
from simulators.offices.days import jalali
from tests.conftest import BOTH_DATABASES
from tests.gateway.test_plans import looking_through_all_rows

pytestmark = BOTH_DATABASES

CALLER = "+989161234567"
STOP = "لغو: 0 بفرستید"
HOURS = 3600


class Office:
    """A secretariat in the words of config/backends/secretariat.yaml, whose letters a test may change."""

    def __init__(self, today):
        self.today, self.asked = today, 0
        self.letters = {}

    def put(self, number, state="در حال بررسی", days_ago=3, desks=("دبیرخانه", "دفتر حقوقی"), **more):
        day = jalali(self.today - timedelta(days=days_ago))
        self.letters[number] = {
            "letter_no": number, "organisation": "استانداری", "year": 1405, "state": state, "state_date": day,
            "receiver_unit": desks[-1], "confidentiality": "عادی",
            "referrals": [{"receiver_unit": desk, "send_date": day} for desk in desks], **more,
        }  # fmt: skip

    @asynccontextmanager
    async def listening(self):
        async def find(request):
            self.asked += 1
            await asyncio.sleep(0)
            found = self.letters.get(request.query.get("number", ""))
            return web.json_response({"letters": [found] if found else []})

        application = web.Application()
        application.router.add_get("/letters", find)
        with server.listening("127.0.0.1", 0) as on:
            async with server.serving(application, on, stop_within_s=0.1):
                yield address(on)


@pytest.fixture
async def office(clock):
    office = Office(clock.today())
    office.put("12345")
    async with office.listening() as office.url:
        yield office


@pytest.fixture
def followed(desk, office):
    """A gateway in front of this office."""

    @asynccontextmanager
    async def entered(**more):
        async with desk(environ={"SECRETARIAT_URL": office.url, **more.pop("environ", {})}, **more) as d:
            yield d

    return entered


async def follow(d, number="12345", msisdn=CALLER, session="s1"):
    for chain in (number, f"{number}*2"):
        _, body = await d.ussd(chain, session_id=session, msisdn=msisdn)
    return body


async def told(d, eventually, count, msisdn=CALLER):
    async def so_many():
        found = d.phones.received(msisdn)
        return found if len(found) >= count else None

    return [each.text for each in await eventually(so_many)]


async def quiet(seconds=1.5):
    """Long enough for whatever would have been sent."""
    await asyncio.sleep(seconds)


async def test_a_change_is_told_once_with_how_to_stop(followed, office, clock, eventually):
    async with followed() as d:
        assert (await follow(d)).startswith("END هر تغییر این پرونده پیامک می‌شود.")
        clock.advance(6 * HOURS)
        await quiet()
        assert [] == d.phones.received(CALLER)

        office.put("12345", "ارجاع شده", days_ago=1, desks=("دبیرخانه", "دفتر حقوقی", "دفتر فنی"))
        clock.advance(6 * HOURS + 1)
        await asyncio.sleep(1.2)
        clock.advance(9 * HOURS)  # past the night
        (text,) = await told(d, eventually, 1)
        assert "رصد: نامه 12345 ارجاع شد، دفتر فنی" == text[:34]
        assert text.endswith(STOP)

        clock.advance(12 * HOURS)
        await quiet()
        assert 1 == len(d.phones.received(CALLER))


async def test_the_last_change_ends_it(followed, office, clock, eventually):
    async with followed() as d:
        await follow(d)
        office.put("12345", "پاسخ داده شده", days_ago=0, reply_number="5210")
        clock.advance(7 * HOURS - 60)
        (text,) = await told(d, eventually, 1)

        assert text.endswith("پاسخ شماره 5210")
        assert ["ended"] == [row.state for row in await d.rows("follow")]


@pytest.mark.parametrize("word", ["0", "۰", "لغو", "لغو11", "لغو پیامک"])
async def test_it_is_stopped_by_0_or_by_a_word(followed, office, clock, eventually, word):
    async with followed() as d:
        await follow(d)
        office.put("12345", "ارجاع شده", days_ago=1)
        clock.advance(6 * HOURS)
        await told(d, eventually, 1)

        await d.sms(word)
        assert (await told(d, eventually, 2))[1].startswith("رصد: دیگر پیامک تغییر نمی‌فرستیم")
        assert ["stopped"] == [row.state for row in await d.rows("follow")]


async def test_the_0_she_was_told_of_when_she_began_stops_it_before_anything_was_told(followed, eventually):
    async with followed() as d:
        await follow(d)
        await d.sms("0")

        assert (await told(d, eventually, 1))[0].startswith("رصد: دیگر پیامک تغییر نمی‌فرستیم")
        assert ["stopped"] == [row.state for row in await d.rows("follow")]


async def test_a_bare_0_in_the_middle_of_something_else_is_its_answer(followed, eventually):
    async with followed() as d:
        await follow(d)
        await d.sms("درخواست", message_id="m-1")  # with which code?
        await told(d, eventually, 1)
        await d.sms("0", message_id="m-2")
        await told(d, eventually, 2)

        assert ["following"] == [row.state for row in await d.rows("follow")]


async def test_a_bare_0_of_who_follows_nothing_is_an_sms_like_others(followed, eventually):
    async with followed() as d:
        await d.sms("0")

        assert not (await told(d, eventually, 1))[0].startswith("رصد: دیگر")


@pytest.mark.parametrize(
    "change",
    [
        {"days_ago": 9, "state": "ثبت شده", "desks": ("دبیرخانه",)},
        {"days_ago": 3, "state": "ثبت شده", "desks": ("دبیرخانه",)},
        {"letter_no": "99"},
        {"organisation": "شهرداری"},
    ],
    ids=["an older day", "an earlier step", "another letter", "another office's letter"],
)
async def test_what_is_not_a_step_forward_is_not_told(followed, office, clock, change):
    async with followed() as d:
        await follow(d)
        office.put("12345", **change)
        clock.advance(6 * HOURS)
        await quiet()

        assert [] == d.phones.received(CALLER)


async def test_a_notice_waits_for_the_morning(followed, office, clock, eventually):
    async with followed() as d:
        await follow(d)
        clock.advance(5.5 * HOURS + 3 * HOURS)  # 12:30 and 8.5 h: 21:00 in Tehran
        office.put("12345", "ارجاع شده", days_ago=1)
        clock.advance(60)

        async def waiting():
            return [row for row in await d.rows("message_out") if row.state == "waiting"]

        (row,) = await eventually(waiting)
        assert "04:30" == row.due_at.strftime("%H:%M")  # 08:00 in Tehran
        assert [] == d.phones.received(CALLER)
        clock.advance(11 * HOURS)
        await told(d, eventually, 1)


async def test_following_twice_is_following_once(followed, office, clock, eventually):
    async with followed() as d:
        for session in ("s1", "s2"):
            await follow(d, session=session)
        office.put("12345", "ارجاع شده", days_ago=1)
        clock.advance(6 * HOURS)
        await told(d, eventually, 1)
        await quiet(0.5)

        assert 1 == len(d.phones.received(CALLER))


async def test_after_its_time_nothing_is_told(followed, office, clock, eventually):
    async with followed() as d:
        await follow(d)
        office.put("12345", "ارجاع شده", days_ago=1)
        clock.advance(90 * 24 * HOURS)

        async def expired():
            return ["expired"] == [row.state for row in await d.rows("follow")]

        await eventually(expired)
        assert [] == d.phones.received(CALLER)


# --- an office that announces its changes


@pytest.fixture
def announcing(tmp_path):
    """Settings in which the secretariat signs its announcements, and its signature."""
    import shutil

    config = shutil.copytree(HOME / "config", tmp_path / "config")
    file = config / "backends" / "secretariat.yaml"
    file.write_text(file.read_text(encoding="utf-8") + 'events_secret: "${EVENTS_SECRET}"\n', encoding="utf-8")
    return config


SECRET = "a made-up secret of this very test"


async def announce(d, clock, body, *, secret=SECRET, off_s=0, backend="secretariat"):
    stamp = str(int(clock.now().timestamp()) + off_s)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-Rasad-Timestamp": stamp, "X-Rasad-Signature": sign(secret, stamp, data).decode()}
    async with d.http.post(f"{d.url}/backends/{backend}/events", data=data, headers=headers) as response:
        return response.status, await response.text()


async def test_an_announced_change_is_looked_up_and_told_at_once(followed, announcing, office, clock, eventually):
    async with followed(config=announcing, environ={"EVENTS_SECRET": SECRET}) as d:
        await follow(d)
        office.put("12345", "پاسخ داده شده", days_ago=0, reply_number="1")
        assert (202, '{"followed": 1}') == await announce(d, clock, {"numbers": ["۱۲۳۴۵", "777"]})

        assert (await told(d, eventually, 1))[0].startswith("رصد: نامه 12345 پاسخ داده شد")
        assert (202, '{"followed": 0}') == await announce(d, clock, {"numbers": ["12345"]})


async def test_an_announcement_alone_changes_nothing(followed, announcing, office, clock):
    async with followed(config=announcing, environ={"EVENTS_SECRET": SECRET}) as d:
        await follow(d)
        await announce(d, clock, {"numbers": ["12345"], "state": "پاسخ داده شده"})
        await quiet()

        assert [] == d.phones.received(CALLER)


@pytest.mark.parametrize(
    ("body", "more", "status"),
    [
        ({"numbers": ["12345"]}, {"secret": "another"}, 401),
        ({"numbers": ["12345"]}, {"off_s": -301}, 401),
        ({"numbers": ["12345"]}, {"off_s": 301}, 401),
        ({"numbers": ["12345"]}, {"backend": "services"}, 404),
        ({"numbers": ["12345"]}, {"backend": "nobody"}, 404),
        (b"not JSON", {}, 400),
        (b"[" * 10_000, {}, 400),
        ({"numbers": "12345"}, {}, 400),
        ({"numbers": [12345]}, {}, 400),
        ({"numbers": ["1"] * 101}, {}, 400),
        (b" " * 20_000, {}, 413),
    ],
)
async def test_what_is_no_announcement_is_refused(followed, announcing, clock, body, more, status):
    async with followed(config=announcing, environ={"EVENTS_SECRET": SECRET}) as d:
        assert status == (await announce(d, clock, body, **more))[0]
        assert 202 == (await announce(d, clock, {"numbers": ["12345"]}))[0]


# --- many


async def test_many_are_looked_up_at_the_offices_pace(followed, office, clock, eventually, monkeypatch):
    """150 phones follow 150 letters, 10 change: each minute at most the 60 look-ups the office declared, 10 SMS."""
    monkeypatch.setattr(worker, "POLL_S", 0.02)
    async with followed() as d:
        numbers = [str(70_000 + count) for count in range(150)]  # none that the demo's other offices have
        for count, number in enumerate(numbers):
            office.put(number)
            await follow(d, number, f"+98916{count:07}", session=f"s{count}")
        for number in numbers[::15]:
            office.put(number, "پاسخ داده شده", days_ago=0, reply_number="1")
        office.asked = 0
        clock.advance(6 * HOURS)
        await quiet(1.2)
        at_once, per_minute = office.asked, []
        while office.asked < 150 and len(per_minute) < 100:
            before = office.asked
            for _ in range(30):  # a minute, two seconds at a time
                clock.advance(2)
                await asyncio.sleep(0.02)
            per_minute.append(office.asked - before)
        assert at_once <= 2
        # By the end of each minute; within one, a look-up may have waited for this machine.
        assert all(sum(per_minute[: end + 1]) <= 60 * (end + 1) for end in range(len(per_minute))), per_minute

        async def all_told():
            async with d.database.reading() as connection:
                table = d.database.tables.message_out
                wanted = select(table.c.id).where(table.c.cause.like("follow:%"))
                return len((await connection.execute(wanted)).all()) == 10

        await eventually(all_told)


@pytest.mark.databases("sqlite")
async def test_what_is_announced_is_looked_for_in_no_whole_table(
    followed, announcing, office, clock, eventually, asked
):
    async with followed(config=announcing, environ={"EVENTS_SECRET": SECRET}) as d:
        asked.clear()
        await follow(d)
        office.put("12345", "ارجاع شده", days_ago=1)
        assert (202, '{"followed": 1}') == await announce(d, clock, {"numbers": ["12345", "777"]})
        await told(d, eventually, 1)
        bad, good = await looking_through_all_rows(d.database, asked)
    assert "" == bad
    assert any("number_tag" in each for each in good)
