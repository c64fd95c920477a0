"""The account finds what was planted: a loss, a twin, a phantom, a copy. One that finds nothing proves nothing."""

import pytest

from tests.faults.history import Event, History, account


def told(key, *, at=0.0, said="ok", stored=1, decided=1, why="sent", delivered=1):
    """What there is of one message."""
    return [
        Event("said", key, at, at + 1, said),
        *[Event("stored", key, 9, 9)] * stored,
        *[Event("decided", key, 9, 9, "ok", why)] * decided,
        *[Event("delivered", key, at + 2, at + 2)] * delivered,
    ]


def test_a_day_on_which_nothing_happened_but_messages():
    found = account([*told("a"), *told("b", at=1), *told("c", at=2)])

    assert (3, 3, 3, 3, 3) == (found.attempted, found.acknowledged, found.stored, found.decided, found.delivered)
    assert ((), (), (), 0, 1, 0) == (
        found.lost, found.twins, found.unexpected, found.duplicated, found.copies, found.recovered
    )  # fmt: skip
    assert 1.0 == found.longest_silence_s


@pytest.mark.parametrize(
    "gone",
    [{"delivered": 0}, {"delivered": 0, "decided": 0}, {"delivered": 0, "decided": 0, "stored": 0}],
    ids=["not delivered", "not answered", "not stored"],
)
def test_a_loss_is_found_wherever_it_happened(gone):
    assert ("b",) == account([*told("a"), *told("b", **gone)]).lost


@pytest.mark.parametrize("why", ["expired", "failed", "unknown"])
def test_what_was_given_up_on_record_is_not_lost(why):
    found = account([*told("a", delivered=0, why=why), *told("b", why=why)])
    assert ((), 1) == (found.lost, found.given_up)


@pytest.mark.parametrize("said", ["fail", "unknown"])
def test_what_nobody_acknowledged_is_not_lost_when_it_is_not_there(said):
    found = account(told("a", said=said, stored=0, decided=0, delivered=0))
    assert ((), 1, 0, 0) == (found.lost, found.attempted, found.acknowledged, found.recovered)


def test_what_nobody_acknowledged_and_is_there_is_recovered():
    assert 1 == account([*told("a", said="unknown"), *told("b")]).recovered


def test_an_attempt_of_unknown_end_that_was_made_again_is_acknowledged():
    found = account([Event("said", "a", 0, 1, "unknown"), *told("a", at=1)])
    assert (1, 1, 0, ()) == (found.attempted, found.acknowledged, found.recovered, found.lost)


@pytest.mark.parametrize("twice", [{"stored": 2}, {"decided": 2}])
def test_a_twin_is_found(twice):
    assert ("a",) == account([*told("a", **twice), *told("b")]).twins


def test_a_copy_is_counted():
    found = account([*told("a", delivered=3), *told("b", delivered=2), *told("c")])
    assert (3, 3) == (found.duplicated, found.copies)


@pytest.mark.parametrize("op", ["stored", "decided", "delivered"])
def test_a_phantom_is_found(op):
    assert ("nobody",) == account([*told("a"), Event(op, "nobody", 0, 0)]).unexpected


def test_silence_is_the_longest():
    assert 8.0 == account([*told("a"), *told("b", at=1), *told("c", at=9)]).longest_silence_s


def test_what_was_written_is_read_again(tmp_path):
    history = History(tmp_path / "history")
    for each in told("a"):
        history.write(each)
    assert told("a") == history.events()
    history.close()
