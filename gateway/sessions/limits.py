"""The bounds of sessions, as the configuration sets them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from gateway.config import SessionSettings


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
        lease_idle: seconds without a request after which the lease is lost.
        take_over_notice: seconds a holder has before another session takes its lease over.
    """

    lifetime: float = 14_400.0
    idle: float = 3_600.0
    max_per_operator: int = 256
    exchange_limit: float = 90.0
    max_request_bytes: int = 4095
    grace: float = 30.0
    lease_idle: float = 900.0
    take_over_notice: float = 30.0

    @classmethod
    def of(cls, chosen: SessionSettings) -> Self:
        """Return what the configuration asks for."""
        return cls(
            lifetime=chosen.lifetime,
            idle=chosen.idle,
            max_per_operator=chosen.max_per_operator,
            exchange_limit=chosen.exchange_limit,
            max_request_bytes=chosen.max_request_bytes,
            grace=chosen.tester_present_grace,
            lease_idle=chosen.lease_idle,
            take_over_notice=chosen.take_over_notice,
        )
