"""The bus of a member that is watched: made-up frames at a steady rate, in batches."""

from __future__ import annotations

from protocols.can.batch import encode_batch
from protocols.can.filters import CanFilter, FilterSet
from protocols.can.frame import CanFrame
from protocols.link.messages import MonitorStart

#: Identifiers that take turns, as on a bus where every control unit broadcasts.
_FIRST_ID, _IDS = 0x100, 32

#: Frames in one batch at most, as a connector in a vehicle sends them.
LARGEST_BATCH = 512


class FrameSource:
    """What one monitor shows of its bus.

    Args:
        order: which frames, and the number its batches carry.
        rate: frames a second on the bus.
        now: when it begins.
    """

    def __init__(self, order: MonitorStart, rate: float, now: float) -> None:
        self._index = order.index
        self._rate = rate
        self._matches = FilterSet(
            CanFilter(it.id, it.mask, it.extended) for it in order.filters
        ).matches
        self._began = now
        self._made = 0
        self._lost = 0

    def batch(self, now: float) -> tuple[bytes, int]:
        """Return the frames that have passed since, as a batch, and how many it has.

        Those that do not fit are lost; the batch says how many were lost before it.
        """
        first, self._made = self._made, int((now - self._began) * self._rate)
        shown = max(first, self._made - LARGEST_BATCH)
        self._lost += shown - first
        frames = [frame for number in range(shown, self._made) if (frame := self._frame(number))]
        return encode_batch(self._index, frames, self._lost), len(frames)

    def taken(self) -> None:
        """Take note that the link took the batch, and with it the count of what was lost."""
        self._lost = 0

    def not_taken(self, count: int) -> None:
        """Take note that the link had no room for a batch of so many frames."""
        self._lost += count

    def _frame(self, number: int) -> CanFrame | None:
        frame = CanFrame(
            _FIRST_ID + number % _IDS,
            number.to_bytes(8, "big"),
            timestamp_us=round((self._began + number / self._rate) * 1e6),
        )
        return frame if self._matches(frame) else None
