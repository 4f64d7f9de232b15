"""A byte stream between two ends in memory, with what real networks do to it.

    network path   delay, a bounded window
    faults         cut (both ends find out), vanish (nobody does), an end that stops reading

Everything waits on Trio, so tests on the autojump clock take no real time.
"""

from __future__ import annotations

from collections import deque

import trio
from typing_extensions import override


class _Way:
    """One direction: bytes with the moment they arrive, at most ``window`` of them on the way."""

    def __init__(self, delay: float, window: int) -> None:
        self.delay = delay
        self.window = window
        self.pieces: deque[tuple[float, bytes]] = deque()
        self.size = 0
        self.ended = False
        self.broken = False
        self.lossy = False
        self.changed = trio.lowlevel.ParkingLot()

    def wake(self) -> None:
        self.changed.unpark_all()


class FaultyStream(trio.abc.Stream):
    """One end. Made by :func:`faulty_pair`."""

    def __init__(self, outgoing: _Way, incoming: _Way) -> None:
        self._out = outgoing
        self._in = incoming
        self._closed = False
        self._sending = trio.Lock()

    @override
    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        rest = bytes(data)
        async with self._sending:
            while rest:
                await self._wait_for_room()
                room = max(self._out.window - self._out.size, 0)
                piece, rest = rest[:room], rest[room:]
                self._out.size += len(piece)
                if not self._out.lossy:
                    self._out.pieces.append((trio.current_time() + self._out.delay, piece))
                self._out.wake()

    async def _wait_for_room(self) -> None:
        while True:
            if self._closed:
                raise trio.ClosedResourceError
            if self._out.broken or self._in.broken:
                raise trio.BrokenResourceError("cut")
            if self._out.size < self._out.window:
                return
            await self._out.changed.park()

    @override
    async def wait_send_all_might_not_block(self) -> None:
        await self._wait_for_room()

    @override
    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        way = self._in
        while True:
            if self._closed:
                raise trio.ClosedResourceError
            if way.broken:
                raise trio.BrokenResourceError("cut")
            now = trio.current_time()
            if way.pieces and way.pieces[0][0] <= now:
                return self._take(max_bytes)
            if not way.pieces and way.ended:
                return b""
            with trio.move_on_at(way.pieces[0][0] if way.pieces else float("inf")):
                await way.changed.park()

    def _take(self, max_bytes: int | None) -> bytes:
        due, piece = self._in.pieces.popleft()
        if max_bytes is not None and len(piece) > max_bytes:
            self._in.pieces.appendleft((due, piece[max_bytes:]))
            piece = piece[:max_bytes]
        self._in.size -= len(piece)
        self._in.wake()
        return piece

    @override
    async def aclose(self) -> None:
        self._closed = True
        self._out.ended = True
        self._in.broken = True  # whoever still sends to us finds out
        self._in.wake()
        self._out.wake()
        await trio.lowlevel.checkpoint()

    def cut(self) -> None:
        """Break the connection; both ends find out at their next use."""
        for way in (self._out, self._in):
            way.broken = True
            way.wake()

    def slow_down(self, delay: float) -> None:
        """Let everything take ``delay`` seconds each way from now on."""
        for way in (self._out, self._in):
            way.delay = delay

    def vanish(self) -> None:
        """Swallow everything from now on, both ways; neither end is told."""
        for way in (self._out, self._in):
            way.lossy = True
            way.pieces.clear()

    def swallow_incoming(self) -> None:
        """Let nothing more reach this end: what the other sends fills the window and stays."""
        self._in.lossy = True


def faulty_pair(*, delay: float = 0.0, window: int = 1 << 16) -> tuple[FaultyStream, FaultyStream]:
    """Return the two ends of a connection.

    Args:
        delay: seconds each way.
        window: bytes that may be on the way or unread, each way.
    """
    there, back = _Way(delay, window), _Way(delay, window)
    return FaultyStream(there, back), FaultyStream(back, there)
