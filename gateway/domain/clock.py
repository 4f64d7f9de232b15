"""Wall-clock time as a value that is passed in, so that tests can hold it still."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

#: Returns the present as an aware UTC datetime.
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present; the only place that reads the machine's wall clock."""
    return datetime.now(UTC)
