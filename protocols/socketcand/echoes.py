"""Frames of a bus that are a client's own.

A connector shows every frame of its bus, those that it sent itself included. SocketCAN does not
give a raw socket its own frames back, and clients rely on that: so the frames that a client sends
are remembered until the bus has shown them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from protocols.can.frame import CanFrame

#: Seconds within which the bus shows a frame; after that an equal one is somebody else's.
SHOWN_WITHIN = 5.0

#: Frames remembered: five seconds of a full bus at 1 Mbit/s.
REMEMBERED = 40_000

_Look = tuple[int, bool, bytes]


class Echoes:
    """A client's frames on their way to the bus."""

    def __init__(self) -> None:
        self._until: dict[_Look, deque[float]] = {}
        self._order: deque[tuple[float, _Look]] = deque()

    def __len__(self) -> int:
        return len(self._order)

    def sent(self, frames: Sequence[CanFrame], now: float) -> None:
        """Remember frames that were sent."""
        until = now + SHOWN_WITHIN
        for frame in frames:
            look = (frame.id, frame.extended, frame.data)
            self._until.setdefault(look, deque()).append(until)
            self._order.append((until, look))
        self._forget(now)

    def is_own(self, frame: CanFrame, now: float) -> bool:
        """Tell whether a frame of the bus is one of them; each is recognised once."""
        if not self._until:
            return False
        look = (frame.id, frame.extended, frame.data)
        waiting = self._until.get(look)
        if waiting is None or frame.error or frame.remote:
            return False
        while waiting:
            if waiting.popleft() >= now:
                if not waiting:
                    del self._until[look]
                return True
        del self._until[look]
        return False

    def _forget(self, now: float) -> None:
        """Let go of what the bus never showed, and of the oldest beyond the bound."""
        while self._order and (self._order[0][0] < now or len(self._order) > REMEMBERED):
            until, look = self._order.popleft()
            waiting = self._until.get(look)
            if waiting is not None and waiting[0] == until:
                waiting.popleft()
                if not waiting:
                    del self._until[look]
