"""What there is at any moment, on ``/metrics``; counted when asked, so that it costs nothing."""

from __future__ import annotations

from collections.abc import Callable

from gateway.bus.live import LiveEvents
from gateway.links.registry import Registry
from gateway.runtime.metrics import Metrics
from gateway.sessions.service import SessionService


def show_gauges(
    metrics: Metrics, registry: Registry, sessions: SessionService, live: LiveEvents
) -> None:
    """Make the gauges of connectors, sessions and live events."""
    shown: dict[str, tuple[str, Callable[[], float]]] = {
        "connectors_online": ("Connectors online or within their resume window", registry.__len__),
        "sessions_open": ("Operator sessions", sessions.__len__),
        "live_events_waiting": ("Live events on their way", lambda: live.statistics().queued),
        "live_events_dropped": ("Live events lost", lambda: live.statistics().dropped),
    }
    for name, (description, value) in shown.items():
        metrics.gauge(name, description).set_function(value)
