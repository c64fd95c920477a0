"""The web framework's side of the channels: requests to data, data to responses, and who may call at all."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import TypeVar

import aiohttp
import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from gateway import msisdn
from gateway.admission import Admission, urgency
from gateway.channels import access
from gateway.channels.access import Network
from gateway.channels.callers import Callers
from gateway.channels.contract import (
    MAX_BODY_OCTETS,
    Refusal,
    Reporting,
    SmsDialect,
    UssdDialect,
    UssdEnd,
    UssdInput,
    UssdReply,
    WireReply,
    WireRequest,
)
from gateway.clock import Clock
from gateway.crash_points import reached, soon
from gateway.privacy import Keys
from gateway.settings_channels import Auth, SmsChannel, UssdChannel
from gateway.sms.inbox import Inbox
from gateway.sms.receipts import Receipts
from gateway.turn import Turns, UnknownServiceCode

log = structlog.get_logger()

T = TypeVar("T")

BODY_WITHIN_S = 5.0
"""How long a peer may take to send its few octets."""

_OF_A_PROXY = ("x-forwarded-", "forwarded", "x-real-ip", "via")

RETRY_AFTER_S = 5
"""What a peer is told whose message we could not store."""


class Channels:
    """The routes /ussd/{channel}, /sms/{channel} and /dlr/{channel}, with whatever tail the channel's authentication
    asks for."""

    def __init__(
        self,
        ussd: Mapping[str, tuple[UssdChannel, UssdDialect]],
        sms: Mapping[str, tuple[SmsChannel, SmsDialect]],
        turns: Turns,
        inbox: Inbox,
        receipts: Receipts,
        keys: Keys,
        clock: Clock,
        admission: Admission,
        failed: Mapping[str, str],
        busy: Mapping[str, str],
        proxies: Sequence[Network],
        callers: Callers,
    ) -> None:
        """failed, busy: for each USSD channel what its callers read when a turn broke, or when there are too many;
        ready, since then nothing may be.
        proxies: whose word counts on where a request comes from. callers: of sessions whose end may name nobody."""
        self._ussd, self._sms, self._turns, self._inbox, self._receipts = ussd, sms, turns, inbox, receipts
        self._keys, self._clock, self._proxies = keys, clock, proxies
        self._admission, self._failed, self._busy, self._callers = admission, failed, busy, callers

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/ussd/{channel}{tail:(/.*)?}", self._answering(self._take_ussd)),
            web.route("*", "/sms/{channel}{tail:(/.*)?}", self._answering(self._unless_too_many(self._take_sms))),
            web.route("*", "/dlr/{channel}{tail:(/.*)?}", self._answering(self._unless_too_many(self._take_receipt))),
        ]

    def _answering(
        self, take: Callable[[web.Request], Awaitable[WireReply]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Refusals as their status and one line; each with its log line, so that an operator can see who knocks."""

        async def handle(request: web.Request) -> web.Response:
            try:
                reply = await take(request)
            except Refusal as refusal:
                name = request.match_info["channel"]  # of our channels; anything else is the peer's text
                channel = name if name in self._ussd or name in self._sms else ""
                log.warning("refused", channel=channel, status=refusal.status, why=refusal.why)
                return web.Response(status=refusal.status, text=refusal.line + "\n", headers=refusal.headers)
            return web.Response(status=reply.status, text=reply.body, content_type=reply.content_type)

        return handle

    def _unless_too_many(
        self, take: Callable[[web.Request], Awaitable[WireReply]]
    ) -> Callable[[web.Request], Awaitable[WireReply]]:
        async def taken(request: web.Request) -> WireReply:
            with self._admission.callback() as admitted:
                if not admitted:
                    raise _again_later("too much at once; send it again")
                return await take(request)

        return taken

    async def _take_ussd(self, request: web.Request) -> WireReply:
        since = self._admission.monotonic()
        name, (channel, dialect) = _channel(request, self._ussd, "USSD")
        said = dialect.read(await self._wire(request, channel.auth))
        if isinstance(said, UssdEnd):
            await self._note_end(name, said)
            return said.answer
        with self._admission.turn(
            urgency(channel.service_code, said, self._admission.essential), since, channel.reserve_s
        ) as admitted:
            if not admitted:
                return dialect.write(UssdReply(self._busy[name], end=True), said)
            return dialect.write(await self._turn(name, channel, said), said)

    async def _turn(self, name: str, channel: UssdChannel, said: UssdInput) -> UssdReply:
        caller = _mobile(said.msisdn)
        if said.ids:
            self._callers.heard(name, said.ids, caller, self._clock.monotonic())
        with structlog.contextvars.bound_contextvars(
            channel=name,
            turn=self._clock.new_id()[:12],
            session=self._keys.day_tag(said.session_id, self._clock.today()),
            caller=self._keys.day_tag(caller, self._clock.today()),
        ):
            try:
                return await self._turns.take(name, channel, replace(said, msisdn=caller))
            except UnknownServiceCode as error:
                raise Refusal(404, str(error)) from None
            except Exception:
                # Ours, not hers: the dialect's own end with a sentence she can use, never a 500 on a phone.
                log.exception("turn_failed")
                return UssdReply(self._failed[name], end=True)

    async def _wire(self, request: web.Request, auth: Auth) -> WireRequest:
        """The request as data, once its sender is known to be the channel's. Nothing is read before that."""
        knock = _knock(request, self._proxies)
        tail = access.admitted(auth, knock, request.match_info["tail"].strip("/"))
        access.fresh(auth, knock, self._clock.now().timestamp())
        reached("after_auth")
        body = await _body(request)
        reached("after_read")
        access.signed(auth, knock, body)
        query, kind, charset = request.rel_url.raw_query_string, request.content_type, request.charset
        return WireRequest(request.method, tail, query, kind, body, charset)

    async def _note_end(self, name: str, notice: UssdEnd) -> None:
        """Nobody is on the line: whatever goes wrong here is ours alone, and a repeated notice would not mend it."""
        day = self._clock.today()
        caller = _mobile(notice.msisdn) if notice.msisdn else ""
        caller = caller or self._callers.of(name, notice.ids, self._clock.monotonic())
        with structlog.contextvars.bound_contextvars(
            channel=name,
            session=self._keys.day_tag(notice.session_id, day),
            caller=self._keys.day_tag(caller, day) if caller else None,
        ):
            try:
                await self._turns.ended(name, replace(notice, msisdn=caller))
            except Exception:
                log.exception("end_not_noted")

    async def _take_sms(self, request: web.Request) -> WireReply:
        name, (channel, dialect) = _channel(request, self._sms, "SMS")
        message = dialect.read(await self._wire(request, channel.auth))
        sender = _mobile(message.msisdn)
        try:
            stored = await self._inbox.receive(name, replace(message, msisdn=sender))
        except SQLAlchemyError:
            log.exception("sms_not_stored", channel=name)
            raise _again_later("not stored; send it again") from None
        log.info("sms_received" if stored.new else "sms_repeated", channel=name, message=stored.id,
                 caller=self._keys.day_tag(sender, self._clock.today()))  # fmt: skip
        soon("after_answer")
        return dialect.stored()

    async def _take_receipt(self, request: web.Request) -> WireReply:
        name, (channel, dialect) = _channel(request, self._sms, "SMS")
        if not isinstance(dialect, Reporting):
            raise Refusal(404, "this channel's provider does not report here")
        receipt = dialect.receipt(await self._wire(request, channel.auth))
        phone = _mobile(receipt.msisdn) if receipt.msisdn else ""
        try:
            await self._receipts.receive(name, replace(receipt, msisdn=phone))
        except SQLAlchemyError:
            log.exception("receipt_not_stored", channel=name)
            raise _again_later("not stored; send it again") from None
        return dialect.stored()


def _again_later(line: str) -> Refusal:
    return Refusal(503, line, {"Retry-After": str(RETRY_AFTER_S)})


def _channel(request: web.Request, channels: Mapping[str, T], kind: str) -> tuple[str, T]:
    name = request.match_info["channel"]
    if name not in channels:
        raise Refusal(404, f"there is no {kind} channel of this name")
    return name, channels[name]


async def _body(request: web.Request) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refusal(415, "the body must not be compressed")
    if request.content_length is not None and request.content_length > MAX_BODY_OCTETS:
        raise Refusal(413, f"the body is larger than {MAX_BODY_OCTETS} octets")
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            body = await request.content.read(MAX_BODY_OCTETS + 1)
            while not request.content.at_eof() and len(body) <= MAX_BODY_OCTETS:
                body += await request.content.read(MAX_BODY_OCTETS + 1 - len(body))
    except TimeoutError:
        raise Refusal(408, f"the body did not arrive within {BODY_WITHIN_S:g} s") from None
    except (web.RequestPayloadError, aiohttp.ClientPayloadError, ConnectionError):
        raise Refusal(400, "the body is broken or ended early") from None
    if len(body) > MAX_BODY_OCTETS:
        raise Refusal(413, f"the body is larger than {MAX_BODY_OCTETS} octets")
    return body


def _knock(request: web.Request, proxies: Sequence[Network]) -> access.Knock:
    """Who asks, as far as can be known: a header about it counts only when one of our proxies wrote it."""
    headers = [(name.lower(), value) for name, value in request.headers.items()]
    said = request.headers.getall(access.FORWARDED_FOR, [])
    transport = request.transport
    tls = transport.get_extra_info("ssl_object") if transport else None
    knock = access.Knock(
        source=access.source_of(request.remote, said, proxies),
        local=_from_here(request),
        method=request.method,
        target=request.raw_path,
        headers=headers,
        certificate=tls.getpeercert(binary_form=True) if tls is not None else None,
    )
    if access.is_proxy(request.remote, proxies):
        return replace(knock, certificate=access.forwarded_certificate(knock.one(access.CLIENT_CERT)))
    return knock


def _from_here(request: web.Request) -> bool:
    """Whether this machine asks for itself. Behind a proxy on this machine everybody would seem to."""
    if any(name.lower().startswith(_OF_A_PROXY) for name in request.headers):
        return False
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def _mobile(text: str) -> str:
    number = msisdn.normal(text)
    if number is None:
        raise Refusal(400, "that is no mobile phone number; expected one like +989161234567")
    return number
