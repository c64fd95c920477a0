"""The PostgreSQL of the experiments: killed, it starts again with what it had acknowledged."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests import postgresql


async def does(server, statement):
    engine = create_async_engine(server.url)
    try:
        async with engine.begin() as connection:
            done = await connection.execute(text(statement))
            return done.scalars().all() if done.returns_rows else None
    finally:
        await engine.dispose()


async def test_a_killed_server_starts_again_with_its_rows_on_its_port():
    server = postgresql.Server(durable=True)
    try:
        server.start()
        await does(server, "CREATE TABLE kept (id integer)")
        await does(server, "INSERT INTO kept VALUES (1)")
        before = server.pid
        for _ in range(2):
            server.kill()
            server.start()
        assert before != server.pid
        assert [1] == await does(server, "SELECT id FROM kept")
        assert ["on"] == await does(server, "SHOW fsync")
    finally:
        server.remove()
