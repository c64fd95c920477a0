"""A channel's way out: a dialect's request over HTTP, and what came of it."""

import aiohttp

from gateway import msisdn
from gateway.channels.contract import (
    Knowing,
    NotAccepted,
    OutRequest,
    SendResult,
    SmsDialect,
    SmsRoute,
    Unknown,
)
from gateway.settings import SendSettings, SmsChannel
from gateway.sms.outbox import Send

MAX_ANSWER_OCTETS = 1_048_576
"""A hundred long messages of a provider that is polled, each character escaped."""


class Unanswered(Exception):
    """The connection ended after the request went out."""


async def once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Client middleware: aiohttp sends a GET a second time by itself when the first got no answer. For a citizen that
    is a second SMS, and whether to send again is the outbox's to decide."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Unanswered(type(error).__name__) from None


class NotReached(Exception):
    """Nothing was sent."""


async def fetched(http: aiohttp.ClientSession, out: OutRequest) -> tuple[int, str]:
    """Status and body. Raises NotReached, or Unanswered when it went out and no answer came. Neither names an address:
    it may hold a secret."""
    form = out.params if out.method != "GET" and out.body is None else None
    params = None if form is not None else out.params
    try:
        async with http.request(
            out.method,
            out.url,
            params=params or None,
            data=form if out.body is None else out.body,
            headers=out.headers,
            allow_redirects=False,
            middlewares=(once,),
        ) as response:
            body = bytearray()
            while len(body) < MAX_ANSWER_OCTETS and (chunk := await response.content.read(MAX_ANSWER_OCTETS)):
                body += chunk
            return response.status, body.decode("utf-8", "replace")
    except aiohttp.ClientConnectorError as error:
        raise NotReached(type(error).__name__) from None
    except (aiohttp.ClientError, OSError) as error:
        raise Unanswered(type(error).__name__) from None


def route_of(settings: SendSettings) -> SmsRoute:
    return SmsRoute(settings.url, settings.username, settings.sender, settings.password, settings.receipts_url)


def sender(http: aiohttp.ClientSession, dialect: SmsDialect, channel: SmsChannel) -> Send:
    """Sends one message and says what the provider said."""
    route, form = route_of(channel.send), channel.send.numbers

    async def send(to: str, text: str, message_id: str, *, again: bool = False) -> SendResult:
        try:
            if again and isinstance(dialect, Knowing):
                found = dialect.known(*await fetched(http, dialect.look_up(route, message_id)))
                if found is not None:
                    return found
        except (NotReached, Unanswered) as error:
            return NotAccepted(f"not looked up: {error}", again=True)
        try:
            return dialect.result(
                *await fetched(http, dialect.request(route, msisdn.written(to, form), text, message_id))
            )
        except NotReached as error:
            return NotAccepted(f"not reached: {error}", again=True)
        except Unanswered as error:
            return Unknown(f"no answer: {error}")

    return send
