"""One DoIP client's way out: bounded, in order, and patient for no longer than stated."""

from __future__ import annotations

import trio

#: Bytes that may wait for a client: a few of the longest answers.
MOST = 1 << 18

#: How long a socket that ends may take to fetch its last words, seconds.
LINGER = 1.0


class Outgoing:
    """What waits for one client; :meth:`drain` is a task of its connection.

    Args:
        patience: seconds a client may take to read what is sent.
        peer: its address.
    """

    def __init__(self, patience: float, peer: str = "") -> None:
        self.peer = peer
        self.scope = trio.CancelScope()
        self.is_slow = False
        self._patience = patience
        self._waiting = bytearray()
        self._is_ending = False
        self._wake = trio.Event()

    def put(self, data: bytes) -> None:
        """Queue bytes; a client that lets too many wait loses its connection."""
        self._waiting += data
        if len(self._waiting) > MOST:
            self._cut()
        self._wake.set()

    def end(self) -> None:
        """Let :meth:`drain` finish, and the client fetch what it wrote, within a moment."""
        self._is_ending = True
        self.scope.deadline = trio.current_time() + LINGER
        self._wake.set()

    async def drain(self, stream: trio.abc.Stream) -> None:
        """Write until the connection ends."""
        while self._waiting or not self._is_ending:
            await self._wake.wait()
            self._wake = trio.Event()
            data = bytes(self._waiting)
            self._waiting.clear()
            if not data:
                continue
            with trio.move_on_after(self._patience) as reading:
                await stream.send_all(data)
            if reading.cancelled_caught:
                self._cut()
        # Closing at once could cost the client its last words: it closes, or the scope's time
        # is up.
        if isinstance(stream, trio.abc.HalfCloseableStream):
            await stream.send_eof()

    def _cut(self) -> None:
        self.is_slow = True
        self.scope.cancel()
