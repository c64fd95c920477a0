"""The network that fails, tried itself: each of its manners twice, before a server that answers every line."""

import asyncio
import time

import pytest

from tests.faults.proxy import Manner, Proxy

NOTHING_S = 0.2
"""How long nothing must come, to be called nothing. Too short on a busy machine, it would only be too kind."""


class Server:
    """Answers a line with itself, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.ended = [], 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._met, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _met(self, reader, writer):
        try:
            while line := await reader.readline():
                self.asked.append(line)
                writer.write(line)
                await writer.drain()
        except ConnectionError:
            pass
        self.ended += 1
        writer.close()


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def says(self, line):
        self.writer.write(line)
        await self.writer.drain()

    async def hears(self, octets):
        async with asyncio.timeout(20):
            return await self.reader.readexactly(octets)

    async def asks(self, line=b"one\n"):
        await self.says(line)
        return await self.hears(len(line))

    async def is_reset(self):
        async with asyncio.timeout(20):
            with pytest.raises(ConnectionError):
                await self.reader.read()
        return True

    async def is_told_nothing(self):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(NOTHING_S):
                await self.reader.read(1)
        return True


@pytest.fixture
async def server():
    async with Server() as found:
        yield found


@pytest.fixture
async def proxy(server):
    async with Proxy(server.port) as found:
        yield found


@pytest.fixture
async def client(proxy):
    made = []

    async def connected():
        made.append(Client(*await asyncio.open_connection("127.0.0.1", proxy.port)))
        return made[-1]

    yield connected
    for each in made:
        each.writer.close()


async def eventually(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


# --- pass


async def test_passes_both_ways(client, server):
    one, two = await client(), await client()
    assert (b"one\n", b"two\n") == (await one.asks(), await two.asks(b"two\n"))
    assert [b"one\n", b"two\n"] == server.asked


async def test_passes_an_end_and_what_is_still_to_come(client, server):
    one = await client()
    await one.says(b"one\n")
    one.writer.write_eof()
    assert b"one\n" == await one.hears(4)
    assert b"" == await one.reader.read()
    assert 1 == server.ended


# --- delay, jitter


async def test_delays_each_way(client, proxy):
    one = await client()
    await one.asks()
    proxy.manner = Manner(delay_s=0.1)
    began = time.monotonic()
    await one.asks()
    assert time.monotonic() - began >= 0.2


async def test_delays_by_chance_within_a_seed(server):
    async with Proxy(server.port, seed=7) as proxy:
        proxy.manner = Manner(delay_s=0.01, jitter_s=0.2)
        one = Client(*await asyncio.open_connection("127.0.0.1", proxy.port))
        began = time.monotonic()
        await one.asks()
        assert time.monotonic() - began >= 0.02 + 0.2 * (0.3238 + 0.1508)  # what chance is with 7
        one.writer.close()


# --- refuse


async def test_refuses_and_leaves_those_who_are_connected(client, proxy):
    one = await client()
    await one.asks()
    proxy.manner = Manner(refused=True)
    with pytest.raises(ConnectionRefusedError):
        await client()
    assert b"two\n" == await one.asks(b"two\n")


async def test_listens_again_where_it_did(client, proxy):
    port = proxy.port
    proxy.manner = Manner(refused=True)
    with pytest.raises(ConnectionRefusedError):
        await client()
    await proxy.again()
    assert port == proxy.port
    assert b"one\n" == await (await client()).asks()


# --- reset now


async def test_resets_both_sides(client, proxy, server):
    one = await client()
    await one.asks()
    proxy.reset()
    assert await one.is_reset()
    await eventually(lambda: server.ended)


async def test_after_a_reset_the_next_connection_is_good(client, proxy):
    one = await client()
    await one.asks()
    proxy.reset()
    await one.is_reset()
    assert b"two\n" == await (await client()).asks(b"two\n")
    assert 2 == proxy.connections


# --- blackhole


async def test_nothing_passes_a_black_hole_and_nobody_is_told(client, proxy, server):
    one = await client()
    await one.asks()
    proxy.manner = Manner(blackhole=True)
    await one.says(b"two\n")
    assert await one.is_told_nothing()
    two = await client()
    await two.says(b"three\n")
    assert await two.is_told_nothing()
    assert [b"one\n"] == server.asked


async def test_what_was_held_goes_on_when_it_is_over(client, proxy, server):
    one = await client()
    proxy.manner = Manner(blackhole=True)
    await one.says(b"one\n")
    one.writer.write_eof()
    assert await one.is_told_nothing()
    assert not server.ended
    await proxy.again()
    assert b"one\n" == await one.hears(4)
    await eventually(lambda: server.ended)


# --- half open


async def test_half_open_is_gone_for_the_server_and_there_for_the_client(client, proxy, server):
    one = await client()
    await one.asks()
    proxy.lose()
    await eventually(lambda: server.ended)
    for _ in range(3):
        await one.says(b"two\n")
        assert await one.is_told_nothing()
    assert [b"one\n"] == server.asked


async def test_beside_a_half_open_connection_a_new_one_is_good(client, proxy):
    one = await client()
    await one.asks()
    proxy.lose()
    assert b"two\n" == await (await client()).asks(b"two\n")


# --- slices, bandwidth


async def test_slices_what_is_asked_and_answered(client, proxy):
    one = await client()
    proxy.manner = Manner(slice_octets=3)
    long = b"0123456789" * 10 + b"\n"
    assert long == await one.asks(long)


async def test_no_slice_is_longer(proxy, client):
    one = await client()
    proxy.manner = Manner(slice_octets=3, delay_s=0.005)
    await one.says(b"0123456789\n")
    pieces = []
    while sum(map(len, pieces)) < 11:
        pieces.append(await one.reader.read(1000))
    assert b"0123456789\n" == b"".join(pieces)
    assert len(pieces) > 1


async def test_takes_the_time_that_a_line_takes(client, proxy):
    one = await client()
    proxy.manner = Manner(octets_per_s=1_000)
    began = time.monotonic()
    await one.asks(b"x" * 199 + b"\n")
    assert time.monotonic() - began >= 0.4


async def test_a_wide_line_loses_nothing(client, proxy):
    one = await client()
    proxy.manner = Manner(octets_per_s=1_000_000)
    long = b"0123456789" * 5_000 + b"\n"
    assert long == await one.asks(long)


# --- the reply is cut


async def test_what_was_asked_is_done_and_its_answer_never_comes(client, proxy, server):
    one = await client()
    await one.asks()
    proxy.manner = Manner(cut_reply_after=b"COMMIT")
    assert b"two\n" == await one.asks(b"two\n")
    await one.says(b"COMMIT\n")
    assert await one.is_reset()
    assert [b"one\n", b"two\n", b"COMMIT\n"] == server.asked
    assert (1, 1) == (proxy.matched, proxy.cuts)


async def test_a_request_in_two_pieces_is_known_and_every_second_is_cut(client, proxy, server):
    one = await client()
    proxy.manner = Manner(cut_reply_after=b"COMMIT", every=2)
    assert b"COMMIT\n" == await one.asks(b"COMMIT\n")
    await one.says(b"COM")
    await asyncio.sleep(NOTHING_S)
    await one.says(b"MIT\n")
    assert await one.is_reset()
    assert [b"COMMIT\n"] * 2 == server.asked
    assert (2, 1) == (proxy.matched, proxy.cuts)


# --- cut after so many octets


async def test_cuts_an_answer_in_its_middle(client, proxy, server):
    one = await client()
    proxy.manner = Manner(cut_after=6)
    assert b"one\n" == await one.asks()
    await one.says(b"three\n")
    assert b"th" == await one.hears(2)
    assert await one.is_reset()
    assert [b"one\n", b"three\n"] == server.asked


async def test_each_connection_has_its_own_count(client, proxy):
    proxy.manner = Manner(cut_after=6)
    one, two = await client(), await client()
    assert (b"one\n", b"two\n") == (await one.asks(), await two.asks(b"two\n"))
    assert 0 == proxy.cuts


# --- corrupt, duplicate


async def test_turns_a_bit_of_one_octet(client, proxy, server):
    one = await client()
    proxy.manner = Manner(corrupt_at=5)
    assert b"one\n" == await one.asks()
    await one.says(b"two\n")
    assert b"tvo\n" == await one.hears(4)
    assert b"three\n" == await one.asks(b"three\n")
    assert [b"one\n", b"two\n", b"three\n"] == server.asked


async def test_turns_it_wherever_the_cuts_fall(client, proxy):
    one = await client()
    proxy.manner = Manner(corrupt_at=5, slice_octets=1)
    await one.says(b"two\ntwo\n")
    assert b"two\ntvo\n" == await one.hears(8)


async def test_says_an_answer_twice(client, proxy, server):
    one = await client()
    proxy.manner = Manner(duplicate=True)
    await one.says(b"one\n")
    assert b"one\none\n" == await one.hears(8)
    assert [b"one\n"] == server.asked


async def test_twice_ends_when_told_to(client, proxy):
    one = await client()
    proxy.manner = Manner(duplicate=True)
    await one.says(b"one\n")
    await one.hears(8)
    await proxy.again()
    assert b"two\n" == await one.asks(b"two\n")
