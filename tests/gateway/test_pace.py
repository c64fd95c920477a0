"""How often an office is asked about cases that are followed."""

import bisect
import random
from types import SimpleNamespace

import pytest

from gateway.app import _pace
from gateway.settings_offices import RouteLine
from gateway.sms.pace import Pace


@pytest.mark.parametrize("per_minute", [0.5, 1, 7, 45, 60, 100.5, 600])
def test_in_no_minute_more_than_was_allowed(clock, per_minute):
    chance, asked = random.Random(per_minute), []
    pace = Pace(per_minute, clock.monotonic)
    while clock.seconds < 1800:
        clock.advance(chance.choice([0.01, 0.3, 1, 1, 1, 2.5, 40]))
        now = [clock.seconds for _ in range(pace.allowed())]
        for _ in now:
            pace.taken()
        assert len(now) <= max(1, 2 * per_minute / 60)
        asked += now
    minutes = [bisect.bisect_left(asked, at + 60) - place for place, at in enumerate(asked)]
    assert max(minutes) <= max(1, per_minute)


@pytest.mark.parametrize("per_minute", [0.5, 1, 45, 600])
def test_all_that_is_allowed_may_be_used(clock, per_minute):
    pace, asked = Pace(per_minute, clock.monotonic), 0
    for _ in range(3600):
        clock.advance(1)
        for _ in range(pace.allowed()):
            pace.taken()
            asked += 1
    assert 60 * per_minute * 0.97 <= asked <= 60 * per_minute + 1


def test_the_slowest_office_of_a_route_sets_its_pace_and_what_two_routes_ask_they_share():
    routes = {
        "letters": (RouteLine(numbers="1.*", backend="slow"), RouteLine(backend="secretariat")),
        "requests": (RouteLine(backend="services"),),
        "permits": (RouteLine(backend="secretariat"),),
    }
    allowed = {"secretariat": 60.0, "slow": 40.0, "services": 90.0}

    assert {"letters": 30.0, "requests": 90.0, "permits": 30.0} == _pace(SimpleNamespace(routes=routes), allowed)
