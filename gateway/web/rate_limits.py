"""How often a client may ask: token buckets, and the headers that tell of them.

A bucket holds as many requests as may come at once and fills at a steady rate. Buckets that are
full again are forgotten, so that there are only as many as clients of the last moments; beyond
``most_clients`` the one that was asked longest ago goes. Several nodes tell each other what they
let through, so that a client has one bucket however many of them it asks.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.domain.errors import Throttled

#: Buckets that are looked at for being full again with every request.
_SWEPT_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Quota:
    """What a client may ask.

    Attributes:
        rate: requests a second in the long run.
        burst: requests at once.
    """

    rate: float
    burst: int

    @property
    def window(self) -> float:
        """Seconds in which an empty bucket fills."""
        return self.burst / self.rate


@dataclass(frozen=True, slots=True)
class Allowance:
    """What came of asking.

    Attributes:
        quota: the one that leaves least.
        remaining: requests that could follow at once.
        wait: seconds until one may come; 0 where this one was let through.
    """

    quota: Quota
    remaining: int
    wait: float

    @property
    def reset(self) -> int:
        """Whole seconds until as many as possible may come at once again."""
        return math.ceil((self.quota.burst - self.remaining) / self.quota.rate)

    def headers(self) -> Mapping[str, str]:
        """Return what draft-ietf-httpapi-ratelimit-headers names."""
        policy = f"{self.quota.burst};w={math.ceil(self.quota.window)}"
        return {
            "RateLimit-Policy": policy,
            "RateLimit-Limit": str(self.quota.burst),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class RateLimiter:
    """Counts requests by client; every quota must have room.

    Args:
        quotas: all of them hold for each client.
        most_clients: buckets kept.
    """

    def __init__(self, *quotas: Quota, most_clients: int = 100_000) -> None:
        self._quotas = quotas
        self._most = most_clients
        # client -> (requests in each bucket, when that was); the latest asked last.
        self._buckets: OrderedDict[str, tuple[list[float], float]] = OrderedDict()
        #: Told of every request that was let through here; must not block.
        self.tell: Callable[[str, int], None] = _nobody_else

    def __len__(self) -> int:
        return len(self._buckets)

    def ask(self, client: str, now: float) -> Allowance:
        """Count a request if it may come; ``now`` is monotonic seconds."""
        self._sweep(now)
        levels = self._levels(client, now)
        # What was summed up of fractions may lack the last bit of a whole one.
        wait = max(
            max(0.0, 1 - 1e-9 - level) / quota.rate
            for level, quota in zip(levels, self._quotas, strict=True)
        )
        if not wait:
            levels = _less(levels, 1)
            self.tell(client, 1)
        self._keep(client, levels, now)
        remaining, quota = min(
            (
                (math.floor(level + 1e-9), quota)
                for level, quota in zip(levels, self._quotas, strict=True)
            ),
            key=lambda pair: pair[0],
        )
        return Allowance(quota, remaining, wait)

    def heard(self, client: str, requests: int, now: float) -> None:
        """Count requests that another node has let through."""
        self._keep(client, _less(self._levels(client, now), requests), now)

    def _keep(self, client: str, levels: list[float], now: float) -> None:
        self._buckets[client] = (levels, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)

    def _levels(self, client: str, now: float) -> list[float]:
        known = self._buckets.get(client)
        if known is None:
            return [float(quota.burst) for quota in self._quotas]
        levels, since = known
        return [
            min(quota.burst, level + (now - since) * quota.rate)
            for level, quota in zip(levels, self._quotas, strict=True)
        ]

    def _sweep(self, now: float) -> None:
        for _ in range(min(_SWEPT_AT_ONCE, len(self._buckets))):
            client = next(iter(self._buckets))
            levels = self._levels(client, now)
            if any(level < quota.burst for level, quota in zip(levels, self._quotas, strict=True)):
                return
            del self._buckets[client]


def _less(levels: list[float], requests: int) -> list[float]:
    return [max(0.0, level - requests) for level in levels]


def _nobody_else(client: str, requests: int) -> None:
    """This node is the only one."""


def refusal(allowance: Allowance) -> Throttled:
    """Return the refusal of a request that came too soon."""
    quota = allowance.quota
    return Throttled(
        "rate.exceeded",
        f"Too many requests: {quota.rate:g} a second are taken, {quota.burst} at once. Wait "
        f"{max(1, math.ceil(allowance.wait))} s.",
        retry_after=allowance.wait,
    )
