from datetime import date

import pytest

from gateway.privacy import Keys, KeysUnusable, Unsealable, new_keys, read_keys, write_keys


def test_what_is_sealed_opens_again_and_looks_different_each_time(keys):
    first, second = keys.seal(b"+989161234567", "t.c"), keys.seal(b"+989161234567", "t.c")

    assert first != second
    assert b"+989161234567" == keys.open(first, "t.c") == keys.open(second, "t.c")


def test_a_value_moved_to_another_column_does_not_open(keys):
    with pytest.raises(Unsealable):
        keys.open(keys.seal(b"x", "message_in.text"), "message_out.text")


@pytest.mark.parametrize("place", [0, 5, -1])
def test_a_changed_value_does_not_open(keys, place):
    sealed = bytearray(keys.seal(b"some text", "t.c"))
    sealed[place] ^= 1

    with pytest.raises(Unsealable):
        keys.open(bytes(sealed), "t.c")


def test_after_a_rotation_old_values_open_and_new_ones_have_the_new_key(keys):
    rotated = Keys(data={1: keys.data[1], 2: b"n" * 32}, index=keys.index, log=keys.log)

    assert b"old" == rotated.open(keys.seal(b"old", "t.c"), "t.c")
    assert 2 == rotated.seal(b"new", "t.c")[0]


def test_a_tag_finds_its_value_and_a_days_tag_lasts_a_day(keys):
    today, tomorrow = date(2026, 11, 22), date(2026, 11, 23)

    assert keys.tag("+989161234567") == keys.tag("+989161234567") != keys.tag("+989161234568")
    assert keys.day_tag("+989161234567", today) == keys.day_tag("+989161234567", today)
    assert keys.day_tag("+989161234567", today) != keys.day_tag("+989161234567", tomorrow)


def test_keys_survive_their_file_which_only_its_owner_reads(tmp_path):
    path, keys = tmp_path / "secrets" / "keys.yaml", new_keys()
    write_keys(path, keys)

    assert keys == read_keys(path)
    assert 0o600 == path.stat().st_mode & 0o777
    with pytest.raises(FileExistsError):
        write_keys(path, new_keys())


@pytest.mark.parametrize(
    "content", ["", "data: 1", "data: {}\nindex: x\nlog: y", "- 1", "data: {1: QQ==}\nindex: QQ==\nlog: QQ=="]
)
def test_a_file_that_is_none_says_what_was_expected(tmp_path, content):
    path = tmp_path / "keys.yaml"
    path.write_text(content)

    with pytest.raises(KeysUnusable, match="keys"):
        read_keys(path)


def test_a_missing_file_says_how_to_make_one(tmp_path):
    with pytest.raises(KeysUnusable, match="rasad keys new"):
        read_keys(tmp_path / "none.yaml")


def test_keys_do_not_stand_in_their_repr(keys):
    assert "dddd" not in repr(keys)
