"""A phone at a running demo: calls through a USSD channel, SMS through /sim/v1."""

import asyncio
import uuid

import aiohttp

from simulators.aggregator import AfricasTalkingCall, Call

POLL_S = 0.1


class NotSent(Exception):
    """The gateway did not take an SMS; the message says why."""


class DeskPhone:
    def __init__(self, http: aiohttp.ClientSession, url: str, msisdn: str, channel: str = "africastalking") -> None:
        self._http, self._url, self._channel = http, url, channel
        self.msisdn = msisdn
        self._read = 0

    def call(self) -> Call:
        return AfricasTalkingCall(self._http, f"{self._url}/ussd/{self._channel}", self.msisdn, uuid.uuid4().hex)

    async def send(self, text: str, to: str = "4040") -> None:
        """Raises NotSent. Only messages after this one are read by next_sms."""
        message = {"from": self.msisdn, "to": to, "text": text}
        async with self._http.post(f"{self._url}/sim/v1/messages", json=message) as response:
            sent = await response.json(content_type=None)
        if response.status != 202:
            raise NotSent(sent.get("error", f"HTTP {response.status}"))
        self._read = sent["after"]

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
