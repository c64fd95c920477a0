"""node-smpp at the other end: an SMSC that nobody here wrote, in a process of its own, in front of a whole gateway."""

import asyncio
import json
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulators.demo import HOME
from tests.gateway.test_smpp import CALLER, TEXT, queued

pytestmark = [pytest.mark.needs("node"), pytest.mark.needs("tests/node/node_modules/smpp")]

SCRIPT = Path(__file__).parents[1] / "node" / "smsc.js"
FROM_HER = {"source_addr": CALLER[1:], "source_addr_ton": 1, "source_addr_npi": 1, "destination_addr": "4040"}


class NodeSmsc:
    """The script, as orders given and events told; an event is handed out once."""

    def __init__(self, process):
        self._process = process
        self._told = []

    async def next(self, event, **fields):
        """The first event of this name, with these fields, that was not handed out yet."""
        async with asyncio.timeout(30):
            while True:
                for told in self._told:
                    if told["event"] == event and fields.items() <= told.items():
                        self._told.remove(told)
                        return told
                line = await self._process.stdout.readline()
                assert line, "node ended"
                self._told.append(json.loads(line))

    async def does(self, command, **fields):
        """The command_status of the answer."""
        self._process.stdin.write(json.dumps({"command": command, "with": fields}).encode() + b"\n")
        return (await self.next("answered", command=f"{command}_resp"))["status"]


@asynccontextmanager
async def node():
    """The SMSC and its port."""
    process = await asyncio.create_subprocess_exec(
        "node", str(SCRIPT), "rasad", "demo", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        smsc = NodeSmsc(process)
        yield smsc, (await smsc.next("listening"))["port"]
    finally:
        process.stdin.close()  # which ends it
        try:
            async with asyncio.timeout(10):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()


@pytest.fixture
def theirs(desk, tmp_path):
    @asynccontextmanager
    async def entered(*changes):
        config = shutil.copytree(HOME / "config", tmp_path / "config")
        path = config / "channels" / "smpp.yaml"
        for old, new in changes:
            assert old in path.read_text("utf-8")
            path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
        async with node() as (smsc, port):
            async with desk(config=config, environ={"SMPP_PORT": str(port)}) as d:
                assert 0x34 == (await smsc.next("bound"))["version"]
                yield d, smsc
            await smsc.next("unbind")

    return entered


async def test_an_sms_is_answered_and_its_receipt_finds_it(theirs, eventually):
    async with theirs() as (d, smsc):
        assert 0 == await smsc.does("deliver_sm", **FROM_HER, short_message="12345")
        answer = await smsc.next("submit_sm")
        while answer["whole"] is None:
            answer = await smsc.next("submit_sm")

        assert answer["whole"].startswith("رصد: نامه 12345 در حال بررسی")
        assert (CALLER[1:], "4040") == (answer["pdu"]["destination_addr"], answer["pdu"]["source_addr"])
        assert ["12345"] == [row.text for row in await d.rows("message_in")]

        async def sent():
            return [row for row in await d.rows("message_out") if row.state == "sent"]

        assert [answer["messageId"]] == [row.provider_id for row in await eventually(sent)]
        receipt = f"id:{int(answer['messageId'], 16)} sub:001 dlvrd:001 stat:DELIVRD err:000 text:"
        assert 0 == await smsc.does("deliver_sm", **FROM_HER, esm_class=4, short_message=receipt)
        assert ["delivered"] == [row.fate for row in await d.rows("message_out")]


async def test_three_hundred_persian_units_go_and_come_as_one_text(theirs):
    async with theirs() as (d, smsc):
        await queued(d, TEXT)
        parts = [await smsc.next("submit_sm") for _ in range(5)]
        assert [None, None, None, None, TEXT] == [part["whole"] for part in parts]

        for number in range(1, 6):
            header = bytes([5, 0, 3, 9, 5, number]).hex()
            part = {"udh": {"hex": header}, "message": TEXT[67 * (number - 1) : 67 * number]}
            assert 0 == await smsc.does("deliver_sm", **FROM_HER, short_message=part)
        assert 0 == await smsc.does("deliver_sm", **FROM_HER, data_coding=8, message_payload=TEXT)
        assert [TEXT, TEXT] == [row.text for row in await d.rows("message_in")]


async def test_a_call_in_persian(theirs):
    """node-smpp knows ussd_service_op by name, and its_session_info as octets."""

    def hers(op, *, ended=False, **more):
        session = {"ussd_service_op": op, "its_session_info": {"hex": f"07{ended:02x}"}}
        return {**FROM_HER, "service_type": "USSD", **session, **more}

    async def shown(smsc):
        pdu = (await smsc.next("submit_sm"))["pdu"]
        assert ("USSD", 8) == (pdu["service_type"], pdu["data_coding"])
        return pdu["ussd_service_op"], pdu["its_session_info"]["hex"], pdu["short_message"]["message"]

    async with theirs() as (_, smsc):
        assert 0 == await smsc.does("deliver_sm", **hers(0x01, destination_addr="*4*061#"))
        operation, session, text = await shown(smsc)
        assert (0x02, "0700", "رصد خوزستان") == (operation, session, text.split("\n")[0])
        assert 0 == await smsc.does("deliver_sm", **hers(0x12, short_message="۱"))
        assert (await shown(smsc))[2].startswith("شماره نامه")
        assert 0 == await smsc.does("deliver_sm", **hers(0x12, short_message="۱۲۳۴۵"))
        assert (await shown(smsc))[2].startswith("نامه 12345\nدر حال بررسی")
        assert 0 == await smsc.does("deliver_sm", **hers(0x12, ended=True))  # she hung up


async def test_each_side_asks_whether_the_other_is_there(theirs):
    async with theirs(("window: 10", "window: 10\nenquire_link_s: 0.2")) as (_, smsc):
        assert 0 == await smsc.does("enquire_link")
        await smsc.next("enquire_link")
        await smsc.next("enquire_link")  # the answer to the first was understood
