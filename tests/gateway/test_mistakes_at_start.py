"""What an engineer gets wrong before the first message: a start says so, and nothing is spoilt by it."""

import dataclasses
import sqlite3
from contextlib import closing

import pytest

from gateway import app
from gateway.privacy import KeysUnusable, read_keys, write_keys
from gateway.sessions.redis import RedisSessions
from gateway.settings import RedisSettings
from gateway.storage.database import Database, DatabaseUnusable
from tests import redis as servers
from tests.conftest import BOTH_DATABASES
from tests.gateway.processes import rows


@BOTH_DATABASES
async def test_other_keys_than_the_rows_were_sealed_with_are_refused_before_they_spoil_anything(
    desk, tmp_path, keys, eventually, clock
):
    file = tmp_path / "keys.yaml"
    async with desk(sms_down=True) as d:
        await d.sms("12345")
        await eventually(lambda: d.rows("message_out"))
    file.unlink()
    write_keys(file, dataclasses.replace(keys, data={1: b"o" * 32}))
    with pytest.raises(KeysUnusable, match=r"keys\.yaml: .* was sealed with other keys; bring back"):
        async with desk():
            pass

    file.unlink()
    write_keys(file, dataclasses.replace(keys, data={**keys.data, 2: b"n" * 32}))  # the next key beside the old one
    clock.advance(60)  # an attempt may have been made
    async with desk() as d:

        async def sent():
            return [row for row in await d.rows("message_out") if row.state == "sent"]

        await eventually(sent)


async def test_rows_of_which_nothing_is_kept_say_nothing_of_keys(desk, tmp_path, keys, database):
    async with desk(sms_down=True) as d:
        for count in range(6):
            await d.sms("12345", f"+98916000000{count}", f"m-{count}")
    for table in ("message_in", "message_out"):
        async with database.writing() as connection:
            await connection.exec_driver_sql(f"UPDATE {table} SET msisdn = X'' WHERE id > 2")  # noqa: S608
    (tmp_path / "keys.yaml").unlink()
    write_keys(tmp_path / "keys.yaml", dataclasses.replace(keys, data={1: b"o" * 32}))
    with pytest.raises(KeysUnusable, match="sealed with other keys"):
        async with desk():
            pass


async def test_one_row_that_was_changed_keeps_nobody_from_starting(desk, database):
    async with desk() as d:
        for count in range(3):
            await d.sms("12345", f"+98916000000{count}", f"m-{count}")
    table = database.tables.message_in
    async with database.writing() as connection:
        await connection.exec_driver_sql(f"UPDATE {table.name} SET msisdn = X'00' WHERE id = 3")  # noqa: S608
    async with desk() as d:
        assert 200 == (await d.sms("12345", "+989160000009", "m-9"))[0]


def test_a_keys_file_that_is_not_ours_to_read_is_told_in_a_line(tmp_path, keys, monkeypatch):
    file = tmp_path / "keys.yaml"
    write_keys(file, keys)

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_text", denied)
    with pytest.raises(KeysUnusable, match=r"keys\.yaml: cannot be read by who runs this: Permission denied"):
        read_keys(file)


@BOTH_DATABASES
async def test_a_schema_is_not_taken_back_under_a_gateway_at_work(desk, eventually):
    async with desk() as d:
        await eventually(lambda: d.rows("lease"))
        with pytest.raises(DatabaseUnusable, match=r"a gateway is at work on it .*stop it first.*nothing was changed"):
            await app.migrate(d.settings, back_to="0007")
        assert 200 == (await d.sms("12345"))[0]
    _, revision = await app.migrate(d.settings, back_to="0011")
    assert "0011" == revision


async def test_a_redis_that_refuses_our_password_is_not_said_to_be_silent(keys):
    with servers.running() as server:
        with server.client as client:
            client.config_set("requirepass", "right")
        wrong = server.url.replace("redis://", "redis://:wrong@")
        sessions = RedisSessions(RedisSettings(url=wrong), 5.0, keys)
        assert (await sessions.trouble()).startswith("Redis refuses our user or password")
        await sessions.stop()


async def test_a_backup_of_sqlite_taken_while_it_runs_is_a_database(desk, tmp_path, keys, eventually):
    """As docs/deployment.md has it."""
    async with desk() as d:
        await d.sms("12345")
        await eventually(lambda: d.rows("message_out"))
        with closing(sqlite3.connect(d.database.engine.url.database)) as running:
            running.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    brought_back = Database(f"sqlite+aiosqlite:///{tmp_path / 'backup.db'}", keys)
    await brought_back.start()
    assert await brought_back.opens()
    assert ["12345"] == [row.text for row in await rows(brought_back, "message_in")]
    await brought_back.stop()
