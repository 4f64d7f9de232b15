"""Everybody's appointments, kept by one task: ten thousand timers would be as many tasks."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

import trio


class Appointment:
    """Something to do later; :meth:`cancel` it where it has become pointless."""

    __slots__ = ("_work", "due")

    def __init__(self, due: float, work: Callable[[], None]) -> None:
        self.due = due
        self._work: Callable[[], None] | None = work

    def cancel(self) -> None:
        """Do not do it; what it would have done is let go at once."""
        self._work = None

    def keep(self) -> None:
        """Do it, unless it was cancelled."""
        work, self._work = self._work, None
        if work is not None:
            work()


class Agenda:
    """All appointments of a fleet; :meth:`run` is its task."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Appointment]] = []
        self._order = itertools.count()
        self._sooner = trio.Event()

    def __len__(self) -> int:
        return len(self._heap)

    def after(self, seconds: float, work: Callable[[], None]) -> Appointment:
        """Call ``work`` in so many seconds; it must not block."""
        appointment = Appointment(trio.current_time() + seconds, work)
        heapq.heappush(self._heap, (appointment.due, next(self._order), appointment))
        if self._heap[0][2] is appointment:
            self._sooner.set()
        return appointment

    async def run(self) -> None:
        """Keep every appointment, for ever."""
        while True:
            with trio.move_on_at(self._heap[0][0] if self._heap else float("inf")):
                await self._sooner.wait()
            self._sooner = trio.Event()
            now = trio.current_time()
            while self._heap and self._heap[0][0] <= now:
                heapq.heappop(self._heap)[2].keep()
