"""The bus within one process: live feeds, found by topic.

Publishing costs one look-up for each topic of the event (four or five), however many listen to
something else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

import trio

from gateway.bus.topics import check_topic, topics_of
from gateway.domain.events import Event
from gateway.runtime.feeds import Feed, FeedStatistics, Policy

#: Events that may wait for one listener.
DEFAULT_CAPACITY = 256


@dataclass(frozen=True, slots=True)
class BusStatistics:
    """What goes on.

    Attributes:
        subscriptions: open ones.
        topics: distinct topics somebody listens to.
        published: events published since the bus was made.
        delivered: events put into feeds; one event may go to many.
    """

    subscriptions: int
    topics: int
    published: int
    delivered: int


class Subscription:
    """One listener's feed; made by :meth:`MemoryBus.subscribe`, dead after its block.

    Iterate over it, or call :meth:`receive`. Topics may change while it is open.
    """

    def __init__(self, feed: Feed[Event], listeners: _Listeners) -> None:
        self._feed = feed
        self._listeners = listeners
        self._topics: set[str] = set()

    @property
    def topics(self) -> frozenset[str]:
        """What it listens to now."""
        return frozenset(self._topics)

    def add(self, topic: str) -> None:
        """Listen to ``topic`` too; events from now on.

        Raises:
            Invalid: it is no topic.
        """
        self._topics.add(check_topic(topic))
        self._listeners[topic].add(self)

    def remove(self, topic: str) -> None:
        """Listen to ``topic`` no more; nothing happens if it did not."""
        self._topics.discard(topic)
        if (listeners := self._listeners.get(topic)) is not None:
            listeners.discard(self)
            if not listeners:
                del self._listeners[topic]

    async def receive(self) -> Event:
        """Return the next event, waiting for one.

        Raises:
            SlowReader: the policy is to close a slow feed, and this one was slow.
            trio.EndOfChannel: the subscription is closed.
        """
        return await self._feed.receive()

    def statistics(self) -> FeedStatistics:
        """Return how full its feed is and what it lost."""
        return self._feed.statistics()

    async def deliver(self, event: Event) -> bool:
        """Put ``event`` into the feed by its policy; for the bus."""
        if self._feed.policy is Policy.BLOCK:
            return await self._feed.put(event)
        return self._feed.put_nowait(event)

    def close(self) -> None:
        """Leave every topic and let nobody wait for room any more."""
        for topic in tuple(self._topics):
            self.remove(topic)
        self._feed.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        return await anext(self._feed)


_Listeners = defaultdict[str, set[Subscription]]


class MemoryBus:
    """Owns the open subscriptions of this process."""

    def __init__(self) -> None:
        self._listeners: _Listeners = defaultdict(set)
        self._open = 0
        self._published = 0
        self._delivered = 0

    async def publish(self, event: Event) -> None:
        """Hand ``event`` to everybody who listens to one of its topics, once each.

        Waits for room only where a listener's policy is to block.
        """
        await trio.lowlevel.checkpoint()
        self._published += 1
        heard: set[Subscription] = set()
        for topic in topics_of(event):
            heard |= self._listeners.get(topic, set())
        for subscription in heard:
            self._delivered += await subscription.deliver(event)

    @asynccontextmanager
    async def subscribe(
        self,
        topics: Iterable[str] = (),
        policy: Policy = Policy.DROP_OLDEST,
        *,
        capacity: int = DEFAULT_CAPACITY,
    ) -> AsyncIterator[Subscription]:
        """Listen to ``topics`` for the length of the block.

        Args:
            topics: as in :mod:`gateway.bus.topics`; more can be added while it is open.
            policy: what happens when ``capacity`` events wait. ``BLOCK`` stops the publisher and
                with it everybody else: for short, certain readers only.
            capacity: events that may wait.

        Raises:
            Invalid: one of them is no topic.
        """
        subscription = Subscription(Feed(capacity, policy), self._listeners)
        self._open += 1
        try:
            for topic in topics:
                subscription.add(topic)
            yield subscription
        finally:
            self._open -= 1
            subscription.close()

    def statistics(self) -> BusStatistics:
        """Return what goes on."""
        return BusStatistics(self._open, len(self._listeners), self._published, self._delivered)
