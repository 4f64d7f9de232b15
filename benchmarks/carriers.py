"""What carries an operator's requests: the gateway's websocket, and each peer's own way."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import trio
from trio_websocket import WebSocketConnection

from benchmarks.client import Answer, Frames, Request
from benchmarks.peers import mqtt
from benchmarks.peers.framing import Splitter, framed, numbered, read, u32
from protocols.can.bundle import split_bundle


class Reply(msgspec.Struct):
    """One answer of a vehicle, as far as the benchmark looks at it."""

    data: str


class Spoken(msgspec.Struct):
    """What the gateway says as text."""

    action: str
    id: int | str | None = None
    responses: tuple[Reply, ...] = ()
    # Any: the problem document, only shown.
    error: dict[str, object] | None = None


_spoken = msgspec.json.Decoder(list[Spoken])


class GatewayCarrier:
    """The gateway's operator websocket with ``?batch=1``.

    Args:
        socket: signed in.
        sessions: id of each connector's session, by its number.
        ecu: which control unit is asked.
    """

    def __init__(
        self, socket: WebSocketConnection, sessions: Sequence[str], ecu: dict[str, int]
    ) -> None:
        self._socket = socket
        self._sessions = sessions
        self._ecu = ecu

    async def send(self, requests: Sequence[Request]) -> None:
        messages = [
            {
                "action": "exchange",
                "id": number,
                "session": self._sessions[connector],
                "ecu": self._ecu,
                "request": data.hex(),
            }
            for number, connector, data in requests
        ]
        await self._socket.send_message(msgspec.json.encode(messages).decode())

    async def receive(self) -> Sequence[Answer | Frames]:
        """Wait for what comes next.

        Raises:
            RuntimeError: the gateway refused; that is a failure of the benchmark.
        """
        data = await self._socket.get_message()
        if isinstance(data, bytes):
            return [Frames(batch) for _, batch in split_bundle(data)]
        return [_to_answer(it) for it in _spoken.decode(data) if it.action != "subscribed"]


def _to_answer(spoken: Spoken) -> Answer:
    if spoken.error is not None or not isinstance(spoken.id, int):
        raise RuntimeError(f"an exchange failed: {spoken}")
    return Answer(spoken.id, bytes.fromhex(spoken.responses[0].data))


class TcpCarrier:
    """Length and body on a bare stream, the connector's number in front."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._splitter = Splitter()

    async def send(self, requests: Sequence[Request]) -> None:
        bodies = (u32(connector) + u32(number) + data for number, connector, data in requests)
        await self._stream.send_all(b"".join(map(framed, bodies)))

    async def receive(self) -> Sequence[Answer | Frames]:
        data = await self._stream.receive_some()
        if not data:
            raise RuntimeError("the relay is gone")
        return [read(numbered(body)[1]) for body in self._splitter.feed(data)]


_answers = msgspec.json.Decoder(list[tuple[int, str]])


class WebsocketCarrier:
    """JSON arrays of ``[connector, request number, hexadecimal bytes]``."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self._socket = socket

    async def send(self, requests: Sequence[Request]) -> None:
        array = [(connector, number, data.hex()) for number, connector, data in requests]
        await self._socket.send_message(msgspec.json.encode(array).decode())

    async def receive(self) -> Sequence[Answer | Frames]:
        data = await self._socket.get_message()
        if isinstance(data, bytes):
            return (Frames(data),)
        return [Answer(number, bytes.fromhex(text)) for number, text in _answers.decode(data)]


class MqttCarrier:
    """One topic for each connector each way, through a broker."""

    def __init__(self, stream: trio.SocketStream, qos: int) -> None:
        self._stream = stream
        self._qos = qos
        self._reader = mqtt.Reader()
        self._number = 0
        self._lock = trio.Lock()

    async def send(self, requests: Sequence[Request]) -> None:
        packets = [
            mqtt.publish(f"c/{connector}/q", u32(number) + data, self._packet_id())
            for number, connector, data in requests
        ]
        await self._write(b"".join(packets))

    def _packet_id(self) -> int:
        if self._qos:
            self._number = self._number % 0xFFFF + 1
        return self._number

    async def receive(self) -> Sequence[Answer | Frames]:
        data = await self._stream.receive_some()
        if not data:
            raise RuntimeError("the broker is gone")
        packets = self._reader.feed(data)
        published = [mqtt.read_publish(it) for it in packets if it.kind == mqtt.PUBLISH]
        accepted = b"".join(mqtt.puback(it.packet_id) for it in published if it.packet_id)
        if accepted:
            await self._write(accepted)
        return [read(message.payload) for message in published]

    async def _write(self, packets: bytes) -> None:
        async with self._lock:
            await self._stream.send_all(packets)
