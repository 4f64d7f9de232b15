"""The vehicle's TCP side of DoIP: sockets, routing activation, diagnostic messages.

The driver accepts sockets and tells the entity; the entity answers with bytes for each socket and
with events. The order for a driver, after each call: send what ``data_to_send`` returns, then
take the events; a socket named in ``ConnectionEnding`` is closed once its bytes are out.

A diagnostic message is judged here as far as the addresses tell (NACK 02, 03, 04 and 05 for too
many at once); whether the network behind can take it only the driver knows, so each request goes
out as an event and comes back through ``accept`` (8002) or ``refuse`` (8003: 05, 06, 07, 08).
"""

# doipclient ships no annotations, so building its messages is an untyped call.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from doipclient.messages import (
    AliveCheckRequest,
    AliveCheckResponse,
    DiagnosticMessage,
    DiagnosticMessageNegativeAcknowledgement,
    DiagnosticMessagePositiveAcknowledgement,
    GenericDoIPNegativeAcknowledge,
    RoutingActivationRequest,
)

from protocols.doip.codec import Packet
from protocols.doip.connection import ROUTING, EntityConnection
from protocols.doip.events import CloseReason, DiagnosticRequest, EntityEvent
from protocols.doip.header import DoipError
from protocols.doip.settings import EntitySettings
from protocols.doip.sockets import SocketHandler
from protocols.errors import LocalProtocolError

#: Diagnostic message negative acknowledge codes, table 26.
DiagnosticNack = DiagnosticMessageNegativeAcknowledgement.NackCodes


class Entity:
    """All TCP_DATA sockets of one DoIP entity."""

    def __init__(self, settings: EntitySettings) -> None:
        self.settings = settings
        self._events: deque[EntityEvent] = deque()
        self._sockets = SocketHandler(settings, self._events)
        # Any: the handlers take different message classes; the key is the class.
        self._handlers: dict[type, Callable[[EntityConnection, Any, float], None]] = {
            RoutingActivationRequest: self._sockets.activate,
            AliveCheckRequest: self._say_alive,
            AliveCheckResponse: self._hear_alive,
            DiagnosticMessage: self._diagnose,
        }

    @property
    def open_sockets(self) -> int:
        """Sockets that are connected right now (NCTS)."""
        return len(self._sockets)

    def connected(self, now: float, *, secure: bool = False) -> int | None:
        """Take in a socket; return its number, or ``None``: no place is left, close it."""
        connection = self._sockets.open(now, secure=secure)
        return None if connection is None else connection.id

    def disconnected(self, number: int, now: float) -> None:
        """Forget a socket that is closed; telling it twice does no harm."""
        connection = self._sockets.get(number)
        if connection is not None:
            self._sockets.drop(connection, now)

    def receive(self, number: int, data: bytes, now: float) -> None:
        """Take bytes of a socket. Nothing a peer sends raises."""
        connection = self._sockets.get(number)
        if connection is None:
            return
        for item in connection.receive(data, now):
            if not connection.open:
                return
            self._take(connection, item, now)

    def accept(self, request: DiagnosticRequest, now: float) -> None:
        """Acknowledge a request: it is on its way to its target (8002)."""
        self._decide(
            request,
            DiagnosticMessagePositiveAcknowledgement(request.target, request.source, 0, b""),
            now,
        )

    def refuse(self, request: DiagnosticRequest, code: int, now: float) -> None:
        """Tell the client that the request goes nowhere (8003 with a code of table 26)."""
        self._decide(
            request,
            DiagnosticMessageNegativeAcknowledgement(request.target, request.source, code, b""),
            now,
        )

    def respond(self, number: int, source: int, target: int, payload: bytes, now: float) -> bool:
        """Send a diagnostic message from control unit ``source`` to client ``target``.

        Returns:
            ``False`` when the socket is gone or no longer routes for this client: an answer may
            always come too late, and then it is nobody's.
        """
        connection = self._sockets.get(number)
        if connection is None or connection.state not in ROUTING or connection.source != target:
            return False
        connection.write(DiagnosticMessage(source, target, payload), now)
        return True

    def confirm(self, number: int, now: float, *, agreed: bool) -> None:
        """Decide a ``ConfirmationWanted``; too late for a socket that is gone.

        Raises:
            LocalProtocolError: the socket did not ask.
        """
        connection = self._sockets.get(number)
        if connection is not None and connection.open:
            self._sockets.confirmed(connection, agreed=agreed, now=now)

    def close(self, number: int, now: float) -> None:
        """End a socket from this side, after what is queued for it."""
        connection = self._sockets.get(number)
        if connection is not None and connection.open:
            self._sockets.end(connection, CloseReason.LOCAL, now)

    def data_to_send(self) -> list[tuple[int, bytes]]:
        """Return what goes out now, by number of socket."""
        waiting = ((each.id, each.data_to_send()) for each in self._sockets.all())
        return [(number, data) for number, data in waiting if data]

    def next_event(self) -> EntityEvent | None:
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> float | None:
        """Return when ``handle_deadline`` is due, in the time that ``now`` counts."""
        deadlines = (each.next_deadline() for each in self._sockets.all())
        return min((each for each in deadlines if each is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        """End the sockets whose timers ran out; harmless when called early."""
        self._sockets.end_overdue(now)

    def _take(self, connection: EntityConnection, item: Packet | DoipError, now: float) -> None:
        if isinstance(item, DoipError):
            self._refuse_message(connection, item, now)
            return
        connection.version = item.version
        handler = self._handlers.get(type(item.message))
        if handler is not None:
            handler(connection, item.message, now)

    def _refuse_message(self, connection: EntityConnection, error: DoipError, now: float) -> None:
        if error.code is not None:
            connection.write(GenericDoIPNegativeAcknowledge(error.code), now)
        if error.close:
            self._sockets.end(connection, CloseReason.PROTOCOL, now)

    def _say_alive(
        self, connection: EntityConnection, _message: AliveCheckRequest, now: float
    ) -> None:
        # Meant for clients, yet clients ask too: an honest answer costs nothing.
        connection.write(AliveCheckResponse(self.settings.logical_address), now)

    def _hear_alive(
        self, connection: EntityConnection, message: AliveCheckResponse, now: float
    ) -> None:
        self._sockets.answered(connection, int(message.source_address), now)

    def _diagnose(
        self, connection: EntityConnection, message: DiagnosticMessage, now: float
    ) -> None:
        source, target = int(message.source_address), int(message.target_address)
        code = self._fault(connection, message)
        if code is None:
            connection.undecided += 1
            payload = bytes(message.user_data)
            self._events.append(DiagnosticRequest(connection.id, source, target, payload))
            return
        connection.write(DiagnosticMessageNegativeAcknowledgement(target, source, code, b""), now)
        if code is DiagnosticNack.InvalidSourceAddress:
            self._sockets.end(connection, CloseReason.INVALID_SOURCE, now)

    def _fault(
        self, connection: EntityConnection, message: DiagnosticMessage
    ) -> DiagnosticNack | None:
        """Judge a diagnostic message in the order of the diagnostic message handler, 9.5."""
        if connection.state not in ROUTING or message.source_address != connection.source:
            return DiagnosticNack.InvalidSourceAddress
        if message.target_address not in self.settings.targets:
            return DiagnosticNack.UnknownTargetAddress
        if len(message.user_data) > self.settings.max_request:
            return DiagnosticNack.DiagnosticMessageTooLarge
        if connection.undecided >= self.settings.max_undecided:
            return DiagnosticNack.OutOfMemory
        return None

    def _decide(
        self,
        request: DiagnosticRequest,
        message: DiagnosticMessagePositiveAcknowledgement
        | DiagnosticMessageNegativeAcknowledgement,
        now: float,
    ) -> None:
        connection = self._sockets.get(request.connection)
        if connection is None:
            return
        if connection.undecided == 0:
            raise LocalProtocolError(f"no request of socket {connection.id} waits for a decision")
        connection.undecided -= 1
        if connection.state in ROUTING:
            connection.write(message, now)
