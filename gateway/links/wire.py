"""The bytes of one connection, without a task switch where the kernel takes or has them at once.

Trio's own ``send_all`` lets every other task run before it returns, and can only be called by a
task that waits for it: each message to a connector would need one. Its ``receive_some`` tries to
read before it waits, which after a message that has just been taken fails nearly always. Here a
plain socket is written at once as far as its buffer has room, from whatever code has something to
say; what is left over is sent by whoever waits in :meth:`Wire.send_all`, and first. Other streams
(TLS, or those of tests) keep everything for that.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import trio
from typing_extensions import override


class Wire(trio.abc.Stream):
    """One accepted stream; whoever closes it closes that.

    Args:
        stream: as accepted.
        take: sees all that is read; takes what it knows from the beginning and returns the rest.
    """

    __slots__ = ("_sending", "_socket", "_stream", "_take", "_unsent")

    def __init__(self, stream: trio.abc.Stream, take: Callable[[bytes], bytes]) -> None:
        self._stream = stream
        self._take = take
        # Reading and writing by file descriptor is for sockets everywhere but on Windows.
        plain = isinstance(stream, trio.SocketStream) and os.name == "posix"
        self._socket = stream.socket if plain and isinstance(stream, trio.SocketStream) else None
        self._unsent = bytearray()
        self._sending = False

    # --- out ------------------------------------------------------------------------------

    def send_nowait(self, data: bytes) -> bool:
        """Write as much as there is room for; the rest is kept, and goes before all that follows.

        Returns:
            False where something is kept: somebody must call :meth:`send_all`, until which the
            caller should write no more. A broken connection keeps everything; ``send_all`` then
            tells why.
        """
        sent = 0
        if self._socket is not None and not self._unsent and not self._sending:
            try:
                sent = os.write(self._socket.fileno(), data)
            except OSError:
                sent = 0
        if sent == len(data):
            return True
        self._unsent += data[sent:]
        return False

    @override
    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send what is kept and then ``data``; only one task at a time."""
        first, self._unsent = self._unsent, bytearray()
        self._sending = True
        try:
            await self._stream.send_all(first + data if first else data)
        finally:
            self._sending = False

    @override
    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    # --- in -------------------------------------------------------------------------------

    @override
    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Wait for bytes that nobody has taken; empty at the end of the stream."""
        while data := await self._read(max_bytes):
            rest = self._take(bytes(data))
            if rest:
                return rest
        return b""

    async def _read(self, max_bytes: int | None) -> bytes | bytearray:
        if self._socket is None or max_bytes is None:
            return await self._stream.receive_some(max_bytes)
        while True:
            descriptor = self._socket.fileno()
            if descriptor < 0:
                raise trio.ClosedResourceError
            await trio.lowlevel.wait_readable(descriptor)
            try:
                return os.read(self._socket.fileno(), max_bytes)
            except BlockingIOError:
                continue  # somebody else's wake-up
            except OSError as error:
                raise trio.BrokenResourceError(f"the socket broke: {error}") from error

    def let_go(self) -> None:
        """Forget who takes what is read: nobody reads any more."""
        self._take = _leave

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()


def _leave(data: bytes) -> bytes:
    return data
