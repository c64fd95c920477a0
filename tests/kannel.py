"""A real Kannel for tests: bearerbox and smsbox on free ports of this machine, with the configuration of
docs/channels.md, before an SMSC of ours."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import SystemRandom

import aiohttp

from simulators.demo import HOME

BEARERBOX, SMSBOX = "/usr/sbin/bearerbox", "/usr/sbin/smsbox"
SECRET = "0123456789abcdefghijklmnop"

# Ours alone: the operator of a Kannel has these two already. msg-id-type 1: ids in hex when given, decimal in receipts.
CORE = """
group = core
admin-port = {admin}
admin-password = x
admin-interface = 127.0.0.1
smsbox-port = {box}
smsbox-interface = 127.0.0.1
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = sim
host = 127.0.0.1
port = {smsc}
smsc-username = kannel
smsc-password = demo
system-type = ""
transceiver-mode = true
msg-id-type = 1

"""


def free_port() -> int:
    """Below those that are given out for outgoing connections, so that nobody takes it before Kannel does."""
    while True:
        port = SystemRandom().randrange(10_000, 30_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def documented(gateway_port: int, sendsms_port: int) -> str:
    """What docs/channels.md has a Kannel's operator enter."""
    section = (HOME / "docs/channels.md").read_text(encoding="utf-8").partition("\n## `kannel`\n")[2]
    found = re.search(r"```\n(group = smsbox\n.*?)```", section, re.S)
    assert found is not None
    text = found[1]
    for theirs, here in [
        ("https://HOST/sms/kannel/SECRET", f"http://127.0.0.1:{gateway_port}/sms/kannel/{SECRET}"),
        ("sendsms-port = 13013", f"sendsms-port = {sendsms_port}\nsendsms-interface = 127.0.0.1"),
        ("password = PASSWORD", "password = demo"),
        ("http-queue-delay = 10", "http-queue-delay = 1"),
    ]:
        assert theirs in text
        text = text.replace(theirs, here)
    return text


@asynccontextmanager
async def running(folder: Path, smsc_port: int, gateway_port: int) -> AsyncIterator[str]:
    """The address of its sendsms, once both boxes stand and the SMSC is bound."""
    admin, sendsms = free_port(), free_port()
    config = folder / "kannel.conf"
    core = CORE.format(admin=admin, box=free_port(), smsc=smsc_port)
    config.write_text(core + documented(gateway_port, sendsms), encoding="utf-8")
    log = folder / "kannel.log"
    started: list[asyncio.subprocess.Process] = []
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as http:
            # The smsbox tries its bearerbox once and gives up, so it comes second.
            for box, there in ((BEARERBOX, "(online"), (SMSBOX, "(on-line")):
                with log.open("ab") as out:
                    started.append(await asyncio.create_subprocess_exec(box, str(config), stdout=out, stderr=out))
                while there not in await _said(http, f"http://127.0.0.1:{admin}/status.txt?password=x"):
                    assert started[-1].returncode is None, log.read_text(encoding="utf-8", errors="replace")[-2000:]
                    await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{sendsms}/cgi-bin/sendsms"
    finally:
        for process in reversed(started):
            if process.returncode is None:
                process.kill()  # a bearerbox with something in its queue takes ten seconds to say goodbye
            await process.wait()


async def _said(http: aiohttp.ClientSession, url: str) -> str:
    try:
        async with http.get(url) as response:
            return await response.text()
    except aiohttp.ClientError:
        return ""
