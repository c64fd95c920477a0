"""Menus edited while they serve: pinned dialogues, refused faults, nothing mixed."""

import asyncio
import shutil

import pytest
import sqlalchemy as sa

from gateway import menu_watch
from gateway.menu_files import House, edition
from gateway.menu_watch import watch
from gateway.publications import opened
from gateway.settings import SHIPPED_MENU
from gateway.storage.menus import StoredMenus
from menus.alphabet import Capacity
from simulators.demo import HOME

ROUTES = {"letters", "requests"}
HOUSE = House(ROUTES, {"ussd": Capacity(), "sms": Capacity(parts=3)})
TITLE = "رصد خوزستان"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(SHIPPED_MENU, tmp_path / "menu")


def edit(folder, old, new, name="common.yaml"):
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


async def test_an_edit_is_published_and_a_faulty_one_is_told(folder, database, clock, monkeypatch, eventually):
    monkeypatch.setattr(menu_watch, "LOOK_EVERY_S", 0.01)
    stored, told = StoredMenus(database, clock), []
    publications = await opened(stored, HOUSE, edition(folder, HOUSE))
    menus = publications.menus
    first = menus.current.version
    task = asyncio.create_task(watch(folder, publications, HOUSE, told.append))

    async def several(count):
        return len(told) == count

    edit(folder, TITLE, "رصد")
    await eventually(lambda: several(1))
    second = menus.current.version
    edit(folder, "next: ask_letter_number}", "next: nowhere}")
    await eventually(lambda: several(2))
    await asyncio.sleep(0.1)
    task.cancel()

    assert [f"menu {second} is published", True] == [told[0], "there is no screen nowhere" in told[1]]
    assert f"version {second} serves on" in told[1]
    assert 2 == len(told)
    assert second == menus.current.version != first
    assert second == await stored.published()
    assert await menus.version(first) is not None


async def test_an_edit_the_database_does_not_take_is_told_too(folder, database, clock, monkeypatch, eventually):
    monkeypatch.setattr(menu_watch, "LOOK_EVERY_S", 0.01)
    told = []
    publications = await opened(StoredMenus(database, clock), HOUSE, edition(folder, HOUSE))
    first = publications.menus.current.version
    async with database.writing() as connection:
        await connection.execute(sa.text("ALTER TABLE menu_publication RENAME TO gone"))
    task = asyncio.create_task(watch(folder, publications, HOUSE, told.append))
    edit(folder, TITLE, "رصد")
    await eventually(lambda: _more(told, 0))
    task.cancel()

    assert [f"the database did not take the menu; version {first} serves on until the next edit"] == told
    assert first == publications.menus.current.version


@pytest.mark.timeout(180)  # each of the 60 edits is loaded and walked whole
async def test_a_running_dialogue_stays_on_its_menu_and_a_new_one_gets_the_new(desk, folder, monkeypatch, eventually):
    """50 reloads, 10 of them faulty, under 300 live dialogues: no screen of one version in a dialogue of another."""
    monkeypatch.setattr(menu_watch, "LOOK_EVERY_S", 0.005)
    told = []
    async with desk(tell=told.append, menu=str(folder)) as d:
        title, live = TITLE, {}
        for edition in range(50):
            before = len(told)
            if edition % 5 == 4:
                edit(folder, "start: main", "start: nowhere")
            else:
                edit(folder, title, f"نسخه {edition}")
                title = f"نسخه {edition}"

            await eventually(lambda before=before: _more(told, before))
            if edition % 5 == 4:
                assert "start: there is no nowhere" in told[-1]
                before = len(told)
                edit(folder, "start: nowhere", "start: main")
                await eventually(lambda before=before: _more(told, before))
            for number in range(6):
                session = f"s-{edition}-{number}"
                _, body = await d.ussd(session_id=session)
                assert f"CON {title}" == body.split("\n")[0]
                live[session] = title
        assert 300 == len(live)
        for session, began_with in live.items():
            await d.ussd("1", session_id=session)
            _, body = await d.ussd("1*0", session_id=session)
            assert f"CON {began_with}" == body.split("\n")[0]
        assert f"CON {title}" == (await d.ussd(session_id="new"))[1].split("\n")[0]


async def _more(told, before):
    return len(told) > before


async def test_in_the_demo_an_edit_reaches_the_next_dial(tmp_path, folder, eventually):
    import aiohttp

    from simulators import demo
    from simulators.desk_phone import DeskPhone

    config = shutil.copytree(HOME / "config", tmp_path / "config")
    gateway = config / "gateway.yaml"
    gateway.write_text(gateway.read_text(encoding="utf-8") + f"menu: {folder}\n", encoding="utf-8")
    async with demo.running(config, "127.0.0.1", 0, tmp_path / "var") as url, aiohttp.ClientSession() as http:
        phone = DeskPhone(http, url, "+989160000021")
        edit(folder, TITLE, "رصد تازه")

        async def reached():
            return (await phone.call().dial("*4*061#")).text.startswith("رصد تازه")

        await eventually(reached)
