"""gateway.yaml, what this process is told: unit, default and reason stand beside each field.

A model refuses what it does not know, and says what was expected.
"""

import math
from datetime import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from gateway.settings_fields import MIN_SECRET, Networks, Strict

SHIPPED_MENU = Path(__file__).resolve().parent.parent / "menus" / "rasad"


Delays = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)]


def _long_enough(token: str) -> str:
    if len(token) < MIN_SECRET:
        raise ValueError(f"a token needs {MIN_SECRET} characters or more (128 random bits)")
    return token


Token = Annotated[str, AfterValidator(_long_enough)]


def _one_server(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


SPELLED = "in a password write %40 for @, %2F for /, %23 for #, %3A for : and %25 for %"


def _whole(url: str) -> bool:
    """Whether it falls into its parts as it was meant to. What it says is told to nobody: there is a password in it."""
    try:
        parts = urlsplit(url)
        return parts.port != 0 and parts.netloc.count("@") < 2 and not parts.fragment
    except ValueError:
        return False


def _redis_url(url: str) -> str:
    if not _whole(url) or not urlsplit(url).hostname or urlsplit(url).scheme not in ("redis", "rediss"):
        raise ValueError(f"expected redis://HOST:PORT/0, or rediss:// for TLS; {SPELLED}")
    return url


def _database_url(url: str) -> str:
    if url.startswith("postgresql") and not _whole(url):
        raise ValueError(f"expected postgresql+asyncpg://user:password@host:port/name; {SPELLED}")
    return url


RedisUrl = Annotated[str, AfterValidator(_redis_url)]


class RedisSettings(Strict):
    """One server: `url`. A cluster: some of its nodes. A server that sentinels watch over: those, and `url` with the
    name they know it by for a host."""

    url: RedisUrl = Field(default="", repr=False)
    cluster: tuple[RedisUrl, ...] = Field(default=(), repr=False)
    sentinels: tuple[RedisUrl, ...] = Field(default=(), repr=False)

    def model_post_init(self, _: Any) -> None:
        if bool(self.url) == bool(self.cluster) or (self.cluster and self.sentinels):
            raise ValueError("expected a URL, or {cluster: [URL, ...]}, or {url: URL, sentinels: [URL, ...]}")


class SessionSettings(Strict):
    idle_s: float = Field(default=180.0, gt=0)
    """How long we remember a session that says nothing. Operators end theirs after 120 to 180 s (protocols.md A6)."""
    ended_s: float = Field(default=600.0, gt=0)
    """How long an ended session is kept, so that its late or repeated packet is recognised."""
    repeat_within_ms: float = Field(default=1000.0, ge=0)
    """The same input so soon after its answer is a repeated request, where the peer neither counts nor chains them.
    Nobody reads a screen and answers it in a second."""
    redis: Annotated[RedisSettings | None, BeforeValidator(_one_server)] = None
    """Without it sessions are in the process's memory, and one process is all there can be."""
    redis_within_s: float = Field(default=0.8, gt=0)
    """What one question to Redis may take, its one repetition included. A turn asks before it begins and when it is
    done, so a caller reads within 2 s that we are busy."""


class FollowUpSettings(Strict):
    within_s: float = Field(default=30.0, gt=0)
    """What one attempt gives the office: nobody is waiting on the line any more."""
    again_after_s: Delays = Field(default=[60, 120, 300, 900, 1800])
    """Seconds between an attempt that failed and the next; the last one repeats until expiry."""
    expires_after_s: float = Field(default=7200.0, gt=0)
    """When the apology goes out instead. 2 h: later, the question has been asked elsewhere."""
    at_once: int = Field(default=16, gt=0)
    """Attempts in flight."""


class FollowSettings(Strict):
    look_every_s: float = Field(default=21_600.0, gt=0)
    """How often a followed case is looked up, as far as its office's pace allows. 6 h: letters move by the day."""
    within_s: float = Field(default=30.0, gt=0)
    """What one look-up gives the office."""
    expires_after_s: float = Field(default=7_776_000.0, gt=0)
    """How long a case is followed. 90 days: after that a phone may have changed hands."""
    stop_by_zero_within_s: float = Field(default=172_800.0, gt=0)
    """How long after a notice a bare 0 by SMS means no more of these, whatever else we have asked her by SMS."""


class SmsSettings(Strict):
    answer_within_s: float = Field(default=30.0, gt=0)
    """What a question by SMS gives the office before it becomes a follow-up."""
    conversation_s: float = Field(default=1800.0, gt=0)
    """How long a question of ours waits for the next SMS."""
    expires_after_s: float = Field(default=7200.0, gt=0)
    """When a reply that could not be sent is no longer sent."""
    again_after_s: Delays = Field(default=[2, 10, 30, 60, 300])
    """Seconds between attempts to send; the last one repeats until expiry."""
    send_within_s: float = Field(default=10.0, gt=0, le=15)
    """What one attempt gives the provider. Half of a lease at most, so that the message is still ours when it ends."""
    stopped_for_s: float = Field(default=60.0, gt=0)
    """How long nothing is sent by a route whose provider wants nothing from us: a wrong key does not mend by trying."""
    notices_from: time = time(8)
    notices_until: time = time(21)
    """The hours of Tehran in which a phone may ring for what nobody asked for just now; replies go at once."""
    notices_expire_after_s: float = Field(default=172_800.0, gt=0)
    at_once: int = Field(default=64, gt=0)
    """Incoming messages answered at once, and outgoing ones in flight: most of them only wait for somebody."""


class StorageSettings(Strict):
    """What a turn grants our own database. Together less than a USSD channel's reserve_s, so that a caller still gets a
    text while the database hangs."""

    connections: int = Field(default=10, ge=2, le=200)
    """Of this process. PostgreSQL admits 100 in all unless told otherwise, and each costs it some memory."""
    connection_within_s: float = Field(default=2.0, gt=0)
    """How long work waits for one of them: whoever waits longer is one too many and is told so."""
    connect_within_s: float = Field(default=2.0, gt=0)
    """What a new connection may take."""
    statement_within_s: float = Field(default=3.0, gt=0)
    """What one statement may take on PostgreSQL. The slowest of ours takes milliseconds."""
    lock_within_s: float = Field(default=2.0, gt=0)
    """How long one waits for a row that somebody else is changing; on SQLite for whoever else writes."""


class RetentionSettings(Strict):
    """How long rows are kept that nothing waits for any more."""

    texts_days: float = Field(default=30.0, gt=0)
    """Texts and numbers of messages; and whole, what was promised and followed, from its end on."""
    rows_days: float = Field(default=30.0, ge=30)
    """What is left of a message: its ids and times. Until then a recorded callback that comes again is known."""
    records_days: float = Field(default=90.0, gt=0)
    """What became of each dialogue, for the figures of a quarter."""
    menus_days: float = Field(default=180.0, ge=120)
    """Menu versions that were never published: cases are followed for 90 days in the words of theirs."""

    @field_validator("rows_days")
    @classmethod
    def _no_text_without_its_row(cls, rows_days: float, info: ValidationInfo) -> float:
        if rows_days < info.data.get("texts_days", 0.0):
            raise ValueError("must not be less than texts_days: a text goes with its row")
        return rows_days


class OverloadSettings(Strict):
    """What is turned away rather than kept waiting, in each process."""

    turns_at_once: int = Field(default=128, ge=4)
    """USSD turns in hand, waiting for an office, the database or the processor. Some 500 a second are what a core does,
    so the last of them is answered in a fraction of a second; one more is told at once to call again."""
    reserved_for_running: int = Field(default=32, ge=1)
    """Of these for dialogues that run; as many again for those and for dials with everything in them."""
    essential: frozenset[Annotated[str, Field(pattern=r"^0[0-9]+$")]] = frozenset()
    """Entry codes of services that citizens must reach on the busiest day: `["02"]`. Who dials one in one go,
    `*4*061*02*...#`, is taken like somebody whose dialogue runs."""
    callbacks_at_once: int = Field(default=128, gt=0)
    """SMS and receipts that wait to be stored: few enough that the last of them has its answer before its peer gives up
    (10 s), on a slow disk too. One more is refused with 503, to come again."""

    @field_validator("reserved_for_running")
    @classmethod
    def _plain_dials_have_some(cls, reserved: int, info: ValidationInfo) -> int:
        if 2 * reserved >= info.data.get("turns_at_once", math.inf):
            raise ValueError("must be less than half of turns_at_once, or no plain dial is ever taken")
        return reserved


class TlsSettings(Strict):
    """Files in PEM. Most put a proxy before us; then TLS ends there."""

    certificate: str
    key: str
    clients_ca: str | None = None
    """Who vouches for client certificates; without it none is asked for."""


class GatewaySettings(Strict):
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8061, ge=0, le=65535)
    """0 takes any free port."""
    tls: TlsSettings | None = None
    proxies: Networks = ()
    """Proxies of ours: what they say of where a request comes from, and with which certificate, is believed."""
    database: Annotated[str, AfterValidator(_database_url)] = Field(
        default="sqlite+aiosqlite:///var/rasad.db", repr=False
    )
    """Or postgresql+asyncpg://user:${PASSWORD}@host/name, where several processes or machines share one."""
    storage: StorageSettings = StorageSettings()
    retention: RetentionSettings = RetentionSettings()
    keys_file: str = "var/keys.yaml"
    """What numbers and texts are sealed with. `rasad keys new FILE` makes one; losing it loses the data."""
    menu: str | None = None
    """A folder of menu files; without it the shipped menu. Served until a menu is published, then only looked at."""
    api_tokens: dict[str, Token] = Field(default={}, repr=False)
    """Who may ask /api/v1: a name to its token. Without any, nobody. A name each, so that one can be taken back and
    the log says who looked."""
    sessions: SessionSettings = SessionSettings()
    follow_ups: FollowUpSettings = FollowUpSettings()
    follow: FollowSettings = FollowSettings()
    sms: SmsSettings = SmsSettings()
    overload: OverloadSettings = OverloadSettings()
