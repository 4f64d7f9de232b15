from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio
import trio.testing
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.trio.worker_context import WorkerContext
from wsproto.connection import Connection as Connected
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import TextMessage

from gateway.config import HttpSettings, LogSettings
from gateway.runtime.logs import open_log
from gateway.runtime.metrics import Metrics
from gateway.web.connection import Connection
from gateway.web.frames import frame_sender, text_frame
from gateway.web.server_config import ServerConfig

pytestmark = pytest.mark.slow

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


# Any: ASGI scopes and messages are dictionaries of many shapes.
async def _application(scope: Any, receive: Any, send: Any) -> None:
    """Accept a websocket and wait for its end; answer a request with 30 MB."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x" * 30_000_000, "more_body": False})


# Any: as above.
@asynccontextmanager
async def _connected(
    settings: HttpSettings, application: Any = _application
) -> AsyncIterator[tuple[trio.SocketStream, trio.Event]]:
    """Yield the client's end of a served connection, and an event set when serving has ended."""
    log = open_log(LogSettings(), io.StringIO())
    config = ServerConfig(settings, log, Metrics())
    ended = trio.Event()

    async def serve(stream: trio.SocketStream) -> None:
        connection = Connection(
            ASGIWrapper(application),
            config,
            WorkerContext(None),
            {},
            stream,
            send_timeout=settings.send_timeout,
        )
        await connection.run()
        ended.set()

    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, trio.open_nursery() as nursery:
        client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        async with client, await listener.accept() as server:
            nursery.start_soon(serve, server)
            yield client, ended
            nursery.cancel_scope.cancel()


async def test_a_peer_that_leaves_ends_the_connection_before_the_next_ping() -> None:
    async with _connected(replace(HttpSettings(), websocket_ping=20.0)) as (client, ended):
        await client.send_all(UPGRADE)
        assert b" 101 " in await client.receive_some()
        await client.aclose()
        with trio.fail_after(20):
            await ended.wait()
    assert ended.is_set()


async def test_a_peer_that_says_nothing_and_leaves_ends_the_connection_at_once() -> None:
    async with _connected(replace(HttpSettings(), keep_alive=15.0)) as (client, ended):
        await client.send_all(b"GET / HT")
        await client.aclose()
        with trio.fail_after(20):
            await ended.wait()
    assert ended.is_set()


async def test_an_answer_that_meets_the_end_of_the_connection_is_no_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = trio.Event()

    async def ending(_stream: trio.SocketStream, _data: bytes) -> None:
        raise trio.BusyResourceError("another task is currently sending data")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        monkeypatch.setattr(trio.SocketStream, "send_all", ending)
        await _application(scope, receive, send)
        answered.set()

    async with _connected(HttpSettings(), application) as (client, ended):
        await client.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with trio.fail_after(20):
            await ended.wait()
    assert answered.is_set()


async def test_a_refused_upgrade_with_a_request_behind_it_leaves_nothing_waiting() -> None:
    refused = UPGRADE.replace(b"Version: 13", b"Version: 99")
    async with _connected(HttpSettings()) as (client, ended):
        await client.send_all(refused + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 400 " in await client.receive_some()
        with trio.fail_after(20):
            await ended.wait()
    assert ended.is_set()


async def test_a_refused_upgrade_is_closed_as_the_answer_says() -> None:
    async with _connected(HttpSettings()) as (client, ended):
        await client.send_all(UPGRADE.replace(b"Version: 13", b"Version: 99"))
        with trio.fail_after(20):
            assert b"connection: close" in (await client.receive_some()).lower()
            await ended.wait()
    assert ended.is_set()


async def test_pipelined_requests_are_answered_one_after_the_other() -> None:
    async with _connected(HttpSettings()) as (client, _):
        await client.send_all(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        answer = b""
        with trio.fail_after(20):
            while answer.count(b"HTTP/1.1 200") < 3:
                answer += await client.receive_some()
    assert answer.count(b"\r\n\r\n") == 3


@pytest.mark.slow
async def test_a_connection_stays_however_soon_the_next_request_follows() -> None:
    # The next request may arrive at any point of ending the last: between the answer's last byte
    # and the moment the connection is ready again.
    async with _connected(HttpSettings()) as (client, ended):
        answered = 0
        with trio.fail_after(50):
            for _ in range(300):
                await client.send_all(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
                answer = b""
                while answer.count(b"\r\n\r\n") < 2:
                    part = await client.receive_some()
                    assert part, f"disconnected after {answered} answers"
                    answer += part
                answered += 2
        assert answered == 600
        assert not ended.is_set()


async def test_a_peer_that_does_not_read_ends_the_connection() -> None:
    async with _connected(replace(HttpSettings(), send_timeout=0.05)) as (client, ended):
        await client.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with trio.fail_after(20):
            await ended.wait()
    assert ended.is_set()


async def test_a_download_longer_than_the_read_timeout_is_no_silence() -> None:
    settings = replace(HttpSettings(), read_timeout=0.1, websocket_ping=0.05)
    received = 0
    async with _connected(settings) as (client, _):
        await client.send_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        while part := await client.receive_some(1 << 18):
            received += len(part)
            await trio.sleep(0.001)
    assert received > 30_000_000


async def test_a_message_over_the_limit_ends_the_connection() -> None:
    settings = replace(HttpSettings(), max_message_bytes=1_000)
    async with _connected(settings) as (client, ended):
        await client.send_all(UPGRADE)
        assert b" 101 " in await client.receive_some()
        await client.send_all(b"\x82\xff" + (1 << 30).to_bytes(8, "big") + b"\0" * 2_004)
        with trio.fail_after(20):
            await ended.wait()
        answer = (await client.receive_some()).removeprefix(b"\x89\x00")  # a ping may be first
    # Close frame, 1009: message too big (RFC 6455, 7.4.1).
    assert answer[:1] == b"\x88"
    assert answer[2:4] == (1009).to_bytes(2, "big")


class _Fast:
    """Accepts a websocket and lets the test send ready frames on it; says one text at its end."""

    def __init__(self) -> None:
        self.accepted, self.leave = trio.Event(), trio.Event()
        self.send: Callable[[bytes], bool] = bool
        self.went_late = True

    # Any: as above.
    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        self.send = frame_sender(scope)
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        self.accepted.set()
        await self.leave.wait()
        await send({"type": "websocket.send", "text": "end", "bytes": None})
        await send({"type": "websocket.close", "code": 1000, "reason": ""})
        self.went_late = self.send(text_frame("late"))


@asynccontextmanager
async def _followed(
    settings: HttpSettings,
) -> AsyncIterator[tuple[_Fast, trio.SocketStream, trio.Event]]:
    fast = _Fast()
    async with _connected(settings, fast) as (client, ended):
        await client.send_all(UPGRADE)
        assert b" 101 " in await client.receive_some()
        await fast.accepted.wait()
        # The first ping is on its way, and nothing overtakes it.
        await trio.testing.wait_all_tasks_blocked()
        yield fast, client, ended


async def _texts(client: trio.SocketStream) -> list[str]:
    """Read to the end of the websocket and return what was said."""
    socket, said = Connected(ConnectionType.CLIENT), [""]
    with trio.fail_after(20):
        while socket.state is ConnectionState.OPEN:
            socket.receive_data(await client.receive_some() or None)
            for event in socket.events():
                if isinstance(event, TextMessage):
                    said[-1] += event.data
                    said += [""] * event.message_finished
    return said[:-1]


async def test_a_ready_frame_goes_at_once_and_in_order() -> None:
    async with _followed(HttpSettings(websocket_ping=20.0)) as (fast, client, _):
        assert [fast.send(text_frame(str(number))) for number in range(3)] == [True] * 3
        fast.leave.set()
        assert await _texts(client) == ["0", "1", "2", "end"]
    assert not fast.went_late


async def test_a_frame_that_fits_in_part_arrives_whole_before_anything_else() -> None:
    async with _followed(HttpSettings()) as (fast, client, _):
        long = "x" * 20_000_000
        assert fast.send(text_frame(long))
        assert not fast.send(text_frame("too soon"))
        fast.leave.set()
        assert await _texts(client) == [long, "end"]


async def test_a_frame_that_nobody_reads_ends_the_connection() -> None:
    async with _followed(replace(HttpSettings(), send_timeout=0.05)) as (fast, _, ended):
        frame = text_frame("x" * 20_000_000)
        assert fast.send(frame)
        fast.leave.set()
        with trio.fail_after(20):
            await ended.wait()
        assert not fast.send(frame)
