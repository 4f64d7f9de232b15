"""Who listens to which bus of a connector.

Listeners of one bus share one monitor at the connector: it starts with the first, widens and
narrows as they come and go, and stops with the last. Each listener gets the frames that its own
filters choose; a batch is taken apart only where others want more. It has a bounded feed of its
own and loses its own oldest batches when it is slow, never those of another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import trio

from gateway.links.counters import LinkCounters
from protocols.can.batch import add_losses, peek_batch, select_batch
from protocols.can.filters import CanFilter, FilterSet
from protocols.link.messages import MonitorStart, MonitorStop
from protocols.link.vehicle import FrameFilter

#: Batches a listener may lag behind. At 10 ms a batch this is two and a half seconds.
MAX_LAG = 256


class FrameFeed:
    """What one listener gets: batches of one bus, as they came from the connector.

    ``dropped`` counts frames that this listener was too slow for, or that came while it paused.
    The next batch it gets says how many they were, beside what the connector lost.
    """

    def __init__(
        self, bus: str, filters: tuple[FrameFilter, ...], counters: LinkCounters | None = None
    ) -> None:
        self._counters = LinkCounters() if counters is None else counters
        self.bus = bus
        self.filters = filters
        #: Set while others on this bus want more than this listener does.
        self.narrow: FilterSet | None = None
        self.dropped = 0
        self.scope = trio.CancelScope()
        self._batches: deque[bytes] = deque()
        self._ready = trio.Event()
        self._call: Callable[[], None] | None = None
        self._untold = 0
        self._paused = False

    def pause(self) -> None:
        """Take no more batches, and count them as dropped; those that wait stay."""
        self._paused = True

    def resume(self) -> None:
        """Take batches again."""
        self._paused = False

    def call_when_ready(self, call: Callable[[], None] | None) -> None:
        """Call this whenever a batch comes and none waited; in place of :meth:`next`.

        For listeners who have many feeds: each would need a task, and each batch wake it.
        """
        self._call = call

    @property
    def lag(self) -> int:
        """How many batches wait."""
        return len(self._batches)

    def put(self, batch: bytes) -> None:
        """Add a batch; the oldest goes when the listener lags too far."""
        if self._paused:
            self._lose(batch)
            return
        if len(self._batches) >= MAX_LAG:
            self._counters.frames_lost["operator"] += self._lose(self._batches.popleft())
        self._batches.append(batch)
        if self._call is None:
            self._ready.set()
        elif len(self._batches) == 1:
            self._call()

    def _lose(self, batch: bytes) -> int:
        """Count a batch that this listener does not get; return how many frames it had."""
        header = peek_batch(batch)
        self.dropped += header.count
        self._untold += header.count + header.dropped
        return header.count

    def offer(self, batch: bytes) -> None:
        """Add what this listener wants of a batch; where that is all, the batch as it came."""
        if self.narrow is not None:
            batch = select_batch(batch, self.narrow.matches)
            header = peek_batch(batch)
            if not (header.count or header.dropped):
                return
        self.put(batch)

    def take(self) -> bytes | None:
        """Return the oldest batch, or ``None`` where none waits."""
        return self._oldest() if self._batches else None

    async def next(self) -> bytes:
        """Wait for a batch and return it."""
        while not self._batches:
            self._ready = trio.Event()
            await self._ready.wait()
        return self._oldest()

    def _oldest(self) -> bytes:
        batch = self._batches.popleft()
        if self._untold:
            batch = add_losses(batch, self._untold)
            self._untold = 0
        return batch

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield await self.next()


class Tap(Protocol):
    """Sees every batch of a connector; must neither block nor raise."""

    def __call__(self, batch: bytes, *, sent: bool) -> None:
        """Take a batch that came from the vehicle, or was sent there."""
        ...


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
        #: Called with every batch that comes, and with ``sent`` for every one that went.
        self.taps: list[Tap] = []

    @property
    def active(self) -> bool:
        """Somebody listens to some bus."""
        return bool(self._feeds)

    def shows_all(self, bus: str) -> bool:
        """Tell whether every frame of a bus comes here, whoever asked for it."""
        return any(not feed.filters for feed in self._feeds.get(bus, ()))

    def bus_name(self, index: int) -> str:
        """Return the name of the bus with this index; empty where there is none."""
        return next((name for name, at in self._indexes.items() if at == index), "")

    def written(self, batch: bytes) -> None:
        """Count a batch that went to the vehicle, and show it to the taps.

        Raises:
            RemoteProtocolError: it is no batch.
        """
        self._counters.frames["to_vehicle"] += peek_batch(batch).count
        for tap in self.taps:
            tap(batch, sent=True)

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
        for tap in self.taps:
            tap(batch, sent=False)
        for feeds in self._feeds.values():
            if feeds and self._indexes.get(feeds[0].bus) == header.bus:
                for feed in feeds:
                    feed.offer(batch)

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
            for feed in self._feeds[bus]:
                feed.narrow = _narrow(feed, filters)
            said = self._send(MonitorStart(bus, self._indexes[bus], filters, self._flush_ms))
        if not said:
            self._unsaid.add(bus)


def _union(feeds: list[FrameFeed]) -> tuple[FrameFilter, ...]:
    """Return the filters that let through what any of the feeds wants; none at all is all."""
    if any(not feed.filters for feed in feeds):
        return ()
    return tuple(dict.fromkeys(wanted for feed in feeds for wanted in feed.filters))


def _narrow(feed: FrameFeed, shown: tuple[FrameFilter, ...]) -> FilterSet | None:
    """Return what picks a feed's frames out of those that are shown, if it wants fewer."""
    if not feed.filters or set(feed.filters) == set(shown):
        return None
    return FilterSet(CanFilter(it.id, it.mask, it.extended) for it in feed.filters)


def _cancel(feeds: list[FrameFeed]) -> None:
    for feed in feeds:
        feed.scope.cancel()
