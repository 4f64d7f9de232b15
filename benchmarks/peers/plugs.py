"""A connector's end of each peer: dial, say who it is, carry bodies, keep alive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from benchmarks.peers import mqtt
from benchmarks.peers.framing import Splitter, framed, u32

#: Kinds of peers, as the command line names them. ``mqtt-1`` is at least once, ``mqtt`` at most.
KINDS = ("tcp", "websocket", "mqtt", "mqtt-1")

#: From dialling to being known to the other side, seconds.
DIAL_LIMIT = 15.0


class Plug(Protocol):
    """One connection of a connector."""

    async def send(self, body: bytes) -> None:
        """Send a body to the operator."""

    async def receive(self) -> Sequence[bytes]:
        """Wait for requests; nothing at all means the connection is over."""

    async def keep_alive(self) -> None:
        """Show that it is still there."""


class TcpPlug:
    """Length and body on a bare stream."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._splitter = Splitter()
        self._lock = trio.Lock()

    async def send(self, body: bytes) -> None:
        async with self._lock:
            await self._stream.send_all(framed(body))

    async def receive(self) -> Sequence[bytes]:
        while data := await self._stream.receive_some():
            if bodies := [body for body in self._splitter.feed(data) if body]:
                return bodies
        return ()

    async def keep_alive(self) -> None:
        await self.send(b"")


class WebsocketPlug:
    """One binary message a body."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket = socket

    async def send(self, body: bytes) -> None:
        await self._socket.send_message(body)

    async def receive(self) -> Sequence[bytes]:
        body = await self._socket.get_message()
        return (body if isinstance(body, bytes) else body.encode(),)

    async def keep_alive(self) -> None:
        await self._socket.ping()


class MqttPlug:
    """One topic each way: ``c/NUMBER/q`` to the connector, ``c/NUMBER/r`` from it."""

    def __init__(self, stream: trio.SocketStream, number: int, qos: int) -> None:
        self._stream = stream
        self._topic = f"c/{number}/r"
        self._qos = qos
        self._reader = mqtt.Reader()
        self._lock = trio.Lock()
        self._number = 0

    async def send(self, body: bytes) -> None:
        if self._qos:
            self._number = self._number % 0xFFFF + 1
        await self._write(mqtt.publish(self._topic, body, self._number))

    async def receive(self) -> Sequence[bytes]:
        while data := await self._stream.receive_some():
            if bodies := [await self._accept(it) for it in self._published(data)]:
                return bodies
        return ()

    def _published(self, data: bytes) -> list[mqtt.Publish]:
        packets = self._reader.feed(data)
        return [mqtt.read_publish(it) for it in packets if it.kind == mqtt.PUBLISH]

    async def _accept(self, message: mqtt.Publish) -> bytes:
        if message.packet_id:
            await self._write(mqtt.puback(message.packet_id))
        return message.payload

    async def keep_alive(self) -> None:
        await self._write(mqtt.PINGREQ)

    async def _write(self, packet: bytes) -> None:
        async with self._lock:
            await self._stream.send_all(packet)


@asynccontextmanager
async def open_plug(kind: str, port: int, number: int, keep_alive: float) -> AsyncIterator[Plug]:
    """Connect one connector while the block runs.

    Args:
        kind: one of :data:`KINDS`.
        port: of the peer, on this machine.
        number: of the connector.
        keep_alive: seconds between signs of life; a broker wants to know.

    Raises:
        OSError: nobody listens there.
    """
    if kind == "websocket":
        url = f"ws://127.0.0.1:{port}/{number}"
        async with open_websocket_url(url, connect_timeout=DIAL_LIMIT) as socket:
            await socket.get_message()
            yield WebsocketPlug(socket)
        return
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        if kind == "tcp":
            await stream.send_all(framed(u32(number)))
            with trio.fail_after(DIAL_LIMIT):
                await _welcome(stream)
            yield TcpPlug(stream)
            return
        qos = 1 if kind == "mqtt-1" else 0
        with trio.fail_after(DIAL_LIMIT):
            await sign_in(stream, f"c{number}", f"c/{number}/q", qos, keep_alive)
        yield MqttPlug(stream, number, qos)


async def _welcome(stream: trio.SocketStream) -> None:
    if not await stream.receive_some(4):
        raise OSError("the relay hung up")


async def sign_in(
    stream: trio.SocketStream, client: str, topic: str, qos: int, keep_alive: float
) -> None:
    """Be known to a broker, and subscribed to a topic.

    Raises:
        OSError: the broker refused, or said something else.
    """
    reader = mqtt.Reader()
    # Brokers close after one and a half of it; a second is the least there is.
    opening = mqtt.connect(client, max(round(keep_alive), 1))
    await stream.send_all(opening + mqtt.subscribe(1, topic, qos))
    missing = [mqtt.CONNACK, mqtt.SUBACK]
    while missing:
        data = await stream.receive_some()
        for packet in reader.feed(data):
            refused = packet.kind == mqtt.CONNACK and packet.body[1]
            if packet.kind != missing.pop(0) or refused:
                raise OSError(f"the broker answered {packet}")
        if not data:
            raise OSError("the broker hung up")
