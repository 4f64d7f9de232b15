"""One writer for each vehicle; readers are free."""

from __future__ import annotations

from uuid import UUID

from gateway.domain.errors import Conflict


class Leases:
    """Which session may send to which vehicle."""

    def __init__(self) -> None:
        self._holders: dict[UUID, str] = {}

    def try_acquire(self, connector: UUID, session: str) -> bool:
        """Take the lease if it is free or this session's already; tell whether it is held now."""
        return self._holders.setdefault(connector, session) == session

    def require(self, connector: UUID, session: str) -> None:
        """Check that ``session`` may send to the vehicle.

        Raises:
            Conflict: it does not hold the lease.
        """
        if self._holders.get(connector) != session:
            raise Conflict(
                "session.no_lease",
                "Another session holds the lease on this vehicle. You can listen; to send, wait "
                "until it is released and then ask for it with POST .../lease.",
            )

    def holds(self, connector: UUID, session: str) -> bool:
        """Tell whether ``session`` holds the lease on the vehicle."""
        return self._holders.get(connector) == session

    def release(self, connector: UUID, session: str) -> bool:
        """Give the lease up; tell whether this session had it."""
        if self._holders.get(connector) != session:
            return False
        del self._holders[connector]
        return True
