"""Where the frames of one subscription wait for their reader."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

import trio

from protocols.can.frame import CanFrame


@dataclass(frozen=True, slots=True)
class FeedStatistics:
    """How a feed stands: frames waiting, its bound, and how many it had to drop so far."""

    waiting: int
    capacity: int
    dropped: int


class FrameFeed:
    """A bounded queue of frames with one reader; when full, the oldest frame is dropped.

    Dropping the oldest keeps a slow reader current instead of ever further behind, and lets
    nobody on the bus wait for it. Every loss is counted.
    """

    __slots__ = ("_capacity", "_frames", "_lot", "_wanted", "dropped")

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a feed holds at least one frame, not {capacity}")
        self._capacity = capacity
        self._frames: deque[CanFrame] = deque()
        self._lot = trio.lowlevel.ParkingLot()
        self._wanted = 1
        self.dropped = 0

    def put(self, frame: CanFrame) -> None:
        """Add a frame and wake the reader. Call from the Trio thread only."""
        if len(self._frames) >= self._capacity:
            self._frames.popleft()
            self.dropped += 1
        self._frames.append(frame)
        if len(self._frames) >= self._wanted:
            self._lot.unpark()

    async def wait(self, at_least: int = 1) -> None:
        """Return once so many frames are waiting, or the feed is full. Always a checkpoint."""
        self._wanted = min(at_least, self._capacity)
        if len(self._frames) >= self._wanted:
            await trio.lowlevel.checkpoint()
        while len(self._frames) < self._wanted:
            await self._lot.park()

    def take_nowait(self, limit: int | None = None) -> list[CanFrame]:
        """Return what is waiting, oldest first, at most ``limit`` frames; possibly nothing."""
        if limit is None or limit >= len(self._frames):
            taken = list(self._frames)
            self._frames.clear()
            return taken
        return [self._frames.popleft() for _ in range(limit)]

    async def receive(self) -> CanFrame:
        """Return the oldest frame, waiting for one if need be."""
        await self.wait()
        return self._frames.popleft()

    def __aiter__(self) -> AsyncIterator[CanFrame]:
        return self

    async def __anext__(self) -> CanFrame:
        return await self.receive()

    def statistics(self) -> FeedStatistics:
        return FeedStatistics(len(self._frames), self._capacity, self.dropped)
