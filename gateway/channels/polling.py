"""Providers that call nobody: asked now and then for messages of citizens, and for what became of ours."""

import asyncio
from dataclasses import replace

import aiohttp
import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway import msisdn
from gateway.channels.contract import MoSms, OutRequest, Polled
from gateway.channels.outgoing import NotReached, Unanswered, fetched, route_of
from gateway.settings_channels import SmsChannel
from gateway.sms.inbox import Inbox
from gateway.sms.receipts import Receipts
from gateway.sms.worker import OF_THE_ROW

log = structlog.get_logger()

ANSWER_WITHIN_S = 10.0
AT_ONCE = 100
"""Ids in one question."""

STORE_AGAIN_S = 1.0
"""While our own storage does not answer, what was handed out is held here and stored before anything else is asked."""

STOP_WITHIN_S = 1.0
"""What is being stored when the process is told to stop gets, after whatever else took its time."""


class Poller:
    def __init__(
        self,
        http: aiohttp.ClientSession,
        name: str,
        dialect: Polled,
        channel: SmsChannel,
        inbox: Inbox,
        receipts: Receipts,
    ) -> None:
        self._http, self._name, self._dialect, self._settings = http, name, dialect, channel.send
        self._route = route_of(channel.send)
        self._inbox, self._receipts = inbox, receipts
        self._in_hand: asyncio.Task[list[bool]] | None = None
        """What was handed out, until it is stored: also when it is no more ours to ask."""
        self._unstored = 0

    async def run(self) -> None:
        """Until cancelled: somebody else asks then. What was handed out stays in hand."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._messages())
            both.create_task(self._fates())

    async def stop(self) -> None:
        """The process ends: what is in hand is stored, where the database takes it."""
        if self._in_hand is not None:
            await asyncio.wait({self._in_hand}, timeout=STOP_WITHIN_S)
            self._in_hand.cancel()
            if self._unstored:
                why = "handed out once, and the database takes nothing"
                log.error("sms_lost", channel=self._name, count=self._unstored, why=why)

    async def _messages(self) -> None:
        while True:
            if self._in_hand is None:
                self._in_hand = asyncio.create_task(self._handed_out(), name=f"handed out {self._name}")
            in_hand = self._in_hand
            try:
                new = await asyncio.shield(in_hand)
            finally:
                if in_hand.done():
                    self._in_hand = None
            if not any(new):
                await asyncio.sleep(self._settings.poll_every_s)

    async def _handed_out(self) -> list[bool]:
        """Ask once, and store all that comes. Which of it is new."""
        answer = await self._asked(self._dialect.messages_request(self._route))
        found = self._dialect.messages(*answer) if answer is not None else []
        self._unstored = len(found)
        stored = await asyncio.gather(*map(self._stored, found), return_exceptions=True)
        for error in stored:
            if isinstance(error, BaseException):
                log.error("sms_cannot_be_stored", channel=self._name, exc_info=error)
        return [each is True for each in stored]

    async def _fates(self) -> None:
        while True:
            await asyncio.sleep(self._settings.receipts_every_s)
            try:
                for ids in await self._receipts.awaited(self._name, AT_ONCE):
                    answer = await self._asked(self._dialect.receipts_request(self._route, ids))
                    for receipt in self._dialect.receipts(*answer) if answer is not None else ():
                        if receipt.fate != "pending":
                            await self._receipts.receive(self._name, receipt)
            except SQLAlchemyError:
                log.exception("receipts_not_stored", channel=self._name)

    async def _asked(self, out: OutRequest) -> tuple[int, str] | None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                status, body = await fetched(self._http, out)
        except (NotReached, Unanswered, TimeoutError) as error:
            log.warning("provider_not_asked", channel=self._name, why=str(error) or type(error).__name__)
            return None
        if status != 200:
            log.warning("provider_not_asked", channel=self._name, why=f"HTTP {status}")
        return status, body

    async def _stored(self, message: MoSms) -> bool:
        """It is handed out once, so it is not let go before it is stored. Whether it is new."""
        sender = msisdn.normal(message.msisdn)
        try:
            if sender is not None:
                return await self._kept(replace(message, msisdn=sender))
            log.warning("refused", channel=self._name, status=0, why="the sender is no mobile phone number")
            return False
        finally:
            self._unstored -= 1

    async def _kept(self, message: MoSms) -> bool:
        while True:
            try:
                stored = await self._inbox.receive(self._name, message)
            except OF_THE_ROW:
                log.exception("sms_cannot_be_stored", channel=self._name)  # it would be no other the next time
                return False
            except SQLAlchemyError:
                log.exception("sms_not_stored", channel=self._name)
                await asyncio.sleep(STORE_AGAIN_S)
            else:
                log.info("sms_received" if stored.new else "sms_repeated", channel=self._name, message=stored.id)
                return stored.new
