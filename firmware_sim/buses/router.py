"""Decides which feeds a frame goes to.

Diagnostic connections know exactly which identifiers concern them, so they are found by one
dictionary look-up, however many ECUs share the bus. Monitors with masks are asked one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from firmware_sim.buses.feed import FrameFeed
from protocols.can.filters import FilterSet
from protocols.can.frame import CanFrame

#: Identifier, and whether it is a 29-bit one: 7E0 and 000007E0 are different identifiers.
FrameKey = tuple[int, bool]

#: What a monitor wants to see; None means everything.
Accept = Callable[[CanFrame], bool]

#: Frames a feed holds by default. A whole ISO-TP block without flow control (4095 bytes are 586
#: classic frames) must fit, because the virtual bus delivers it in one go.
DEFAULT_CAPACITY = 8192


class FrameRouter:
    """Owns the subscriptions of one bus."""

    def __init__(self) -> None:
        self._by_key: dict[FrameKey, tuple[FrameFeed, ...]] = {}
        self._monitors: tuple[tuple[Accept | None, FrameFeed], ...] = ()
        self.received = 0
        #: What the bus lets in; ``None`` is everything.
        self.accept: FilterSet | None = None

    def received_frame(self, frame: CanFrame) -> None:
        """Hand a frame from the bus to everyone who asked for it."""
        if self.accept is not None and not self.accept.matches(frame):
            return
        self.received += 1
        if not frame.error and not frame.remote:
            for feed in self._by_key.get((frame.id, frame.extended), ()):
                feed.put(frame)
        if self._monitors:
            self._show(frame)

    def sent_frame(self, frame: CanFrame) -> None:
        """Show the monitors a frame that this side sent: a recording needs both directions."""
        if self._monitors:
            self._show(frame)

    def _show(self, frame: CanFrame) -> None:
        for accept, feed in self._monitors:
            if accept is None or accept(frame):
                feed.put(frame)

    @contextmanager
    def subscribe_ids(self, keys: Collection[FrameKey], capacity: int) -> Iterator[FrameFeed]:
        """Feed received data frames whose identifier and format are in ``keys``."""
        feed = FrameFeed(capacity)
        for key in set(keys):
            self._by_key[key] = (*self._by_key.get(key, ()), feed)
        try:
            yield feed
        finally:
            for key in set(keys):
                self._forget(key, feed)

    def _forget(self, key: FrameKey, feed: FrameFeed) -> None:
        left = tuple(other for other in self._by_key[key] if other is not feed)
        if left:
            self._by_key[key] = left
        else:
            del self._by_key[key]

    @contextmanager
    def monitor(self, accept: Accept | None, capacity: int) -> Iterator[FrameFeed]:
        """Feed every frame of the bus, sent and received, that ``accept`` agrees to."""
        entry = (accept, FrameFeed(capacity))
        self._monitors = (*self._monitors, entry)
        try:
            yield entry[1]
        finally:
            self._monitors = tuple(other for other in self._monitors if other is not entry)
