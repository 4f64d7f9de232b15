"""An ECU's state between requests: its diagnostic session, S3, and its security.

Theory of operation. An ECU wakes up in the default session. A tester moves it into another one,
and keeps it there by asking something at least every S3 (ISO 14229-2, 5 s); else it falls back by
itself. S3 stands still while a request is worked on. Whatever changes the session closes security.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from udsoncan.ResponseCode import ResponseCode

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.fsm import Table
from protocols.uds.security import SecurityAccess, SecurityParams

#: Sub-functions of DiagnosticSessionControl (ISO 14229-1, table 25).
DEFAULT_SESSION = 0x01
PROGRAMMING_SESSION = 0x02
EXTENDED_SESSION = 0x03
SAFETY_SESSION = 0x04

_MAX_EVENTS = 16


class SessionState(Enum):
    """Kinds of session; what vehicle makers define (40 to 7E) is one kind."""

    DEFAULT = auto()
    PROGRAMMING = auto()
    EXTENDED = auto()
    SAFETY = auto()
    SPECIFIC = auto()


class SessionTrigger(Enum):
    """What can happen to a session."""

    ENTER_DEFAULT = auto()
    ENTER_PROGRAMMING = auto()
    ENTER_EXTENDED = auto()
    ENTER_SAFETY = auto()
    ENTER_SPECIFIC = auto()
    S3_EXPIRED = auto()
    RESET = auto()


_ENTRIES = {
    SessionTrigger.ENTER_DEFAULT: SessionState.DEFAULT,
    SessionTrigger.ENTER_PROGRAMMING: SessionState.PROGRAMMING,
    SessionTrigger.ENTER_EXTENDED: SessionState.EXTENDED,
    SessionTrigger.ENTER_SAFETY: SessionState.SAFETY,
    SessionTrigger.ENTER_SPECIFIC: SessionState.SPECIFIC,
}

#: ISO 14229-1, figure 7: every session can be entered from every other, also from itself. Makers
#: may forbid some ways: that is a rule of the ECU application, answered with 22 or 7E.
TABLE: Table[SessionState, SessionTrigger] = Table(
    "diagnostic session",
    initial=SessionState.DEFAULT,
    final=frozenset(),
    transitions={
        **{(state, entry): to for state in SessionState for entry, to in _ENTRIES.items()},
        **{(state, SessionTrigger.RESET): SessionState.DEFAULT for state in SessionState},
        **{
            (state, SessionTrigger.S3_EXPIRED): SessionState.DEFAULT
            for state in SessionState
            if state is not SessionState.DEFAULT
        },
    },
)

_BY_SESSION = {
    DEFAULT_SESSION: SessionTrigger.ENTER_DEFAULT,
    PROGRAMMING_SESSION: SessionTrigger.ENTER_PROGRAMMING,
    EXTENDED_SESSION: SessionTrigger.ENTER_EXTENDED,
    SAFETY_SESSION: SessionTrigger.ENTER_SAFETY,
}


class EndReason(Enum):
    """Why a session other than the default one ended without the tester asking for it."""

    S3_EXPIRED = "no request for S3"
    RESET = "the ECU was reset"


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The ECU fell back to the default session; security is closed."""

    session: int
    reason: EndReason


@dataclass(frozen=True, slots=True)
class EcuParams:
    """What an ECU supports, and its times in seconds.

    Attributes:
        sessions: sub-functions of service 10 that it knows.
        security: what it can be opened with.
        p2: it begins to answer within this; whole milliseconds on the wire.
        p2_star: the same after a 0x78; steps of 10 ms on the wire.
        s3: how long a session lasts without a request.
    """

    sessions: frozenset[int] = frozenset({DEFAULT_SESSION, PROGRAMMING_SESSION, EXTENDED_SESSION})
    security: SecurityParams = field(default_factory=SecurityParams)
    p2: float = 0.05
    p2_star: float = 5.0
    s3: float = 5.0

    def __post_init__(self) -> None:
        """Raise LocalProtocolError for sessions or times that cannot be."""
        if DEFAULT_SESSION not in self.sessions or not all(0 < s < 0x7F for s in self.sessions):
            raise LocalProtocolError("sessions are 01 to 7E, and 01 is always among them")
        if not (0 < self.p2 <= 65.535 and 0 < self.p2_star <= 655.35 and self.s3 > 0):
            raise LocalProtocolError("P2, P2* or S3 do not fit their fields")

    @property
    def timing_record(self) -> bytes:
        """P2 and P2* as a positive answer to service 10 states them (ISO 14229-1, table 29)."""
        return struct.pack(">HH", round(self.p2 * 1000), round(self.p2_star * 100))


class EcuState:
    """Session and security of one ECU.

    Attributes:
        session: sub-function of the session that is on.
        state: its kind; see the table.
        security: seeds, keys and what is open.
    """

    def __init__(self, params: EcuParams | None = None) -> None:
        self.params = params if params is not None else EcuParams()
        self.session = DEFAULT_SESSION
        self.state = TABLE.initial
        self.security = SecurityAccess(self.params.security)
        self._requests = 0
        self._s3_ends: float | None = None
        self._events: deque[SessionEnded] = deque(maxlen=_MAX_EVENTS)

    def request_begins(self, now: float) -> None:
        """Stop S3: a request is being worked on. Several may be, physical and functional."""
        self.handle_deadline(now)
        self._requests += 1
        self._s3_ends = None

    def request_ends(self, now: float) -> None:
        """Start S3 anew: the final answer is sent, or there is none.

        Raises:
            LocalProtocolError: no request was being worked on.
        """
        if self._requests == 0:
            raise LocalProtocolError("a request ended that had not begun")
        self._requests -= 1
        self._restart_s3(now)

    def change_session(self, session: int, now: float) -> None:
        """Enter a session, also the one that is on; security closes.

        Raises:
            RemoteProtocolError: 12, the ECU does not know this session.
        """
        self.handle_deadline(now)
        if session not in self.params.sessions:
            raise RemoteProtocolError(
                f"session {session:#04x} is unknown", code=ResponseCode.SubFunctionNotSupported
            )
        self._enter(_BY_SESSION.get(session, SessionTrigger.ENTER_SPECIFIC), session)
        self._restart_s3(now)

    def reset(self, now: float) -> None:
        """Start again: default session, security closed; wrong keys and their delay stay."""
        self.handle_deadline(now)
        self._leave(SessionTrigger.RESET, EndReason.RESET)

    def next_deadline(self) -> float | None:
        """Return when S3 or the delay of security access is over, or ``None``."""
        due = (self._s3_ends, self.security.next_deadline())
        return min((moment for moment in due if moment is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        """Act upon whatever is due; harmless where nothing is."""
        self.security.handle_deadline(now)
        if self._s3_ends is not None and now >= self._s3_ends:
            self._leave(SessionTrigger.S3_EXPIRED, EndReason.S3_EXPIRED)

    def next_event(self) -> SessionEnded | None:
        """Return the oldest event that was not read yet; of more than 16 the newest are kept."""
        return self._events.popleft() if self._events else None

    def _restart_s3(self, now: float) -> None:
        runs = self.state is not SessionState.DEFAULT and self._requests == 0
        self._s3_ends = now + self.params.s3 if runs else None

    def _leave(self, trigger: SessionTrigger, reason: EndReason) -> None:
        """Fall back to the default session, and say so where it was another one."""
        ended = self.session
        self._enter(trigger, DEFAULT_SESSION)
        self._s3_ends = None
        if ended != DEFAULT_SESSION:
            self._events.append(SessionEnded(ended, reason))

    def _enter(self, trigger: SessionTrigger, session: int) -> None:
        self.state = TABLE.step(self.state, trigger)
        self.session = session
        self.security.relock()
