"""Numbers for ``/metrics``: one Prometheus registry per application, nothing global.

A part asks for its instruments by name when it is built and keeps them:

    self._links = metrics.gauge("links_open", "Links that are up")

Names get the prefix ``gateway_``; the unit is their last word (``_seconds``, ``_bytes``). Asking
again for the same instrument returns it; asking for it differently is a mistake and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder

I = TypeVar("I", Counter, Gauge, Histogram)  # noqa: E741 - I for instrument

#: Seconds. Exchanges take 1 ms on loopback to tens of seconds with pending answers.
LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Owns the registry and every instrument in it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._instruments: dict[str, tuple[tuple[object, ...], Counter | Gauge | Histogram]] = {}

    def counter(self, name: str, description: str, labels: Sequence[str] = ()) -> Counter:
        """Return the counter ``name``; it shows as ``gateway_NAME_total``."""
        made = Counter(name, description, labels, namespace="gateway", registry=None)
        return self._keep(name, (Counter, tuple(labels)), made)

    def gauge(self, name: str, description: str, labels: Sequence[str] = ()) -> Gauge:
        """Return the gauge ``name``."""
        made = Gauge(name, description, labels, namespace="gateway", registry=None)
        return self._keep(name, (Gauge, tuple(labels)), made)

    def histogram(
        self,
        name: str,
        description: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = LATENCIES,
    ) -> Histogram:
        """Return the histogram ``name`` with upper bounds ``buckets``."""
        made = Histogram(
            name, description, labels, namespace="gateway", registry=None, buckets=buckets
        )
        return self._keep(name, (Histogram, tuple(labels), tuple(buckets)), made)

    def exposition(self, accept: str | None) -> tuple[bytes, str]:
        """Return the page for a scraper and its content type, as ``Accept`` asks for it."""
        encode, content_type = choose_encoder(accept or "")
        return encode(self.registry), content_type

    def _keep(self, name: str, shape: tuple[object, ...], made: I) -> I:
        known = self._instruments.get(name)
        if known is None:
            self.registry.register(made)
            self._instruments[name] = (shape, made)
            return made
        known_shape, instrument = known
        if known_shape != shape:
            raise ValueError(f"the metric {name!r} exists with another kind, labels or buckets")
        # Equal shapes start with the class, so this is an instrument of the same kind.
        assert isinstance(instrument, type(made))  # noqa: S101
        return instrument
