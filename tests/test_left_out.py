"""A test that needs another program: left out where that is not installed, a failure where nothing may be left out."""

from types import SimpleNamespace

import pytest

from tests.conftest import pytest_runtest_setup


def needing(program):
    return SimpleNamespace(iter_markers=lambda name: [SimpleNamespace(args=(program,))])


def test_it_runs_where_the_program_is(monkeypatch):
    monkeypatch.setenv("RASAD_LEAVE_NOTHING_OUT", "1")

    pytest_runtest_setup(needing("sh"))


def test_it_runs_where_the_path_is(monkeypatch):
    monkeypatch.setenv("RASAD_LEAVE_NOTHING_OUT", "1")

    pytest_runtest_setup(needing("tests/node"))


def test_it_is_left_out_elsewhere(monkeypatch):
    monkeypatch.delenv("RASAD_LEAVE_NOTHING_OUT", raising=False)

    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
        pytest_runtest_setup(needing("no-such-program"))


def test_it_fails_where_nothing_may_be_left_out(monkeypatch):
    monkeypatch.setenv("RASAD_LEAVE_NOTHING_OUT", "1")

    with pytest.raises(pytest.fail.Exception, match=r"it belongs into \.ci/packages"):
        pytest_runtest_setup(needing("no-such-program"))
    with pytest.raises(pytest.fail.Exception, match="tests/node/no-such-module is not installed"):
        pytest_runtest_setup(needing("tests/node/no-such-module"))
