"""One session: its record, and everybody who watches it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from gateway.domain.events import Event
from gateway.runtime.feeds import Feed, Policy
from gateway.sessions.recorder import UNRECORDED, Track

#: Session news a watcher may lag behind before it is cut; it can come back and ask again.
MAX_LAG = 512

#: News that recordings do not take: exchanges come with time stamps, chats are people's own.
_UNRECORDED = frozenset({"exchange", "chat"})


class SessionState(StrEnum):
    """How far a session has come."""

    ACTIVE = "active"
    ENDED = "ended"


class EndReason(StrEnum):
    """Why a session ended."""

    OPERATOR = "operator"
    TICKET = "ticket"
    LIFETIME = "lifetime"
    IDLE = "idle"
    CONNECTOR = "connector"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class SessionNews:
    """Something that happened in a session.

    Attributes:
        kind: ``exchange``, ``lease``, ``safe_state``, ``connector``, ``door``, ``chat`` or
            ``ended``.
        session: its id.
        body: JSON-ready members, as the operator websocket sends them.
    """

    kind: str
    session: str
    body: dict[str, object]


@dataclass(slots=True, eq=False)
class Session:
    """One operator's work on one vehicle. Owned by the session service.

    Attributes:
        id: 32 hexadecimal digits.
        client_id: the operator.
        provider_id: the operator's provider.
        connector: UUID of the connector.
        connector_id: its number.
        ticket_id: on whose account, if any.
        opened_at: UTC.
        expires_at: UTC, whatever happens.
        last_used: monotonic seconds of the last request.
        writer: it holds the lease.
        moving: the vehicle is on its way to its safe state, because this session lost the lease.
        exchanges: how many have been made.
        track: its recording.
    """

    id: str
    client_id: str
    provider_id: int
    connector: UUID
    connector_id: int
    ticket_id: int | None
    opened_at: datetime
    expires_at: datetime
    ends_by: float
    last_used: float
    writer: bool = False
    moving: bool = False
    exchanges: int = 0
    track: Track = UNRECORDED
    state: SessionState = SessionState.ACTIVE
    _watchers: list[Feed[SessionNews]] = field(default_factory=list)

    @contextmanager
    def watch(self) -> Iterator[Feed[SessionNews]]:
        """Give the block a feed of what happens from now on."""
        feed: Feed[SessionNews] = Feed(MAX_LAG, Policy.CLOSE_SLOW)
        if self.state is SessionState.ENDED:
            feed.close()
        self._watchers.append(feed)
        try:
            yield feed
        finally:
            self._watchers.remove(feed)
            feed.close()

    @property
    def watched(self) -> bool:
        """Somebody watches; news need not be made for nobody."""
        return bool(self._watchers)

    def tell(self, kind: str, body: dict[str, object]) -> None:
        """Let every watcher know; a slow one is cut and finds out by itself."""
        if kind not in _UNRECORDED:
            self.track.happened(f"session.{kind}", body)
        news = SessionNews(kind, self.id, body)
        for feed in self._watchers:
            feed.put_nowait(news)

    def end_watching(self) -> None:
        """No more news will come."""
        for feed in self._watchers:
            feed.close()


def session_event(session: Session, what: str, now: datetime, **more: object) -> Event:
    """Return the event ``sessions.session.WHAT`` of a session."""
    return Event(
        type=f"sessions.session.{what}",
        subject=f"session:{session.id}",
        tenant_id=None,
        payload={
            "session_id": session.id,
            "client_id": session.client_id,
            "connector_id": session.connector_id,
            "ticket_id": session.ticket_id,
            **more,
        },
        occurred_at=now,
    )
