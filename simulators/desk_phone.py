"""A phone at a running demo: calls through a USSD channel, SMS through /sim/v1."""

import asyncio
import uuid

import aiohttp
from yarl import URL

from simulators.aggregator import ANSWER_WITHIN_S, SESSIONS, Call, CallFailed, Carry, Request, Response, no_session_for
from simulators.channels import AS_SHIPPED, Channel

POLL_S = 0.1


class NotSent(Exception):
    """The gateway did not take an SMS; the message says why."""


def carried(http: aiohttp.ClientSession, url: str) -> Carry:
    """Requests to the channel at this address, as an aggregator makes them."""

    async def carry(request: Request) -> Response:
        whole = URL(f"{url}{request.tail}{'?' if request.query else ''}{request.query}", encoded=True)
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        try:
            async with http.request(
                request.method, whole, data=request.body or None, headers=request.headers, timeout=timeout
            ) as response:
                body = await response.text()
        except TimeoutError:
            raise CallFailed(f"no answer within {ANSWER_WITHIN_S:.0f} s", kind="no answer") from None
        except aiohttp.ClientError as error:
            raise CallFailed(f"the gateway cannot be reached: {error}", kind="unreachable") from None
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Response(response.status, headers, body)

    return carry


def call_of(channel: Channel, msisdn: str, session_id: str, carry: Carry) -> Call:
    """A new session of this phone. Raises CallFailed where nobody here speaks the channel's dialect."""
    session = SESSIONS.get(channel.dialect)
    if session is None:
        raise CallFailed(f"{channel.name}: {no_session_for(channel.dialect)}")
    return Call(session(msisdn, session_id, channel.service_code), channel.service_code, carry)


class DeskPhone:
    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        msisdn: str,
        channel: Channel = AS_SHIPPED,
        texts_by: str | None = None,
    ) -> None:
        """texts_by: the SMS channel; without it the demo's first."""
        self._http, self._url, self._channel, self._texts_by = http, url, channel, texts_by
        self.msisdn = msisdn
        self._read = 0

    def call(self) -> Call:
        carry = carried(self._http, f"{self._url}{self._channel.path}")
        return call_of(self._channel, self.msisdn, uuid.uuid4().hex, carry)

    async def send(self, text: str, to: str = "4040") -> None:
        """Raises NotSent. Only messages after this one are read by next_sms."""
        message = {"from": self.msisdn, "to": to, "text": text}
        if self._texts_by is not None:
            message["channel"] = self._texts_by
        async with self._http.post(f"{self._url}/sim/v1/messages", json=message) as response:
            sent = await response.json(content_type=None)
        if response.status != 202:
            raise NotSent(sent.get("error", f"HTTP {response.status}"))
        self._read = sent["after"]

    async def skip(self) -> None:
        """Whatever is in the inbox by now was read already."""
        async with self._http.get(f"{self._url}/sim/v1/inbox", params={"msisdn": self.msisdn}) as response:
            messages = (await response.json())["messages"]
        self._read = messages[-1]["id"] if messages else 0

    async def next_sms(self, within_s: float) -> str:
        """The next SMS not yet read. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while True:
                query = {"msisdn": self.msisdn, "after": str(self._read)}
                async with self._http.get(f"{self._url}/sim/v1/inbox", params=query) as response:
                    messages = (await response.json())["messages"]
                if messages:
                    self._read = messages[0]["id"]
                    return str(messages[0]["text"])
                await asyncio.sleep(POLL_S)
