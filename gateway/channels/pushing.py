"""Texts that a USSD gateway shows on phones that are in no call: sent, and awaited until the phone has shown one."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.channels.contract import Accepted, NotAccepted, SendResult
from gateway.channels.smpp import ussd
from gateway.channels.smpp.pdu import Message, Unencodable
from gateway.channels.smpp.texts import Default
from gateway.settings_channels import SmppUssd

Submit = Callable[[Message], Awaitable[SendResult]]


class Pushing:
    """One channel's notices. A phone has one at a time: the outbox sends it no second message meanwhile."""

    def __init__(self, channel: SmppUssd, submit: Submit, alphabet: Default = "gsm7") -> None:
        """alphabet: what the SMSC means by data_coding 0."""
        self._channel, self._submit, self._alphabet = channel, submit, alphabet
        self._waiting: dict[str, tuple[str, asyncio.Future[SendResult]]] = {}

    async def send(self, to: str, text: str, message_id: str, *, again: bool = False) -> SendResult:
        """The outbox's way to a screen: Accepted once the phone has shown it. That the gateway took it is nothing yet,
        and who stops waiting does not know."""
        agreed = self._channel
        codings = ussd.Codings(agreed.gsm7_coding, agreed.ucs2_coding, self._alphabet)
        session, message = ussd.notice(agreed.profile, agreed.service_code, to, text, int(message_id), codings=codings)
        shown: asyncio.Future[SendResult] = asyncio.get_running_loop().create_future()
        self._waiting[to] = session, shown  # before it goes: the phone may be quicker than the answer
        try:
            taken = await self._submit(message)
            return await shown if isinstance(taken, Accepted) else taken
        except Unencodable as error:
            return NotAccepted(f"cannot be written: {error}", again=False)
        finally:
            self._waiting.pop(to, None)

    def heard(self, said: ussd.Said, caller: str) -> None:
        """A phone has shown a notice, or its session is over without that. Some gateways name no session."""
        session, shown = self._waiting.get(caller, ("", None))
        if shown is not None and not shown.done() and said.session_id in (session, ""):
            shown.set_result(Accepted() if said.kind == "notified" else NotAccepted("released", again=False))
