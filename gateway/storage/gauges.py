"""How busy the door to SQL is, on ``/metrics``; counted when asked, so that it costs nothing."""

from __future__ import annotations

from collections.abc import Callable

from gateway.runtime.metrics import Metrics
from gateway.storage.database import Database


def show_database(metrics: Metrics, database: Database) -> None:
    """Make the gauges of the database."""
    now = database.statistics
    shown: dict[str, tuple[str, Callable[[], float]]] = {
        "database_busy": ("Queries that run", lambda: now().busy),
        "database_waiting": ("Queries that wait for a thread", lambda: now().waiting),
        "database_waiting_writers": (
            "Writes that wait for the one",
            lambda: now().waiting_writers,
        ),
        "database_unanswered": ("Queries without an answer so far", lambda: now().refused),
    }
    for name, (description, value) in shown.items():
        metrics.gauge(name, description).set_function(value)
