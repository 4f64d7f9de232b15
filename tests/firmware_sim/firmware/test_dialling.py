from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from random import Random

import pytest
import trio
import trustme
from trio.testing import MockClock, memory_stream_pair
from typing_extensions import override
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, BytesMessage, Ping, Request

from firmware_sim.firmware.dialling import (
    DialError,
    Dialler,
    Endpoint,
    OpeningStream,
    connect,
    dial_tcp,
)
from firmware_sim.firmware.link import Identity, LinkClient
from protocols.link.events import Closed, Event
from protocols.link.vehicle import Capabilities

SECURE = Endpoint("gateway.example", 443, "/link/v1", secure=True)
PLAIN = Endpoint("gateway.example", 80, "/link/v1", secure=False)


@pytest.mark.parametrize(
    ("url", "endpoint", "name"),
    [
        ("ws://h/link/v1", Endpoint("h", 80, "/link/v1", secure=False), "h"),
        ("wss://h", Endpoint("h", 443, "/", secure=True), "h"),
        ("ws://h:8443/a?b=c", Endpoint("h", 8443, "/a?b=c", secure=False), "h:8443"),
        ("wss://[::1]:1/", Endpoint("::1", 1, "/", secure=True), "[::1]:1"),
    ],
)
def test_a_url_says_where_and_how(url: str, endpoint: Endpoint, name: str) -> None:
    assert Endpoint.parse(url) == endpoint
    assert endpoint.name == name


@pytest.mark.parametrize("url", ["", "http://h/", "ws://", "h:8443", "wss://:1/", "ws://h:x/"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"no address|Port"):
        Endpoint.parse(url)


async def _nobody(_host: str, _port: int) -> trio.abc.Stream:
    raise ConnectionRefusedError("nobody listens")


async def test_nobody_there_is_said_with_the_address() -> None:
    with pytest.raises(DialError, match=r"gateway\.example cannot be reached: nobody listens"):
        await connect(PLAIN, _nobody, None)


async def _tls_server(stream: trio.abc.Stream, context: ssl.SSLContext) -> None:
    secured = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
    try:
        await secured.send_all(await secured.receive_some())
    except trio.BrokenResourceError:
        await trio.aclose_forcefully(stream)


@pytest.mark.slow
@pytest.mark.parametrize("trusted", [True, False])
async def test_tls_runs_over_the_dialled_stream(*, trusted: bool) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("gateway.example").configure_cert(server)
    client = ssl.create_default_context()
    (authority if trusted else stranger).configure_trust(client)
    ours, theirs = memory_stream_pair()

    async def dial(_host: str, _port: int) -> trio.abc.Stream:
        return ours

    async with trio.open_nursery() as nursery:
        nursery.start_soon(_tls_server, theirs, server)
        if trusted:
            stream = await connect(SECURE, dial, client)
            await stream.send_all(b"hello")
            assert await stream.receive_some() == b"hello"
            await trio.aclose_forcefully(stream)
        else:
            with pytest.raises(DialError, match="CERTIFICATE_VERIFY_FAILED"):
                await connect(SECURE, dial, client)
            with pytest.raises(trio.ClosedResourceError):
                await ours.receive_some()


class _Ending(trio.abc.Stream):
    """A connection whose end has come, one way or another."""

    def __init__(self, *, broken: bool) -> None:
        self._broken = broken

    @override
    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._broken:
            raise trio.BrokenResourceError
        return b""

    @override
    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        raise trio.BrokenResourceError

    @override
    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    @override
    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("broken", [True, False])
async def test_a_peer_that_goes_is_a_failed_dial_only_before_the_websocket_is_open(
    *, broken: bool
) -> None:
    stream = OpeningStream(_Ending(broken=broken))
    with pytest.raises(DialError):
        await stream.receive_some()
    with pytest.raises(DialError):
        await stream.send_all(b"x")
    stream.opened = True
    with pytest.raises(trio.BrokenResourceError):
        await stream.send_all(b"x")
    if broken:
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
    else:
        assert await stream.receive_some() == b""


#: Each of them came out of the websocket library as something else than its own errors.
GARBLED = [
    b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgr\xe1de\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: \xff\r\n\r\n",
    b"\x00\xff" * 40,
]


def _client(handle: Callable[[Event], None], dial: Dialler) -> LinkClient:
    identity = Identity("u", bytes(32))
    return LinkClient("ws://h/", identity, Capabilities(), handle, random=Random(1), dial=dial)


@pytest.mark.parametrize("answer", GARBLED)
async def test_a_garbled_answer_to_the_upgrade_ends_the_attempt_and_not_the_device(
    answer: bytes, autojump_clock: MockClock
) -> None:
    dials = 0

    async def dial(host: str, port: int) -> trio.abc.Stream:
        nonlocal dials
        dials += 1
        assert (host, port) == ("h", 80)
        ours, theirs = memory_stream_pair()
        await theirs.send_all(answer)
        return ours

    client = _client(lambda _event: None, dial)
    with trio.move_on_after(120):
        await client.run()
    assert dials >= 3
    assert client.trouble


async def test_a_gateway_that_hangs_up_is_not_waited_for(autojump_clock: MockClock) -> None:
    async def dial(_host: str, _port: int) -> trio.abc.Stream:
        ours, theirs = memory_stream_pair()
        await theirs.aclose()
        return ours

    client = _client(lambda _event: None, dial)
    began = trio.current_time()
    await client._connect_once()
    assert trio.current_time() - began < 0.1
    assert client.trouble == "the connection broke before the websocket was open"


def _answered(request: bytes) -> bytes:
    """Return what a websocket server says to an upgrade, and then what a garbled one might."""
    server = WSConnection(ConnectionType.SERVER)
    server.receive_data(request)
    [asked] = server.events()
    assert isinstance(asked, Request)
    upgraded = server.send(AcceptConnection(subprotocol=asked.subprotocols[0]))
    # Nonsense, for which our side closes; and a ping that comes when it has done so.
    return upgraded + server.send(BytesMessage(b"\x09nonsense")) + server.send(Ping(b"late"))


@pytest.mark.slow
async def test_a_ping_that_meets_our_close_ends_the_connection_and_not_the_device(
    autojump_clock: MockClock,
) -> None:
    told: list[Event] = []
    async with trio.open_nursery() as nursery:

        async def serve(stream: trio.abc.Stream) -> None:
            answer = _answered(bytes(await stream.receive_some(4096)))
            for byte in answer:
                await stream.send_all(bytes((byte,)))
                await trio.sleep(0.001)

        async def dial(_host: str, _port: int) -> trio.abc.Stream:
            ours, theirs = memory_stream_pair()
            nursery.start_soon(serve, theirs)
            return ours

        client = _client(told.append, dial)
        with trio.move_on_after(60):
            await client.run()
        nursery.cancel_scope.cancel()
    assert len([event for event in told if isinstance(event, Closed)]) >= 3


async def test_a_fault_of_the_program_is_not_taken_for_one_of_the_network(
    autojump_clock: MockClock,
) -> None:
    def handle(_event: Event) -> None:
        raise ZeroDivisionError("ours")

    async def serve(stream: trio.abc.Stream) -> None:
        await stream.send_all(_answered(bytes(await stream.receive_some(4096))))

    async with trio.open_nursery() as nursery:

        async def dial(_host: str, _port: int) -> trio.abc.Stream:
            ours, theirs = memory_stream_pair()
            nursery.start_soon(serve, theirs)
            return ours

        with pytest.RaisesGroup(pytest.RaisesExc(ZeroDivisionError), flatten_subgroups=True):
            await _client(handle, dial).run()


@pytest.mark.slow
async def test_a_machine_where_nobody_listens_says_so_and_another_does_not() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(DialError) as refused:
            await connect(Endpoint("127.0.0.1", port, "/", secure=False), dial_tcp, None)
    assert refused.value.nobody_listens

    async def unreachable(_host: str, _port: int) -> trio.abc.Stream:
        raise OSError("all attempts failed") from ExceptionGroup(
            "two addresses", [ConnectionRefusedError(), OSError(113, "no route")]
        )

    with pytest.raises(DialError) as lost:
        await connect(PLAIN, unreachable, None)
    assert not lost.value.nobody_listens
