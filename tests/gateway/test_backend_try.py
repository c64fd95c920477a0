"""What `rasad backend try` says about an answer, without an office; with one: tests/e2e/test_backend_try.py."""

import pytest

from gateway.backend_try import Heard, advice, ended
from menus.ports import Missing, Unavailable

ADVICE = {
    "BackendUnreachable: no connection: 28P01": "look at user and password in `url`",
    "BackendUnreachable: no connection: 28000": "look at user and password in `url`",
    "BackendUnreachable: no connection: 3D000": "the database has none of this name",
    "BackendUnreachable: no connection: SQLITE_CANTOPEN": "look at its path in `url`",
    "BackendUnreachable: no connection: ConnectionRefusedError": "look at the address and port",
    "BackendUnreachable: no letter in its folder: no file there ends in .xml": "look at `folder`, `suffixes`",
    "WebPage: HTTP 404 with a page for people": "look at the address and the path",
    "BackendGarbage: HTTP 404": "the office does not know such a request",
    "BackendGarbage: its records cannot be found: cases names nothing in the answer": "say so with missing_when",
}


@pytest.mark.parametrize(("reason", "says"), ADVICE.items(), ids=list(ADVICE))
def test_each_reason_has_its_own_advice(reason, says):
    assert says in advice(Unavailable(), Heard(reason=reason), 10.0)


def test_missing_says_what_else_it_may_mean():
    assert "missing (0 ms): if the office has this number, look at" in ended(Missing(), Heard())


def test_what_has_no_meaning_is_told_with_what_to_mend():
    heard = Heard()
    for word in ("در انتظار", "1405/09/10", "", ""):
        heard.unmapped(word)

    assert [
        "\n-- without a meaning",
        "'در انتظار': add it to states:, or mend its date",
        "'1405/09/10': no day of our time as this file's calendar reads it: look at calendar:, or have it mended",
        "'': a record says no state: look at fields.state",
    ] == list(heard.lines())
