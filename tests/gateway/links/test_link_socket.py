from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    wrap_client_stream,
)
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, Event, Ping, TextMessage

from gateway.links.socket import LinkSocket, unmask, whole_message
from protocols.link.messages import MAX_ENVELOPE


class _Pair:
    """A server's socket and a client of the library's own, wired in memory."""

    def __init__(self) -> None:
        self.received: list[str | bytes] = []
        self.tasks: set[trio.lowlevel.Task] = set()
        self.near, far = trio.testing.memory_stream_pair()
        self.socket = LinkSocket(far, self._decide, self._receive)

    async def _decide(self, request: WebSocketRequest) -> None:
        await request.accept()

    def _receive(self, message: str | bytes) -> None:
        self.received.append(message)
        self.tasks.add(trio.lowlevel.current_task())


@asynccontextmanager
async def _connected() -> AsyncIterator[tuple[_Pair, WebSocketConnection, trio.Event]]:
    pair, ended = _Pair(), trio.Event()
    async with _wired(pair, ended) as client:
        yield pair, client, ended


@asynccontextmanager
async def _wired(pair: _Pair, ended: trio.Event) -> AsyncIterator[WebSocketConnection]:

    async def serve() -> None:
        await pair.socket.run()
        ended.set()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            # Typed for sockets, made for any stream.
            near: Any = pair.near
            client = await wrap_client_stream(nursery, near, "gateway", "/")
            yield client
            nursery.cancel_scope.cancel()


async def _until(pair: _Pair, count: int) -> None:
    while len(pair.received) < count:
        await trio.testing.wait_all_tasks_blocked()


async def test_messages_are_handed_over_in_the_readers_own_task() -> None:
    async with _connected() as (pair, client, _):
        for number in range(5):
            await client.send_message(bytes([number]))
        await client.send_message("text")
        await _until(pair, 6)
    assert pair.received == [b"\0", b"\1", b"\2", b"\3", b"\4", "text"]
    # The hook is in effect: the library's channel was not used, and no second task either.
    assert len(pair.tasks) == 1
    assert pair.socket._recv_channel.statistics().current_buffer_used == 0


async def test_a_message_in_parts_arrives_whole() -> None:
    async with _connected() as (pair, client, _):
        await client._send(BytesMessage(b"one ", message_finished=False))
        await client._send(BytesMessage(b"two ", message_finished=False))
        await client._send(BytesMessage(b"three", message_finished=True))
        await client.send_message(bytes(100_000))  # more than is read at once
        await _until(pair, 2)
    assert pair.received == [b"one two three", bytes(100_000)]


async def test_a_message_over_the_limit_ends_the_connection() -> None:
    async with _connected() as (pair, client, ended):
        await client.send_message(bytes(MAX_ENVELOPE + 1))
        await client.send_message(b"after")
        with pytest.raises(ConnectionClosed) as closed:
            await client.get_message()
        await ended.wait()
    assert closed.value.reason is not None
    assert closed.value.reason.code == 1009
    assert pair.received == []


async def test_the_reader_ends_when_either_side_closes() -> None:
    async with _connected() as (_, client, ended):
        await client.aclose(1000)
        await ended.wait()
    async with _connected() as (pair, _, ended):
        await pair.socket.aclose(1012)
        await ended.wait()
        assert pair.socket.closed is not None


async def test_hanging_up_ends_the_reader() -> None:
    async with _connected() as (pair, _, ended):
        await pair.socket.hang_up()
        await ended.wait()
        assert ended.is_set()


async def test_what_is_read_here_and_by_the_library_keeps_its_order() -> None:
    """Parts, texts and pings go to the library in between; none overtakes another."""
    async with _connected() as (pair, client, _):
        for number in range(3):
            await client.send_message(bytes([number]))
            await client.send_message(f"text {number}")
            await client._send(BytesMessage(b"in ", message_finished=False))
            await client._send(Ping(b"between"))
            await client._send(BytesMessage(b"parts", message_finished=True))
        await client.send_message(b"end")
        await _until(pair, 10)
    turns = [[bytes([number]), f"text {number}", b"in parts"] for number in range(3)]
    assert pair.received == [*turns[0], *turns[1], *turns[2], b"end"]


async def test_a_whole_message_within_one_in_parts_is_refused_as_ever() -> None:
    async with _connected() as (pair, client, ended):
        await client._send(BytesMessage(b"one ", message_finished=False))
        client._wsproto.connection._proto._outbound_opcode = None  # type: ignore[union-attr]
        await client.send_message(b"two")
        await ended.wait()
    assert pair.socket.closed is not None
    assert pair.socket.closed.code == 1002
    assert pair.received == []


async def test_the_library_is_not_asked_for_whole_binary_messages() -> None:
    """The private parts are where they are expected: else all would go the slow way unnoticed."""
    async with _connected() as (pair, client, _):
        connection = pair.socket._wsproto.connection
        assert connection is not None
        fed: list[bytes] = []
        connection.receive_data = fed.append  # type: ignore[method-assign, assignment]
        await client.send_message(b"one")
        await client.send_message(bytes(60_000))
        await _until(pair, 1)
        assert pair.received[0] == b"one"
        assert b"one" not in b"".join(fed)


async def test_messages_sent_at_once_and_by_the_library_arrive_in_order() -> None:
    async with _connected() as (pair, client, _):
        assert not pair.socket.send_nowait(b"one"), "a stream in memory is no socket"
        await pair.socket.send_message("two")
        assert not pair.socket.send_nowait(bytes(70_000))
        await pair.socket.drain()
        got = [await client.get_message() for _ in range(3)]
    assert got == [b"one", "two", bytes(70_000)]


async def test_nothing_is_sent_on_a_connection_that_closes() -> None:
    async with _connected() as (pair, client, ended):
        await client.aclose(1000)
        await ended.wait()
        assert not pair.socket.send_nowait(b"late")
        with pytest.raises(ConnectionClosed):
            await pair.socket.drain()


async def test_a_broken_connection_is_found_out_when_it_is_written_to() -> None:
    async with _connected() as (pair, _, ended):
        await pair.near.aclose()
        assert not pair.socket.send_nowait(b"late")
        with pytest.raises(ConnectionClosed) as closed:
            await pair.socket.drain()
        assert closed.value.reason is not None
        assert closed.value.reason.code == 1006
        await ended.wait()


async def test_a_peer_that_reads_slowly_gets_everything_once_and_in_order() -> None:
    """Real sockets: what the kernel takes at once, and what has to wait, make whole messages."""
    pair, ended = _Pair(), trio.Event()
    near, far = trio.socket.socketpair()
    for end in (near, far):
        end.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_SNDBUF, 4096)
    pair.near = trio.SocketStream(near)  # type: ignore[assignment]
    pair.socket = LinkSocket(trio.SocketStream(far), pair._decide, pair._receive)
    messages = [bytes([number]) * (number * 37) for number in range(200)]
    at_once: list[bool] = []

    async def send() -> None:
        for message in messages:
            at_once.append(pair.socket.send_nowait(message))
            if not at_once[-1]:
                await pair.socket.drain()

    async with _wired(pair, ended) as client, trio.open_nursery() as nursery:
        nursery.start_soon(send)
        got = [await client.get_message() for _ in messages]
        near.close()
        await ended.wait()
    far.close()
    assert got == messages
    assert any(at_once)
    assert False in at_once


def _client_bytes(event: Event) -> bytes:
    return bytes(Connection(ConnectionType.CLIENT).send(event))


@given(st.binary(max_size=70_000), st.binary(max_size=20))
def test_a_whole_message_is_read_as_the_library_would(payload: bytes, after: bytes) -> None:
    framed = _client_bytes(BytesMessage(payload))
    place = whole_message(framed + after)
    if len(payload) > 0xFFFF:
        assert place is None, "left to the library"
        return
    assert place is not None
    start, end = place
    assert end == len(framed)
    assert unmask(framed[start - 4 : start], framed[start:end]) == payload


@given(st.binary(max_size=300), st.data())
def test_what_has_not_come_whole_is_left_to_the_library(
    payload: bytes, data: st.DataObject
) -> None:
    framed = _client_bytes(BytesMessage(payload))
    cut = data.draw(st.integers(0, len(framed) - 1))
    assert whole_message(framed[:cut]) is None


@pytest.mark.parametrize(
    "frame",
    [
        _client_bytes(TextMessage("text")),
        _client_bytes(BytesMessage(b"part", message_finished=False)),
        _client_bytes(Ping(b"ping")),
        bytes(Connection(ConnectionType.SERVER).send(BytesMessage(b"without a mask"))),
        b"\x82\xfe\x00\x01mask1",  # a length of 16 bits where 7 would do
        b"\xc2\x81mask1",  # a reserved bit
    ],
    # Masks are random, and a test's name must not be.
    ids=["text", "a part", "ping", "no mask", "a length too long", "a reserved bit"],
)
def test_every_other_frame_is_left_to_the_library(frame: bytes) -> None:
    assert whole_message(frame + bytes(20)) is None
