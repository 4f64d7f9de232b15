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

from gateway.links.counters import LinkCounters
from protocols.can.batch import peek_batch
from protocols.link.messages import MonitorStart, MonitorStop
from protocols.link.vehicle import FrameFilter

#: Batches a listener may lag behind. At 10 ms a batch this is two and a half seconds.
MAX_LAG = 256


class FrameFeed:
    """What one listener gets: batches of one bus, as they came from the connector.

    ``dropped`` counts frames that this listener was too slow for.
    """

    def __init__(
        self, bus: str, filters: tuple[FrameFilter, ...], counters: LinkCounters | None = None
    ) -> None:
        self._counters = LinkCounters() if counters is None else counters
        self.bus = bus
        self.filters = filters
        self.dropped = 0
        self.scope = trio.CancelScope()
        self._batches: deque[bytes] = deque()
        self._ready = trio.Event()

    def put(self, batch: bytes) -> None:
        """Add a batch; the oldest goes when the listener lags too far."""
        if len(self._batches) >= MAX_LAG:
            lost = peek_batch(self._batches.popleft()).count
            self.dropped += lost
            self._counters.frames_lost["operator"] += lost
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
        send: sends a control message over the link; returns whether that was possible.
        flush: longest wait of a frame for its batch at the connector, seconds.
        counters: counts frames.
    """

    def __init__(
        self,
        send: Callable[[MonitorStart | MonitorStop], bool],
        flush: float,
        counters: LinkCounters,
    ) -> None:
        self._send = send
        self._flush_ms = max(1, round(flush * 1000))
        self._counters = counters
        self._indexes: dict[str, int] = {}
        self._feeds: dict[str, list[FrameFeed]] = {}
        self._unsaid: set[str] = set()

    def offer(self, buses: tuple[str, ...]) -> None:
        """Take the buses that the connector has; their position is the index batches carry."""
        self._indexes = {name: index for index, name in enumerate(buses)}
        for bus, feeds in self._feeds.items():
            if bus not in self._indexes:
                _cancel(feeds)

    @contextmanager
    def listen(self, bus: str, filters: tuple[FrameFilter, ...] = ()) -> Iterator[FrameFeed]:
        """Listen to a bus while the block runs; :meth:`end` cancels the block.

        Raises:
            KeyError: the connector has no such bus.
        """
        if bus not in self._indexes:
            raise KeyError(bus)
        feed = FrameFeed(bus, filters, self._counters)
        self._feeds.setdefault(bus, []).append(feed)
        self._update(bus)
        try:
            with feed.scope:
                yield feed
        finally:
            self._feeds[bus].remove(feed)
            self._update(bus)

    def end(self) -> None:
        """No more frames will come: every listener's block is left."""
        for feeds in self._feeds.values():
            _cancel(feeds)

    def deliver(self, batch: bytes) -> None:
        """Hand a batch to everybody who listens to its bus.

        Raises:
            RemoteProtocolError: it is no batch.
        """
        header = peek_batch(batch)
        self._counters.frames["to_operator"] += header.count
        if header.dropped:
            self._counters.frames_lost["connector"] += header.dropped
        for feeds in self._feeds.values():
            if feeds and self._indexes.get(feeds[0].bus) == header.bus:
                for feed in feeds:
                    feed.put(batch)

    def restore(self) -> None:
        """Tell a connector that has forgotten everything what is listened to."""
        self._unsaid.clear()
        for bus in list(self._feeds):
            self._update(bus)

    def catch_up(self) -> None:
        """Tell a connector that is back what changed while it was away."""
        for bus in list(self._unsaid):
            self._update(bus)

    def _update(self, bus: str) -> None:
        self._unsaid.discard(bus)
        if not self._feeds.get(bus):
            self._feeds.pop(bus, None)
            said = self._send(MonitorStop(bus))
        elif bus not in self._indexes:
            return  # these listeners are on their way out
        else:
            filters = _union(self._feeds[bus])
            said = self._send(MonitorStart(bus, self._indexes[bus], filters, self._flush_ms))
        if not said:
            self._unsaid.add(bus)


def _union(feeds: list[FrameFeed]) -> tuple[FrameFilter, ...]:
    """Return the filters that let through what any of the feeds wants; none at all is all."""
    if any(not feed.filters for feed in feeds):
        return ()
    return tuple(dict.fromkeys(wanted for feed in feeds for wanted in feed.filters))


def _cancel(feeds: list[FrameFeed]) -> None:
    for feed in feeds:
        feed.scope.cancel()
