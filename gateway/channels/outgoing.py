"""A channel's way out: a dialect's request over HTTP, and what came of it."""

from collections.abc import Awaitable, Callable

import aiohttp

from gateway.channels.contract import NotAccepted, SendResult, SmsDialect, SmsRoute, Unknown
from gateway.settings import SmsChannel

MAX_ANSWER_OCTETS = 8192


class _Unanswered(Exception):
    """The connection ended after the request went out."""


async def once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Client middleware: aiohttp sends a GET a second time by itself when the first got no answer. For a citizen that
    is a second SMS, and whether to send again is the outbox's to decide."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Unanswered(type(error).__name__) from None


def sender(
    http: aiohttp.ClientSession, dialect: SmsDialect, channel: SmsChannel
) -> Callable[[str, str, str], Awaitable[SendResult]]:
    """Sends one message and says what the provider said. Reasons name no address: it may hold a secret."""
    settings = channel.send
    route = SmsRoute(settings.url, settings.username, settings.sender, settings.password)

    async def send(to: str, text: str, message_id: str) -> SendResult:
        out = dialect.request(route, to, text, message_id)
        params, data = (out.params, None) if out.method == "GET" else (None, out.params)
        try:
            async with http.request(
                out.method, out.url, params=params, data=data, allow_redirects=False, middlewares=(once,)
            ) as response:
                body = await response.content.read(MAX_ANSWER_OCTETS)
                return dialect.result(response.status, body.decode("utf-8", "replace"))
        except aiohttp.ClientConnectorError as error:
            return NotAccepted(f"not reached: {type(error).__name__}", again=True)  # nothing was sent yet
        except _Unanswered as error:
            return Unknown(f"no answer: {error}")
        except (aiohttp.ClientError, OSError) as error:
            return Unknown(f"no answer: {type(error).__name__}")

    return send
