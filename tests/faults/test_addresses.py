"""Corpus C12: addresses that lead where no office of ours is. Refused with the settings where they can be known, and
again where a socket would be made, whoever let them through; a listener on this machine waits for what slips by."""

import asyncio
import socket

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from pydantic import ValidationError

from adapters.addresses import connector, fault
from adapters.contract import BackendFailed, NotAllowedThere, Progress, Redirected
from adapters.exchange import Request, exchange, session
from adapters.rest import Rest, RestConfig
from adapters.soap import Soap, SoapConfig
from menus.ports import Ask, Found, reference
from tests.adapters.test_rest import FILE, ROW
from tests.adapters.test_soap import FILE as SOAP_FILE
from tests.adapters.test_soap import envelope, found, letter

CORPUS = {
    "short": ["127.1", "127.0.1", "10.1", "0"],
    "hexadecimal": ["0x7f000001", "0x7f.0.0.1", "0x7f.1", "0X7F000001"],
    "one number": ["2130706433", "3232235521", "2852039166", "167772161"],
    "octal": ["0177.0.0.1", "017700000001", "0177.1", "127.0.0.01"],
    "loopback over IPv6": ["[::1]", "[0:0:0:0:0:0:0:1]", "[::0001]", "[::]"],
    "mapped": ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::127.0.0.1]"],
    "NAT64": ["[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[64:ff9b:1::7f00:1]", "[64:ff9b::a9fe:a9fe]"],
    "6to4 and Teredo": ["[2002:7f00:1::]", "[2002:a00:1::1]", "[2002:c0a8:101::1]", "[2001:0:7f00:1::1]"],
    "shared": ["100.64.0.1", "100.127.255.254", "100.100.100.200", "100.65.1.1"],
    "link-local": ["169.254.169.254", "169.254.0.1", "[fe80::1]", "[fe80::1%25lo]"],
    "metadata by name": ["metadata.google.internal", "metadata", "instance-data", "METADATA.google.internal"],
    "multicast": ["224.0.0.1", "239.255.255.250", "[ff02::1]", "[ff05::2]"],
    "nobody's": ["0.0.0.0", "0.1.2.3", "255.255.255.255", "240.0.0.1"],  # noqa: S104
    "userinfo": ["example.org@127.0.0.1", "a:b@127.0.0.1", "example.org%40127.0.0.1", "@127.0.0.1"],
    "fragment and query": ["127.0.0.1#example.org", "example.org#@127.0.0.1", "127.0.0.1?@example.org", "127.0.0.1\\@example.org"],
    "other scripts": ["１２７.0.0.1", "ⓛocalhost", "127。0。0。1", "loc\u00adalhost"],
    "trailing dot": ["localhost.", "127.0.0.1.", "LOCALHOST.", "metadata.google.internal."],
    "other schemes": ["file:///etc/passwd", "gopher://127.0.0.1", "ftp://127.0.0.1", "//127.0.0.1"],
}  # fmt: skip

ASK = Ask("letters", 1, reference("12345"))


def as_url(host, port):
    if "/" in host:
        return f"{host}:{port}/" if host != "file:///etc/passwd" else host
    for sign in "#?\\":
        if sign in host:
            before, after = host.split(sign, 1)
            return f"http://{before}:{port}{sign}{after}:{port}"
    return f"http://{host}:{port}"


class Trap:
    """Listens where nothing of ours should ever connect to."""

    def __init__(self):
        self.connections = 0

    async def __aenter__(self):
        first = await asyncio.start_server(self._met, "127.0.0.1", 0)
        self.port = first.sockets[0].getsockname()[1]
        self._servers = [first]
        if socket.has_ipv6:
            self._servers.append(await asyncio.start_server(self._met, "::1", self.port))
        return self

    async def _met(self, _, writer):
        self.connections += 1
        writer.close()

    async def __aexit__(self, *_):
        for each in self._servers:
            each.close()


class Resolver(AbstractResolver):
    """Says of any name the next of these addresses, and the last one from then on."""

    def __init__(self, *answers):
        self._answers = list(answers)

    async def resolve(self, host, port=0, family=socket.AF_INET):
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            {"hostname": host, "host": each, "port": port, "proto": 0, "flags": socket.AI_NUMERICHOST,
             "family": socket.AF_INET6 if ":" in each else socket.AF_INET}
            for each in addresses
        ]  # fmt: skip

    async def close(self):
        pass


@pytest.fixture
async def trap():
    async with Trap() as found:
        yield found


@pytest.fixture
async def office(trap):
    """An office on 127.0.0.2, at the trap's port; said is what it answers."""
    said = []

    async def handle(_):
        return said[0] if said else web.json_response({"letters": [ROW]})

    app = web.Application()
    app.router.add_route("*", "/letters", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.2", trap.port).start()
    yield said
    await runner.cleanup()


async def met(url, inside=(), resolver=None):
    """What comes of asking there, with nothing but the check of the connection in between."""
    to = connector(inside, limit=4, resolver=resolver or Resolver(["127.0.0.1"], ["::1"]))
    async with session(to) as http, asyncio.timeout(5):
        await exchange(http, Request("GET", url), max_octets=1000, gzip=False, progress=Progress())


async def test_the_trap_does_close(trap):
    with pytest.raises(BackendFailed):
        await met(as_url("127.0.0.1", trap.port), ["127.0.0.1/32"])

    assert 1 == trap.connections


@pytest.mark.experiment("A5", "no address leads a backend to a private place that its file does not name")
async def test_addresses_as_they_are_written(trap, figure):
    for host in (host for hosts in CORPUS.values() for host in hosts):
        url = as_url(host, trap.port)

        assert fault(url, ()) is not None, url
        with pytest.raises(ValidationError):
            RestConfig(**{**FILE, "inside": [], "base_url": url})
        with pytest.raises(ValidationError):
            SoapConfig(**{**SOAP_FILE, "inside": [], "url": url})
        with pytest.raises(BackendFailed):
            await met(url)
        assert 0 == trap.connections, url
        figure.count("runs")
    figure("connections", trap.connections)


@pytest.mark.experiment("A5", "no redirect leads a backend elsewhere")
async def test_an_office_that_redirects(trap, office, figure):
    config = RestConfig(**{**FILE, "inside": ["127.0.0.0/8"], "base_url": f"http://127.0.0.2:{trap.port}"})
    async with Rest(config) as backend:
        for status in (301, 302, 307, 308):
            elsewhere = f"http://127.0.0.1:{trap.port}/letters"
            office[:] = [web.Response(status=status, headers={"Location": elsewhere})]
            with pytest.raises(Redirected):
                await backend.look_up(ASK)
            assert 0 == trap.connections
            figure.count("runs")
    figure("connections", trap.connections)


@pytest.mark.experiment("A5", "a name that leads elsewhere than before is not followed")
async def test_a_name_that_changes_where_it_leads(trap, office, figure):
    config = RestConfig(**{**FILE, "inside": ["127.0.0.2/32"], "base_url": f"http://office.example:{trap.port}"})
    for then in (["127.0.0.1"], ["::1"], ["127.0.0.1", "::1"], ["169.254.169.254"]):
        async with Rest(config, resolver=Resolver(["127.0.0.2"], then)) as backend:
            office[:] = [web.json_response({"letters": [ROW]}, headers={"Connection": "close"})]
            assert isinstance(await backend.look_up(ASK), Found)
            with pytest.raises(NotAllowedThere):
                await backend.look_up(ASK)
        assert 0 == trap.connections
        figure.count("runs")
    figure("connections", trap.connections)


@pytest.mark.experiment("A5", "neither a redirect nor a name leads a SOAP backend elsewhere")
async def test_a_soap_office_that_leads_elsewhere(trap, office, figure):
    answer = envelope(found(letter()))
    there = {**SOAP_FILE, "inside": ["127.0.0.2/32"], "url": f"http://office.example:{trap.port}/letters"}
    for then in (["127.0.0.1"], ["::1"], ["127.0.0.1", "::1"], ["169.254.169.254"]):
        async with Soap(SoapConfig(**there), resolver=Resolver(["127.0.0.2"], then)) as backend:
            office[:] = [web.Response(text=answer, content_type="text/xml", headers={"Connection": "close"})]
            assert isinstance(await backend.look_up(ASK), Found)
            with pytest.raises(NotAllowedThere):
                await backend.look_up(ASK)
        figure.count("runs")
    async with Soap(SoapConfig(**{**there, "inside": ["127.0.0.0/8"]}), resolver=Resolver(["127.0.0.2"])) as backend:
        for status in (301, 302, 307, 308):
            elsewhere = f"http://127.0.0.1:{trap.port}/letters"
            office[:] = [web.Response(status=status, headers={"Location": elsewhere})]
            with pytest.raises(Redirected):
                await backend.look_up(ASK)
            figure.count("runs")
    assert 0 == trap.connections
    figure("connections", trap.connections)


@pytest.mark.parametrize(
    "url",
    ["https://office.example", "http://office.example:8080/api/v1", "https://xn--mgba3a4f16a.example", "https://8.8.8.8",
     "https://[2606:4700::1111]:443/x", "http://a_b.example"],
)  # fmt: skip
def test_public_addresses_pass(url):
    assert fault(url, ()) is None


@pytest.mark.parametrize(
    ("inside", "url", "passes"),
    [
        ("10.1.2.0/24", "http://10.1.2.3", True), ("10.1.2.0/24", "http://10.1.3.3", False),
        ("127.0.0.1/32", "http://localhost:80", True), ("fc00::/7", "http://[fd00::5]", True),
        ("100.64.0.0/10", "http://100.100.100.200", False), ("127.0.0.0/8", "http://[::ffff:127.0.0.1]", False),
    ],
)  # fmt: skip
def test_a_file_allows_its_own_networks_and_no_more(inside, url, passes):
    assert passes == (fault(url, [inside]) is None)


@pytest.mark.parametrize(
    "network",
    ["0.0.0.0/0", "::/0", "169.254.0.0/16", "8.8.8.0/24", "10.1.2.3/24", "ten", "224.0.0.0/4", "::ffff:127.0.0.0/104"],
)
def test_what_is_no_private_network_cannot_be_allowed(network):
    with pytest.raises(ValidationError, match="inside"):
        RestConfig(**{**FILE, "base_url": "http://office.example", "inside": [network]})


@pytest.mark.parametrize(("kind", "hosts"), CORPUS.items())
def test_a_class_of_the_corpus_has_four(kind, hosts):
    assert 4 == len(hosts)
