"""Who is at a door: told to whoever watches its session, and kept in the session's recording.

Only who has shown the key is a visitor: strangers, who may knock as often as they like, do not
fill anybody's recording.
"""

from __future__ import annotations

from gateway.sessions.session import Session, SessionState

#: Kind of the news; the recording has ``session.door``.
NEWS = "door"


class Visitors:
    """Owned by a door.

    Args:
        session: whose vehicle the door leads to.
        kind: of the door.
    """

    def __init__(self, session: Session, kind: str) -> None:
        self._session = session
        self._kind = kind
        self._present: dict[object, dict[str, object]] = {}

    def came(self, connection: object, **who: object) -> None:
        """Tell that somebody may use the vehicle now; the same connection comes once.

        Args:
            connection: names it until it leaves.
            who: what is known of the visitor: address, bus.
        """
        if connection not in self._present:
            self._present[connection] = who
            self._tell("connected", who)

    def left(self, connection: object, why: str) -> None:
        """Tell that a connection is over; one that never came is none of anybody's business."""
        who = self._present.pop(connection, None)
        # A session that ends closes its doors, which says enough.
        if who is not None and self._session.state is SessionState.ACTIVE:
            self._tell("left", {**who, "why": why})

    def _tell(self, event: str, more: dict[str, object]) -> None:
        self._session.tell(NEWS, {"door": self._kind, "event": event, **more})
