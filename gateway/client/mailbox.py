"""A bounded queue between threads that drops its oldest item when it is full, and counts."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Items for one thread from another.

    Args:
        capacity: items that may wait.

    Attributes:
        dropped: items that were too many.
    """

    def __init__(self, capacity: int) -> None:
        self.dropped = 0
        self._items: deque[T] = deque(maxlen=capacity)
        self._changed = threading.Condition()
        self._end: BaseException | None = None

    def put_all(self, items: Iterable[T]) -> None:
        """Add items, in this order."""
        with self._changed:
            for item in items:
                self.dropped += len(self._items) == self._items.maxlen
                self._items.append(item)
            self._changed.notify_all()

    def close(self, why: BaseException) -> None:
        """No more will come: whoever waits gets this raised, after what waits has been taken."""
        with self._changed:
            self._end = self._end or why
            self._changed.notify_all()

    def get(self, timeout: float | None) -> T | None:
        """Return the oldest item; ``None`` where none came within ``timeout`` seconds.

        Raises:
            BaseException: closed and empty; what it was closed with.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._end is not None, timeout)
            if self._items:
                return self._items.popleft()
            if self._end is not None:
                raise self._end
            return None
