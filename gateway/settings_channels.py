"""channels/*.yaml, one route to one operator or aggregator each: unit, default and reason stand beside each field."""

import base64
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from gateway.settings_fields import MIN_SECRET, Networks, Strict, listed
from menus.alphabet import Capacity


def _hard_to_guess(secret: str, info: ValidationInfo) -> str:
    if len(secret) < MIN_SECRET:
        raise ValueError(f"{info.field_name} needs {MIN_SECRET} characters or more (128 random bits)")
    return secret


def _fingerprint(value: str) -> str:
    plain = value.replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", plain):
        raise ValueError("expected a SHA-256 fingerprint, as openssl x509 -noout -fingerprint -sha256 prints it")
    return plain


Secrets = Annotated[
    tuple[Annotated[str, AfterValidator(_hard_to_guess)], ...],
    BeforeValidator(listed),
    Field(max_length=2, repr=False),
]
"""One, or two while the other side changes from one to the other."""


def _auth(value: Any) -> Any:
    if isinstance(value, str) and value != "none":
        raise ValueError(f"{value!r} is neither none nor what is asked for, as in {{secret_path: ...}}")
    return {"none": True} if value == "none" else value


class BasicAuth(Strict):
    username: str = Field(min_length=1, pattern=r"^[^:]+$")
    password: str = Field(min_length=8, repr=False)

    def encoded(self) -> tuple[str]:
        """As it stands in a request."""
        return (base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii"),)


class Auth(Strict):
    """Who may call: `none`, which must be written, is for the loopback only and is loud; or any of the others, and then
    all that are written must hold."""

    none: bool = False
    secret_path: Secrets = ()
    """The peer calls /ussd/NAME/SECRET."""
    hmac: Secrets = ()
    """The peer signs each request: gateway/channels/access.py."""
    basic: BasicAuth | None = None
    bearer: Secrets = ()
    certificate: Annotated[tuple[Annotated[str, AfterValidator(_fingerprint)], ...], BeforeValidator(listed)] = ()
    """Fingerprints of the client certificates that are known; of TLS that ends here or at one of our proxies."""
    source: Networks = ()
    """Where requests come from."""

    def model_post_init(self, _: Any) -> None:
        asked = self._asked()
        if self.none and asked:
            raise ValueError("none stands alone")
        if not self.none and not asked:
            raise ValueError("expected none, or some of secret_path, hmac, basic, bearer, certificate, source")

    def _asked(self) -> list[str]:
        return [name for name in type(self).model_fields if name != "none" and getattr(self, name)]

    @property
    def kind(self) -> str:
        return "none" if self.none else "+".join(self._asked())


class CapacitySettings(Strict):
    max_septets: int = Field(default=160, ge=60, le=182)
    """GSM 7 bit septets of a page. 182 fit 160 octets, but networks promise fewer (protocols.md A1)."""
    max_units: int = Field(default=70, ge=60, le=80)
    """UTF-16 units of a page in any other alphabet; 80 fit 160 octets, same reserve."""


class _Channel(Strict):
    dialect: str
    auth: Annotated[Auth, BeforeValidator(_auth)]


class UssdTerms(Strict):
    """What any USSD channel agrees with its callers' network, whatever it speaks."""

    service_code: str = Field(pattern=r"^\*[0-9*]+#$")
    """As it is dialled: `*4*061#`. What follows it in a dial string are arguments."""
    answer_within_s: float = Field(default=8.0, gt=0)
    """How long the peer waits for us."""
    reserve_s: float = Field(default=4.0, ge=0)
    """What of that is not for the office: the way back, our own storage, a busy moment."""

    @field_validator("reserve_s")
    @classmethod
    def _less_than_all(cls, reserve_s: float, info: ValidationInfo) -> float:
        if reserve_s >= info.data.get("answer_within_s", math.inf):
            raise ValueError("must be less than answer_within_s, or no office is ever given any time")
        return reserve_s

    page: CapacitySettings = CapacitySettings()
    later_by: str | None = None
    """The SMS channel by which an answer follows that came too late. Without it nothing is promised."""
    push: Literal["none", "notify"] = "none"
    """notify: answers that were promised and notices, when they are one page, are shown on the phones that called here;
    what is not shown goes as an SMS. Off: not every operator sells it, and a screen is gone once it is read."""

    def model_post_init(self, _: Any) -> None:
        if self.push == "notify" and self.later_by is None:
            raise ValueError("push: notify needs later_by: what is not shown goes as an SMS")

    @property
    def capacity(self) -> Capacity:
        return Capacity(self.page.max_septets, self.page.max_units)

    @property
    def office_s(self) -> float:
        """What of the peer's patience is the office's."""
        return self.answer_within_s - self.reserve_s


class PushSettings(Strict):
    """Where a USSD gateway takes texts for phones that are in no call, and our account there where it asks for one."""

    url: str = Field(pattern=r"^https?://")
    username: str = ""
    password: str = Field(default="", repr=False)


class UssdChannel(_Channel, UssdTerms):
    carries: Literal["ussd"]
    push_to: PushSettings | None = None

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        if self.push == "notify" and self.push_to is None:
            raise ValueError("push: notify needs push_to: {url: ...}, where their gateway takes texts from us")


class SendSettings(Strict):
    url: str = Field(pattern=r"^https?://")
    username: str = ""
    password: str = Field(default="", repr=False)
    sender: str
    """Our short code, as the recipient sees it."""
    numbers: Literal["e164", "international", "national", "bare"] = "e164"
    """How recipients are written: +989161234567, 989161234567, 09161234567 or 9161234567."""
    receipts_url: str = Field(default="", pattern=r"^(https?://.*)?$", repr=False)
    """Where the provider is told to report what became of a message, for those that want to be told each time."""
    per_s: float | None = Field(default=None, gt=0)
    """SMS a second, each part of a long one counted, by all processes together; without it as many as there are."""
    poll_every_s: float = Field(default=5.0, gt=0)
    """How often a provider that calls nobody is asked for messages. A citizen waits half of it on the average."""
    receipts_every_s: float = Field(default=60.0, gt=0)
    """How often it is asked what became of ours."""


class SmsTerms(Strict):
    parts: int = Field(default=3, ge=2, le=8)
    """The most SMS one answer may take."""

    @property
    def capacity(self) -> Capacity:
        return Capacity(160, 70, parts=self.parts)


class SmsChannel(_Channel, SmsTerms):
    carries: Literal["sms"]
    send: SendSettings


def _octet(value: Any) -> Any:
    """Specifications write these in hexadecimal; YAML wants that in quotes."""
    return int(value, 16) if isinstance(value, str) and re.fullmatch(r"0[xX][0-9a-fA-F]{1,2}", value) else value


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [value]


Octet = Annotated[int, BeforeValidator(_octet), Field(ge=0, le=255)]
Octets = Annotated[tuple[Octet, ...], BeforeValidator(_several), Field(min_length=1)]
"""One, or a list of those that mean the same."""


class UssdProfile(Strict):
    """How an operator's USSD gateway says what an operation is and which session it belongs to (protocols.md B4): by
    the specification, but for what is written. Operations are values of ussd_service_op."""

    session: Literal["its_session_info", "user_message_reference"] = "its_session_info"
    """The parameter that names the session."""
    session_bits: Literal[8, 15] = 8
    """Of its_session_info: the first octet, or all but the last bit of both."""
    dialled: Literal["destination_addr", "short_message"] = "destination_addr"
    """Where the dial string is looked for first."""
    end_bit: bool = True
    """Whether the end of a session is said, and heard, in the last bit of its_session_info, whatever else says so."""
    begin: Octets = (0x01,)
    """Theirs: a code was dialled."""
    reply: Octets = (0x12,)
    """Theirs: something was typed."""
    notified: Octets = (0x13,)
    """Theirs: a notice was shown."""
    released: Octets = (0x81,)
    """Theirs: the user or the network has ended the session."""
    ask: Octet = 0x02
    """Ours: a screen that waits."""
    end: Octet = 0x11
    """Ours: the last one."""
    notify: Octet = 0x03
    """Ours: a notice."""

    def model_post_init(self, _: Any) -> None:
        theirs = [(name, each) for name in ("begin", "reply", "notified", "released") for each in getattr(self, name)]
        meant: dict[int, str] = {}
        for name, each in theirs:
            if meant.setdefault(each, name) != name:
                raise ValueError(
                    f"0x{each:02X} is {meant[each]} and {name}; each operation of theirs may mean one thing"
                )
        if self.notify in (self.ask, self.end):
            raise ValueError(f"0x{self.notify:02X} is notify and a screen too; a notice needs an operation of its own")
        if self.ask == self.end and not (self.end_bit and self.session == "its_session_info"):
            told = "ask and end are the same operation, so only its_session_info can tell them apart"
            raise ValueError(f"{told}: session: its_session_info, end_bit: true")
        if self.session_bits != 8 and self.session != "its_session_info":
            raise ValueError("session_bits is of its_session_info")


PROFILES: Mapping[str, UssdProfile] = {
    "spec": UssdProfile(),
    "mica": UssdProfile(session="user_message_reference", dialled="short_message", end_bit=False),
}


def _profile(value: Any) -> Any:
    if isinstance(value, str) and value not in PROFILES:
        names = " or ".join(map(repr, PROFILES))
        raise ValueError(
            f"{value!r} is none of {names}; another vendor's is written out: {{session_bits: 15, end: 17}}"
        )
    return PROFILES[value] if isinstance(value, str) else value


class SmppUssd(UssdTerms):
    profile: Annotated[UssdProfile, BeforeValidator(_profile)] = PROFILES["spec"]
    """One we know by its name, or another vendor's as a mapping."""
    gsm7_coding: int = Field(default=0, ge=0, le=255)
    """data_coding of a screen in GSM 7 bit; some gateways want 15, of TS 23.038."""
    ucs2_coding: int = Field(default=8, ge=0, le=255)
    """The same in any other alphabet; some want 72."""

    @field_validator("gsm7_coding", "ucs2_coding")
    @classmethod
    def _begins_with_the_text(cls, coding: int) -> int:
        # TS 23.038 cl. 5
        if coding in (16, 17) or 0x90 <= coding <= 0x9F:
            what = "the text's language" if coding in (16, 17) else "a header"
            raise ValueError(
                f"{coding} wants {what} before the text, which is not written here; mostly 0 or 15, 8 or 72"
            )
        return coding


class SmppSms(SmsTerms):
    sender: str = Field(min_length=1, max_length=20)
    """Our short code, as the recipient sees it."""
    sender_ton: int = Field(default=3, ge=0, le=6)
    """SMPP v3.4 cl. 5.2.5: 3 network specific, as short codes are; 5 alphanumeric."""
    sender_npi: int = Field(default=0, ge=0, le=18)
    numbers: Literal["international", "national"] = "international"
    """989161234567 or 09161234567."""
    long: Literal["udh8", "udh16", "sar", "payload"] = "udh8"
    """How a text of several parts is handed over; what most SMSCs take without being asked."""


class SmppChannel(Strict):
    """A bind to an operator's SMSC or USSD gateway: one of these, or both on one."""

    carries: Literal["smpp"]
    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    tls: bool = False
    ca_file: str | None = None
    """PEM certificates that vouch for it, instead of those this machine trusts."""
    system_id: str = Field(min_length=1, max_length=15)
    password: str = Field(default="", max_length=8, repr=False)
    """Eight octets at most: SMPP's own limit, so the line has to be private or TLS."""
    system_type: str = Field(default="", max_length=12)
    address_range: str = Field(default="", max_length=40)
    bind: Literal["transceiver", "pair"] = "transceiver"
    """pair: a transmitter and a receiver, where the SMSC refuses a transceiver."""
    alphabet: Literal["gsm7", "latin1", "ascii"] = "gsm7"
    """What the SMSC means by data_coding 0, its default alphabet, both ways. SMPP leaves it to the SMSC."""
    window: int = Field(default=10, ge=1, le=1000)
    """Messages on their way without an answer. Kannel's default; SMPP names none."""
    per_s: float = Field(default=10.0, gt=0)
    """Messages a second, as contracted; also what is on the bill when it is exceeded."""
    response_within_s: float = Field(default=5.0, gt=0)
    """When an answer to a message of ours is no longer waited for. With what is spent in the queue it stays below
    sms.send_within_s."""
    enquire_link_s: float = Field(default=30.0, gt=0)
    """Of silence, before we ask whether anybody is there: half of what operators let a silent bind live."""
    inactivity_s: float = Field(default=0.0, ge=0)
    """Without any message a bind is given back and made anew; 0: never."""
    ussd: SmppUssd | None = None
    sms: SmppSms | None = None

    def model_post_init(self, _: Any) -> None:
        if self.ussd is None and self.sms is None:
            raise ValueError("ussd: or sms: is missing; a bind that carries neither is for nothing")
        if self.ca_file is not None and not Path(self.ca_file).is_file():
            raise ValueError(f"ca_file: there is no file {self.ca_file}")
