"""All TCP_DATA sockets of an entity: who may register (ISO 13400-2:2019, 7.2.3 and 9.4).

A client address is bound to one socket at a time, and no more than MCTS sockets are registered.
A request that collides with either does not simply lose: the sockets in its way are asked whether
their client still lives. Whoever does not answer in time is closed and makes room.

    address on another socket   -> alive check there; answered: code 03
    all sockets registered      -> alive check on all of them; all answered: code 01

Two choices that the standard leaves or takes otherwise:
- the OEM field is judged first. Otherwise a stranger without the key could make the entity close
  the socket of a client that is slow to answer alive checks;
- each denial closes the socket, code 04 too, so that every guess of a key costs a connection.
"""

# doipclient ships no annotations, so building its messages is an untyped call.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from doipclient.messages import (
    AliveCheckRequest,
    RoutingActivationRequest,
    RoutingActivationResponse,
)

from protocols.doip.codec import code_of
from protocols.doip.connection import (
    HOLDING,
    ROUTING,
    EntityConnection,
    SocketState,
    SocketTrigger,
)
from protocols.doip.events import (
    CloseReason,
    ConfirmationWanted,
    ConnectionEnding,
    EntityEvent,
    RoutingActivated,
)
from protocols.doip.settings import EntitySettings
from protocols.errors import LocalProtocolError

#: Routing activation response codes, table 49.
ActivationCode = RoutingActivationResponse.ResponseCode


@dataclass(slots=True)
class _Activation:
    """A request for routing and the sockets known to be alive since it came."""

    connection: EntityConnection
    source: int
    type: int
    oem: bytes
    alive: set[int] = field(default_factory=set)


class SocketHandler:
    """Opens, registers, checks and ends the sockets of one entity."""

    def __init__(self, settings: EntitySettings, events: deque[EntityEvent]) -> None:
        self._settings = settings
        self._events = events
        self._connections: dict[int, EntityConnection] = {}
        self._activations: dict[int, _Activation] = {}
        self._unconfirmed: dict[int, _Activation] = {}
        self._last_number = 0

    def __len__(self) -> int:
        return len(self._connections)

    def get(self, number: int) -> EntityConnection | None:
        """Return the socket of that number while it is open."""
        return self._connections.get(number)

    def all(self) -> tuple[EntityConnection, ...]:
        return tuple(self._connections.values())

    def open(self, now: float, *, secure: bool) -> EntityConnection | None:
        """Take in a new socket, or ``None`` when even the one in reserve is in use."""
        if len(self._connections) > self._settings.max_sockets:
            return None
        self._last_number += 1
        connection = EntityConnection(
            self._last_number,
            now,
            max_length=self._settings.max_data_size,
            has_room=self._has_room,
            secure=secure,
        )
        self._connections[connection.id] = connection
        return connection

    def drop(self, connection: EntityConnection, now: float) -> None:
        """Forget a socket that is closed; whoever waited for it may have its place."""
        del self._connections[connection.id]
        self._unconfirmed.pop(connection.id, None)
        connection.step(SocketTrigger.LOST, now)
        self._settle(now)

    def end(self, connection: EntityConnection, reason: CloseReason, now: float) -> None:
        """Let a socket say its last words and close."""
        connection.step(SocketTrigger.ENDED, now)
        self._unconfirmed.pop(connection.id, None)
        self._events.append(ConnectionEnding(connection.id, reason))
        self._settle(now)

    def end_overdue(self, now: float) -> None:
        """End each socket whose timer ran out."""
        for connection in self.all():
            reason = connection.overdue(now)
            if reason is not None:
                self.end(connection, reason, now)

    def activate(
        self, connection: EntityConnection, message: RoutingActivationRequest, now: float
    ) -> None:
        """Handle a routing activation request."""
        wanted = _Activation(
            connection, int(message.source_address), code_of(message), _oem(message)
        )
        denial = self._denial(wanted)
        if denial is not None:
            self._deny(wanted, denial, now)
        elif connection.state in HOLDING:
            self._grant(wanted, now)
        elif connection.id not in self._activations:
            connection.source = wanted.source
            connection.step(SocketTrigger.ACTIVATION_ASKED, now)
            self._activations[connection.id] = wanted
            self._advance(wanted, now)

    def answered(self, connection: EntityConnection, source: int, now: float) -> None:
        """Handle an alive check response; one with a foreign address is none."""
        if connection.state is not SocketState.CHECKING or source != connection.source:
            return
        connection.step(SocketTrigger.ALIVE_ANSWERED, now)
        for wanted in self._activations.values():
            wanted.alive.add(connection.id)
        self._settle(now)

    def confirmed(self, connection: EntityConnection, *, agreed: bool, now: float) -> None:
        """Tell a client that waits after code 11 how the vehicle decided: 10 or 05.

        Raises:
            LocalProtocolError: nobody waits for it on this socket.
        """
        wanted = self._unconfirmed.pop(connection.id, None)
        if wanted is None:
            raise LocalProtocolError(f"socket {connection.id} waits for no confirmation")
        if agreed:
            self._register(wanted, now)
        else:
            self._deny(wanted, ActivationCode.DeniedRejectedConfirmation, now)

    def _has_room(self) -> bool:
        announced = sum(connection.gathering for connection in self._connections.values())
        return announced <= self._settings.receive_memory

    def _denial(self, wanted: _Activation) -> ActivationCode | None:
        settings, connection = self._settings, wanted.connection
        if wanted.source not in settings.clients:
            return ActivationCode.DeniedUnknownSourceAddress
        if settings.require_tls and not connection.secure:
            return ActivationCode.DeniedRequiresTLS
        if wanted.type not in settings.activation_types | settings.confirmed_types:
            return ActivationCode.DeniedUnsupportedActivationType
        if settings.authentication is not None and not settings.authentication(wanted.oem):
            return ActivationCode.DeniedMissingAuthentication
        if connection.source not in {None, wanted.source}:
            return ActivationCode.DeniedSADoesNotMatch
        return None

    def _advance(self, wanted: _Activation, now: float) -> None:
        """Take a request as far as it gets: granted, denied, or waiting for alive checks."""
        code, blockers = self._blockers(wanted)
        if not blockers:
            del self._activations[wanted.connection.id]
            self._grant(wanted, now)
            return
        unheard = [blocker for blocker in blockers if blocker.id not in wanted.alive]
        for blocker in unheard:
            self._check(blocker, wanted, now)
        if all(blocker.id in wanted.alive for blocker in blockers):
            self._deny(wanted, code, now)

    def _blockers(self, wanted: _Activation) -> tuple[ActivationCode, list[EntityConnection]]:
        holders = [each for each in self._connections.values() if each.state in HOLDING]
        same = [each for each in holders if each.source == wanted.source]
        if same:
            return ActivationCode.DeniedSARegistered, same
        full = len(holders) >= self._settings.max_sockets
        return ActivationCode.DeniedAllSocketsRegisteredActive, holders if full else []

    def _check(self, blocker: EntityConnection, wanted: _Activation, now: float) -> None:
        if blocker.state is SocketState.REGISTERED:
            blocker.step(SocketTrigger.ALIVE_ASKED, now)
            blocker.write(AliveCheckRequest(), now)
        elif blocker.state is SocketState.CONFIRMING:
            # Somebody in the vehicle is being asked about it right now: as alive as it gets.
            wanted.alive.add(blocker.id)

    def _settle(self, now: float) -> None:
        """Look again at every waiting request, after a socket answered or went."""
        for wanted in tuple(self._activations.values()):
            if wanted.connection.state is not SocketState.ACTIVATING:
                self._activations.pop(wanted.connection.id, None)
            elif wanted.connection.id in self._activations:
                self._advance(wanted, now)

    def _grant(self, wanted: _Activation, now: float) -> None:
        """Register, or ask the vehicle first where the activation type wants that."""
        connection = wanted.connection
        fresh = connection.state is SocketState.ACTIVATING
        if fresh and self._must_be_confirmed(wanted):
            connection.step(SocketTrigger.CONFIRMATION_WANTED, now)
            self._unconfirmed[connection.id] = wanted
            self._events.append(ConfirmationWanted(connection.id, wanted.source, wanted.type))
        if connection.state is SocketState.CONFIRMING:
            self._answer(wanted, ActivationCode.SuccessConfirmationRequired, now)
        else:
            self._register(wanted, now)

    def _must_be_confirmed(self, wanted: _Activation) -> bool:
        settings = self._settings
        if wanted.type in settings.confirmed_types:
            return True
        return settings.confirmation is not None and settings.confirmation()

    def _register(self, wanted: _Activation, now: float) -> None:
        """Activate routing; asked for again by a registered client it is only said again."""
        connection = wanted.connection
        if connection.state not in ROUTING:
            connection.step(SocketTrigger.GRANTED, now)
        self._answer(wanted, ActivationCode.Success, now)
        self._events.append(
            RoutingActivated(connection.id, wanted.source, wanted.type, wanted.oem)
        )

    def _deny(self, wanted: _Activation, code: ActivationCode, now: float) -> None:
        self._activations.pop(wanted.connection.id, None)
        self._answer(wanted, code, now)
        self.end(wanted.connection, CloseReason.DENIED, now)

    def _answer(self, wanted: _Activation, code: ActivationCode, now: float) -> None:
        entity = self._settings.logical_address
        wanted.connection.write(RoutingActivationResponse(wanted.source, entity, code), now)


def _oem(message: RoutingActivationRequest) -> bytes:
    value = message.vm_specific
    return b"" if value is None else int(value).to_bytes(4, "big")
