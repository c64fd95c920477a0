"""The machine's clock as the gateway sees it, with clocks made up."""

from datetime import UTC, date, datetime

import pytest
import structlog

from gateway import clock
from gateway.clock import BELIEVED_AFTER_S, SystemClock

DAY = 86_400
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def machine(monkeypatch):
    """What its two clocks say; time passes on both."""

    class Machine:
        wall, monotonic = NOON, 1000.0

        def passes(self, seconds):
            self.wall += seconds
            self.monotonic += seconds

    found = Machine()
    monkeypatch.setattr(clock, "wall", lambda: found.wall)
    monkeypatch.setattr(clock.time, "monotonic", lambda: found.monotonic)
    return found


def since_noon(system):
    return round(system.now().timestamp() - NOON, 3)


def test_it_is_the_machines_clock(machine):
    system = SystemClock()
    machine.passes(5)
    assert 5 == since_noon(system)
    assert date(2026, 11, 22) == system.today()


def test_it_follows_a_clock_that_is_regulated(machine):
    system = SystemClock()
    for _ in range(100):
        machine.passes(60)
        machine.wall += 1
        system.now()
    assert 6100 == since_noon(system)


@pytest.mark.parametrize("jump", [3600, -3600, DAY, -DAY])
def test_a_jump_that_is_taken_back_was_none(machine, jump):
    system = SystemClock()
    machine.wall += jump
    for passed in range(0, 600, 60):
        assert passed == since_noon(system)
        machine.passes(60)
    machine.wall -= jump
    machine.passes(BELIEVED_AFTER_S)
    assert 600 + BELIEVED_AFTER_S == since_noon(system)


@pytest.mark.parametrize("jump", [3600, -DAY])
def test_a_jump_that_stands_is_believed_and_told_once(machine, jump):
    system = SystemClock()
    machine.wall += jump
    with structlog.testing.capture_logs() as told:
        for passed in range(0, int(BELIEVED_AFTER_S), 60):
            assert passed == since_noon(system)
            machine.passes(60)
    assert ["clock_jumped"] == [each["event"] for each in told]
    assert BELIEVED_AFTER_S + jump == since_noon(system)


def test_the_day_is_tehrans(machine):
    machine.wall = datetime(2026, 11, 22, 20, 31, tzinfo=UTC).timestamp()
    assert date(2026, 11, 23) == SystemClock().today()
