"""One ISO-TP connection: a tester and an ECU on one bus, seen from one of them.

Every call takes ``now`` in seconds of any monotonic clock and acts at once; after it a driver
sends ``frames_to_send`` in order, then reads ``next_event`` until ``None``, and sleeps until
``next_deadline``. Sending and receiving are independent of each other.

Bounds: one payload on its way at a time (a second is refused); at most :data:`BURST` frames
between two calls of ``frames_to_send`` (a longer block goes on at the next deadline, which is then
already due); one payload being received, of at most ``max_frame_size``; at most :data:`MAX_EVENTS`
events that nobody has read, where the oldest gives way.
"""

from __future__ import annotations

from collections import deque

from isotp import errors

from protocols.can.frame import CanFrame
from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import IsoTpAddress, Target
from protocols.isotp.engine import Engine, InvalidFlowStatusError
from protocols.isotp.events import (
    FaultReason,
    IsoTpEvent,
    PayloadReceived,
    PayloadSent,
    ReceptionStarted,
    TransportFault,
)
from protocols.isotp.params import IsoTpParams

#: More than a whole 4095-byte payload in classic frames (586).
BURST = 1024
MAX_EVENTS = 256

_REASONS: dict[type[errors.IsoTpError], FaultReason] = {
    errors.FlowControlTimeoutError: FaultReason.FLOW_CONTROL_TIMEOUT,
    errors.ConsecutiveFrameTimeoutError: FaultReason.CONSECUTIVE_FRAME_TIMEOUT,
    errors.WrongSequenceNumberError: FaultReason.WRONG_SEQUENCE_NUMBER,
    errors.ReceptionInterruptedWithFirstFrameError: FaultReason.INTERRUPTED,
    errors.ReceptionInterruptedWithSingleFrameError: FaultReason.INTERRUPTED,
    errors.MaximumWaitFrameReachedError: FaultReason.TOO_MANY_WAITS,
    errors.OverflowError: FaultReason.PEER_OVERFLOW,
    errors.FrameTooLongError: FaultReason.TOO_LONG,
    InvalidFlowStatusError: FaultReason.INVALID_FLOW_STATUS,
}


class IsoTpConnection:
    """The sans-IO face of one connection.

    Attributes:
        address: who speaks to whom, from this side.
        params: how.
    """

    def __init__(
        self, address: IsoTpAddress, params: IsoTpParams | None = None, *, now: float = 0.0
    ) -> None:
        self.address = address
        self.params = params if params is not None else IsoTpParams()
        self._engine = Engine(address, self.params, now)
        self._instant = self._engine.instant
        self._rx_id = address.rx.id
        self._out: list[CanFrame] = []
        self._events: deque[IsoTpEvent] = deque(maxlen=MAX_EVENTS)

    @property
    def sending(self) -> bool:
        """Tell whether a payload is on its way, so that another would be refused."""
        return self._engine.outgoing is not None

    @property
    def receiving(self) -> bool:
        """Tell whether a first frame came and the payload is not complete."""
        return self._engine.is_rx_active()

    @property
    def ignored(self) -> int:
        """How many frames were ignored because the standard says so."""
        return self._engine.ignored

    def send(self, payload: bytes, now: float, functional: bool = False) -> None:
        """Take a payload to send.

        Args:
            payload: 1 to ``max_frame_size`` bytes; what fits one frame where ``functional``.
            now: seconds.
            functional: send it to everybody (ISO 15765-2: single frames only).

        Raises:
            LocalProtocolError: another payload is on its way, or this one has no way to go.
        """
        self._instant.now = now
        if not 0 < len(payload) <= self.params.max_frame_size:
            raise LocalProtocolError(
                f"{len(payload)} bytes: this connection sends 1 to {self.params.max_frame_size}"
            )
        if functional:
            self._send_functional(payload)
            return
        if self.sending:
            raise LocalProtocolError("one payload is on its way; send the next when it is done")
        self._engine.submit(payload)
        self._proceed()

    def receive(self, frame: CanFrame, now: float) -> bool:
        """Take a frame from the bus; return whether it was addressed to this side."""
        self._instant.now = now
        engine = self._engine
        # The common case of a long payload, decided in one place: engine.extend.
        if frame.id == self._rx_id and not frame.error and engine.extend(frame):
            return True
        target = self.address.target_of(frame)
        if target is None:
            return False
        if target is Target.FUNCTIONAL:
            payload = engine.receive_functional(frame)
            if payload is not None:
                self._events.append(PayloadReceived(payload, functional=True))
            return True
        engine.receive(frame)
        self._proceed()
        return True

    def frames_to_send(self) -> list[CanFrame]:
        """Return the frames to put on the bus now, in order; the list is the caller's."""
        out, self._out = self._out, []
        return out

    def next_event(self) -> IsoTpEvent | None:
        """Return the oldest event that was not read yet."""
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> float | None:
        """Return when :meth:`handle_deadline` is due: N_Bs, N_Cr or STmin; ``None`` if never."""
        return self._engine.deadline

    def handle_deadline(self, now: float) -> None:
        """Act upon whatever is due; harmless where nothing is."""
        self._instant.now = now
        self._engine.check_reception()
        self._proceed()

    def abort(self, now: float) -> None:
        """Forget what is being sent and received, and every frame not handed out yet."""
        self._instant.now = now
        self._engine.reset()
        self._engine.outgoing = None
        self._out.clear()

    def _send_functional(self, payload: bytes) -> None:
        """Hand out one frame to everybody; it needs no state, so it may overtake a payload."""
        end = self.address.functional_tx
        if end is None:
            raise LocalProtocolError("this address has no functional identifier to send with")
        room = self.params.tx_data_length - (1 if self.params.tx_data_length == 8 else 2)
        if len(payload) > room - (end.prefix is not None):
            raise LocalProtocolError(
                f"{len(payload)} bytes do not fit a single frame to everybody"
            )
        self._out.append(self._engine.single_frame(payload, end))
        self._events.append(PayloadSent())

    def _proceed(self) -> None:
        """Let the engine send what it may, and turn what happened into events."""
        engine, events = self._engine, self._events
        engine.transmit(self._out, BURST)
        events.extend(TransportFault(_REASONS[type(it)], str(it)) for it in engine.faults)
        engine.faults.clear()
        if engine.announced is not None:
            events.append(ReceptionStarted(engine.announced))
            engine.announced = None
        while (payload := engine.recv()) is not None:
            events.append(PayloadReceived(bytes(payload)))
        if engine.outgoing is not None and engine.outgoing.done is not None:
            if engine.outgoing.done:
                events.append(PayloadSent())
            engine.outgoing = None
