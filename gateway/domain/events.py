"""Things that happened, as they travel between rooms and nodes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, written in the transaction that made it happen.

    Attributes:
        type: dotted name, ``tickets.ticket.closed``.
        subject: what it is about, ``ticket:4711``; order is kept per subject.
        tenant_id: the garage it concerns, or ``None``.
        payload: JSON-ready facts; money as text, times as ISO 8601.
        occurred_at: UTC.
        position: place in the outbox, ascending; 0 while not stored, and for live events that
            are not stored at all (connector status, session traffic).
    """

    type: str
    subject: str
    tenant_id: int | None
    payload: dict[str, Any]  # JSON by nature: each type documents its members
    occurred_at: datetime
    position: int = 0
