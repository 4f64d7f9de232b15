from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.trio.worker_context import WorkerContext

from gateway.config import HttpSettings, LogSettings
from gateway.runtime.logs import open_log
from gateway.runtime.metrics import Metrics
from gateway.web.connection import Connection
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


@asynccontextmanager
async def _connected(
    settings: HttpSettings,
) -> AsyncIterator[tuple[trio.SocketStream, trio.Event]]:
    """Yield the client's end of a served connection, and an event set when serving has ended."""
    log = open_log(LogSettings(), io.StringIO())
    config = ServerConfig(settings, log, Metrics())
    ended = trio.Event()

    async def serve(stream: trio.SocketStream) -> None:
        connection = Connection(
            ASGIWrapper(_application),
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
        with trio.fail_after(1):
            await ended.wait()
    assert ended.is_set()


async def test_a_peer_that_says_nothing_and_leaves_ends_the_connection_at_once() -> None:
    async with _connected(replace(HttpSettings(), keep_alive=15.0)) as (client, ended):
        await client.send_all(b"GET / HT")
        await client.aclose()
        with trio.fail_after(1):
            await ended.wait()
    assert ended.is_set()


async def test_a_refused_upgrade_with_a_request_behind_it_leaves_nothing_waiting() -> None:
    refused = UPGRADE.replace(b"Version: 13", b"Version: 99")
    async with _connected(HttpSettings()) as (client, ended):
        await client.send_all(refused + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 400 " in await client.receive_some()
        with trio.fail_after(1):
            await ended.wait()
    assert ended.is_set()


async def test_a_refused_upgrade_is_closed_as_the_answer_says() -> None:
    async with _connected(HttpSettings()) as (client, ended):
        await client.send_all(UPGRADE.replace(b"Version: 13", b"Version: 99"))
        with trio.fail_after(1):
            assert b"connection: close" in (await client.receive_some()).lower()
            await ended.wait()
    assert ended.is_set()


async def test_pipelined_requests_are_answered_one_after_the_other() -> None:
    async with _connected(HttpSettings()) as (client, _):
        await client.send_all(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        answer = b""
        with trio.fail_after(1):
            while answer.count(b"HTTP/1.1 200") < 3:
                answer += await client.receive_some()
    assert answer.count(b"\r\n\r\n") == 3


@pytest.mark.slow
async def test_a_connection_stays_however_soon_the_next_request_follows() -> None:
    # The next request may arrive at any point of ending the last: between the answer's last byte
    # and the moment the connection is ready again.
    async with _connected(HttpSettings()) as (client, ended):
        answered = 0
        with trio.fail_after(10):
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
        with trio.fail_after(2):
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
        with trio.fail_after(1):
            await ended.wait()
        answer = (await client.receive_some()).removeprefix(b"\x89\x00")  # a ping may be first
    # Close frame, 1009: message too big (RFC 6455, 7.4.1).
    assert answer[:1] == b"\x88"
    assert answer[2:4] == (1009).to_bytes(2, "big")
