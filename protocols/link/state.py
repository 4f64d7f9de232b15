"""The states of a link, for both roles.

Theory: a handshake of four messages, each of which only one role may send, then traffic both
ways until somebody says goodbye or the connection is gone. The same table serves both ends; the
role decides only who may send which message (:data:`SENDER`), so the two ends cannot drift.

Rules:
  1. Nothing but the table changes the state.
  2. A message that has no row is the sender's fault: ours is a ``LocalProtocolError``, the
     peer's is a ``RemoteProtocolError`` and ends the link with ``CloseCode.PROTOCOL``.
"""

from __future__ import annotations

from enum import Enum, auto

from protocols.fsm import Table


class Role(Enum):
    """Which end of the link a machine is."""

    CONNECTOR = auto()
    GATEWAY = auto()

    @property
    def peer(self) -> Role:
        """The other end."""
        return Role.GATEWAY if self is Role.CONNECTOR else Role.CONNECTOR


class State(Enum):
    """How far a link has come."""

    IDLE = auto()
    GREETED = auto()
    CHALLENGED = auto()
    PROVED = auto()
    LIVE = auto()
    CLOSED = auto()


class Trigger(Enum):
    """What moves a link on: a message by either end, or the end of the connection."""

    HELLO = auto()
    CHALLENGE = auto()
    PROOF = auto()
    WELCOME = auto()
    TRAFFIC = auto()
    GOODBYE = auto()
    LOST = auto()


#: Who may send what; traffic and goodbye belong to both.
SENDER: dict[Trigger, Role] = {
    Trigger.HELLO: Role.CONNECTOR,
    Trigger.CHALLENGE: Role.GATEWAY,
    Trigger.PROOF: Role.CONNECTOR,
    Trigger.WELCOME: Role.GATEWAY,
}

_OPEN = (State.IDLE, State.GREETED, State.CHALLENGED, State.PROVED, State.LIVE)

TABLE: Table[State, Trigger] = Table(
    "link",
    initial=State.IDLE,
    final=frozenset({State.CLOSED}),
    transitions={
        (State.IDLE, Trigger.HELLO): State.GREETED,
        (State.GREETED, Trigger.CHALLENGE): State.CHALLENGED,
        (State.CHALLENGED, Trigger.PROOF): State.PROVED,
        (State.PROVED, Trigger.WELCOME): State.LIVE,
        (State.LIVE, Trigger.TRAFFIC): State.LIVE,
        **{(state, Trigger.GOODBYE): State.CLOSED for state in _OPEN},
        **{(state, Trigger.LOST): State.CLOSED for state in _OPEN},
    },
)
