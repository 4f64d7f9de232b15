"""Times in a fixed number of buckets: a fleet that reconnects for a week fills no list."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

import msgspec

#: Buckets for each doubling: a value is known to 5 %.
_PER_DOUBLING = 14

#: Anything shorter counts as this, seconds.
_SHORTEST = 1e-5


class Times(msgspec.Struct, frozen=True):
    """Milliseconds; all of them 0 where nothing was measured."""

    count: int = 0
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    max: float = 0.0


class Buckets(msgspec.Struct, frozen=True):
    """What `Percentiles` have collected: how many in which bucket, and the longest, seconds."""

    counts: dict[int, int]
    longest: float


class Percentiles:
    """Collects seconds."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self._longest = 0.0

    @classmethod
    def of(cls, parts: Iterable[Buckets]) -> Percentiles:
        """Return what several have collected together."""
        whole = cls()
        for part in parts:
            whole._buckets.update(part.counts)
            whole._longest = max(whole._longest, part.longest)
        return whole

    def buckets(self) -> Buckets:
        """Return what has come together, to be added to that of others."""
        return Buckets(dict(self._buckets), self._longest)

    def add(self, seconds: float) -> None:
        """Count one."""
        bucket = round(math.log2(max(seconds, _SHORTEST) / _SHORTEST) * _PER_DOUBLING)
        self._buckets[bucket] += 1
        self._longest = max(self._longest, seconds)

    def times(self) -> Times:
        """Return what has come together."""
        return Times(
            count=self._buckets.total(),
            p50=self._at(0.50),
            p90=self._at(0.90),
            p99=self._at(0.99),
            max=round(self._longest * 1000, 3),
        )

    def _at(self, share: float) -> float:
        wanted, seen = math.ceil(self._buckets.total() * share), 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                seconds = _SHORTEST * 2 ** (bucket / _PER_DOUBLING)
                return round(min(seconds, self._longest) * 1000, 3)
        return 0.0
