"""The suites, by name; each has ``async def run(seconds) -> Report``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from benchmarks.harness import Report
from benchmarks.suites import exchange

SUITES: dict[str, Callable[[float], Awaitable[Report]]] = {"exchange": exchange.run}
