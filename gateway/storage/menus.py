"""Menus as they were published: each version once, by its content hash, and the history of what was published when.
Beside them the drafts: versions that one phone each tries.

The last publication is the one that holds, so publishing an older version again is how to roll back.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.clock import Clock
from gateway.storage.database import Database, insert_once, upsert


@dataclass(frozen=True, slots=True)
class StoredMenus:
    """Each method raises SQLAlchemyError when the database does not answer."""

    database: Database
    clock: Clock

    async def publish(self, version: str, files: Iterable[tuple[str, str]], *, first: bool = False) -> bool:
        """Make this version the published one; False when it was already. Of a path only the file's name is kept.

        first: only if nothing is published yet; False when something is.
        """
        tables, now = self.database.tables, self.clock.now()
        async with self.database.writing() as connection:
            # Before anything is read: from here on nobody else publishes until we commit.
            await self.database.alone(connection, "publish")
            await self._keep(connection, version, files)
            published = await self._last(connection)
            if published == version or (first and published is not None):
                return False
            await connection.execute(insert(tables.menu_publication).values(hash=version, published_at=now))
        return True

    async def published(self) -> str | None:
        """The version that is published now; None before the first publication."""
        async with self.database.reading() as connection:
            return await self._last(connection)

    async def files(self, version: str) -> list[tuple[str, str]] | None:
        """(name, text) of each file of a version; None when it was never published."""
        table = self.database.tables.menu_version
        async with self.database.reading() as connection:
            wanted = select(table.c.files).where(table.c.hash == version)
            found: str | None = (await connection.execute(wanted)).scalar_one_or_none()
        return None if found is None else [(name, text) for name, text in json.loads(found)]

    async def bind(self, msisdn_tag: str, version: str, files: Iterable[tuple[str, str]], for_s: float) -> datetime:
        """This phone tries this version from now on, instead of what it tried before; until when."""
        table, until = self.database.tables.menu_draft, self.clock.now() + timedelta(seconds=for_s)
        row = {"msisdn_tag": msisdn_tag, "hash": version, "expires_at": until}
        async with self.database.writing() as connection:
            await self._keep(connection, version, files)
            await connection.execute(upsert(table, row, on=["msisdn_tag"], update=row))
            await connection.execute(delete(table).where(table.c.expires_at <= self.clock.now()))
        return until

    async def unbind(self, msisdn_tag: str) -> bool:
        """This phone is like all others again; False when it was."""
        table = self.database.tables.menu_draft
        async with self.database.writing() as connection:
            gone = await connection.execute(delete(table).where(table.c.msisdn_tag == msisdn_tag))
        return bool(gone.rowcount)

    async def drafts(self) -> dict[str, str]:
        """The version each of these phones tries now, by the phone's tag."""
        table = self.database.tables.menu_draft
        wanted = select(table.c.msisdn_tag, table.c.hash).where(table.c.expires_at > self.clock.now())
        async with self.database.reading() as connection:
            return {row.msisdn_tag: row.hash for row in await connection.execute(wanted)}

    async def _keep(self, connection: AsyncConnection, version: str, files: Iterable[tuple[str, str]]) -> None:
        pairs = sorted((path.rpartition("/")[2], text) for path, text in files)
        row = {"hash": version, "files": json.dumps(pairs, ensure_ascii=False), "published_at": self.clock.now()}
        await connection.execute(insert_once(self.database.tables.menu_version, **row))

    async def _last(self, connection: AsyncConnection) -> str | None:
        table = self.database.tables.menu_publication
        wanted = select(table.c.hash).order_by(table.c.id.desc()).limit(1)
        found: str | None = (await connection.execute(wanted)).scalar_one_or_none()
        return found
