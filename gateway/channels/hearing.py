"""What comes over a bind, and when it is answered: an SMS or a receipt once it is stored, USSD at once.

A caller is waiting, so her turn begins after the deliver_sm_resp: gateways that get them the other way round fail now
and then (protocols.md B3).
"""

import hashlib
import math
from collections import deque
from dataclasses import dataclass

import structlog
from msgspec import structs
from sqlalchemy.exc import SQLAlchemyError

from gateway import msisdn
from gateway.admission import Admission, urgency
from gateway.channels.contract import DeliveryReceipt, MoSms, UssdEnd, UssdInput, UssdReply, Why
from gateway.channels.esme import Answer, Show
from gateway.channels.pushing import Pushing
from gateway.channels.smpp import parts, receipts, texts, ussd
from gateway.channels.smpp.pdu import Message
from gateway.channels.smpp.submit import spelled
from gateway.channels.smpp.tables import Status
from gateway.clock import Clock
from gateway.privacy import Keys
from gateway.settings_channels import SmppChannel, SmppUssd
from gateway.sms.inbox import Inbox
from gateway.sms.parts import Parts, TooManyParts
from gateway.sms.receipts import Receipts
from gateway.turn import Turns, UnknownServiceCode

log = structlog.get_logger()

REPEATED_WITHIN_S = 60.0
"""After a link is lost, how long the SMSC may take to send again what it has no answer to."""


SURELY_READ_S = 2.0
"""Who says something so long after our answer has read it: it went before, on the same stream."""


@dataclass(slots=True, eq=False)
class _Taken:
    """A message that may be sent again. answered_at: our ESME_ROK, once it is given."""

    at: float
    link: str
    name: str
    answered_at: float = math.inf


class Hearing:
    def __init__(
        self,
        name: str,
        channel: SmppChannel,
        turns: Turns,
        inbox: Inbox,
        long_ones: Parts,
        fates: Receipts,
        keys: Keys,
        clock: Clock,
        admission: Admission,
        failed: str,
        busy: str,
        pushing: Pushing | None = None,
    ) -> None:
        """failed, busy: what a caller reads when a turn broke, or when there are too many. pushing: who waits for
        phones to show a notice."""
        self._pushing = pushing
        self._name, self._channel, self._turns, self._inbox = name, channel, turns, inbox
        self._parts, self._receipts, self._keys, self._clock = long_ones, fates, keys, clock
        self._admission, self._failed, self._busy = admission, failed, busy
        self._lately: dict[bytes, deque[_Taken]] = {}
        self._ages: deque[tuple[bytes, _Taken]] = deque()

    async def __call__(self, message: Message, name: str, answer: Answer, show: Show) -> None:
        message = structs.replace(message, data_coding=texts.meant(self._channel.alphabet, message.data_coding))
        caller = msisdn.normal(spelled(message.source_addr, message.source_addr_ton))
        # Whoever a receipt says it is from: it names its message.
        receipt = self._channel.sms is not None and not ussd.is_ussd(message) and receipts.is_receipt(message)
        if caller is None and not receipt:
            log.warning("refused", channel=self._name, status="0x0A", why="the sender is no mobile phone number")
            answer(Status.ESME_RINVSRCADR)
            return
        caller = caller or ""
        tag = caller and self._keys.day_tag(caller, self._clock.today())
        with structlog.contextvars.bound_contextvars(channel=self._name, caller=tag):
            try:
                if ussd.is_ussd(message):
                    await self._dialled(message, caller, answer, show)
                elif self._channel.sms is None:
                    self._refuse(answer, Status.ESME_RX_R_APPN, "an SMS, and this channel carries none")
                elif receipt:
                    await self._receipt(receipts.read(message, caller), answer)
                else:
                    await self._sms(message, caller, name, answer)
            except SQLAlchemyError:
                log.exception("sms_not_stored")
                answer(Status.ESME_RX_T_APPN)  # again later

    def _refuse(self, answer: Answer, status: int, why: str) -> None:
        log.warning("refused", status=f"0x{status:02X}", why=why)
        answer(status)

    # -- USSD

    async def _dialled(self, message: Message, caller: str, answer: Answer, show: Show) -> None:
        agreed = self._channel.ussd
        if agreed is None:
            self._refuse(answer, Status.ESME_RX_R_APPN, "USSD, and this channel carries none")
            return
        profile = agreed.profile
        try:
            said = ussd.read(profile, message)
        except ussd.Refused as refused:
            self._refuse(answer, refused.status, str(refused))
            return
        began = self._clock.monotonic()
        answer(Status.ESME_ROK)
        if self._pushing is not None and said.kind in ("notified", "released"):
            self._pushing.heard(said, caller)
        if said.kind == "notified":
            return
        with structlog.contextvars.bound_contextvars(
            turn=self._clock.new_id()[:12], session=self._keys.day_tag(said.session_id, self._clock.today())
        ):
            reply = await self._turn(agreed, said, caller)
            if reply is None:
                return
            codings = ussd.Codings(agreed.gsm7_coding, agreed.ucs2_coding, self._channel.alphabet)
            shown = ussd.answer(profile, message, reply.text, end=reply.end, codings=codings, code=agreed.service_code)
            # What would come later than she was promised comes into a session that is gone.
            show(shown, agreed.answer_within_s - (self._clock.monotonic() - began))

    async def _turn(self, agreed: SmppUssd, said: ussd.Said, caller: str) -> UssdReply | None:
        """None: nobody is on the line any more."""
        try:
            if said.kind == "released":
                await self._turns.ended(self._name, UssdEnd(said.session_id, caller, Why.UNKNOWN, "released"))
                return None
            dial = said.kind == "dial"
            asked = UssdInput(
                said.session_id,
                caller,
                service_code=said.text if dial else "",
                inputs="" if dial else said.text,
                newest=True,
                opens=dial,
            )
            since = self._admission.monotonic()
            with self._admission.turn(
                urgency(agreed.service_code, asked, self._admission.essential), since, agreed.reserve_s
            ) as admitted:
                if not admitted:
                    return UssdReply(self._busy, end=True)
                return await self._turns.take(self._name, agreed, asked)
        except UnknownServiceCode as error:
            log.warning("refused", why=str(error))
        except Exception:
            log.exception("turn_failed")
        return None if said.kind == "released" else UssdReply(self._failed, end=True)

    # -- SMS

    async def _receipt(self, receipt: DeliveryReceipt | None, answer: Answer) -> None:
        if receipt is None:
            # The same again would say no more: taken, and told to whoever reads the log.
            log.warning("receipt_without_a_message")
        else:
            await self._receipts.receive(self._name, receipt)
        answer(Status.ESME_ROK)

    async def _sms(self, message: Message, caller: str, name: str, answer: Answer) -> None:
        taken = None
        try:
            found = parts.content(message)
            if found.part is not None:
                stored = await self._parts.receive(
                    self._name, caller, message.destination_addr, found.part, message.data_coding, found.octets
                )
            else:
                text = texts.decoded(message.data_coding, found.octets)
                taken = self._taken(message, name)
                said = MoSms(taken.name, caller, message.destination_addr, text)
                stored = await self._inbox.receive(self._name, said)
        except parts.BadHeader as error:
            self._refuse(answer, error.status, str(error))
            return
        except TooManyParts as error:
            self._refuse(answer, Status.ESME_RMSGQFUL, str(error))
            return
        log.info("sms_received" if stored.new else "sms_repeated", message=stored.id)
        answer(Status.ESME_ROK)
        if taken is not None:
            taken.answered_at = self._clock.monotonic()

    def over(self, link: str, in_order: bool, silent_s: float) -> None:
        """A link is over. What the SMSC has read our answer to it does not send again: who writes the same, as one does
        who chooses 1 on every screen, writes anew."""
        read_until = math.inf if in_order else self._clock.monotonic() - silent_s - SURELY_READ_S
        for digest, taken in self._ages:
            here = self._lately.get(digest)
            if here and taken.link == link and taken.answered_at < read_until and taken in here:
                here.remove(taken)

    def _taken(self, message: Message, name: str) -> _Taken:
        """With a message's name: of its link and place there, as SMPP gives it none. When a link was lost before our
        answer arrived, the SMSC sends the message again on the next one: then it has its old name."""
        link, now = name.partition("-")[0], self._clock.monotonic()
        self._forget(now - REPEATED_WITHIN_S)
        what = f"{message.source_addr}\0{message.destination_addr}\0{message.data_coding}\0".encode() + message.octets
        digest = hashlib.sha256(what).digest()
        lately = self._lately.setdefault(digest, deque())
        if known := next((each for each in lately if each.name == name), None):
            return known  # it comes a second time over the same link
        before = next((each for each in lately if each.link != link), None)
        if before is not None:
            lately.remove(before)
            name = before.name
        taken = _Taken(now, link, name)
        lately.append(taken)
        self._ages.append((digest, taken))
        return taken

    def _forget(self, until: float) -> None:
        while self._ages and self._ages[0][1].at < until:
            digest, _ = self._ages.popleft()
            taken = self._lately.get(digest, ())
            while taken and taken[0].at < until:
                taken.popleft()
            if not taken:
                self._lately.pop(digest, None)
