"""Sessions in Redis: what several processes and machines share.

A session is one key, its value sealed; a copy of what a phone saved last is another. Both carry the same hash tag, so
one script writes them in any cluster, and both expire by Redis' own clock.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
from redis import asyncio as aioredis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, OutOfMemoryError, RedisError

from gateway.privacy import Keys, Unsealable
from gateway.sessions.store import Session, SessionKey, SessionStore, StoreFull, StoreUnavailable
from gateway.settings import RedisSettings

log = structlog.get_logger()

PLACE = "redis.session"

ALARM_AT = 0.8
"""Of Redis' memory: from here on /readyz tells."""

SAVE = """\
local kept = redis.call('GET', KEYS[1])
if kept ~= ARGV[2] then
    local version = kept and string.match(kept, '^%d+') or '0'
    if version ~= ARGV[1] then return 0 end
end
if kept then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
local done = redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if done.err then
    return string.find(done.err, 'OOM') and redis.error_reply('OOM no memory left') or done
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
"""
"""KEYS: the session, the phone's latest; ARGV: the version that must be there, the value, its life in ms.

The same save again, because nobody knows whether the first one arrived, finds its own value and succeeds. When the
memory is full Redis refuses the first write that needs more of it; of a session that is there PEXPIRE is the first
write, so that one goes on, and a new one is refused."""

_SHA = sha1(SAVE.encode(), usedforsecurity=False).hexdigest()

Client = aioredis.Redis | aioredis.RedisCluster


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A value as it is sealed. It says whose it is, whatever key it was found under."""

    channel: str
    owner: str
    session_id: str
    session: Session


class RedisSessions:
    def __init__(self, settings: RedisSettings, within_s: float, keys: Keys) -> None:
        """within_s: what one question may take, its one repetition included."""
        self._keys = keys
        self._client, self._sentinels = _client(settings, within_s / 2)
        self._line = _Line(self._client, within_s)
        self._within_s = within_s

    async def stop(self) -> None:
        await self._line.stop()
        for client in (self._client, *self._sentinels):
            await client.aclose()

    async def load(self, key: SessionKey) -> tuple[Session, int] | None:
        name = self._name(key)
        kept = await self._opened(name, await self._line.ask("GET", name))
        if kept is None or kept[0] != key:
            return None
        return kept[1], kept[2]

    async def save(self, key: SessionKey, session: Session, version: int, ttl_s: float) -> bool:
        kept = msgspec.msgpack.encode(_Kept(key.channel, key.owner, key.session_id, session))
        value = b"%d " % (version + 1) + self._keys.seal(kept, PLACE)
        names = self._name(key), _latest(key.channel, key.owner)
        done = await self._line.ask("EVALSHA", _SHA, 2, *names, version, value, max(1, round(ttl_s * 1000)))
        return bool(done)

    async def latest(self, channel: str, owner: str) -> tuple[SessionKey, Session] | None:
        name = _latest(channel, owner)
        kept = await self._opened(name, await self._line.ask("GET", name))
        if kept is None or (kept[0].channel, kept[0].owner) != (channel, owner):
            return None
        return kept[0], kept[1]

    async def trouble(self) -> str | None:
        try:
            async with asyncio.timeout(self._within_s):
                found: dict[str, Any] = await self._client.info("memory")
        except (AuthenticationError, NoPermissionError):
            return "Redis refuses our user or password; USSD callers are told to dial again"
        except (RedisError, OSError, TimeoutError) as error:
            return f"Redis does not answer ({type(error).__name__}); USSD callers are told to dial again"
        nodes = [found] if "used_memory" in found else list(found.values())  # of a cluster, by node
        fullest = max(node["used_memory"] / node["maxmemory"] if node.get("maxmemory") else 0.0 for node in nodes)
        if fullest < ALARM_AT:
            return None
        return f"Redis has {fullest:.0%} of its memory in use; without any left new USSD sessions are refused"

    def _name(self, key: SessionKey) -> str:
        # A tag of the operator's session id too: there are gateways whose id is the phone number.
        return f"rasad:{{{key.channel}:{key.owner}}}:{self._keys.tag(key.session_id)}"

    async def _opened(self, name: str, value: bytes | None) -> tuple[SessionKey, Session, int] | None:
        """What a value says. One that says nothing to us (another release, keys that are gone) is taken out of the
        way: she begins anew, and what she begins can be saved."""
        if value is None:
            return None
        version, _, sealed = value.partition(b" ")
        try:
            kept = msgspec.msgpack.decode(self._keys.open(sealed, PLACE), type=_Kept)
            return SessionKey(kept.channel, kept.owner, kept.session_id), kept.session, int(version)
        except (Unsealable, msgspec.DecodeError, ValueError) as error:
            log.warning("session_unreadable", error=type(error).__name__)
            await self._line.ask("DEL", name)
            return None


def _latest(channel: str, owner: str) -> str:
    return f"rasad:{{{channel}:{owner}}}:latest"


@dataclass(slots=True)
class _Asked:
    command: tuple[Any, ...]
    answer: asyncio.Future[Any]


class _Line:
    """Whatever is asked while the line is busy goes out together when it is free: many turns, one round trip.

    Who stops waiting leaves the line as it is, so an answer never reaches anybody but who asked.
    """

    def __init__(self, client: Client, within_s: float) -> None:
        self._client, self._within_s = client, within_s
        self._waiting: list[_Asked] = []
        self._carrying: asyncio.Task[None] | None = None

    async def ask(self, *command: Any) -> Any:
        """Raises StoreUnavailable, and StoreFull when there is no room for what was to be written."""
        asked = _Asked(command, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._carrying is None or self._carrying.done():
            self._carrying = asyncio.create_task(self._carry(), name="redis")
        try:
            async with asyncio.timeout(self._within_s):
                return await asked.answer
        except TimeoutError:
            raise StoreUnavailable(f"Redis did not answer within {self._within_s:g} s") from None

    async def stop(self) -> None:
        if self._carrying is not None:
            self._carrying.cancel()
            await asyncio.gather(self._carrying, return_exceptions=True)

    async def _carry(self) -> None:
        while self._waiting:
            batch, self._waiting = [each for each in self._waiting if not each.answer.done()], []
            left, why = await self._carried(batch)
            if left:  # once more: nobody knows whether it arrived, and all of it may be repeated
                if isinstance(self._client, aioredis.RedisCluster):
                    await self._client.aclose()  # the nodes are asked anew who holds what
                left, why = await self._carried([_with_the_script(each) for each in left])
            for each in left:
                if not each.answer.done():
                    each.answer.set_exception(StoreUnavailable(f"Redis does not answer ({type(why).__name__})"))

    async def _carried(self, batch: Sequence[_Asked]) -> tuple[list[_Asked], Exception | None]:
        """What has no answer yet, and why."""
        pipeline = self._client.pipeline(transaction=False)
        for each in batch:
            pipeline.execute_command(*each.command)
        try:
            async with asyncio.timeout(self._within_s):
                answers = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError) as error:
            return list(batch), error
        left: list[_Asked] = []
        why: Exception | None = None
        for each, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception) and not isinstance(answer, OutOfMemoryError):
                left.append(each)
                why = answer
            elif not each.answer.done():
                if isinstance(answer, OutOfMemoryError):
                    each.answer.set_exception(StoreFull("Redis has no memory left"))
                else:
                    each.answer.set_result(answer)
        return left, why


def _with_the_script(asked: _Asked) -> _Asked:
    """The command as a Redis knows it that was started anew, and has no script yet."""
    if asked.command[0] == "EVALSHA":
        asked.command = ("EVAL", SAVE, *asked.command[2:])
    return asked


def _client(settings: RedisSettings, within_s: float) -> tuple[Client, Sequence[aioredis.Redis]]:
    """A client that tries once and waits within_s, since redis-py would repeat what may have been done already; and
    those of the sentinels it asks."""
    more: dict[str, Any] = {
        "socket_timeout": within_s,
        "socket_connect_timeout": within_s,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    if settings.cluster:
        nodes = [ClusterNode(urlsplit(url).hostname or "", urlsplit(url).port or 6379) for url in settings.cluster]
        return aioredis.RedisCluster(startup_nodes=nodes, **_options(settings.cluster[0]), **more), ()
    if settings.sentinels:
        where = [(urlsplit(url).hostname or "", urlsplit(url).port or 26379) for url in settings.sentinels]
        options = _options(settings.sentinels[0])
        sentinel = aioredis.Sentinel(  # type: ignore[no-untyped-call]  # the library's __init__
            where, sentinel_kwargs={**options, **more}
        )
        name = urlsplit(settings.url).hostname or ""
        return sentinel.master_for(name, **_options(settings.url), **more), sentinel.sentinels
    return aioredis.Redis.from_url(settings.url, **more), ()


def _options(url: str) -> dict[str, Any]:
    """What a URL says beside the address."""
    found: dict[str, Any] = dict(parse_url(url))
    for where in ("host", "port"):
        found.pop(where, None)
    if found.pop("connection_class", None) is SSLConnection:
        found["ssl"] = True
    return found


_: type[SessionStore] = RedisSessions
