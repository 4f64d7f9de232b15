from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    wrap_client_stream,
)
from wsproto.events import BytesMessage

from gateway.links.socket import LinkSocket
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

    async def serve() -> None:
        await pair.socket.run()
        ended.set()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            # Typed for sockets, made for any stream.
            near: Any = pair.near
            client = await wrap_client_stream(nursery, near, "gateway", "/")
            yield pair, client, ended
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
