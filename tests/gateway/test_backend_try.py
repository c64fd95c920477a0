"""What `rasad backend try` says about an answer, without an office; with one: tests/e2e/test_backend_try.py."""

import pytest

from gateway.backend_try import Heard, advice, ended
from menus.ports import Missing, Unavailable

ADVICE = {
    "WebPage: HTTP 404 with a page for people": "look at the address and the path",
    "BackendGarbage: HTTP 404": "the office does not know such a request",
    "BackendGarbage: its records cannot be found: cases names nothing in the answer": "say so with missing_when",
}


@pytest.mark.parametrize(("reason", "says"), ADVICE.items(), ids=list(ADVICE))
def test_each_reason_has_its_own_advice(reason, says):
    assert says in advice(Unavailable(), Heard(reason=reason), 10.0)


def test_missing_says_what_else_it_may_mean():
    assert "missing (0 ms): if the office has this number, look at" in ended(Missing(), Heard())
