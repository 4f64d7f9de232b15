"""Who may talk to which control unit: one at a time each, different ones side by side.

Every member stands in one queue for each control unit it wants, and may go when it is first in
all of them. All places are taken at once, so two that want several control units cannot wait for
each other for ever, and nobody overtakes one who wants the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable


class Turns:
    """The queues of one bus; a control unit that nobody wants has none."""

    def __init__(self) -> None:
        self._queues: dict[Hashable, deque[int]] = {}
        self._wants: dict[int, frozenset[Hashable]] = {}

    def __len__(self) -> int:
        """Return how many have or wait for a turn."""
        return len(self._wants)

    def enter(self, number: int, keys: Iterable[Hashable]) -> bool:
        """Stand in line for ``keys``; return whether it is the turn of ``number`` at once."""
        wants = self._wants[number] = frozenset(keys)
        for key in wants:
            self._queues.setdefault(key, deque()).append(number)
        return self._is_first(number)

    def leave(self, number: int) -> list[int]:
        """Give up a turn, or the wait for one; return whose turn it is because of that.

        Leaving twice changes nothing.
        """
        heads: dict[int, None] = {}
        for key in self._wants.pop(number, ()):
            queue = self._queues[key]
            was_first = queue[0] == number
            queue.remove(number)
            if not queue:
                del self._queues[key]
            elif was_first:
                heads[queue[0]] = None
        return sorted(head for head in heads if self._is_first(head))

    def _is_first(self, number: int) -> bool:
        return all(self._queues[key][0] == number for key in self._wants[number])
