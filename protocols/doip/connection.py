"""One TCP_DATA socket of an entity: its states and timers (ISO 13400-2:2019, 7.2 and 9.4).

Rules
- A socket without routing activation lives T_TCP_Initial_Inactivity.
- A registered socket lives while something is sent or received on it within
  T_TCP_General_Inactivity.
- A socket that is asked whether its client is alive answers within T_TCP_Alive_Check. Only the
  alive check response counts: data that was on its way says nothing about now.
- A socket that ends sends what it still has to say (a denial, a NACK) and takes nothing more.

What has to be true of *several* sockets before one may be registered is in ``sockets``.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from doipclient.constants import (
    T_TCP_ALIVE_CHECK,
    T_TCP_GENERAL_INACTIVITY,
    T_TCP_INITIAL_INACTIVITY,
)

from protocols.doip.codec import Decoder, Message, Packet, encode
from protocols.doip.events import CloseReason
from protocols.doip.header import DoipError, ProtocolVersion
from protocols.fsm import Table

#: Routing activation, alive check, diagnostic messages: what may come in over TCP (table 17).
#: 8002 and 8003 are taken and ignored: some testers acknowledge what they get.
TCP_TYPES = frozenset({0x0000, 0x0005, 0x0007, 0x0008, 0x8001, 0x8002, 0x8003})


class SocketState(Enum):
    """Where a TCP_DATA socket stands."""

    INITIALISED = auto()  # accepted, nobody registered
    ACTIVATING = auto()  # asked for routing, alive checks on other sockets run
    CONFIRMING = auto()  # registered, somebody in the vehicle must agree
    REGISTERED = auto()  # routing is active
    CHECKING = auto()  # routing is active, an alive check response is due
    FINALISING = auto()  # says its last words
    CLOSED = auto()


class SocketTrigger(Enum):
    """What moves it."""

    ACTIVATION_ASKED = auto()
    CONFIRMATION_WANTED = auto()
    GRANTED = auto()
    ALIVE_ASKED = auto()
    ALIVE_ANSWERED = auto()
    ENDED = auto()  # denied, silent for too long, broken, or no longer wanted
    LOST = auto()  # the socket is gone


_S, _T = SocketState, SocketTrigger
_LIVING = (_S.INITIALISED, _S.ACTIVATING, _S.CONFIRMING, _S.REGISTERED, _S.CHECKING)

SOCKET_TABLE: Table[SocketState, SocketTrigger] = Table(
    "DoIP TCP_DATA socket",
    initial=_S.INITIALISED,
    final=frozenset({_S.CLOSED}),
    transitions={
        (_S.INITIALISED, _T.ACTIVATION_ASKED): _S.ACTIVATING,
        (_S.ACTIVATING, _T.GRANTED): _S.REGISTERED,
        (_S.ACTIVATING, _T.CONFIRMATION_WANTED): _S.CONFIRMING,
        (_S.CONFIRMING, _T.GRANTED): _S.REGISTERED,
        (_S.REGISTERED, _T.ALIVE_ASKED): _S.CHECKING,
        (_S.CHECKING, _T.ALIVE_ANSWERED): _S.REGISTERED,
        **{(state, _T.ENDED): _S.FINALISING for state in _LIVING},
        **{(state, _T.LOST): _S.CLOSED for state in (*_LIVING, _S.FINALISING)},
    },
)

#: Registered: the client's address is bound to this socket and to no other.
HOLDING = frozenset({_S.CONFIRMING, _S.REGISTERED, _S.CHECKING})
#: Diagnostic messages pass.
ROUTING = frozenset({_S.REGISTERED, _S.CHECKING})

#: Which silence ends a socket in each state; the other states wait for nobody.
_SILENCES = {
    _S.INITIALISED: CloseReason.INITIAL_INACTIVITY,
    _S.CONFIRMING: CloseReason.GENERAL_INACTIVITY,
    _S.REGISTERED: CloseReason.GENERAL_INACTIVITY,
    _S.CHECKING: CloseReason.ALIVE_CHECK,
}


class EntityConnection:
    """One accepted socket, as far as it can be judged alone.

    Attributes:
        id: number of the socket, given by the entity.
        secure: the socket is TLS.
        source: the client's address, from its routing activation request on.
        version: protocol version the client speaks; answers repeat it.
        undecided: diagnostic requests that the driver has neither accepted nor refused.
    """

    def __init__(
        self,
        number: int,
        now: float,
        *,
        max_length: int,
        has_room: Callable[[], bool],
        secure: bool = False,
    ) -> None:
        self.id = number
        self.secure = secure
        self.source: int | None = None
        self.version: int = ProtocolVersion.ISO_2012
        self.undecided = 0
        self._state = SOCKET_TABLE.initial
        self._decoder = Decoder(max_length, types=TCP_TYPES, has_room=has_room)
        self._outgoing = bytearray()
        self._quiet_since = now
        self._asked_at = now

    @property
    def state(self) -> SocketState:
        return self._state

    @property
    def gathering(self) -> int:
        """Bytes that the message under way announced."""
        return self._decoder.gathering

    @property
    def open(self) -> bool:
        """Messages are taken; ``False`` once the socket ends."""
        return self._state in _LIVING

    def step(self, trigger: SocketTrigger, now: float) -> None:
        """Move on; a state that has a timer starts it at ``now``."""
        self._state = SOCKET_TABLE.step(self._state, trigger)
        if trigger is SocketTrigger.ALIVE_ASKED:
            self._asked_at = now
        else:
            self._quiet_since = now

    def receive(self, data: bytes, now: float) -> list[Packet | DoipError]:
        """Take bytes from the socket; return messages and errors in their order."""
        if not self.open:
            return []
        if self._state in HOLDING:
            self._quiet_since = now
        return self._decoder.receive(data)

    def write(self, message: Message, now: float) -> None:
        """Queue a message in the client's own protocol version."""
        self._outgoing += encode(message, self.version)
        if self._state in HOLDING:
            self._quiet_since = now

    def data_to_send(self) -> bytes:
        """Return and forget what is queued."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline(self) -> float | None:
        """Return when this socket's silence becomes its end."""
        reason = _SILENCES.get(self._state)
        if reason is None:
            return None
        if reason is CloseReason.INITIAL_INACTIVITY:
            return self._quiet_since + T_TCP_INITIAL_INACTIVITY
        if reason is CloseReason.ALIVE_CHECK:
            return self._asked_at + T_TCP_ALIVE_CHECK
        return self._quiet_since + T_TCP_GENERAL_INACTIVITY

    def overdue(self, now: float) -> CloseReason | None:
        """Return why the socket has to end now, if it has."""
        deadline = self.next_deadline()
        return _SILENCES[self._state] if deadline is not None and deadline <= now else None
