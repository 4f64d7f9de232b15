"""Events of the moment on their way to the bus, from code that must not wait.

A connector's status or a session's news is worth nothing tomorrow: it is not stored, and when
the bus lags so far that the queue is full, the oldest go and are counted.
"""

from __future__ import annotations

import trio

from gateway.bus.outbox import Publisher
from gateway.domain.events import Event
from gateway.runtime.feeds import Feed, FeedStatistics, Policy

#: A fleet that comes back tells of itself all at once.
CAPACITY = 16_384


class LiveEvents:
    """Takes events without waiting and hands them to the bus in order; one service."""

    def __init__(self, bus: Publisher) -> None:
        self._bus = bus
        self._feed: Feed[Event] = Feed(CAPACITY, Policy.DROP_OLDEST)

    def publish(self, event: Event) -> None:
        """Queue ``event``; callable from any task, never blocks."""
        self._feed.put_nowait(event)

    def statistics(self) -> FeedStatistics:
        """Return how many wait and how many were lost."""
        return self._feed.statistics()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Publish until cancelled."""
        task_status.started()
        async for event in self._feed:
            await self._bus.publish(event)
