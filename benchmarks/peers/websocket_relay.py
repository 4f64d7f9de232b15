"""``python -m benchmarks.peers.websocket_relay``: trio-websocket on both sides, and no features.

Connectors dial ``/NUMBER`` and speak binary messages (:mod:`benchmarks.peers.framing`). The
operator sends JSON arrays of ``[connector, request number, hexadecimal bytes]`` and gets arrays
of ``[request number, hexadecimal bytes]``; batches of frames come as binary messages.
"""

from __future__ import annotations

from functools import partial

import msgspec
import trio
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    serve_websocket,
)

from benchmarks.client import Frames
from benchmarks.peers.framing import read, u32
from benchmarks.peers.outbox import Outbox
from benchmarks.peers.tcp_relay import arguments

_requests = msgspec.json.Decoder(list[tuple[int, int, str]])


class WebsocketRelay:
    """The connectors by number, and what waits for the operator."""

    def __init__(self) -> None:
        self._connectors: dict[int, WebSocketConnection] = {}
        self._outbox: Outbox[tuple[int, str] | bytes] = Outbox()

    async def connector(self, request: WebSocketRequest) -> None:
        """Serve one connector until it goes."""
        socket = await request.accept()
        await socket.send_message(b"")  # from now on the operator can reach it
        self._connectors[int(request.path[1:])] = socket
        try:
            while True:
                self._take(await socket.get_message())
        except ConnectionClosed:
            return

    def _take(self, body: bytes | str) -> None:
        event = read(body if isinstance(body, bytes) else body.encode())
        if isinstance(event, Frames):
            self._outbox.put(event.batch)
        else:
            self._outbox.put((event.number, event.data.hex()))

    async def operator(self, request: WebSocketRequest) -> None:
        """Serve the operator until it goes."""
        socket = await request.accept()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._outbox.write, partial(_send, socket))
            try:
                while True:
                    for number, exchange, data in _requests.decode(await socket.get_message()):
                        body = u32(exchange) + bytes.fromhex(data)
                        await self._connectors[number].send_message(body)
            except ConnectionClosed:
                nursery.cancel_scope.cancel()


async def _send(socket: WebSocketConnection, messages: list[tuple[int, str] | bytes]) -> None:
    answers = [message for message in messages if not isinstance(message, bytes)]
    if answers:
        await socket.send_message(msgspec.json.encode(answers).decode())
    for message in messages:
        if isinstance(message, bytes):
            await socket.send_message(message)


async def _main(connectors: int, operators: int) -> None:
    relay = WebsocketRelay()
    async with trio.open_nursery() as nursery:
        for handler, port in ((relay.connector, connectors), (relay.operator, operators)):
            serve = partial(serve_websocket, handler, "127.0.0.1", port, ssl_context=None)
            await nursery.start(serve)
        print("ready", flush=True)


if __name__ == "__main__":
    given = arguments("websocket_relay")
    trio.run(_main, given.connectors, given.operators)
