"""A draft: one phone has a menu that nobody else has yet."""

import asyncio
import functools
import io
import json
import shutil

import pytest
from typer.testing import CliRunner

from gateway import app, commands, publications
from gateway.api import DRAFT_FOR_S
from gateway.settings import SHIPPED_MENU
from tests.conftest import BOTH_DATABASES

TOKEN = "t" * 22
PHONE, OTHER = "+989161234567", "+989160000002"
TITLE, DRAFTED = "رصد خوزستان", "رصد پیش‌نویس"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(publications, "LOOK_EVERY_S", 0.05)


@pytest.fixture
def desk(desk, tmp_path):
    menu = str(shutil.copytree(SHIPPED_MENU, tmp_path / "ours"))
    return functools.partial(desk, menu=menu, api_tokens={"operator": TOKEN})


@pytest.fixture
def folder(tmp_path):
    """Where an operator works, her title already changed."""
    found = shutil.copytree(SHIPPED_MENU, tmp_path / "draft")
    edit(found, TITLE, DRAFTED)
    return found


def edit(folder, old, new, name="common.yaml"):
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def files(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}


async def sent(d, method, phone=PHONE, body="", token=TOKEN):
    body = body.encode() if isinstance(body, str) else body
    headers = {"Authorization": f"Bearer {token}", "X-Rasad-Msisdn": phone}
    async with d.http.request(method, f"{d.url}/api/v1/draft", headers=headers, data=io.BytesIO(body)) as response:
        text = await response.text()
        return response.status, json.loads(text) if text else None


async def bound(d, folder, phone=PHONE):
    status, body = await sent(d, "PUT", phone, json.dumps({"files": files(folder)}))
    assert 200 == status
    return body


async def title(d, session, phone=PHONE):
    return (await d.ussd(session_id=session, msisdn=phone))[1].removeprefix("CON ").split("\n")[0]


async def test_one_phone_has_the_draft_and_everybody_else_what_is_published(desk, folder):
    async with desk() as d:
        assert TITLE == await title(d, "before")
        body = await bound(d, folder)

        assert DRAFTED == await title(d, "mine")
        assert TITLE == await title(d, "hers", OTHER)
        await d.ussd("1", session_id="before")
        assert f"CON {TITLE}" == (await d.ussd("1*0", session_id="before"))[1].split("\n")[0]  # begun before it
        async with d.http.get(f"{d.url}/readyz") as response:
            assert body["menu"] != (await response.json())["menu"]
        assert 1 == len(await d.rows("menu_publication"))

        edit(folder, DRAFTED, "رصد دوم")
        await bound(d, folder)
        assert "رصد دوم" == await title(d, "again")

        assert (204, None) == await sent(d, "DELETE")
        assert TITLE == await title(d, "after")
        assert 404 == (await sent(d, "DELETE"))[0]


async def test_her_sms_are_answered_by_the_draft_too(desk, folder, eventually):
    edit(folder, "رصد: ", "رصد نو: ", "letters.yaml")
    async with desk() as d:
        await bound(d, folder)
        for phone in (PHONE, OTHER):
            await d.sms("12345", sender=phone, message_id=phone)

        async def both():
            return d.phones.received(PHONE) and d.phones.received(OTHER)

        await eventually(both)
        assert d.phones.received(PHONE)[0].text.startswith("رصد نو: نامه 12345")
        assert d.phones.received(OTHER)[0].text.startswith("رصد: نامه 12345")


async def test_what_is_worth_a_look_is_told_with_the_draft(desk, folder):
    edit(folder, "fa: " + DRAFTED, 'fa: "' + "واژه " * 15 + '"')
    async with desk() as d:
        body = await bound(d, folder)

    assert ["the first screen takes" in each for each in body["notes"]] == [True]
    assert body["notes"][0].startswith("common.yaml:")


async def test_a_faulty_draft_is_refused_with_every_fault_and_the_one_before_stays(desk, folder):
    async with desk() as d:
        first = await bound(d, folder)
        edit(folder, "start: main", "start: nowhere")
        status, body = await sent(d, "PUT", body=json.dumps({"files": files(folder)}))

        assert 422 == status
        assert any(fault.startswith("common.yaml:") and "there is no nowhere" in fault for fault in body["faults"])
        assert DRAFTED == await title(d, "mine")
        assert [first["menu"]] == [row.hash for row in await d.rows("menu_draft")]


async def test_a_draft_is_checked_by_its_size_as_a_menu_is(desk, folder):
    edit(folder, DRAFTED, "پیش‌نویس " * 40)
    async with desk() as d:
        status, body = await sent(d, "PUT", body=json.dumps({"files": files(folder)}))

    assert 422 == status
    assert any(fault.startswith("common.yaml:") for fault in body["faults"])


@pytest.mark.parametrize(
    ("phone", "body", "token", "status"),
    [
        (PHONE, '{"files": {}}', "x" * 22, 401),
        ("", '{"files": {}}', TOKEN, 400),
        ("4040", '{"files": {}}', TOKEN, 400),
        (PHONE, "", TOKEN, 400),
        (PHONE, "[]", TOKEN, 400),
        (PHONE, '{"files": {"a.yaml": 1}}', TOKEN, 400),
        (PHONE, '{"files": {}, "more": 1}', TOKEN, 400),
        (PHONE, "[" * 5000, TOKEN, 400),
        (PHONE, b'{"files": {"a.yaml": "\xff"}}', TOKEN, 400),
        (PHONE, json.dumps({"files": {"a.yaml": "x" * 2**20}}), TOKEN, 413),
        (PHONE, json.dumps({"files": {f"{row}.yaml": "" for row in range(201)}}), TOKEN, 400),
        (PHONE, '{"files": {}}', TOKEN, 422),
        (PHONE, json.dumps({"files": {"../../etc/a.yaml": "\x00"}}), TOKEN, 422),
        (PHONE, json.dumps({"files": {"a.yaml": "[" * 5000}}), TOKEN, 422),
    ],
)
async def test_whatever_else_is_sent_changes_nothing(desk, phone, body, token, status):
    async with desk() as d:
        assert status == (await sent(d, "PUT", phone, body, token))[0]
        assert [] == await d.rows("menu_draft")
        assert TITLE == await title(d, "mine")


@BOTH_DATABASES
async def test_it_outlives_a_restart_and_ends_by_itself(desk, folder, clock):
    async with desk() as d:
        await bound(d, folder)
    async with desk() as d:
        assert DRAFTED == await title(d, "mine")
    clock.advance(DRAFT_FOR_S)
    async with desk() as d:
        assert TITLE == await title(d, "next day")


@BOTH_DATABASES
async def test_without_the_api_it_goes_by_the_database_to_whoever_serves_it(desk, folder, eventually):
    async with desk() as d:
        menu, _ = await app.try_out(d.settings, folder, PHONE)

        async def drafted():
            return DRAFTED == await title(d, f"s{next(tries)}")

        tries = iter(range(100_000))
        await eventually(drafted)
        assert menu.version in {row.hash for row in await d.rows("menu_version")}
        assert TITLE == await title(d, "hers", OTHER)

        assert await app.try_out(d.settings, None, PHONE) is None

        async def published():
            return TITLE == await title(d, f"s{next(tries)}")

        await eventually(published)


async def test_the_command_says_what_came_of_it(desk, folder, monkeypatch):
    def rasad(*arguments):
        return CliRunner().invoke(commands.menu, ["publish", *arguments])

    monkeypatch.setenv("RASAD_TOKEN", TOKEN)
    async with desk() as d:
        done = await asyncio.to_thread(rasad, str(folder), "--draft", "--url", d.url)
        assert 0 == done.exit_code, done.output
        assert f"is tried by {PHONE} alone until" in done.output
        assert DRAFTED == await title(d, "mine")

        edit(folder, "start: main", "start: nowhere")
        done = await asyncio.to_thread(rasad, str(folder), "--draft", "--url", d.url)
        assert 0 != done.exit_code
        assert f"{folder / 'common.yaml'}:" in str(done.exception)

        done = await asyncio.to_thread(rasad, "--draft", "--url", d.url)
        assert 0 == done.exit_code
        assert done.output.endswith(f"{PHONE} has the menu that all have\n")
        assert TITLE == await title(d, "after")

        monkeypatch.setenv("RASAD_TOKEN", "no token of theirs, at all")
        done = await asyncio.to_thread(rasad, str(folder), "--draft", "--url", d.url)
        assert 1 == done.exit_code
        assert "answered 401" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which folder?"),
        (("menu", "--draft", "--msisdn", "12"), "12 is no mobile phone number; expected one like +98"),
        (("--draft", "--url", "http://127.0.0.1:9"), "http://127.0.0.1:9 cannot be reached"),
    ],
)
def test_the_command_says_what_is_missing(arguments, said, monkeypatch):
    monkeypatch.setenv("RASAD_TOKEN", TOKEN)
    done = CliRunner().invoke(commands.menu, ["publish", *arguments])

    assert 1 == done.exit_code
    assert said in done.output


def test_without_a_token_the_command_says_where_one_is(tmp_path, monkeypatch):
    monkeypatch.delenv("RASAD_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(commands.menu, ["publish", "--draft"])

    assert 1 == done.exit_code
    assert "set RASAD_TOKEN" in done.output
