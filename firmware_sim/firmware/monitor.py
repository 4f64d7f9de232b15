"""Raw frames of one bus for whoever watches: filtered, batched, bounded.

When the link takes batches slower than the bus makes frames, the oldest frames are dropped and the
next batch says how many. A batch that the link did not take is told in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import trio

from firmware_sim.buses.can_bus import CanBus
from firmware_sim.buses.feed import FrameFeed
from protocols.can.batch import encode_batch, peek_batch
from protocols.can.filters import CanFilter, FilterSet
from protocols.can.frame import CanFrame

#: Frames in one batch at most: 512 CAN-FD frames are 38 kB, a small part of the largest envelope.
BATCH = 512

#: Shortest time between two batches, seconds: whoever asks in a hurry, and often, must not make
#: a batch of each frame.
SHORTEST_FLUSH = 0.001

#: Frames that may wait for the link: over a second of a full classic bus at 500 kbit/s.
BACKLOG = 8192


class _Chosen:
    """What a watch shows now."""

    def __init__(self, filters: FilterSet) -> None:
        self.filters = filters

    def matches(self, frame: CanFrame) -> bool:
        return self.filters.matches(frame)


class Monitor:
    """A running watch on one bus; made by :func:`watch`."""

    def __init__(self, feed: FrameFeed, chosen: _Chosen, index: int, flush: float) -> None:
        self._feed = feed
        self._chosen = chosen
        self._index = index
        self._flush = flush
        self._told = 0
        self._gathering = trio.CancelScope()
        self._flushed_at = 0.0

    def change(self, filters: Iterable[CanFilter], flush: float) -> None:
        """Show other frames from now on; none in between is lost, and none is shown twice."""
        self._chosen.filters = FilterSet(filters)
        self._flush = flush

    async def next_batch(self) -> bytes:
        """Wait for frames and return them as one batch (:mod:`protocols.can.batch`).

        The batch is full, or its first frame has waited for the flush time.
        """
        await self._feed.wait()
        with trio.move_on_after(self._flush) as self._gathering:
            await self._feed.wait(BATCH)
        self._flushed_at = trio.current_time()
        frames = self._feed.take_nowait(BATCH)
        dropped, self._told = self._feed.dropped - self._told, self._feed.dropped
        return encode_batch(self._index, frames, dropped)

    def hurry(self) -> None:
        """Let the frames that wait now go at once, because something that belongs to them does."""
        due = max(trio.current_time(), self._flushed_at + SHORTEST_FLUSH)
        self._gathering.deadline = min(self._gathering.deadline, due)

    def not_taken(self, batch: bytes) -> None:
        """Count the frames of a batch as dropped, with those it had told of."""
        header = peek_batch(batch)
        self._told -= header.count + header.dropped


@contextmanager
def watch(
    bus: CanBus, index: int, filters: Iterable[CanFilter], flush: float
) -> Iterator[Monitor]:
    """Watch ``bus`` while the block runs.

    Args:
        bus: the bus.
        index: the number its batches carry.
        filters: what to show; none shows every frame, ours included.
        flush: longest wait of a frame for its batch, seconds.
    """
    chosen = _Chosen(FilterSet(filters))
    with bus.monitor(chosen.matches, BACKLOG) as feed:
        yield Monitor(feed, chosen, index, flush)
