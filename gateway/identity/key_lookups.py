"""Looks up the keys of many connectors by one query.

A fleet that returns asks for hundreds of keys a second, and a query of its own for each costs a
thread's wake-up more than the query. Whoever comes first waits for nothing; those who come while
a query runs go together into the next one. There is no task: one of those who wait runs the query
for all, and when it is cancelled, another does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from uuid import UUID

import trio

from gateway.domain.connector import KnownConnector
from gateway.domain.errors import Unavailable

#: Seconds from one query to the next while they follow each other: at five hundred handshakes a
#: second this is five in one.
PACE = 0.01

#: Connectors in one query; SQLite takes 32,766 parameters, but a query is to stay a short one.
LARGEST_BATCH = 250

#: Look-ups that may wait; far more than handshakes are let in at once.
LARGEST_QUEUE = 4_000

#: Returns what the database knows of these connectors; raises ``Unavailable``.
LookUp = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, KnownConnector]]]


class _Batch:
    """One query, from its first caller to its last.

    Attributes:
        uuids: whom it is about.
        callers: how many wait for it.
        closed: its query has begun, so that nobody joins it any more.
        found: what came of it; ``None`` until then.
        failure: why nothing came of it.
    """

    __slots__ = ("callers", "closed", "failure", "found", "uuids")

    def __init__(self) -> None:
        self.uuids: set[UUID] = set()
        self.callers = 0
        self.closed = False
        self.found: Mapping[UUID, KnownConnector] | None = None
        self.failure: Unavailable | None = None

    @property
    def is_over(self) -> bool:
        return self.found is not None or self.failure is not None

    def keys(self, uuid: UUID) -> KnownConnector | None:
        if self.failure is not None:
            # Each caller gets one of its own: a traceback would grow with every raise.
            raise Unavailable(
                self.failure.code, self.failure.detail, retry_after=self.failure.retry_after
            )
        return None if self.found is None else self.found.get(uuid)


class KeyLookups:
    """Owned by identity; any number of tasks may call :meth:`find`.

    Args:
        look_up: runs one query.
    """

    def __init__(self, look_up: LookUp) -> None:
        self._look_up = look_up
        self._batches: deque[_Batch] = deque()
        self._waiting = 0
        self._running = False
        self._next_at = float("-inf")
        self._moved = trio.Event()

    async def find(self, uuid: UUID) -> KnownConnector | None:
        """Return the keys as a query finds them that begins after this call.

        Raises:
            Unavailable: the database does not answer, or too many wait for it already.
        """
        batch = self._join(uuid)
        try:
            while not batch.is_over:
                if self._running:
                    await self._moved.wait()
                else:
                    await self._run_next()
        finally:
            batch.callers -= 1
            self._waiting -= 1
        return batch.keys(uuid)

    def _join(self, uuid: UUID) -> _Batch:
        if self._waiting >= LARGEST_QUEUE:
            raise Unavailable(
                "identity.lookups_full",
                "Too many connectors dial in at once. Try again in a few seconds.",
                retry_after=5.0,
            )
        last = self._batches[-1] if self._batches else None
        if last is None or last.closed or len(last.uuids) >= LARGEST_BATCH:
            self._batches.append(_Batch())
        batch = self._batches[-1]
        batch.uuids.add(uuid)
        batch.callers += 1
        self._waiting += 1
        return batch

    async def _run_next(self) -> None:
        self._running = True
        try:
            await trio.sleep_until(self._next_at)
            self._next_at = trio.current_time() + PACE
            await self._run(self._batches[0])
        finally:
            self._running = False
            self._moved.set()
            self._moved = trio.Event()

    async def _run(self, batch: _Batch) -> None:
        """Run a query; when that is cancelled it stays first in line, for those who still wait."""
        if batch.callers:
            batch.closed = True
            try:
                batch.found = await self._look_up(batch.uuids)
            except Unavailable as failure:
                batch.failure = failure
        self._batches.popleft()
