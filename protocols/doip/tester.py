"""The client's side of one TCP connection to a DoIP entity: one activation, many control units.

Rules
- After the socket connects, routing is activated; without an answer in two seconds, or with a
  denial, the connection is over. Code 11 (someone in the vehicle must agree) is waited out.
- Diagnostic messages go to any number of targets. An entity acknowledges in the order in which it
  took the messages, so an acknowledgement belongs to the oldest one for its target that waits.
- No acknowledgement within A_DoIP_Diagnostic_Message is a failure of that message alone.
- Out of memory (8003 code 05, generic NACK 03) is no failure yet: the message is repeated three
  times, 200 ms apart.
- A generic NACK names no message. Entities work through a socket in order, so it is about the
  oldest message that waits.
- Alive checks are answered at once, in every state.
- What comes from control units is an event with their address; whether it answers anything is for
  UDS to say.

One instance is one connection: after ``ConnectionClosed`` make a new one.
"""

# doipclient ships no annotations, so building its messages is an untyped call.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from doipclient.constants import A_DOIP_CTRL
from doipclient.messages import (
    AliveCheckRequest,
    AliveCheckResponse,
    DiagnosticMessage,
    DiagnosticMessageNegativeAcknowledgement,
    DiagnosticMessagePositiveAcknowledgement,
    GenericDoIPNegativeAcknowledge,
    RoutingActivationRequest,
    RoutingActivationResponse,
)

from protocols.doip.codec import Decoder, Message, Packet, code_of, encode
from protocols.doip.deliveries import Deliveries
from protocols.doip.header import DoipError
from protocols.doip.settings import DoipTesterSettings
from protocols.doip.tester_events import (
    CloseCause,
    ConnectionClosed,
    DiagnosticReceived,
    DoipTesterEvent,
    RoutingReady,
)
from protocols.errors import LocalProtocolError
from protocols.fsm import Table

_ActivationCode = RoutingActivationResponse.ResponseCode
_TYPES = frozenset({0x0000, 0x0006, 0x0007, 0x0008, 0x8001, 0x8002, 0x8003})


class DoipTesterState(Enum):
    """Where the connection stands."""

    CONNECTING = auto()
    ACTIVATING = auto()  # request sent
    CONFIRMING = auto()  # code 11 came; someone in the vehicle is asked
    ACTIVE = auto()
    CLOSED = auto()


class DoipTesterTrigger(Enum):
    """What moves it."""

    CONNECTED = auto()
    CONFIRMATION_WANTED = auto()
    GRANTED = auto()
    ENDED = auto()


_S, _T = DoipTesterState, DoipTesterTrigger

TESTER_TABLE: Table[DoipTesterState, DoipTesterTrigger] = Table(
    "DoIP tester",
    initial=_S.CONNECTING,
    final=frozenset({_S.CLOSED}),
    transitions={
        (_S.CONNECTING, _T.CONNECTED): _S.ACTIVATING,
        (_S.ACTIVATING, _T.GRANTED): _S.ACTIVE,
        (_S.ACTIVATING, _T.CONFIRMATION_WANTED): _S.CONFIRMING,
        (_S.CONFIRMING, _T.GRANTED): _S.ACTIVE,
        **{
            (state, _T.ENDED): _S.CLOSED
            for state in (_S.CONNECTING, _S.ACTIVATING, _S.CONFIRMING, _S.ACTIVE)
        },
    },
)


class DoipTester:
    """One connection to one entity.

    Attributes:
        ignored: messages that made no sense here (foreign addresses, acknowledgements nobody
            waits for, unknown types): worth a look when it grows.
    """

    def __init__(self, settings: DoipTesterSettings) -> None:
        self.ignored = 0
        self._settings = settings
        self._state = TESTER_TABLE.initial
        self._decoder = Decoder(settings.max_length, types=_TYPES)
        self._outgoing = bytearray()
        self._events: deque[DoipTesterEvent] = deque()
        self._deliveries = Deliveries(settings, self._write_diagnostic, self._events)
        self._activation_deadline: float | None = None
        # Any: the handlers take different message classes; the key is the class.
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            RoutingActivationResponse: self._activation_answered,
            AliveCheckRequest: self._say_alive,
            DiagnosticMessage: self._diagnostic,
            DiagnosticMessagePositiveAcknowledgement: self._acknowledged,
            DiagnosticMessageNegativeAcknowledgement: self._rejected,
            GenericDoIPNegativeAcknowledge: self._header_rejected,
        }

    @property
    def state(self) -> DoipTesterState:
        return self._state

    def connected(self, now: float) -> None:
        """The socket is open: ask for routing.

        Raises:
            LocalProtocolError: it was open already, or is over.
        """
        settings = self._settings
        self._step(DoipTesterTrigger.CONNECTED)
        self._activation_deadline = now + A_DOIP_CTRL
        self._write(
            RoutingActivationRequest(
                settings.source_address, settings.activation_type, vm_specific=settings.oem
            )
        )

    def send(self, target: int, payload: bytes, now: float) -> int:
        """Send a diagnostic message; return the number its outcome will name.

        Raises:
            LocalProtocolError: routing is not active, too many messages wait for their
                acknowledgement, or the message has no bytes or no 16-bit target.
        """
        if self._state is not DoipTesterState.ACTIVE:
            raise LocalProtocolError(f"DoIP routing is not active but {self._state.name}")
        if not payload:
            raise LocalProtocolError("a diagnostic message has at least one byte")
        return self._deliveries.send(target, payload, now)

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the socket. Nothing an entity sends raises.

        Raises:
            LocalProtocolError: the socket was never reported as connected.
        """
        if self._state is DoipTesterState.CONNECTING:
            raise LocalProtocolError("bytes before the socket was connected")
        for item in self._decoder.receive(data):
            if self._state is DoipTesterState.CLOSED:
                return
            self._take(item, now)

    def disconnected(self) -> None:
        """The entity closed the socket, or the network did."""
        self._end(CloseCause.LOST, "the connection was closed by the vehicle or the network")

    def close(self) -> None:
        """End the connection from this side."""
        self._end(CloseCause.LOCAL, "closed from this side")

    def data_to_send(self) -> bytes:
        """Return and forget what is queued for the socket."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_event(self) -> DoipTesterEvent | None:
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> float | None:
        """Return when ``handle_deadline`` is due, in the time that ``now`` counts."""
        deadlines = (self._activation_deadline, self._deliveries.next_deadline())
        return min((each for each in deadlines if each is not None), default=None)

    def handle_deadline(self, now: float) -> None:
        """Act on what is due: repeat, or give up; harmless when called early."""
        if self._activation_deadline is not None and self._activation_deadline <= now:
            self._end(CloseCause.TIMEOUT, "the entity did not answer the routing activation")
        self._deliveries.handle_deadline(now)

    def _step(self, trigger: DoipTesterTrigger) -> None:
        self._state = TESTER_TABLE.step(self._state, trigger)

    def _write(self, message: Message) -> None:
        self._outgoing += encode(message, self._settings.version)

    def _write_diagnostic(self, target: int, payload: bytes) -> None:
        self._write(DiagnosticMessage(self._settings.source_address, target, payload))

    def _end(self, cause: CloseCause, detail: str, code: int | None = None) -> None:
        if self._state is DoipTesterState.CLOSED:
            return
        self._step(DoipTesterTrigger.ENDED)
        self._activation_deadline = None
        self._deliveries.lose_all()
        self._events.append(ConnectionClosed(cause, detail, code))

    def _take(self, item: Packet | DoipError, now: float) -> None:
        if isinstance(item, DoipError):
            self.ignored += 1
            if item.close:
                self._end(CloseCause.PROTOCOL, str(item))
            return
        handler = self._handlers.get(type(item.message))
        if handler is None:
            self.ignored += 1
        else:
            handler(item.message, now)

    def _say_alive(self, _request: AliveCheckRequest, _now: float) -> None:
        self._write(AliveCheckResponse(self._settings.source_address))

    def _activation_answered(self, message: RoutingActivationResponse, now: float) -> None:
        waited_for = self._state in {DoipTesterState.ACTIVATING, DoipTesterState.CONFIRMING}
        if not waited_for or message.client_logical_address != self._settings.source_address:
            self.ignored += 1
            return
        code = code_of(message)
        if code == _ActivationCode.Success:
            self._step(DoipTesterTrigger.GRANTED)
            self._activation_deadline = None
            self._events.append(RoutingReady(int(message.logical_address)))
        elif code != _ActivationCode.SuccessConfirmationRequired:
            self._end(CloseCause.DENIED, f"routing activation denied: {_name(code)}", code)
        elif self._state is DoipTesterState.ACTIVATING:
            self._step(DoipTesterTrigger.CONFIRMATION_WANTED)
            self._activation_deadline = now + self._settings.confirmation_wait

    def _diagnostic(self, message: DiagnosticMessage, _now: float) -> None:
        if not self._ours(message):
            return
        source, payload = int(message.source_address), bytes(message.user_data)
        self._events.append(DiagnosticReceived(source, payload))

    def _acknowledged(
        self, message: DiagnosticMessagePositiveAcknowledgement, _now: float
    ) -> None:
        if self._ours(message):
            self.ignored += not self._deliveries.confirmed(int(message.source_address))

    def _rejected(self, message: DiagnosticMessageNegativeAcknowledgement, now: float) -> None:
        if self._ours(message):
            source, code = int(message.source_address), code_of(message)
            self.ignored += not self._deliveries.refused(source, code, now)

    def _header_rejected(self, message: GenericDoIPNegativeAcknowledge, now: float) -> None:
        self.ignored += not self._deliveries.header_refused(code_of(message), now)

    def _ours(
        self,
        message: DiagnosticMessage
        | DiagnosticMessagePositiveAcknowledgement
        | DiagnosticMessageNegativeAcknowledgement,
    ) -> bool:
        """Tell whether a message is for our address while routing is active; count the others."""
        ours = (
            self._state is DoipTesterState.ACTIVE
            and message.target_address == self._settings.source_address
        )
        self.ignored += not ours
        return ours


def _name(code: int) -> str:
    known = code in frozenset(_ActivationCode)
    return f"{code:02X} ({_ActivationCode(code).name})" if known else f"{code:02X}"
