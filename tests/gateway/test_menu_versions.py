"""The menus a process holds, and the search for one it does not."""

import asyncio

import pytest

from gateway import menu_versions
from gateway.menu_files import read_folder
from gateway.menu_versions import Menus
from gateway.settings import SHIPPED_MENU
from menus import loader

TITLE = "رصد خوزستان"


def menu(title):
    return loader.load([(name, text.replace(TITLE, title)) for name, text in read_folder(SHIPPED_MENU)])


class Shelf:
    """Where all versions are kept: says when it is asked, and answers when it may."""

    def __init__(self, *menus):
        self.menus = {each.version: each for each in menus}
        self.asked = []
        self.may = asyncio.Event()
        self.may.set()
        self.broken = False

    async def __call__(self, version):
        self.asked.append(version)
        await self.may.wait()
        if self.broken:
            raise OSError
        return self.menus.get(version)


@pytest.fixture(scope="module")
def old():
    return menu("رصد قدیم")


async def test_a_version_from_before_is_found_once_and_then_held(shipped_menu, old):
    shelf = Shelf(old)
    menus = Menus(shipped_menu, shelf)

    assert [old] * 3 == await asyncio.gather(*(menus.version(old.version) for _ in range(3)))
    assert old is await menus.version(old.version)
    assert [old.version] == shelf.asked
    assert shipped_menu is menus.current is await menus.version(shipped_menu.version)


async def test_a_search_that_takes_too_long_is_for_the_next_one(shipped_menu, old):
    shelf = Shelf(old)
    shelf.may.clear()
    menus = Menus(shipped_menu, shelf)

    assert await menus.version(old.version, 0.01) is None
    shelf.may.set()
    assert old is await menus.version(old.version)
    assert [old.version] == shelf.asked


async def test_what_is_not_there_is_looked_for_once_and_what_cannot_be_said_again(shipped_menu, old):
    shelf = Shelf()
    menus = Menus(shipped_menu, shelf)
    shelf.broken = True

    assert await menus.version(old.version) is None
    shelf.broken = False
    assert await menus.version(old.version) is None
    assert await menus.version(old.version) is None
    assert [old.version] * 2 == shelf.asked
    menus.publish(old)
    assert old is await menus.version(old.version)


async def test_of_many_versions_the_last_are_held_and_the_others_found(shipped_menu, monkeypatch):
    monkeypatch.setattr(menu_versions, "KEPT", 3)
    editions = [menu(f"رصد {count}") for count in range(4)]
    shelf = Shelf(shipped_menu, *editions)
    menus = Menus(shipped_menu, shelf)
    for each in editions:
        menus.publish(each)

    assert [editions[3], editions[1], shipped_menu] == [
        await menus.version(each.version) for each in (editions[3], editions[1], shipped_menu)
    ]
    assert [shipped_menu.version] == shelf.asked


async def test_a_search_ends_with_its_process(shipped_menu, old):
    shelf = Shelf(old)
    shelf.may.clear()
    menus = Menus(shipped_menu, shelf)
    await menus.version(old.version, 0.01)
    await menus.stop()

    assert 1 == len(asyncio.all_tasks())
