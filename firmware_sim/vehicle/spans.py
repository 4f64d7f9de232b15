"""A set of addresses, kept as ranges: what of a flash is erased, what was programmed since."""

from __future__ import annotations

from collections.abc import Iterable


class Spans:
    """Disjoint half-open ranges in ascending order."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges: list[tuple[int, int]] = []
        for start, end in ranges:
            self.add(start, end)

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def add(self, start: int, end: int) -> None:
        """Take in ``start`` to ``end``, which is not part of it; joins what touches."""
        if start >= end:
            return
        apart = [each for each in self._ranges if each[1] < start or each[0] > end]
        touching = [each for each in self._ranges if each[1] >= start and each[0] <= end]
        joined = (
            min([start, *(each[0] for each in touching)]),
            max([end, *(each[1] for each in touching)]),
        )
        self._ranges = sorted([*apart, joined])

    def remove(self, start: int, end: int) -> None:
        """Leave out ``start`` to ``end``, which is not part of it."""
        if start >= end:
            return
        kept: list[tuple[int, int]] = []
        for low, high in self._ranges:
            kept += [(low, min(high, start)), (max(low, end), high)]
        self._ranges = [(low, high) for low, high in kept if low < high]

    def cover(self, start: int, end: int) -> bool:
        """Tell whether all of ``start`` to ``end`` is in it."""
        return start >= end or any(low <= start and end <= high for low, high in self._ranges)
