"""A wall clock that tests move by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class SettableClock:
    """A ``gateway.domain.clock.Clock`` that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now
