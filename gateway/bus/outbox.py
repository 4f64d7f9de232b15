"""From committed transactions to the bus: every event once per process, in order.

A transaction that appends wakes the relay at once; besides it looks every second, because
another process may have written. The bus is for those who listen now: events from before the
start are not published again. Who must not miss any is a ``DurableConsumer``.
"""

from __future__ import annotations

from typing import Protocol

import trio
from structlog.typing import FilteringBoundLogger

from gateway.domain.errors import Unavailable
from gateway.domain.events import Event
from gateway.storage.database import Database
from gateway.storage.queries import events

#: Look again after this many seconds even if nobody called.
LOOK_INTERVAL = 1.0

#: Events read at once.
BATCH = 200

#: Seconds between two prunings, and how many events are kept for new consumers and for support.
PRUNE_INTERVAL = 3_600.0
KEPT_EVENTS = 100_000


class Publisher(Protocol):
    """Takes events for those who listen."""

    async def publish(self, event: Event) -> None:
        """Hand ``event`` to everybody who listens to one of its topics."""
        ...


class OutboxRelay:
    """Owns the position up to which this process has published; alive while :meth:`run` runs."""

    def __init__(self, database: Database, bus: Publisher, log: FilteringBoundLogger) -> None:
        self._database = database
        self._bus = bus
        self._log = log
        self._position = 0

    @property
    def position(self) -> int:
        """The last event that was published."""
        return self._position

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Publish until cancelled; started once it knows where it begins."""
        self._position = await self._database.read(events.last_position)
        task_status.started()
        prune_at = trio.current_time() + PRUNE_INTERVAL
        while True:
            appended = self._database.events_appended
            if not await self._publish_batch():
                with trio.move_on_after(LOOK_INTERVAL):
                    await appended.wait()
            if trio.current_time() >= prune_at:
                prune_at = trio.current_time() + PRUNE_INTERVAL
                await self._prune()

    async def _publish_batch(self) -> bool:
        try:
            batch = await self._database.read(events.after, self._position, BATCH)
        except Unavailable:
            # The position stays, so nothing is lost: the next look begins where this one did.
            self._log.warning("outbox_unreadable", after=self._position)
            return False
        for event in batch:
            await self._bus.publish(event)
            self._position = event.position
        return len(batch) == BATCH

    async def _prune(self) -> None:
        try:
            removed = await self._database.write(events.prune, KEPT_EVENTS)
        except Unavailable:
            self._log.warning("outbox_not_pruned")
        else:
            self._log.info("outbox_pruned", removed=removed)
