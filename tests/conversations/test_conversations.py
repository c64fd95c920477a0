"""Every conversation file, played over the wire against the whole demo in this process: on each of its USSD channels,
and on one with more room for a page."""

import asyncio
import shutil
from pathlib import Path

import aiohttp
import pytest

from simulators import demo
from simulators.channels import channels
from simulators.desk_phone import DeskPhone
from simulators.rehearsal import play, read

HERE = Path(__file__).parent
CONVERSATIONS = sorted(HERE.glob("*.yaml"))


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
async def test_the_gateway_says_what_the_conversation_says(path, desk_url):
    conversation = read(path)
    async with aiohttp.ClientSession() as http:
        found = [each for each in await channels(http, desk_url) if each.carries == "ussd"]
        assert {"africastalking", "wide"} <= {each.name for each in found}
        phones = [
            DeskPhone(http, desk_url, conversation.phone or f"+98916{place}{CONVERSATIONS.index(path):06}", channel)
            for place, channel in enumerate(found if "ussd" in conversation.wires else found[:1])
        ]
        if conversation.phone is None:
            await asyncio.gather(*(play(conversation, phone) for phone in phones))
        else:  # one phone has one call at a time
            for phone in phones:
                await play(conversation, phone)


@pytest.fixture
async def desk_url(tmp_path):
    config = shutil.copytree(demo.HOME / "config", tmp_path / "config")
    narrow = (config / "channels/africastalking.yaml").read_text(encoding="utf-8")
    wide = narrow.replace("{max_septets: 160, max_units: 70}", "{max_septets: 182, max_units: 80}")
    assert wide != narrow
    (config / "channels/wide.yaml").write_text(wide, encoding="utf-8")
    async with demo.running(config, "127.0.0.1", 0, tmp_path / "var") as url:
        yield url
