"""Who may talk to which control unit: one at a time each, all side by side, everyone together.

A physical exchange takes the lane of its ECU. A functional one takes all lanes, because every ECU
may answer it: an answer that comes meanwhile can belong to nobody else. Whoever asked first goes
first, and nobody overtakes a waiting functional exchange: else a busy vehicle would never hear it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class _Waiter:
    """A request for one lane, or for all where the address is ``None``."""

    def __init__(self, address: int | None) -> None:
        self.address = address
        self.admitted = trio.Event()


class Lanes:
    """Admission to the control units of one vehicle connection."""

    def __init__(self) -> None:
        self._busy: set[int | None] = set()
        self._queue: list[_Waiter] = []

    @asynccontextmanager
    async def one(self, address: int) -> AsyncIterator[None]:
        """Have one ECU to oneself."""
        await self._enter(address)
        try:
            yield
        finally:
            self._leave(address)

    @asynccontextmanager
    async def everyone(self) -> AsyncIterator[None]:
        """Have all ECUs to oneself."""
        await self._enter(None)
        try:
            yield
        finally:
            self._leave(None)

    async def _enter(self, address: int | None) -> None:
        waiter = _Waiter(address)
        self._queue.append(waiter)
        self._admit()
        try:
            await waiter.admitted.wait()
        except trio.Cancelled:
            if waiter.admitted.is_set():
                self._busy.remove(address)
            else:
                self._queue.remove(waiter)
            self._admit()
            raise

    def _leave(self, address: int | None) -> None:
        self._busy.remove(address)
        self._admit()

    def _admit(self) -> None:
        """Let in, in their order, all who are in nobody's way."""
        taken = set(self._busy)
        for waiter in tuple(self._queue):
            if None in taken:
                return
            if waiter.address not in taken and not (waiter.address is None and taken):
                self._queue.remove(waiter)
                self._busy.add(waiter.address)
                waiter.admitted.set()
            # Let in or not, what it wants is closed to those behind it.
            taken.add(waiter.address)
