"""The bounded queue between sessions and the disk.

Up to :data:`FRAME_ROOM` bytes everything is taken. Beyond, raw frames are dropped and counted.
Up to :data:`EXCHANGE_ROOM` exchanges go on; beyond, the next one is refused before it is sent,
and those on their way (at most 128 for each connector) still find their place.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import trio

from gateway.domain.errors import Unavailable

T = TypeVar("T")

#: Bytes that may wait before frames are dropped, and before exchanges are refused.
FRAME_ROOM, EXCHANGE_ROOM = 16 << 20, 32 << 20


class Backlog(Generic[T]):
    """What waits for the disk, of all sessions.

    Attributes:
        waiting: bytes that are not written yet, those being written included.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self._entries: list[T] = []
        self._size = 0
        self._in_hand, self._in_hand_size = 0, 0
        self._stirred = trio.Event()

    def __len__(self) -> int:
        return len(self._entries) + self._in_hand

    @property
    def takes_frames(self) -> bool:
        """There is room for raw frames."""
        return self.waiting < FRAME_ROOM

    def require_room(self) -> None:
        """Check that an exchange may begin.

        Raises:
            Unavailable: too much waits for the disk.
        """
        if self.waiting >= EXCHANGE_ROOM:
            raise Unavailable(
                "recording.behind",
                "The disk is too slow for what is to be recorded. Try again in a moment.",
                retry_after=1,
            )

    def put(self, entry: T, size: int) -> None:
        """Add something of about ``size`` bytes; whether there is room has been asked before."""
        self._entries.append(entry)
        self.waiting += size
        self._size += size
        self._stirred.set()

    async def wait(self) -> None:
        """Wait until something is there."""
        if not self._entries:
            self._stirred = trio.Event()
            await self._stirred.wait()

    def take(self) -> list[T]:
        """Return everything; it counts as waiting until :meth:`written`."""
        entries, self._entries = self._entries, []
        self._in_hand, self._in_hand_size, self._size = len(entries), self._size, 0
        return entries

    def written(self) -> None:
        """What was taken is on the disk, or never will be."""
        self.waiting -= self._in_hand_size
        self._in_hand = self._in_hand_size = 0
