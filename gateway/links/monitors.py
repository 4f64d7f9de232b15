"""Who listens to which bus of a connector.

Listeners of one bus share one monitor at the connector: it starts with the first, widens and
narrows as they come and go, and stops with the last. Each listener has a bounded feed of its own
and loses its own oldest batches when it is slow, never those of another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import trio

from protocols.can.batch import peek_batch
from protocols.link.messages import FrameFilter, MonitorStart, MonitorStop

#: Batches a listener may lag behind. At 10 ms a batch this is two and a half seconds.
MAX_LAG = 256


class FrameFeed:
    """What one listener gets: batches of one bus, as they came from the connector.

    ``dropped`` counts frames that this listener was too slow for.
    """

    def __init__(self, bus: str, filters: tuple[FrameFilter, ...]) -> None:
        self.bus = bus
        self.filters = filters
        self.dropped = 0
        self._batches: deque[bytes] = deque()
        self._ready = trio.Event()

    def put(self, batch: bytes) -> None:
        """Add a batch; the oldest goes when the listener lags too far."""
        if len(self._batches) >= MAX_LAG:
            self.dropped += peek_batch(self._batches.popleft()).count
        self._batches.append(batch)
        self._ready.set()

    async def next(self) -> bytes:
        """Wait for a batch and return it."""
        while not self._batches:
            self._ready = trio.Event()
            await self._ready.wait()
        return self._batches.popleft()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield await self.next()


class Monitors:
    """The listeners of one connector.

    Args:
        send: sends a control message over the link.
        buses: the connector's bus names; the position is the index that batches carry.
    """

    def __init__(self, send: Callable[[MonitorStart | MonitorStop], None]) -> None:
        self._send = send
        self._indexes: dict[str, int] = {}
        self._feeds: dict[str, list[FrameFeed]] = {}

    def offer(self, buses: tuple[str, ...]) -> None:
        """Take the buses that the connector has; their position is the index batches carry."""
        self._indexes = {name: index for index, name in enumerate(buses)}

    @contextmanager
    def listen(self, bus: str, filters: tuple[FrameFilter, ...] = ()) -> Iterator[FrameFeed]:
        """Listen to a bus while the block runs.

        Raises:
            KeyError: the connector has no such bus.
        """
        if bus not in self._indexes:
            raise KeyError(bus)
        feed = FrameFeed(bus, filters)
        self._feeds.setdefault(bus, []).append(feed)
        self._update(bus)
        try:
            yield feed
        finally:
            self._feeds[bus].remove(feed)
            self._update(bus)

    def deliver(self, batch: bytes) -> None:
        """Hand a batch to everybody who listens to its bus.

        Raises:
            RemoteProtocolError: it is no batch.
        """
        index = peek_batch(batch).bus
        for feeds in self._feeds.values():
            if feeds and self._indexes.get(feeds[0].bus) == index:
                for feed in feeds:
                    feed.put(batch)

    def restore(self) -> None:
        """Tell a connector that has forgotten everything what is listened to."""
        for bus in [bus for bus, feeds in self._feeds.items() if feeds]:
            self._update(bus)

    def _update(self, bus: str) -> None:
        feeds = self._feeds[bus]
        if not feeds:
            del self._feeds[bus]
            self._send(MonitorStop(bus))
            return
        everything = any(not feed.filters for feed in feeds)
        wanted = () if everything else tuple(f for feed in feeds for f in feed.filters)
        self._send(MonitorStart(bus, self._indexes[bus], wanted))
