"""The lean client against real sockets that answer well, badly, slowly and not at all."""

import asyncio

import pytest
from aiohttp import web

from simulators.aggregator import CallFailed, Request
from simulators.wire import MAX_BODY_OCTETS, MAX_HEAD_OCTETS, Wire


@pytest.fixture
async def answering():
    """A function that serves raw octets, one answer for each connection or request; gives a Wire to it."""
    servers, wires = [], []

    async def serve(*answers, close=True):
        left, heads = list(answers), []

        async def one(reader, writer):
            try:
                while left:
                    head = await reader.readuntil(b"\r\n\r\n")
                    heads.append(head)
                    length = [int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")]
                    await reader.readexactly(*(length or [0]))
                    writer.write(left.pop(0))
                    await writer.drain()
                    if close:
                        break
                else:
                    await reader.read(1)
            except (EOFError, ConnectionError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(one, "127.0.0.1", 0)
        servers.append(server)
        wires.append(Wire(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/base/"))
        return wires[-1], heads

    yield serve
    for wire in wires:
        wire.close()
    for server in servers:
        server.close()
        await server.wait_closed()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nCON a"


async def test_a_request_is_written_and_its_answer_read(answering):
    wire, heads = await answering("HTTP/1.1 201 Da\r\nX-Y:  z \r\nContent-Length: 8\r\n\r\nنامه".encode())

    answer = await wire.ask("/ussd/a", Request("POST", tail="/end", query="a=1", headers={"X-Q": "1"}, body=b"b=2"))

    assert (201, "z", "نامه") == (answer.status, answer.headers["x-y"], answer.body)
    host = f"Host: 127.0.0.1:{wire._port}\r\n".encode()
    assert [b"POST /base/ussd/a/end?a=1 HTTP/1.1\r\n" + host + b"X-Q: 1\r\nContent-Length: 3\r\n\r\n"] == heads


@pytest.mark.parametrize(
    ("octets", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nCON\r\n2;x=y\r\n a\r\n0\r\n\r\n", "CON a"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nCON a", "CON a"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", "no"),
    ],
    ids=["chunked", "1.0", "without a body", "500"],
)
async def test_answers_of_every_form_are_read(answering, octets, body):
    wire, _ = await answering(octets)

    assert body == (await wire.ask("/", Request("GET"))).body


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"", "unreachable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nCON a", "unreachable"),
        (b"SMTP ready\r\n\r\n", "unreadable"),
        (b"HTTP/2 200\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 xyz\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 200 OK\r\n\r\nCON a", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_OCTETS + 1), "unreadable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\xff", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nCON a", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nCON\r\n0\r\n\r\n", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "unreadable"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_HEAD_OCTETS + b"\r\n\r\n", "unreadable"),
    ],
)
async def test_what_cannot_be_read_is_an_error(answering, octets, kind):
    wire, _ = await answering(octets)

    with pytest.raises(CallFailed) as caught:
        await wire.ask("/", Request("GET"))
    assert kind == caught.value.kind


async def test_no_answer_in_time_is_an_error_and_its_connection_is_not_used_again(answering):
    wire, heads = await answering(b"HTTP/1.1 200 OK\r\n", OK, close=False)

    with pytest.raises(CallFailed, match="no answer within 0 s"):
        await wire.ask("/", Request("GET"), within_s=0.2)
    assert "CON a" == (await wire.ask("/", Request("GET"))).body
    assert 2 == len(heads)


async def test_nobody_there_is_an_error(unused_tcp_port):
    with pytest.raises(CallFailed) as caught:
        await Wire(f"http://127.0.0.1:{unused_tcp_port}").ask("/", Request("GET"))
    assert "unreachable" == caught.value.kind


async def test_a_connection_closed_while_nobody_used_it_is_no_error(answering):
    wire, heads = await answering(OK, OK)  # closes behind each answer, and does not say so

    for _ in range(2):
        assert "CON a" == (await wire.ask("/", Request("GET"))).body
    assert 2 == len(heads)


async def test_connections_are_used_again(aiohttp_server):
    peers = set()

    async def one(request):
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(text=await request.text())

    application = web.Application()
    application.router.add_post("/x", one)
    server = await aiohttp_server(application)
    wire = Wire(str(server.make_url("/")))
    bodies = [(await wire.ask("/x", Request("POST", body=str(place).encode()))).body for place in range(20)]
    wire.close()

    assert ([str(place) for place in range(20)], 1) == (bodies, len(peers))


@pytest.mark.parametrize("url", ["https://127.0.0.1", "127.0.0.1:8061", "http://"])
def test_an_address_it_cannot_speak_to_is_refused(url):
    with pytest.raises(ValueError, match="is no address like"):
        Wire(url)
