"""The web framework's side of the channels: requests to data, data to responses, and who may call at all."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import TypeVar

import aiohttp
import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from gateway import msisdn
from gateway.channels.contract import (
    MAX_BODY_OCTETS,
    Refusal,
    SendResult,
    SmsDialect,
    SmsRoute,
    UssdDialect,
    UssdReply,
    WireReply,
    WireRequest,
)
from gateway.clock import Clock
from gateway.privacy import Keys
from gateway.settings import Auth, SmsChannel, UssdChannel
from gateway.sms.inbox import Inbox
from gateway.turn import Turns, UnknownServiceCode

log = structlog.get_logger()

T = TypeVar("T")

RETRY_AFTER_S = 5
"""What a peer is told whose message we could not store."""


class Channels:
    """The routes /ussd/{channel} and /sms/{channel}, with whatever tail the channel's authentication asks for."""

    def __init__(
        self,
        ussd: Mapping[str, tuple[UssdChannel, UssdDialect]],
        sms: Mapping[str, tuple[SmsChannel, SmsDialect]],
        turns: Turns,
        inbox: Inbox,
        keys: Keys,
        clock: Clock,
        failed_text: str,
    ) -> None:
        self._ussd, self._sms, self._turns, self._inbox = ussd, sms, turns, inbox
        self._keys, self._clock, self._failed_text = keys, clock, failed_text

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/ussd/{channel}{tail:(/.*)?}", self._answering(self._take_ussd)),
            web.route("*", "/sms/{channel}{tail:(/.*)?}", self._answering(self._take_sms)),
        ]

    def _answering(
        self, take: Callable[[web.Request], Awaitable[WireReply]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Refusals as their status and one line; each with its log line, so that an operator can see who knocks."""

        async def handle(request: web.Request) -> web.Response:
            try:
                reply = await take(request)
            except Refusal as refusal:
                log.warning("refused", path=request.path.split("/")[1], status=refusal.status, why=refusal.line)
                return web.Response(status=refusal.status, text=refusal.line + "\n", headers=refusal.headers)
            return web.Response(status=reply.status, text=reply.body, content_type=reply.content_type)

        return handle

    async def _take_ussd(self, request: web.Request) -> WireReply:
        name, (channel, dialect) = _channel(request, self._ussd, "USSD")
        said = dialect.read(await _wire(request, channel.auth))
        caller = _mobile(said.msisdn)
        with structlog.contextvars.bound_contextvars(
            channel=name,
            turn=self._clock.new_id()[:12],
            session=self._keys.day_tag(said.session_id, self._clock.today()),
            caller=self._keys.day_tag(caller, self._clock.today()),
        ):
            try:
                reply = await self._turns.take(name, channel, replace(said, msisdn=caller))
            except UnknownServiceCode as error:
                raise Refusal(404, str(error)) from None
            except Exception:
                # Ours, not hers: the dialect's own end with a sentence she can use, never a 500 on a phone.
                log.exception("turn_failed")
                reply = UssdReply(self._failed_text, end=True)
        return dialect.write(reply)

    async def _take_sms(self, request: web.Request) -> WireReply:
        name, (channel, dialect) = _channel(request, self._sms, "SMS")
        message = dialect.read(await _wire(request, channel.auth))
        sender = _mobile(message.msisdn)
        try:
            new = await self._inbox.receive(name, replace(message, msisdn=sender))
        except SQLAlchemyError:
            log.exception("sms_not_stored", channel=name)
            raise Refusal(503, "not stored; send it again", {"Retry-After": str(RETRY_AFTER_S)}) from None
        log.info("sms_received" if new else "sms_repeated", channel=name,
                 caller=self._keys.day_tag(sender, self._clock.today()))  # fmt: skip
        return dialect.stored()


def _channel(request: web.Request, channels: Mapping[str, T], kind: str) -> tuple[str, T]:
    name = request.match_info["channel"]
    if name not in channels:
        raise Refusal(404, f"there is no {kind} channel of this name")
    return name, channels[name]


async def _wire(request: web.Request, auth: Auth) -> WireRequest:
    """The request as data, once its sender is known to be the channel's. Nothing is read before that."""
    tail = request.match_info["tail"].strip("/")
    if auth.kind == "none" and not _from_here(request):
        raise Refusal(403, "this channel has no authentication and is for this machine only")
    if auth.kind == "secret_path":
        secret, _, tail = tail.partition("/")
        if not hmac.compare_digest(secret.encode(), auth.secret_path.encode()):
            raise Refusal(403, "the path lacks this channel's secret")
    if request.content_length is not None and request.content_length > MAX_BODY_OCTETS:
        raise Refusal(413, f"the body is larger than {MAX_BODY_OCTETS} octets")
    try:
        body = await request.content.read(MAX_BODY_OCTETS + 1)
        while not request.content.at_eof() and len(body) <= MAX_BODY_OCTETS:
            body += await request.content.read(MAX_BODY_OCTETS + 1 - len(body))
    except aiohttp.ClientPayloadError:
        raise Refusal(400, "the body ended early") from None
    if len(body) > MAX_BODY_OCTETS:
        raise Refusal(413, f"the body is larger than {MAX_BODY_OCTETS} octets")
    return WireRequest(request.method, tail, request.rel_url.raw_query_string, request.content_type, body)


def _from_here(request: web.Request) -> bool:
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False


def _mobile(text: str) -> str:
    number = msisdn.normal(text)
    if number is None:
        raise Refusal(400, "that is no mobile phone number; expected one like +989161234567")
    return number


def sender(
    http: aiohttp.ClientSession, dialect: SmsDialect, channel: SmsChannel
) -> Callable[[str, str, str], Awaitable[SendResult]]:
    """A channel's way out, as the outbox uses it. May raise OSError or TimeoutError: then nobody knows."""
    settings = channel.send
    route = SmsRoute(settings.url, settings.username, settings.sender, settings.password)

    async def send(to: str, text: str, message_id: str) -> SendResult:
        out = dialect.request(route, to, text, message_id)
        params, data = (out.params, None) if out.method == "GET" else (None, out.params)
        try:
            async with http.request(out.method, out.url, params=params, data=data, allow_redirects=False) as response:
                body = await response.content.read(MAX_BODY_OCTETS)
                return dialect.result(response.status, body.decode("utf-8", "replace"))
        except aiohttp.ClientError as error:
            # aiohttp's own words may quote the address with its secrets.
            raise ConnectionError(type(error).__name__) from None

    return send
