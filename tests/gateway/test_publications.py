"""Menus published to a database: who serves what, before, during and after a restart."""

import asyncio
import functools
import shutil

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from gateway import app, publications
from gateway.settings import SHIPPED_MENU
from gateway.storage.menus import StoredMenus
from menus import loader
from menus.source import Faulty
from simulators.demo import HOME
from tests.conftest import BOTH_DATABASES

pytestmark = BOTH_DATABASES

CALLER = "+989161234567"
TITLE = "رصد خوزستان"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(publications, "LOOK_EVERY_S", 0.05)


@pytest.fixture
def desk(desk, tmp_path):
    """A gateway whose menu is the shipped one, in a folder that nobody edits."""
    return functools.partial(desk, menu=str(shutil.copytree(SHIPPED_MENU, tmp_path / "ours")))


@pytest.fixture
def folder(tmp_path):
    """Where an operator works."""
    return shutil.copytree(SHIPPED_MENU, tmp_path / "menu")


def edit(folder, old, new, name="common.yaml"):
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


async def title(d, session):
    return (await d.ussd(session_id=session))[1].removeprefix("CON ").split("\n")[0]


async def serves(d, version):
    async with d.http.get(f"{d.url}/readyz") as response:
        return version == (await response.json())["menu"]


async def test_a_publication_reaches_new_dials_and_running_ones_stay_and_back(desk, folder, eventually):
    async with desk() as d:
        assert TITLE == await title(d, "first")
        edit(folder, TITLE, "رصد تازه")
        new, was_new = await app.publish(d.settings, folder)
        assert was_new
        await eventually(lambda: serves(d, new.version))

        assert "رصد تازه" == await title(d, "second")
        await d.ussd("1", session_id="first")
        assert f"CON {TITLE}" == (await d.ussd("1*0", session_id="first"))[1].split("\n")[0]

        again, was_new = await app.publish(d.settings, folder)
        assert (new.version, False) == (again.version, was_new)
        edit(folder, "رصد تازه", TITLE)
        old, was_new = await app.publish(d.settings, folder)
        assert was_new
        await eventually(lambda: serves(d, old.version))

        assert TITLE == await title(d, "third")
        await d.ussd("1", session_id="second")
        assert "CON رصد تازه" == (await d.ussd("1*0", session_id="second"))[1].split("\n")[0]
        assert [old.version, new.version, old.version] == [row.hash for row in await d.rows("menu_publication")]
        assert {old.version, new.version} == {row.hash for row in await d.rows("menu_version")}


async def test_a_faulty_menu_is_not_published(desk, folder):
    async with desk() as d:
        edit(folder, "start: main", "start: nowhere")
        with pytest.raises(Faulty, match=r"common\.yaml:\d+: start: there is no nowhere"):
            await app.publish(d.settings, folder)

        assert 1 == len(await d.rows("menu_publication")) == len(await d.rows("menu_version"))


async def test_the_folder_is_the_first_publication_and_after_it_nothing_but_publishing_counts(desk, folder):
    async with desk(menu=str(folder)) as d:
        (first,) = await d.rows("menu_publication")
        assert await serves(d, first.hash)
    edit(folder, TITLE, "رصد تازه")
    with capture_logs() as lines:
        async with desk(menu=str(folder)) as d:
            assert TITLE == await title(d, "s")
            assert 1 == len(await d.rows("menu_publication"))
    (told,) = [line for line in lines if line["event"] == "menu_folder_differs"]
    assert ("info", first.hash) == (told["log_level"], told["serving"])
    assert f"rasad menu publish {folder} --config {HOME / 'config'}" == told["to_publish"]


async def test_a_conversation_by_sms_goes_on_in_its_menu_after_a_restart(desk, folder, eventually):
    async with desk() as d:
        await d.sms("22010")

        async def asked():
            return d.phones.received(CALLER) and await d.rows("conversation")

        await eventually(asked)
        assert "کدام نامه؟\n1)استانداری 1405\n2)شهرداری 1405" == d.phones.received(CALLER)[0].text
    edit(folder, "رصد: ", "رصد نو: ", "letters.yaml")
    new, _ = await app.publish(d.settings, folder)
    async with desk() as d:
        assert await serves(d, new.version)
        await d.sms("2", message_id="m-2")

        async def answered():
            return d.phones.received(CALLER)

        assert (await eventually(answered))[0].text.startswith("رصد: نامه 22010")
        await d.sms("12345", message_id="m-3", sender="+989160000001")

        async def answered_too():
            return d.phones.received("+989160000001")

        assert (await eventually(answered_too))[0].text.startswith("رصد نو: نامه 12345")


async def test_a_promise_is_kept_in_the_words_of_its_menu_after_a_restart(desk, folder, eventually, clock, tmp_path):
    config = shutil.copytree(HOME / "config", tmp_path / "config")
    edit(config, "answer_within_s: 8", "answer_within_s: 1.2", "channels/africastalking.yaml")
    edit(config, "reserve_s: 4", "reserve_s: 1.0", "channels/africastalking.yaml")
    async with desk(config=config, office_s=20) as d:
        assert (await d.ussd("31415"))[1].startswith("END سامانه اداره کند است.")
    edit(folder, "رصد: ", "رصد نو: ", "letters.yaml")
    new, _ = await app.publish(d.settings, folder)
    clock.advance(61)
    async with desk(config=config) as d:
        assert await serves(d, new.version)

        async def followed():
            return d.phones.received(CALLER)

        assert (await eventually(followed))[0].text.startswith("رصد: نامه 31415")


async def test_a_published_menu_that_does_not_hold_here_is_told_once_and_not_served(desk, clock, folder, eventually):
    bad = [("common.yaml", "languages: [fa]\nmain: {text: {fa: سلام}, choices: [{a: {text: x, next: y}}]}\n")]
    version = loader.version_of(bad)

    def refusals(lines):
        return [line for line in lines if line["event"] == "published_menu_refused"]

    with capture_logs() as lines:
        async with desk() as d:
            ours = (await d.rows("menu_publication"))[0].hash
            await StoredMenus(d.database, clock).publish(version, bad)

            async def told():
                return refusals(lines)

            await eventually(told)
            await asyncio.sleep(0.3)
            assert await serves(d, ours)
    (refused,) = refusals(lines)
    assert ("error", version, ours) == (refused["log_level"], refused["menu"], refused["serving"])
    assert "common.yaml:2: there is no screen y" in refused["faults"]

    with capture_logs() as lines:
        async with desk() as d:
            assert TITLE == await title(d, "s")
            assert version == (await d.rows("menu_publication"))[-1].hash
            await asyncio.sleep(0.3)
            assert 1 == len(refusals(lines))
            edit(folder, TITLE, "رصد تازه")
            new, _ = await app.publish(d.settings, folder)
            await eventually(lambda: serves(d, new.version))


async def test_a_faulty_folder_stops_a_start_only_where_nothing_is_published(desk, folder):
    good = folder.with_name("good")
    shutil.copytree(folder, good)
    edit(folder, "start: main", "start: nowhere")
    with pytest.raises(Faulty, match="start: there is no nowhere"):
        async with desk(menu=str(folder)):
            pass
    async with desk(menu=str(good)):
        pass
    with capture_logs() as lines:
        async with desk(menu=str(folder)) as d:
            assert TITLE == await title(d, "s")
    (told,) = [line for line in lines if line["event"] == "menu_folder_faulty"]
    assert [True] == ["start: there is no nowhere" in fault for fault in told["faults"]]


async def test_a_database_that_is_away_changes_nothing_and_is_told_once(desk, folder, monkeypatch, eventually):
    def events(lines):
        return [line["event"] for line in lines if line["event"].startswith("publications_")]

    with capture_logs() as lines:
        async with desk() as d:
            with monkeypatch.context() as outage:
                outage.setattr("gateway.storage.menus.StoredMenus.published", _away)

                async def told():
                    return events(lines)

                await eventually(told)
                await asyncio.sleep(0.3)
                assert TITLE == await title(d, "s")
                assert ["publications_out_of_sight"] == events(lines)
            edit(folder, TITLE, "رصد تازه")
            new, _ = await app.publish(d.settings, folder)
            await eventually(lambda: serves(d, new.version))
    assert ["publications_out_of_sight", "publications_in_sight"] == events(lines)


async def _away(self):
    raise OperationalError("SELECT", {}, Exception("disk I/O error"))
