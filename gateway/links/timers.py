"""One task that keeps the deadlines of every link.

A timer task per link would cost each idle link a task; here it costs an entry in a heap. Entries
are lazy: a link whose deadline moved later is found out when its old entry comes up, and only
one that moved earlier is entered anew.
"""

from __future__ import annotations

import heapq
import itertools
from typing import Protocol

import trio

from protocols.link.connection import LinkConnection


class Timed(Protocol):
    """What the timers look after."""

    link: LinkConnection
    scheduled: float

    def fire(self, now: float) -> None:
        """Handle whatever is due."""


class Timers:
    """Owned by the registry; :meth:`run` is one of its tasks."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._order = itertools.count()
        self._changed = trio.Event()

    def keep(self, timed: Timed) -> None:
        """Take note of the link's next deadline, if it is earlier than the one on record."""
        deadline = timed.link.next_deadline()
        if deadline is None or deadline >= timed.scheduled:
            return
        timed.scheduled = deadline
        earliest = self._heap[0][0] if self._heap else float("inf")
        heapq.heappush(self._heap, (deadline, next(self._order), timed))
        if deadline < earliest:
            self._changed.set()

    def forget(self, timed: Timed) -> None:
        """Fire for it no more."""
        timed.scheduled = float("-inf")

    async def run(self) -> None:
        """Fire what is due, for ever."""
        while True:
            wake_at = self._heap[0][0] if self._heap else float("inf")
            with trio.move_on_at(wake_at):
                await self._changed.wait()
            self._changed = trio.Event()
            self._fire_due(trio.current_time())

    def _fire_due(self, now: float) -> None:
        while self._heap and self._heap[0][0] <= now:
            deadline, _, timed = heapq.heappop(self._heap)
            if timed.scheduled != deadline:
                continue  # forgotten, or entered anew with an earlier deadline
            timed.scheduled = float("inf")
            due = timed.link.next_deadline()
            if due is not None and due <= now:
                timed.fire(now)
            else:
                self.keep(timed)
