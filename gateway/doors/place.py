"""What every door is given, and what it counts."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Literal, Protocol

import trio
from prometheus_client import Counter

from gateway.config import DoorSettings
from gateway.domain.clock import Clock
from gateway.doors.ports import Ports
from gateway.doors.strangers import Strangers
from gateway.runtime.logs import Log
from gateway.sessions.service import SessionService
from gateway.sessions.session import Session

Kind = Literal["doip", "socketcand"]


@dataclass(slots=True)
class DoorCounts:
    """What happened at one door so far.

    Attributes:
        connections: right now.
        accepted: connections that found a place.
        turned_away: connections that did not.
        slow: connections closed because their client did not read.
        exchanges: requests to the vehicle.
        unmapped: answers to functional requests by control units without an address.
        frames_shown: raw frames that came from the vehicle.
        frames_taken: raw frames for the vehicle.
        frames_lost: raw frames that were lost on the way to a client that did not read in time.
    """

    connections: int = 0
    accepted: int = 0
    turned_away: int = 0
    slow: int = 0
    exchanges: int = 0
    unmapped: int = 0
    frames_shown: int = 0
    frames_taken: int = 0
    frames_lost: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a door stands.

    Attributes:
        sessions: through which everything goes.
        session: whose vehicle this is.
        settings: bounds.
        ports: bound sockets.
        clock: wall clock, for the time stamps of frames.
        log: with the door's name.
        failures: counts connections that an exception ended.
        trusted: addresses whose tools need no key.
        tls: for doors that were asked for with it.
    """

    sessions: SessionService
    session: Session
    settings: DoorSettings
    ports: Ports
    clock: Clock
    log: Log
    failures: Counter
    strangers: Strangers
    trusted: frozenset[str] = frozenset()
    tls: ssl.SSLContext | None = None
    counts: DoorCounts = field(default_factory=DoorCounts)


class Door(Protocol):
    """One of a kind."""

    kind: Kind
    place: Place

    def secrets(self) -> dict[str, object]:
        """Return what opens it; told once."""
        ...

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled."""
        ...
