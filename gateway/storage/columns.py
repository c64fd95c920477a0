"""Column types: sealed texts, and times that are always aware UTC. And the database's own clock."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Double, LargeBinary
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from gateway.privacy import Keys


class Sealed(TypeDecorator[str]):
    """A text that only its owner's key opens. Never comparable: find it by the tag beside it."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, keys: Keys, place: str) -> None:
        super().__init__()
        self._keys = keys
        self.place = place

    def process_bind_param(self, value: str | None, dialect: Any) -> bytes | None:
        return None if value is None else self._keys.seal(value.encode(), self.place)

    def process_result_value(self, value: bytes | None, dialect: Any) -> str | None:
        if not value:  # b"": it was kept no longer, gateway/storage/purge.py
            return None if value is None else ""
        return self._keys.open(bytes(value), self.place).decode()


class SealedBytes(TypeDecorator[bytes]):
    """The same for octets."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, keys: Keys, place: str) -> None:
        super().__init__()
        self._keys = keys
        self.place = place

    def process_bind_param(self, value: bytes | None, dialect: Any) -> bytes | None:
        return None if value is None else self._keys.seal(value, self.place)

    def process_result_value(self, value: bytes | None, dialect: Any) -> bytes | None:
        return None if value is None else self._keys.open(bytes(value), self.place)


class UtcTime(TypeDecorator[datetime]):
    """Aware UTC outside, a plain timestamp in UTC inside, since SQLite knows no zones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Seconds(FunctionElement[float]):
    """The database's clock, in seconds since 1970: one for all processes, whatever their machines believe."""

    inherit_cache = True
    type = Double()


@compiles(Seconds, "sqlite")
def _sqlite_seconds(element: Seconds, compiler: Any, **_: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(Seconds, "postgresql")
def _postgresql_seconds(element: Seconds, compiler: Any, **_: Any) -> str:
    return "CAST(extract(epoch FROM statement_timestamp()) AS double precision)"
