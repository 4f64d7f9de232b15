"""The bounds of sessions, as the configuration sets them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Bounds of sessions.

    Attributes:
        lifetime: seconds after which a session ends whatever happens.
        idle: seconds without a request after which it ends.
        max_per_operator: sessions one operator may hold.
        exchange_limit: seconds an exchange may take, link interruptions included.
        max_request_bytes: largest request.
        grace: seconds tester present goes on at the connector after the link is lost.
    """

    lifetime: float = 14_400.0
    idle: float = 3_600.0
    max_per_operator: int = 256
    exchange_limit: float = 90.0
    max_request_bytes: int = 4095
    grace: float = 30.0
