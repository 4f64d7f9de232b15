"""Reads shared by sockets: who wants the same thing at the same time waits for one answer.

A change wakes everybody who follows the thing; two thousand of them must not mean two thousand
queries. So requests that come while a read is under way gather for the next one, which takes them
all in one go, each thing once. An answer is always read after it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import trio

from gateway.domain.errors import GatewayError
from gateway.storage.database import Connection, Database

K = TypeVar("K")
V = TypeVar("V")

#: Things read in one go; more would keep those who ask next waiting.
LARGEST_BATCH = 64


@dataclass(slots=True, eq=False)
class _Batch(Generic[K, V]):
    """Requests that are answered together.

    Attributes:
        wanted: each thing once, in the order it was asked for.
        found: the answers, refusals among them.
        failure: why there are none.
        done: the answers are there, or will never be.
    """

    wanted: dict[K, None] = field(default_factory=dict)
    found: dict[K, V | GatewayError] = field(default_factory=dict)
    failure: GatewayError | None = None
    done: trio.Event = field(default_factory=trio.Event)


class SharedReads(Generic[K, V]):
    """One for all sockets; owns the requests that wait.

    Args:
        database: where it is read.
        read: returns one thing; runs in a database thread.
    """

    def __init__(self, database: Database, read: Callable[[Connection, K], V]) -> None:
        self._database = database
        self._read = read
        self._turn = trio.Lock()
        self._next: _Batch[K, V] | None = None
        self.queries = 0

    async def get(self, key: K) -> V:
        """Return the thing as it is now, or later.

        Raises:
            GatewayError: whatever ``read`` refuses it with.
            Unavailable: the database does not answer.
        """
        while True:
            batch = await self._answered(key)
            if batch.failure is not None:
                raise batch.failure
            if key in batch.found:
                break
            # Whoever was to read went away before; somebody else has to.
        found = batch.found[key]
        if isinstance(found, GatewayError):
            raise found
        return found

    async def _answered(self, key: K) -> _Batch[K, V]:
        batch = self._next
        if batch is not None and (key in batch.wanted or len(batch.wanted) < LARGEST_BATCH):
            batch.wanted[key] = None
            await batch.done.wait()
            return batch
        batch = self._next = _Batch({key: None})
        try:
            async with self._turn:
                self._close(batch)
                # Others wait for this, so it goes on though this socket may be closed; the
                # database's time limit bounds it.
                with trio.CancelScope(shield=True):
                    batch.found = await self._database.read(self._all, tuple(batch.wanted))
        except GatewayError as error:
            batch.failure = error
        finally:
            self._close(batch)
            batch.done.set()
        return batch

    def _close(self, batch: _Batch[K, V]) -> None:
        """Let nobody join a batch any more."""
        if self._next is batch:
            self._next = None

    def _all(self, connection: Connection, keys: Sequence[K]) -> dict[K, V | GatewayError]:
        self.queries += 1
        found: dict[K, V | GatewayError] = {}
        for key in keys:
            try:
                found[key] = self._read(connection, key)
            except GatewayError as refusal:
                found[key] = refusal
        return found
