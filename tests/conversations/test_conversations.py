"""Every conversation file, played over the wire against the whole demo in this process."""

from pathlib import Path

import aiohttp
import pytest

from simulators import demo
from simulators.desk_phone import DeskPhone
from simulators.rehearsal import play, read

HERE = Path(__file__).parent
CONVERSATIONS = sorted(HERE.glob("*.yaml"))


@pytest.mark.parametrize("path", CONVERSATIONS, ids=lambda path: path.stem)
async def test_the_gateway_says_what_the_conversation_says(path, desk_url):
    conversation = read(path)
    async with aiohttp.ClientSession() as http:
        phone = DeskPhone(http, desk_url, conversation.phone or f"+98916{CONVERSATIONS.index(path):07}")

        await play(conversation, phone)


@pytest.fixture
async def desk_url(tmp_path):
    async with demo.running(demo.HOME / "config", "127.0.0.1", 0, tmp_path) as url:
        yield url
