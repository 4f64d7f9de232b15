from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from gateway.sessions.lease_view import LeaseView, describe_lease
from gateway.sessions.session import Session

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SESSION = Session("ab" * 16, "op-1", 1, UUID(int=5), 7, None, NOON, NOON, 0.0, 0.0)


def test_a_lease_is_described_to_its_holder() -> None:
    view = LeaseView("writer", False, NOON, NOON, "op-2")
    assert describe_lease(SESSION, view) == {
        "session": "ab" * 16,
        "connector_uuid": str(UUID(int=5)),
        "lease": "writer",
        "free": False,
        "expires_at": "2026-03-02T12:00:00+00:00",
        "take_over": {"by": "op-2", "moves_at": "2026-03-02T12:00:00+00:00"},
    }


def test_what_nobody_has_is_free() -> None:
    shown = describe_lease(SESSION, LeaseView("reader", True, None, None, None))
    assert (shown["free"], shown["expires_at"], shown["take_over"]) == (True, None, None)
