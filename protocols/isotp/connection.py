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
from protocols.isotp.single import SingleFrames

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

    def __init__(self, address: IsoTpAddress, params: IsoTpParams | None = None) -> None:
        self.address = address
        self.params = params if params is not None else IsoTpParams()
        self._single = SingleFrames(address, self.params)
        self._engine: Engine | None = None  # made when a frame or a payload first needs it
        self._rx_id, self._wide = address.rx.id, address.extended
        self._out: list[CanFrame] = []
        self._events: deque[IsoTpEvent] = deque(maxlen=MAX_EVENTS)

    @property
    def sending(self) -> bool:
        """Tell whether a payload is on its way, so that another would be refused."""
        return self._engine is not None and self._engine.outgoing is not None

    @property
    def receiving(self) -> bool:
        """Tell whether a first frame came and the payload is not complete."""
        return self._engine is not None and self._engine.is_rx_active()

    @property
    def ignored(self) -> int:
        """How many frames were ignored because the standard says so."""
        return 0 if self._engine is None else self._engine.ignored

    def _engine_at(self, now: float) -> Engine:
        """Return the engine, made if need be, with its clock set."""
        if self._engine is None:
            self._engine = Engine(self.address, self.params, now)
        self._engine.instant.now = now
        return self._engine

    def send(self, payload: bytes, now: float, functional: bool = False) -> None:
        """Take a payload to send.

        Args:
            payload: 1 to ``max_frame_size`` bytes; what fits one frame where ``functional``.
            now: seconds.
            functional: send it to everybody (ISO 15765-2: single frames only).

        Raises:
            LocalProtocolError: another payload is on its way, or this one has no way to go.
        """
        if not 0 < len(payload) <= self.params.max_frame_size:
            raise LocalProtocolError(
                f"{len(payload)} bytes: this connection sends 1 to {self.params.max_frame_size}"
            )
        if functional:
            self._send_functional(payload)
            return
        if self.sending:
            raise LocalProtocolError("one payload is on its way; send the next when it is done")
        if len(payload) <= self._single.room:
            self._out.append(self._single.pack(payload, self.address.tx))
            self._events.append(PayloadSent())
            return
        engine = self._engine_at(now)
        engine.submit(payload)
        self._proceed(engine)

    def send_aside(self, payload: bytes) -> bool:
        """Hand out a single frame that needs no answer, while nothing else is under way.

        Args:
            payload: what fits into one frame, as tester present does.

        Returns:
            False where a payload is on its way in either direction: the frame would end it
            (ISO 15765-2, 9.8.3), so it was not handed out.
        """
        if self.sending or self.receiving:
            return False
        self._out.append(self._single.pack(payload, self.address.tx))
        return True

    def receive(self, frame: CanFrame, now: float) -> bool:
        """Take a frame from the bus; return whether it was addressed to this side."""
        # The common cases, decided in one place each: what belongs to a long payload, and what
        # is a payload of its own while none is being received.
        if frame.id == self._rx_id and not frame.error and frame.extended == self._wide:
            if self.receiving:
                if self._engine_at(now).extend(frame):
                    return True
            elif (payload := self._single.unpack(frame)) is not None:
                self._events.append(PayloadReceived(payload))
                return True
        target = self.address.target_of(frame)
        if target is None:
            return False
        engine = self._engine_at(now)
        if target is Target.FUNCTIONAL:
            payload = engine.receive_functional(frame)
            if payload is not None:
                self._events.append(PayloadReceived(payload, functional=True))
            return True
        engine.receive(frame)
        self._proceed(engine)
        return True

    def frames_to_send(self) -> list[CanFrame]:
        """Return the frames to put on the bus now, in order; the list is the caller's."""
        out, self._out = self._out, []
        return out

    @property
    def is_paced(self) -> bool:
        """Tell whether the peer's separation time holds back what is being sent."""
        return self._engine is not None and self._engine.is_paced

    def frames_sent(self, now: float) -> None:
        """Take note that the frames handed out have left; a driver that can tell should.

        The separation time counts from then: one frame that left late must not bring the next
        one closer to it.
        """
        if self.is_paced and not self._out:
            self._engine_at(now).separation.start()

    def next_event(self) -> IsoTpEvent | None:
        """Return the oldest event that was not read yet."""
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> float | None:
        """Return when :meth:`handle_deadline` is due: N_Bs, N_Cr or STmin; ``None`` if never."""
        return None if self._engine is None else self._engine.deadline

    def handle_deadline(self, now: float) -> None:
        """Act upon whatever is due; harmless where nothing is."""
        if self._engine is None:
            return
        engine = self._engine_at(now)
        due = engine.deadline
        if due is not None and due <= now:
            engine.check_reception()
            self._proceed(engine)

    def abort(self, now: float) -> None:
        """Forget what is being sent and received, and every frame not handed out yet."""
        if self._engine is not None:
            engine = self._engine_at(now)
            engine.reset()
            engine.outgoing = None
        self._out.clear()

    def _send_functional(self, payload: bytes) -> None:
        """Hand out one frame to everybody; it needs no state, so it may overtake a payload."""
        end = self.address.functional_tx
        if end is None:
            raise LocalProtocolError("this address has no functional identifier to send with")
        if len(payload) > self._single.room:
            raise LocalProtocolError(
                f"{len(payload)} bytes do not fit a single frame to everybody"
            )
        self._out.append(self._single.pack(payload, end))
        self._events.append(PayloadSent())

    def _proceed(self, engine: Engine) -> None:
        """Let the engine send what it may, and turn what happened into events."""
        events = self._events
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
