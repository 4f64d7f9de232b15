"""A lease as one session sees it, the same for every door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.sessions.session import Session


@dataclass(frozen=True, slots=True)
class LeaseView:
    """How a session stands to the lease on its vehicle.

    Attributes:
        holder: ``writer`` where this session has it, ``reader`` where it has not.
        free: anybody could have it now.
        expires_at: when this session loses it unless it uses it, UTC; ``None`` for readers.
        moves_at: when it goes to whoever takes it over, UTC; ``None`` where nobody does.
        taken_over_by: client id of that operator.
    """

    holder: str
    free: bool
    expires_at: datetime | None
    moves_at: datetime | None
    taken_over_by: str | None


def describe_lease(session: Session, view: LeaseView) -> dict[str, object]:
    """Return a lease as operators see it."""
    take_over = None
    if view.moves_at is not None:
        take_over = {"by": view.taken_over_by, "moves_at": view.moves_at.isoformat()}
    return {
        "session": session.id,
        "connector_uuid": str(session.connector),
        "lease": view.holder,
        "free": view.free,
        "expires_at": None if view.expires_at is None else view.expires_at.isoformat(),
        "take_over": take_over,
    }
