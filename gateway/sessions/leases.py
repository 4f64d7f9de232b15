"""One writer for each vehicle; readers are free, and one of them may have asked to take over.

    free ──acquire──► held ──suspend──► moving ──settle──► free, or held by whoever claimed it

While a lease moves nobody has it: the vehicle is on its way to its safe state.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from gateway.domain.errors import Conflict

#: Holds a lease that is on its way from one session to another; no session is called so.
_MOVING = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A session that is to have the lease after its present holder.

    Attributes:
        session: its id.
        moves_at: monotonic seconds until which the holder has notice.
    """

    session: str
    moves_at: float


class Leases:
    """Which session may send to which vehicle, and which comes next."""

    def __init__(self) -> None:
        self._holders: dict[UUID, str] = {}
        self._claims: dict[UUID, Claim] = {}

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
                "Another session holds the lease on this vehicle, or nobody does. You can listen; "
                "to send, ask for it with POST .../lease, or take it over with notice.",
            )

    def holds(self, connector: UUID, session: str) -> bool:
        """Tell whether ``session`` holds the lease on the vehicle."""
        return self._holders.get(connector) == session

    def holder(self, connector: UUID) -> str | None:
        """Return the session that holds the lease; ``None`` also while it moves."""
        return self._holders.get(connector) or None

    def is_free(self, connector: UUID) -> bool:
        """Tell whether anybody could take the lease now."""
        return connector not in self._holders

    def release(self, connector: UUID, session: str) -> bool:
        """Give the lease up at once; tell whether this session had it."""
        if self._holders.get(connector) != session:
            return False
        del self._holders[connector]
        return True

    # --- taking over -------------------------------------------------------------------------

    def claim(self, connector: UUID, session: str, moves_at: float) -> Claim:
        """Put a session next in line; asked again, the first answer stands.

        Raises:
            Conflict: another session is next already.
        """
        claim = self._claims.setdefault(connector, Claim(session, moves_at))
        if claim.session != session:
            raise Conflict(
                "session.take_over_pending",
                "Another session has asked to take this lease over already. Listen, and ask again "
                "when it has moved.",
            )
        return claim

    def claimed(self, connector: UUID) -> Claim | None:
        """Return who is next."""
        return self._claims.get(connector)

    def withdraw(self, connector: UUID, session: str) -> bool:
        """Take a session out of the line; tell whether it was in it."""
        claim = self._claims.get(connector)
        if claim is None or claim.session != session:
            return False
        del self._claims[connector]
        return True

    def due(self, now: float) -> list[tuple[UUID, str]]:
        """Return (connector, holder) of the leases whose holder's notice has run out."""
        return [
            (connector, holder)
            for connector, claim in self._claims.items()
            if claim.moves_at <= now and (holder := self._holders.get(connector))
        ]

    def suspend(self, connector: UUID, session: str) -> bool:
        """Take the lease from its holder, for nobody yet; tell whether this session had it."""
        if self._holders.get(connector) != session:
            return False
        self._holders[connector] = _MOVING
        return True

    def settle(self, connector: UUID) -> str | None:
        """End a move, or follow a release: return the session that has the lease now."""
        if self._holders.get(connector, _MOVING) != _MOVING:
            return None
        claim = self._claims.pop(connector, None)
        if claim is None:
            self._holders.pop(connector, None)
            return None
        self._holders[connector] = claim.session
        return claim.session
