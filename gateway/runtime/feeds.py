"""A bounded queue from one part to another that says what happens when it is full.

``BLOCK`` makes the writer wait, for things that must not be lost. ``DROP_OLDEST`` makes room and
counts, for things of which only the latest matter (frames, status). ``CLOSE_SLOW`` ends the feed,
for readers who can start again from a stored position; a gap would go unnoticed.

A feed belongs to its reader: the reader opens and closes it, and a writer never fails because a
reader went away.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Self, TypeVar

import trio

T = TypeVar("T")


class Policy(Enum):
    """What a full feed does with one more item."""

    BLOCK = "block"
    DROP_OLDEST = "drop_oldest"
    CLOSE_SLOW = "close_slow"


class SlowReader(Exception):
    """The reader fell behind and its feed was closed; what it missed was not kept."""


@dataclass(frozen=True, slots=True)
class FeedStatistics:
    """How a feed is doing.

    Attributes:
        capacity: items it may hold.
        queued: items in it now.
        accepted: items ever put.
        dropped: items lost to make room, or thrown away when the feed was closed as slow.
        waiting_writers: tasks in :meth:`Feed.put` that wait for room.
        closed: nothing more will be taken.
    """

    capacity: int
    queued: int
    accepted: int
    dropped: int
    waiting_writers: int
    closed: bool


class Feed(Generic[T]):
    """A queue of at most ``capacity`` items; many writers, and as a rule one reader."""

    def __init__(self, capacity: int, policy: Policy) -> None:
        if capacity < 1:
            raise ValueError(f"a feed holds at least one item, not {capacity}")
        self.policy = policy
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._readers = trio.lowlevel.ParkingLot()
        self._writers = trio.lowlevel.ParkingLot()
        self._accepted = 0
        self._dropped = 0
        self._closed = False
        self._overrun = False

    async def put(self, item: T) -> bool:
        """Add ``item``, waiting for room where the policy says so.

        Returns:
            False when the feed is closed and the item went nowhere.
        """
        await trio.lowlevel.checkpoint()
        while self.policy is Policy.BLOCK and self._is_full() and not self._closed:
            await self._writers.park()
        return self.put_nowait(item)

    def put_nowait(self, item: T) -> bool:
        """Add ``item`` at once.

        Returns:
            False when the feed is closed, or was closed by this call because its reader is slow.

        Raises:
            trio.WouldBlock: it is full and its policy is to wait.
        """
        if self._closed:
            return False
        if self._is_full() and not self._make_room():
            return False
        self._items.append(item)
        self._accepted += 1
        self._readers.unpark()
        return True

    async def receive(self) -> T:
        """Return the next item, waiting for one.

        Raises:
            trio.EndOfChannel: the feed was closed and is empty.
            SlowReader: the feed was closed because its reader fell behind.
        """
        await trio.lowlevel.checkpoint()
        while not self._items:
            if self._overrun:
                raise SlowReader(f"fell more than {self._capacity} items behind")
            if self._closed:
                raise trio.EndOfChannel
            await self._readers.park()
        item = self._items.popleft()
        self._writers.unpark()
        return item

    def take_all(self) -> list[T]:
        """Return everything that is queued, without waiting; for readers that send in bulk."""
        items = list(self._items)
        self._items.clear()
        self._writers.unpark_all()
        return items

    def close(self) -> None:
        """Take no more items; what is queued can still be read. Closing twice is fine."""
        self._closed = True
        self._readers.unpark_all()
        self._writers.unpark_all()

    def statistics(self) -> FeedStatistics:
        """Return counts of this moment."""
        return FeedStatistics(
            capacity=self._capacity,
            queued=len(self._items),
            accepted=self._accepted,
            dropped=self._dropped,
            waiting_writers=self._writers.statistics().tasks_waiting,
            closed=self._closed,
        )

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.receive()
        except trio.EndOfChannel:
            raise StopAsyncIteration from None

    def _is_full(self) -> bool:
        return len(self._items) >= self._capacity

    def _make_room(self) -> bool:
        match self.policy:
            case Policy.BLOCK:
                raise trio.WouldBlock
            case Policy.DROP_OLDEST:
                self._items.popleft()
                self._dropped += 1
                return True
            case Policy.CLOSE_SLOW:
                # The one that did not fit is lost as well.
                self._dropped += len(self._items) + 1
                self._items.clear()
                self._overrun = True
                self.close()
                return False
