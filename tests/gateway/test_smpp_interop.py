"""Software that nobody here wrote at the other end: smpp34 as the SMSC of a whole gateway, and as the ESME of ours."""

import asyncio
import shutil
import socket
from contextlib import asynccontextmanager, suppress

import pytest
import smpp34

from simulators.demo import HOME
from simulators.smsc import Smsc

CALLER = "+989161234567"
TEXT = ("نامه ۱۲۳۴۵ را پیگیری می‌کنم و منتظر پاسخ شما هستم. " * 9)[:300]


class Theirs:
    """smpp34's server, with what came over it."""

    def __init__(self, port):
        self.server = smpp34.Server("127.0.0.1", port, system_id="theirs")
        self.submitted = []
        self.esme = asyncio.get_running_loop().create_future()

    async def run(self):
        ids = iter(range(0xA1, 0xFFFF))
        while True:
            event = await self.server.next()
            if isinstance(event, smpp34.Esme):
                self.esme.set_result(event)
            elif isinstance(event, smpp34.SubmitSmEvent):
                self.submitted.append(event)
                event.accept(f"{next(ids):x}")

    async def delivers(self, text=b"", destination="4040", **more):
        esme = await self.esme
        tlvs = [smpp34.Tlv(tag, value) for tag, value in more.pop("tlvs", {}).items()]
        return await esme.deliver_sm(
            destination, text, source_addr=CALLER[1:], source_addr_ton=1, source_addr_npi=1, tlvs=tlvs, **more
        )

    async def next(self):
        async with asyncio.timeout(20):
            while not self.submitted:
                await asyncio.sleep(0.02)
        return self.submitted.pop(0)


@pytest.fixture
def theirs(desk, tmp_path):
    @asynccontextmanager
    async def entered(profile="spec"):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        smsc = Theirs(port)
        await smsc.server.start()
        task = asyncio.create_task(smsc.run())
        config = shutil.copytree(HOME / "config", tmp_path / "config")
        path = config / "channels" / "smpp.yaml"
        path.write_text(path.read_text("utf-8").replace("profile: spec", f"profile: {profile}"), "utf-8")
        try:
            async with desk(config=config, environ={"SMPP_PORT": str(port)}) as d:
                async with asyncio.timeout(20):
                    await asyncio.shield(smsc.esme)
                yield d, smsc
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await smsc.server.stop()

    return entered


def parts_of(text, reference=7):
    """In parts of 67 units behind a header of six octets, by hand."""
    cuts = [text[at : at + 67] for at in range(0, len(text), 67)]
    for number, cut in enumerate(cuts, 1):
        yield bytes([5, 0, 3, reference, len(cuts), number]) + cut.encode("utf-16-be")


async def test_a_long_sms_of_theirs_is_one_text_here_and_the_answer_is_theirs_to_read(theirs):
    async with theirs() as (d, smsc):
        for part in parts_of(TEXT):
            answer = await smsc.delivers(part, esm_class=0x40, data_coding=8)
            assert answer.is_success

        assert [TEXT] == [row.text for row in await d.rows("message_in")]
        sent = await smsc.next()
        assert (CALLER[1:], "4040", 8, 1) == (sent.destination_addr, sent.source_addr, sent.data_coding, 1)


async def test_a_receipt_of_theirs_finds_its_message(theirs, eventually):
    async with theirs() as (d, smsc):
        await smsc.delivers(b"12345")
        sent = await smsc.next()
        assert sent.short_message.decode("utf-16-be").startswith("رصد: نامه 12345") or sent.esm_class == 0x40

        async def named():
            return [row for row in await d.rows("message_out") if row.provider_id]

        (row,) = await eventually(named)
        await smsc.delivers(f"id:{int(row.provider_id, 16)} stat:DELIVRD".encode(), esm_class=4)

        assert ["delivered"] == [each.fate for each in await d.rows("message_out")]


@pytest.mark.parametrize("profile", ["spec", "mica"])
async def test_five_steps_in_persian_with_a_repeat_and_a_drop(theirs, profile):
    """The drop is the caller's: a USSREL, or the end bit, then a new dial."""

    def session(op, number, ended=False):
        named = {0x1383: bytes([number, ended])} if profile == "spec" else {0x0204: bytes([0, number])}
        return {0x0501: bytes([op]), **named}

    def shown(event, number, op=2):
        tlvs = {each.tag: each.value for each in event.tlvs}
        expected = session(op, number, op == 0x11 and profile == "spec")
        assert expected == tlvs
        assert ("USSD", 8) == (event.service_type, event.data_coding)
        return event.short_message.decode("utf-16-be")

    async def dials(smsc, number):
        if profile == "spec":
            await smsc.delivers(destination="*4*061#", service_type="USSD", tlvs=session(1, number))
        else:
            await smsc.delivers(b"*4*061#", "", service_type="USSD", tlvs=session(1, number))
        return shown(await smsc.next(), number)

    async def types(smsc, number, text):
        octets = text.encode("utf-16-be")
        await smsc.delivers(octets, data_coding=8, service_type="USSD", tlvs=session(0x12, number))
        return shown(await smsc.next(), number)

    async with theirs(profile) as (_, smsc):
        assert (await dials(smsc, 7)).startswith("رصد خوزستان")
        screen = await types(smsc, 7, "۱")
        assert screen.startswith("شماره نامه")
        assert screen == await types(smsc, 7, "۱")
        released = session(0x12, 7, True) if profile == "spec" else session(0x81, 7)
        await smsc.delivers(service_type="USSD", tlvs=released)
        assert "رصد خوزستان" != (await dials(smsc, 8)).split("\n")[0]
        assert (await types(smsc, 8, "0")).startswith("شماره نامه")
        assert (await types(smsc, 8, "۱۲۳۴۵")).startswith("نامه 12345\nدر حال بررسی")
        assert (await types(smsc, 8, "1")).startswith("مراحل")


async def test_our_smsc_takes_an_esme_of_theirs():
    """So that the SMSC the other tests stand on is not right with our gateway alone."""
    arrived = []
    smsc = Smsc("theirs", "secret08", lambda *message: arrived.append(message))
    async with smsc.listening() as port:
        client = smpp34.Client("127.0.0.1", port, "theirs", "secret08", bind_type="TRX")
        session = await client.connect()
        taken = [
            await session.submit_sm(CALLER[1:], part, source_addr="4040", data_coding=8, esm_class=0x40)
            for part in parts_of(TEXT)
        ]
        asked = asyncio.create_task(smsc.text(CALLER, "4040", TEXT))
        heard = [await session.next() for _ in range(5)]
        await asked
        await session.unbind()
        await client.stop()

    assert [True] * 5 == [each.is_success for each in taken]
    assert [(CALLER, "4040", TEXT)] == arrived
    assert TEXT == b"".join(each.short_message[6:] for each in heard).decode("utf-16-be")
