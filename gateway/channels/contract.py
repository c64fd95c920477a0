"""What a dialect supplies, and the few things it says: requests and replies as data, no web framework, no clock.

Refusal     the peer's mistake, with the HTTP status and one line that says what was expected
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable
from urllib.parse import unquote_to_bytes

MAX_BODY_OCTETS = 8192
"""protocols.md E12: no dialect needs more for one input."""

MAX_FIELDS = 50


@dataclass(frozen=True, slots=True)
class WireRequest:
    """An HTTP request as it came. query: undecoded; tail: the path behind the channel's name, without its slash;
    charset: of the body, where the request names one."""

    method: str
    tail: str
    query: str
    content_type: str
    body: bytes
    charset: str | None = None


@dataclass(frozen=True, slots=True)
class WireReply:
    status: int
    body: str
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class OutRequest:
    """A request we make. params are form fields of a POST, or the query of a GET; body, where it is none of these."""

    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None


class Refusal(Exception):
    """why: in our own words, which may be logged. quoted: what the peer sent, which only the peer is told again."""

    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None, quoted: str = "") -> None:
        self.status = status
        self.why = why
        self.line = f"{why}: {quoted[:40]!r}" if quoted else why
        self.headers = dict(headers or {})
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class UssdInput:
    """One input of a caller. msisdn and service_code as the peer spells them.

    service_code: what was dialled, arguments and all where the dialect has them there; empty when this request does not
    repeat it. inputs: everything said since the service code, joined by `*`, or, with newest, only what was typed just
    now. opens: whether a session begins, None in a dialect that does not say. sequence: which request of its session
    this is, where the peer counts them. echo: what the dialect wants to see again when it writes the answer. ids: both
    sides' ids of the session, in a dialect whose notice of an end may name nobody.
    """

    session_id: str
    msisdn: str
    service_code: str
    inputs: str
    newest: bool = False
    opens: bool | None = None
    sequence: int | None = None
    echo: str = ""
    ids: str = ""


class Why(StrEnum):
    """Why a session ended: one list for all peers (protocols.md A7)."""

    COMPLETED = "completed"
    USER_ABORT = "user_abort"
    USER_TIMEOUT = "user_timeout"
    APP_TIMEOUT = "app_timeout"
    APP_ERROR = "app_error"
    NETWORK_ABORT = "network_abort"
    BUSY = "busy"
    ABSENT = "absent"
    BAD_ALPHABET = "bad_alphabet"
    GATEWAY_REFUSED = "gateway_refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class UssdEnd:
    """The peer's notice that a session is over. msisdn: empty where it does not say; raw: its own word for why, by
    `known`, since it is logged; answer: what it is told; ids: as those of the session's inputs."""

    session_id: str
    msisdn: str
    why: Why
    raw: str
    answer: WireReply = WireReply(200, "")
    ids: str = ""


@dataclass(frozen=True, slots=True)
class UssdReply:
    """What the caller sees next. text fits already and is never changed after this point; end closes the session."""

    text: str
    end: bool


@dataclass(frozen=True, slots=True)
class MoSms:
    """An SMS from a citizen. provider_id is unique per channel: the same id is the same message."""

    provider_id: str
    msisdn: str
    short_code: str
    text: str


Fate = Literal["delivered", "failed", "expired", "pending"]
"""What a receipt says of a message; only `pending` may still change."""


@dataclass(frozen=True, slots=True)
class DeliveryReceipt:
    """What became of a message the provider took, by the id it gave. reason: the provider's own word or code, by
    `known`, since it is logged."""

    provider_id: str
    msisdn: str
    fate: Fate
    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the message. Taken is not delivered."""

    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """The provider refused it. again: the same message may be tried later; reason: the provider's code or word."""

    reason: str
    again: bool


@dataclass(frozen=True, slots=True)
class Stopped:
    """The provider takes nothing from us until somebody mends it: a wrong key, no credit, a line that is not ours."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The message may have been taken: it went out, and no answer came back."""

    reason: str


SendResult = Accepted | NotAccepted | Stopped | Unknown


class UssdDialect(Protocol):
    """read raises Refusal for what is not the dialect's; write gives what the peer shows its caller."""

    def read(self, request: WireRequest) -> UssdInput | UssdEnd: ...

    def write(self, reply: UssdReply, said: UssdInput) -> WireReply: ...


@dataclass(frozen=True, slots=True)
class PushRoute:
    """Where a USSD gateway takes texts for phones that are in no call, and our account there; empty: it asks for
    none."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)


@runtime_checkable
class Showing(Protocol):
    """A USSD dialect whose gateway shows a text on a phone that is in no call. It answers when the phone has, or will
    not; then its dialogue is open and ours to end."""

    def notice(self, route: PushRoute, msisdn: str, text: str, within_s: float) -> OutRequest:
        """msisdn: international, without the plus. within_s: how long the phone has."""
        ...

    def shown(self, status: int, body: str) -> SendResult:
        """Accepted: the phone has shown it."""
        ...

    def end(self, route: PushRoute, cookies: Mapping[str, str]) -> OutRequest | None:
        """What ends the dialogue of a text that was shown; None where the gateway gave nothing to name it by."""
        ...


@dataclass(frozen=True, slots=True)
class SmsRoute:
    """Where and as whom a channel sends: the provider's address and our account there. receipts_url: where it is told
    to report, with our secret in it."""

    url: str
    username: str
    sender: str
    password: str = field(repr=False)
    receipts_url: str = field(default="", repr=False)


class SmsDialect(Protocol):
    """read and stored are for what comes in; request and result for what goes out.

    message_id is ours, whole and never used again: a provider that knows it has the message already.
    """

    def read(self, request: WireRequest) -> MoSms: ...

    def stored(self) -> WireReply: ...

    def request(self, route: SmsRoute, msisdn: str, text: str, message_id: str) -> OutRequest: ...

    def result(self, status: int, body: str) -> SendResult: ...


@runtime_checkable
class Reporting(Protocol):
    """A dialect whose provider calls us when it knows what became of a message."""

    def receipt(self, request: WireRequest) -> DeliveryReceipt: ...

    def stored(self) -> WireReply: ...


@runtime_checkable
class Polled(Protocol):
    """A dialect whose provider calls nobody: it is asked for messages, and for what became of ours.

    messages and receipts give nothing where the answer is an error: it is asked again. One that is not told of again
    must be read in full, so what cannot be read is left out.
    """

    def messages_request(self, route: SmsRoute) -> OutRequest: ...

    def messages(self, status: int, body: str) -> list[MoSms]: ...

    def receipts_request(self, route: SmsRoute, provider_ids: Sequence[str]) -> OutRequest: ...

    def receipts(self, status: int, body: str) -> list[DeliveryReceipt]: ...


@runtime_checkable
class Knowing(Protocol):
    """A dialect whose provider can be asked whether it has a message of ours: done before one is sent again."""

    def look_up(self, route: SmsRoute, message_id: str) -> OutRequest: ...

    def known(self, status: int, body: str) -> SendResult | None:
        """Accepted when it has it, None when it has not, anything else when it cannot be known now."""
        ...


_CODES = frozenset(map(str, range(1000)))


def known(word: object, words: Collection[str] = _CODES) -> str:
    """A peer's word as it may be logged: one that its dialect knows, or else a number too short to be anybody's.
    Anything else may be a number or a text of a citizen."""
    said = str(word)
    return said if said in words else "unknown"


def only(request: WireRequest, method: str, *tails: str) -> None:
    """Refuse every other verb, and every path behind the channel's name but these (without any: nothing behind it)."""
    if request.tail not in (tails or ("",)):
        known = " or ".join(filter(None, tails))
        there_is = f"only {known} is" if known else "there is nothing"
        raise Refusal(404, f"{there_is} behind this channel's name")
    if request.method != method:
        raise Refusal(405, f"this channel takes {method} only", {"Allow": method})


def form(request: WireRequest) -> dict[str, bytes]:
    """The fields of a form body (WHATWG URL, application/x-www-form-urlencoded), undecoded. Raises Refusal."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Refusal(415, "the body must be application/x-www-form-urlencoded")
    try:
        return fields(request.body.decode("ascii"))
    except UnicodeDecodeError:
        raise Refusal(400, "the body has octets that are not percent-encoded") from None


def fields(encoded: str) -> dict[str, bytes]:
    """Percent-encoded fields, each at most once. Raises Refusal."""
    found: dict[str, bytes] = {}
    pairs = [pair for pair in encoded.split("&") if pair]
    if len(pairs) > MAX_FIELDS:
        raise Refusal(400, f"more than {MAX_FIELDS} fields")
    for pair in pairs:
        name, _, value = pair.partition("=")
        key = unquote_to_bytes(name.replace("+", " ")).decode("utf-8", "replace")
        if key in found:
            raise Refusal(400, "a field stands twice", quoted=key)
        found[key] = unquote_to_bytes(value.replace("+", " "))
    return found


def text(found: Mapping[str, object], name: str, *, empty: bool = False, longest: int = 256) -> str:
    """A field as text: a form's octets are UTF-8. Raises Refusal when missing, broken, no text, blank or too long."""
    if name not in found:
        raise Refusal(400, f"the field {name} is missing")
    value = found[name]
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            raise Refusal(400, f"the field {name} is not UTF-8") from None
    if not isinstance(value, str):
        raise Refusal(400, f"the field {name} must be a text")
    if "\0" in value:
        raise Refusal(400, f"the field {name} has a NUL in it")
    if len(value) > longest:
        raise Refusal(400, f"the field {name} is longer than {longest} characters")
    if not value.strip() and not empty:
        raise Refusal(400, f"the field {name} is empty")
    return value
