"""One hostile connection to the link port: bytes as they are, without a library's manners."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from random import Random

import trio

from protocols.errors import RemoteProtocolError
from protocols.link.connection import LinkMemory
from protocols.link.connector import ConnectorLink
from protocols.link.envelope import unpack
from protocols.link.handshake import sign
from protocols.link.messages import (
    SUBPROTOCOL,
    Channel,
    CloseCode,
    Goodbye,
    decode_body,
)
from protocols.link.state import State
from protocols.link.vehicle import Capabilities

_BINARY, _CLOSE = 0x2, 0x8


@dataclass(frozen=True, slots=True)
class Person:
    """A connector on record: its UUID and its private key."""

    uuid: str
    key: bytes


class Intruder:
    """Speaks to the port; what it heard last is in :attr:`end`.

    Args:
        stream: connected.
        person: who it comes in as.
        random: makes everything that is random.
    """

    def __init__(self, stream: trio.abc.Stream, person: Person, random: Random) -> None:
        self.random = random
        self.end = "left"
        self._stream = stream
        self._person = person
        self._heard = b""
        self._open = False

    # --- out ------------------------------------------------------------------------------

    def request(
        self, *more: tuple[str, str], path: str = "/link/v1", subprotocol: str = SUBPROTOCOL
    ) -> bytes:
        """Return the bytes that ask for the upgrade."""
        key = base64.b64encode(self.random.randbytes(16)).decode()
        headers = [
            ("Host", "gateway"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", "13"),
            *([("Sec-WebSocket-Protocol", subprotocol)] if subprotocol else []),
            *more,
        ]
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join((*lines, "", "")).encode()

    def mutate(self, data: bytes) -> bytes:
        """Return the bytes with some of them changed, put in, or left out."""
        mutant = bytearray(data)
        for _ in range(self.random.randrange(1, 5)):
            place = self.random.randrange(len(mutant) + 1)
            change = self.random.randrange(3)
            if change == 0:
                mutant.insert(place, self.random.randrange(256))
            elif place < len(mutant) and change == 1:
                del mutant[place]
            elif place < len(mutant):
                mutant[place] ^= 1 << self.random.randrange(8)
        return bytes(mutant)

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        await self._stream.send_all(data)

    async def frame(self, payload: bytes, opcode: int = _BINARY) -> None:
        """Send a websocket frame (RFC 6455 5.2) with a mask of zeros."""
        size = len(payload)
        length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        await self.send(bytes((0x80 | opcode,)) + length + bytes(4) + payload)

    async def hang_up(self) -> None:
        """Say nothing more, and leave soon: let the gateway say what it has to say."""
        with trio.move_on_after(0.05):
            await self.read_to_the_end()

    # --- in -------------------------------------------------------------------------------

    async def upgrade(self) -> None:
        """Ask for the websocket, and wait until it is there."""
        await self.send(self.request())
        while b"\r\n\r\n" not in self._heard:
            await self._hear()
        head, _, self._heard = self._heard.partition(b"\r\n\r\n")
        if b" 101 " not in head:
            self.end = f"http {head.split()[1].decode(errors='replace')}"
            raise trio.BrokenResourceError("no websocket")
        self._open = True

    def hello(self) -> bytes:
        """Return a good hello."""
        data = self._machine().next_outgoing()
        if data is None:
            raise AssertionError("a connector begins with its hello")
        return data

    async def come_in(self) -> None:
        """Shake hands as the connector one is."""
        await self.upgrade()
        link = self._machine()
        while link.state is not State.LIVE:
            while (data := link.next_outgoing()) is not None:
                await self.frame(data)
            link.receive(await self.message(), trio.current_time())
            while link.next_event() is not None:
                pass

    def _machine(self) -> ConnectorLink:
        return ConnectorLink(
            self._person.uuid,
            Capabilities(),
            nonce=self.random.randbytes(32),
            prove=lambda data: sign(self._person.key, data),
            memory=LinkMemory(),
            now=trio.current_time(),
        )

    async def message(self) -> bytes:
        """Return the next binary message.

        Raises:
            trio.BrokenResourceError: the gateway has ended the connection.
        """
        while True:
            frame = self._next_frame()
            if frame is None:
                await self._hear()
                continue
            opcode, payload = frame
            self._note(opcode, payload)
            if opcode == _CLOSE:
                raise trio.BrokenResourceError("the websocket is closed")
            if opcode == _BINARY:
                return payload

    async def read_to_the_end(self) -> None:
        """Read until the gateway closes the connection."""
        while self._open:
            await self.message()
        while True:
            await self._hear()

    async def _hear(self) -> None:
        data = await self._stream.receive_some(65536)
        if not data:
            if self.end == "left":
                self.end = self._http_end()
            raise trio.BrokenResourceError("the gateway hung up")
        self._heard += data

    def _http_end(self) -> str:
        words = self._heard[:64].split()
        if not self._open and len(words) > 1 and words[0].startswith(b"HTTP/"):
            return f"http {words[1].decode(errors='replace')}"
        return "closed"

    def _next_frame(self) -> tuple[int, bytes] | None:
        data = self._heard
        if len(data) < 2:
            return None
        size, start = data[1] & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, start = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
        if len(data) < start + size:
            return None
        self._heard = data[start + size :]
        return data[0] & 0x0F, data[start : start + size]

    def _note(self, opcode: int, payload: bytes) -> None:
        """Remember the goodbye; the code of the websocket's own is the second best."""
        if opcode == _CLOSE and self.end == "left":
            self.end = f"websocket {int.from_bytes(payload[:2], 'big')}"
        if opcode != _BINARY:
            return
        try:
            envelope = unpack(payload)
            said = decode_body(Channel.CONTROL, envelope.body)
        except RemoteProtocolError:
            return
        if isinstance(said, Goodbye):
            self.end = f"goodbye {CloseCode(said.code).name.lower()}"
