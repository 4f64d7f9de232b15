"""Counts that all nodes keep together: how often somebody guesses, how much a client asks.

Each node counts what happens there at once and tells the others, who count it too within
milliseconds. So nobody waits for an answer over the network to be let in, and a line that is down
leaves each node with its own counts instead of none.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import msgspec
import trio

from gateway.bus.notices import Notices

COUNTED = "nodes.counted"

#: A node that says more at once is mistaken.
_MOST = 1_000_000


class Counted(msgspec.Struct, array_like=True, frozen=True):
    """Something was counted at a node.

    Attributes:
        what: which of the counts.
        key: of whom.
        change: by how much.
    """

    what: str
    key: str
    change: int


class Count(Protocol):
    """A count that tells of itself and can be told."""

    tell: Callable[[str, int], None]

    def heard(self, key: str, change: int, now: float) -> None:
        """Count what another node tells of; ``now`` is monotonic seconds."""
        ...


class SharedCounts:
    """Joins the counts of this node to those of the others.

    Args:
        notices: between them.
    """

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._counts: dict[str, Count] = {}
        notices.hear(COUNTED, Counted, lambda _, counted: self._heard(counted))

    def share(self, what: str, count: Count) -> None:
        """Let all nodes keep this count together; ``what`` names it on each of them."""
        self._counts[what] = count
        count.tell = partial(self._tell, what)

    def _tell(self, what: str, key: str, change: int) -> None:
        self._notices.say(COUNTED, Counted(what, key, change))

    def _heard(self, counted: Counted) -> None:
        count = self._counts.get(counted.what)
        if count is not None and abs(counted.change) <= _MOST:
            count.heard(counted.key, counted.change, trio.current_time())
