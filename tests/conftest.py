"""What tests of several packages use: keys, a clock that only moves when told to, the shipped menu."""

import asyncio
import functools
import inspect
import itertools
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from gateway import answers, menu_files, menu_versions
from gateway.menu_files import read_folder
from gateway.privacy import Keys
from gateway.settings import SHIPPED_MENU
from gateway.storage import kept, languages
from gateway.storage.database import Database
from menus import loader
from tests import postgresql

HERE = Path(__file__).parent

pytest_plugins = ["pytester", "tests.experiments", "tests.traps"]


def pytest_runtest_setup(item):
    """Tests that drive another program, or what stands at a path of this checkout, run where it is installed; .ci/run
    installs all of it and leaves nothing out."""
    for mark in item.iter_markers("needs"):
        needed = mark.args[0]
        if not (HERE.parent / needed).exists() if "/" in needed else shutil.which(needed) is None:
            told = f"{needed} is not installed"
            if os.environ.get("RASAD_LEAVE_NOTHING_OUT"):
                pytest.fail(f"{told}: it belongs into .ci/packages or .ci/run", pytrace=False)
            pytest.skip(told)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    """A test that waits for ever ends where it waits, a little before its limit: the limit's own signal may be lost in
    whichever task runs at that moment."""
    mark = item.get_closest_marker("timeout")
    limit_s = float(mark.args[0] if mark else item.config.getini("timeout"))
    test = item.obj
    if limit_s and inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def limited(*args, **kwargs):
            telling = asyncio.get_running_loop().call_later(0.85 * limit_s, _where_each_waits)
            try:
                async with asyncio.timeout(0.9 * limit_s):
                    await test(*args, **kwargs)
            finally:
                telling.cancel()

        item.obj = limited


def _where_each_waits():
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stdout)


class FakeClock:
    """gateway.clock.Clock under the test's hand."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._start = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
        self._ids = 0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def today(self) -> date:
        return self.now().date()

    def new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:032x}"

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys(data={1: b"d" * 32}, index=b"i" * 32, log=b"l" * 32)


@pytest.fixture(scope="session")
def shipped_menu():
    return loader.load(read_folder(SHIPPED_MENU), {"letters", "requests"})


@pytest.fixture(scope="session", autouse=True)
def _menus_walked_once():
    """Every gateway of a test run loads the same menu and walks each of its screens, a second's work: once is enough."""
    walked, loaded = {}, menu_files.loaded

    def remembered(pairs, house):
        key = (tuple(pairs), tuple(sorted(house.routes)), tuple(sorted(house.capacities.items(), key=str)))
        if key not in walked:
            walked[key] = loaded(pairs, house)
        return walked[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(menu_files, "loaded", remembered)
        yield


@pytest.fixture(autouse=True)
def _patient(monkeypatch):
    """What a turn grants our own database is a test of its own: a busy machine is not to fail the others."""
    monkeypatch.setattr(answers, "SERVICE_WITHIN_S", 30.0)
    monkeypatch.setattr(menu_versions, "FIND_WITHIN_S", 30.0)
    monkeypatch.setattr(kept, "LOOK_WITHIN_S", 30.0)
    monkeypatch.setattr(languages, "LOOK_WITHIN_S", 30.0)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory, keys):
    """A file of this release for others to be copied from."""
    path = tmp_path_factory.mktemp("sqlite") / "rasad.db"

    async def migrated():
        database = Database(f"sqlite+aiosqlite:///{path}", keys)
        await database.start()
        await database.stop()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, migrated()).result()
    return path


@pytest.fixture(scope="session")
def postgresql_server():
    """(address, pid) of a PostgreSQL that runs as long as this test run."""
    with postgresql.running() as found:
        yield found


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server, keys):
    """The address of that server, which has a database `rasad` of this release for others to be copied from."""
    address, _ = postgresql_server

    async def migrated():
        database = Database(f"{address.rpartition('/')[0]}/rasad", keys)
        await database.start()
        await database.stop()

    postgresql.said(address, "CREATE DATABASE rasad")
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, migrated()).result()
    return address.rpartition("/")[0]


_COPIES = itertools.count(1)


BOTH_DATABASES = pytest.mark.databases("sqlite", "postgresql")


def pytest_generate_tests(metafunc):
    """Each test runs on the databases it is marked with, the nearest mark holding; on SQLite without one."""
    if "database_kind" in metafunc.fixturenames and (mark := metafunc.definition.get_closest_marker("databases")):
        metafunc.parametrize("database_kind", mark.args)


@pytest.fixture
def database_kind():
    return "sqlite"


@pytest.fixture
def empty_url(request, tmp_path, database_kind):
    """The address of a database of its own that has nothing in it; on SQLite it is not even made."""
    with _own(request, tmp_path, database_kind, "template0") as url:
        yield url


@pytest.fixture
def database_url(request, tmp_path, database_kind):
    """The same of this release, where that is cheaper than to make it so."""
    with _own(request, tmp_path, database_kind, "rasad") as url:
        yield url


@contextmanager
def _own(request, tmp_path, kind, template):
    if kind == "sqlite":
        path = tmp_path / "deep" / "rasad.db"
        if template == "rasad":
            path.parent.mkdir()
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    server, name = request.getfixturevalue("postgresql_template"), f"rasad_{next(_COPIES)}"
    postgresql.said(f"{server}/postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
    yield f"{server}/{name}"
    postgresql.said(f"{server}/postgres", f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(autouse=True)
def _logs_as_they_were():
    """Whoever composes a gateway in this process configures its logs; the next test finds them unconfigured, but with
    plain tracebacks: what structlog draws with all locals takes seconds, in which nothing else here goes on."""
    *before, _ = structlog.get_config()["processors"]
    structlog.configure([*before, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])
    yield
    structlog.reset_defaults()
