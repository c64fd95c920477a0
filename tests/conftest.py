"""What tests of several packages use: keys, a clock that only moves when told to, the shipped menu."""

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from gateway.menu_files import read_folder
from gateway.privacy import Keys
from gateway.settings import SHIPPED_MENU
from menus import loader
from tests import postgresql

HERE = Path(__file__).parent

pytest_plugins = ["pytester", "tests.experiments"]


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


@pytest.fixture(scope="session")
def postgresql_server():
    """(address, pid) of a PostgreSQL that runs as long as this test run."""
    with postgresql.running() as found:
        yield found


@pytest.fixture(autouse=True)
def _logs_as_they_were():
    """Whoever composes a gateway in this process configures its logs; the next test finds them unconfigured, but with
    plain tracebacks: what structlog draws with all locals takes seconds, in which nothing else here goes on."""
    *before, _ = structlog.get_config()["processors"]
    structlog.configure([*before, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])
    yield
    structlog.reset_defaults()
