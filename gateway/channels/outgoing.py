"""A channel's way out: a dialect's request over HTTP, and what came of it."""

import asyncio

import aiohttp
import structlog

from gateway import msisdn
from gateway.channels.contract import (
    Accepted,
    Knowing,
    NotAccepted,
    OutRequest,
    PushRoute,
    SendResult,
    Showing,
    SmsDialect,
    SmsRoute,
    Unknown,
)
from gateway.settings_channels import PushSettings, SendSettings, SmsChannel
from gateway.sms.outbox import Send

log = structlog.get_logger()

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
    """Status and body. Raises NotReached or Unanswered."""
    status, body, _ = await answered(http, out)
    return status, body


async def answered(http: aiohttp.ClientSession, out: OutRequest) -> tuple[int, str, dict[str, str]]:
    """Status, body and cookies. Raises NotReached, or Unanswered when it went out and no answer came. Neither names an
    address: it may hold a secret."""
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
            cookies = {name: each.value for name, each in response.cookies.items()}
            return response.status, body.decode("utf-8", "replace"), cookies
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


PHONE_SHARE = 0.8
"""What of an attempt's time the phone has; the rest is the way there and back, so that the gateway's own word for a
phone that stays silent still arrives."""

SHOWN_AT_ONCE = 16
"""Texts that wait for phones. One more goes as an SMS at once: they share the SMS channel's hands with its replies, and
a gateway that falls silent keeps each of them for a whole attempt."""

END_WITHIN_S = 2.0
"""What the end of a dialogue may take; nobody waits for it but a process that stops."""


class Notices:
    """Texts that a USSD gateway behind HTTP shows on phones that are in no call."""

    def __init__(self, http: aiohttp.ClientSession, dialect: Showing, to: PushSettings, within_s: float) -> None:
        """within_s: what one attempt has."""
        self._http, self._dialect, self._phone_s = http, dialect, within_s * PHONE_SHARE
        self._route = PushRoute(to.url, to.username, to.password)
        self._waiting = 0
        self._ending: set[asyncio.Task[None]] = set()

    async def send(self, to: str, text: str, message_id: str, *, again: bool = False) -> SendResult:
        """The outbox's way to a screen: Accepted once the phone has shown it."""
        if self._waiting >= SHOWN_AT_ONCE:
            return NotAccepted(f"{SHOWN_AT_ONCE} wait for their phones already", again=False)
        self._waiting += 1
        try:
            return await self._shown(to, text)
        finally:
            self._waiting -= 1

    async def _shown(self, to: str, text: str) -> SendResult:
        number = msisdn.written(to, "international")
        try:
            status, body, cookies = await answered(
                self._http, self._dialect.notice(self._route, number, text, self._phone_s)
            )
        except NotReached as error:
            return NotAccepted(f"not reached: {error}", again=False)
        except Unanswered as error:
            return Unknown(f"no answer: {error}")
        result = self._dialect.shown(status, body)
        if isinstance(result, Accepted):
            # Beside the result: what was shown stays shown, whatever becomes of this, and must not be late for it.
            task = asyncio.create_task(self._end(cookies))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        return result

    async def _end(self, cookies: dict[str, str]) -> None:
        """Else the phone stays in the dialogue until the gateway's own timer, and cannot dial."""
        out = self._dialect.end(self._route, cookies)
        try:
            async with asyncio.timeout(END_WITHIN_S):
                why = "no session cookie" if out is None else _unless_ok((await fetched(self._http, out))[0])
        except (NotReached, Unanswered, TimeoutError) as error:
            why = str(error) or type(error).__name__
        if why:
            log.warning("notice_not_ended", why=why)

    async def stop(self) -> None:
        await asyncio.gather(*self._ending)


def _unless_ok(status: int) -> str:
    return "" if status < 300 else f"HTTP {status}"
