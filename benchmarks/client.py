"""An operator over the websocket, as fast as it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from benchmarks.node import Node
from gateway.demo.workshop import Workshop


class SocketClient:
    """Exchanges over one websocket, many in flight, matched by id."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket = socket
        self._waiting: dict[int, tuple[trio.Event, list[Any]]] = {}
        self._number = 0
        self._queued: list[dict[str, Any]] = []
        self._ready = trio.Event()

    async def read(self) -> None:
        """Match answers to their requests, for ever."""
        while True:
            for message in msgspec.json.decode(await self._socket.get_message()):
                done, slot = self._waiting.pop(message["id"])
                slot.append(message)
                done.set()

    async def write(self) -> None:
        """Send what is queued, all that waits in one message, for ever."""
        while True:
            await self._ready.wait()
            self._ready = trio.Event()
            messages, self._queued = self._queued, []
            await self._socket.send_message(msgspec.json.encode(messages).decode())

    # Any: the websocket's JSON.
    async def exchange(self, session: str, ecu: dict[str, Any], request: str) -> Any:
        """Return the answer to one request; an error is a failure of the benchmark."""
        self._number += 1
        done, slot = self._waiting[self._number] = (trio.Event(), [])
        message = {
            "action": "exchange",
            "id": self._number,
            "session": session,
            "ecu": ecu,
            "request": request,
        }
        self._queued.append(message)
        self._ready.set()
        await done.wait()
        if "error" in slot[0]:
            raise RuntimeError(f"an exchange failed: {slot[0]['error']}")
        return slot[0]


@asynccontextmanager
async def open_client(node: Node) -> AsyncIterator[tuple[Workshop, SocketClient]]:
    """Sign in and open the websocket."""
    socket_url = f"{node.http.replace('http', 'ws', 1)}/ws/operator"
    workshop = Workshop(node.http, socket_url)
    await workshop.sign_in(node.client_id, node.client_secret)
    url = f"{socket_url}?batch=1&access_token={workshop.token}"
    async with open_websocket_url(url) as socket, trio.open_nursery() as nursery:
        client = SocketClient(socket)
        nursery.start_soon(client.read)
        nursery.start_soon(client.write)
        yield workshop, client
        nursery.cancel_scope.cancel()
    await workshop.client.aclose()
