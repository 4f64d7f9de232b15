"""Malformed first packets close the connection they came on, and nothing else."""

from __future__ import annotations

import struct
from contextlib import suppress
from random import Random
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from protocols.link.messages import SUBPROTOCOL
from tests.end_to_end.houses import House, open_socket, tell
from tests.support.link_world import until

pytestmark = pytest.mark.slow

UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)

NOISE = Random(7).randbytes(4_096)

PACKETS = {
    "nothing": b"",
    "a zero": b"\x00",
    "noise": NOISE,
    "lines": b"\r\n" * 2_000,
    "a TLS hello": bytes.fromhex("16030100a5010000a10303") + NOISE[:160],
    "a DoIP request": bytes.fromhex("02fd000500000007 0e800000000000"),
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + NOISE[:64],
    "no version": b"GET /\r\n\r\n",
    "bytes beyond ASCII in a header": b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\nX: \xe9\r\n\r\n",
    "a header without end": b"GET / HTTP/1.1\r\nX: " + b"y" * 200_000,
    "a length that is none": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    "bytes behind an upgrade": UPGRADE.format(path="/link/v1", more="").encode() + NOISE[:64],
    "bytes behind an upgrade to nowhere": UPGRADE.format(path="/no", more="").encode() + b"\xff",
    "an upgrade with broken settings": UPGRADE.format(
        path="/ws/operator", more="HTTP2-Settings: !!!\r\nUpgrade: h2c\r\n"
    ).encode(),
}

#: What a stranger may say as the first message of a link that is otherwise in order.
FIRST_MESSAGES: dict[str, str | bytes] = {
    "text": "hello",
    "nothing": b"",
    "noise": NOISE,
    "another channel": bytes((4,)) + bytes(20),
    "nested without end": bytes(9) + b"\x91" * 5_000,
    "a hello of the wrong shape": bytes(9) + b"\x91\x01",
    "a proof before a challenge": bytes(9) + b"\x92\x03\xc4\x40" + bytes(64),
    "numbers beyond bounds": struct.pack(">BII", 0, 0xFFFFFFFF, 0xFFFFFFFF) + b"\x91\x08",
}


async def send_and_see_closed(host: str, port: int, packet: bytes) -> None:
    """Send a packet, say no more, and wait for the other side to close."""
    stream = await trio.open_tcp_stream(host, port)
    with trio.fail_after(20):
        async with stream:
            try:
                await stream.send_all(packet)
                await stream.send_eof()
                while await stream.receive_some(65_536):
                    continue
            except trio.BrokenResourceError:
                return  # closed before it had read everything


async def closed_by_peer(socket: WebSocketConnection) -> None:
    """Wait for the other side to close; a goodbye may come first."""
    while True:
        try:
            await socket.get_message()
        except ConnectionClosed:
            return


async def all_is_well(house: House, session: object, token: str) -> None:
    """Check that everybody who was there before still is."""
    assert (await house.call("GET", "/healthz")).status_code == 200
    assert house.gateway.registry.require(UUID(house.connector("can").uuid)).connected
    ecu = {"request_id": 0x7E0, "response_id": 0x7E8}
    assert await tell(house, token, session, ecu, "3E00") == b"\x7e\x00"


async def test_on_both_ports(house: House) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    async with house.socket(token) as watcher:
        for url in (house.gateway.http_url, house.gateway.link_url):
            address = urlsplit(url)
            assert address.hostname is not None
            assert address.port is not None
            async with trio.open_nursery() as nursery:
                for packet in PACKETS.values():
                    nursery.start_soon(send_and_see_closed, address.hostname, address.port, packet)
            await all_is_well(house, session, token)
        await watcher.send_message('{"action":"nonsense"}')
        with trio.fail_after(20):
            assert '"error"' in str(await watcher.get_message())


async def test_as_the_first_message_of_a_link(house: House) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    for name, message in FIRST_MESSAGES.items():
        with trio.fail_after(20):
            async with open_socket(house.gateway.link_url, subprotocol=SUBPROTOCOL) as socket:
                await socket.send_message(message)
                await closed_by_peer(socket)
                assert socket.closed, name
    await all_is_well(house, session, token)


async def test_as_the_first_message_of_a_websocket(house: House) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    for path in ("/ws/operator", "/ws/customer"):
        for message in (b"", b"\xff\xfe", "", "{", "null", '{"action":"authenticate"}', NOISE):
            with trio.fail_after(20):
                async with house.socket(None, path) as socket:
                    await socket.send_message(message)
                    with suppress(ConnectionClosed):  # sent away without a word is fine too
                        assert '"error"' in str(await socket.get_message()), (path, message)
    await all_is_well(house, session, token)


async def test_many_half_open_connections_keep_nobody_out(house: House) -> None:
    address = urlsplit(house.gateway.link_url)
    assert address.hostname is not None
    assert address.port is not None
    idle = [await trio.open_tcp_stream(address.hostname, address.port) for _ in range(50)]
    for stream in idle[::2]:
        await stream.send_all(b"GET /link/v1 HTTP/1.1\r\n")
    await house.plug_in("can")
    for stream in idle:
        await stream.aclose()
    await until(lambda: len(house.gateway.registry) == 1)
