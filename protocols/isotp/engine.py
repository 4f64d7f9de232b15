"""can-isotp's engine, driven by calls alone.

``TransportLayerLogic`` is a complete ISO 15765-2 state machine with a polling face: it reads a
clock, logs, and its ``validate`` sleeps. :class:`Engine` keeps the machine and replaces these:

* Timers read the ``now`` of the current call (:class:`Instant`), so a deadline is exact.
* Errors are collected; the rate limiter, which reads the clock and is on from birth, is off.
* The payload is sliced instead of pulled byte by byte through a generator, and has no
  ``threading.Event``.
* Frames in the middle of a block, on both sides, take a short way (:meth:`Engine.extend` and
  ``_stream``): nothing is decided there, all state stays the engine's own.

What the engine reads differently from the standard is put right in :meth:`Engine.receive`:

=====================================  =====================  ==================================
frame                                  can-isotp 2.0          ISO 15765-2:2016
=====================================  =====================  ==================================
unknown type, impossible length        ends the reception     ignored (9.6.2, 9.8.3)
reserved STmin                         flow control ignored   taken as 127 ms (9.6.5.4)
unknown flow status                    ends the reception     ends the sending (9.6.5.2)
flow control out of place              changes the sending    ignored (9.8.3)
first frame that would fit in a SF     accepted               ignored (9.6.3.2)
wait, where none is obeyed             error, goes on         N_WFT_OVRN ends the sending
=====================================  =====================  ==================================
"""

from __future__ import annotations

import isotp
from isotp import errors
from isotp.protocol import PDU, TransportLayerLogic
from isotp.tools import FiniteByteGenerator
from typing_extensions import override

from protocols.can.frame import FD_LENGTHS, CanFrame
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.params import LONGEST_WITHOUT_ESCAPE, IsoTpParams
from protocols.isotp.timers import Instant, InstantTimer

_IDLE = TransportLayerLogic.RxState.IDLE
_WAIT_CF = TransportLayerLogic.RxState.WAIT_CF
_WAIT_FC = TransportLayerLogic.TxState.WAIT_FC
_TRANSMIT_CF = TransportLayerLogic.TxState.TRANSMIT_CF


#: Errors of frames that the standard tells us to ignore: no transfer ends.
_HARMLESS = (
    errors.UnexpectedConsecutiveFrameError,
    errors.UnexpectedFlowControlError,
    errors.ChangingInvalidRXDLError,
)


class InvalidFlowStatusError(errors.IsoTpError):
    """A flow control with a status beyond overflow: N_INVALID_FS."""


class Slices(FiniteByteGenerator):
    """A payload that is consumed in slices."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.position = 0

    @override
    def total_length(self) -> int:
        return len(self.payload)

    @override
    def remaining_size(self) -> int:
        return len(self.payload) - self.position

    @override
    def depleted(self) -> bool:
        return self.position >= len(self.payload)

    @override
    def consume(self, size: int, enforce_exact: bool = True) -> bytearray:
        start = self.position
        self.position += size
        return bytearray(self.payload[start : self.position])


class SendRequest(TransportLayerLogic.SendRequest):
    """A payload on its way; ``done`` is ``None`` until it was sent or given up."""

    def __init__(self, payload: bytes) -> None:
        self.source = Slices(payload)
        self.generator = self.source
        self.target_address_type = isotp.TargetAddressType.Physical
        self.success = False
        self.done: bool | None = None

    @override
    def complete(self, success: bool) -> None:
        self.success = self.done = success


class Engine(TransportLayerLogic):
    """One connection's machine: frames in through :meth:`receive`, out through :meth:`transmit`.

    Attributes:
        instant: set its ``now`` before every call.
        n_bs: runs while a flow control is awaited.
        n_cr: runs while a consecutive frame is awaited.
        separation: runs between consecutive frames that we send.
        outgoing: the payload that was submitted last.
        announced: length of a first frame that was accepted since it was last taken.
        faults: errors that ended a transfer since they were last taken.
        ignored: frames that the standard tells us to ignore, counted.
    """

    n_bs: InstantTimer
    n_cr: InstantTimer
    separation: InstantTimer

    def __init__(self, address: IsoTpAddress, params: IsoTpParams, now: float) -> None:
        self.instant = Instant(now)
        self.faults: list[errors.IsoTpError] = []
        self.announced: int | None = None
        self.ignored = 0
        self.outgoing: SendRequest | None = None
        self._settings = params
        self._ends = address
        self._start = 1 if address.prefixed else 0
        self._tx_heads = _heads(address.tx.prefix)
        self._rx_heads = _heads(address.rx.prefix)
        super().__init__(
            rxfn=_no_frame,
            txfn=_no_bus,
            address=address.to_isotp(),
            params=params.to_isotp(),
        )

    # ------------------------------------------------------------ what replaces clock and log

    @override
    def load_params(self) -> None:
        super().load_params()
        self.rate_limiter.disable()
        self.timer_rx_fc = self.n_bs = InstantTimer(self.instant, self._settings.n_bs)
        self.timer_rx_cf = self.n_cr = InstantTimer(self.instant, self._settings.n_cr)
        self.timer_tx_stmin = self.separation = InstantTimer(self.instant, 0.0)

    @override
    def _start_rx_fc_timer(self) -> None:
        self.n_bs.start()

    @override
    def _start_rx_cf_timer(self) -> None:
        self.n_cr.start()

    @override
    def _trigger_error(
        self, error: errors.IsoTpError, inhibit_in_listen_mode: bool = False
    ) -> None:
        if isinstance(error, _HARMLESS):
            self.ignored += 1
        else:
            self.faults.append(error)

    # ------------------------------------------------------------ receiving

    def extend(self, frame: CanFrame) -> bool:
        """Take a consecutive frame from the middle of a block; False for all other frames.

        The last frame of a block or of a payload, a wrong number, another length or a late frame
        are all left to :meth:`receive`.
        """
        data, number = frame.data, self.last_seqnum + 1 & 0xF
        if self.rx_state is not _WAIT_CF or not data.startswith(self._rx_heads[number]):
            return False
        counter, block = self.rx_block_counter + 1, self.params.blocksize
        if self.n_cr.is_timed_out() or (block and counter % block == 0):
            return False
        payload = data[self._start + 1 :]
        missing = self.rx_frame_length - len(self.rx_buffer)
        if len(data) != self.actual_rxdl or missing <= len(payload):
            return False
        self.rx_buffer += payload
        self.last_seqnum = number
        self.rx_block_counter = counter
        self.n_cr.start()
        return True

    def receive(self, frame: CanFrame) -> None:
        """Take any frame addressed physically to this side."""
        self.check_reception()
        message = _to_message(frame, frame.data)
        try:
            pdu = PDU(message, start_of_data=self._start)
        except ValueError:
            self._receive_malformed(frame)
            return
        if pdu.type == PDU.Type.FLOW_CONTROL:
            self._receive_flow_control(message, pdu)
        elif _is_impossible(pdu, self._start):
            self.ignored += 1
        else:
            self._process_rx(message)
            if self.rx_state is _IDLE:
                self.n_cr.stop()  # a refused first frame leaves it running

    def receive_functional(self, frame: CanFrame) -> bytes | None:
        """Return the payload of a single frame addressed to all; it disturbs no reception."""
        try:
            pdu = PDU(_to_message(frame, frame.data), start_of_data=self._start)
        except ValueError:
            pdu = None
        if pdu is None or pdu.type != PDU.Type.SINGLE_FRAME or _is_impossible(pdu, self._start):
            self.ignored += 1
            return None
        return bytes(pdu.data)

    @override
    def _start_reception_after_first_frame_if_valid(self, pdu: PDU) -> bool:
        started = super()._start_reception_after_first_frame_if_valid(pdu)
        if started:
            self.announced = pdu.length
        return started

    def check_reception(self) -> None:
        """End the reception where N_Cr has run out."""
        self._check_timeouts_rx()

    def _receive_malformed(self, frame: CanFrame) -> None:
        """Handle what can-isotp cannot read: most is ignored, two flow controls have a meaning."""
        control = frame.data[self._start :]
        known = len(control) >= 3 and control[0] >> 4 == PDU.Type.FLOW_CONTROL
        if not known or self.tx_state is not _WAIT_FC:
            self.ignored += 1
        elif control[0] & 0xF > PDU.FlowStatus.Overflow:
            self._give_up(InvalidFlowStatusError(f"unknown flow status {control[0] & 0xF}"))
        else:  # reserved STmin: 9.6.5.4 asks for the longest
            message = _to_message(frame, frame.data[: self._start + 2] + b"\x7f")
            self._receive_flow_control(message, PDU(message, start_of_data=self._start))

    def _receive_flow_control(self, message: isotp.CanMessage, pdu: PDU) -> None:
        """Take a flow control where one is awaited; :meth:`transmit` acts upon it."""
        if self.tx_state is not _WAIT_FC:
            self.ignored += 1
        elif pdu.flow_status == PDU.FlowStatus.Wait and self.wft_counter >= self.params.wftmax:
            waits = f"asked to wait more than {self.params.wftmax} times"
            self._give_up(errors.MaximumWaitFrameReachedError(waits))
        else:
            self._process_rx(message)

    def _give_up(self, error: errors.IsoTpError) -> None:
        self._stop_sending(success=False)
        self.faults.append(error)

    # ------------------------------------------------------------ sending

    @property
    def deadline(self) -> float | None:
        """When :meth:`check_reception` or :meth:`transmit` has something to do, or ``None``."""
        if self.pending_flow_control_tx or (self.outgoing and not self.tx_queue.empty()):
            return self.instant.now
        due = [self.n_cr.deadline, self.n_bs.deadline]
        if self.tx_state is _TRANSMIT_CF:
            due.append(self.separation.deadline)
        return min((moment for moment in due if moment is not None), default=None)

    @property
    def is_paced(self) -> bool:
        """Tell whether consecutive frames are being sent with a separation time."""
        return self.tx_state is _TRANSMIT_CF and self.separation.seconds > 0.0

    def submit(self, payload: bytes) -> None:
        """Take a payload to send; :meth:`transmit` begins with it."""
        self.outgoing = SendRequest(payload)
        self.tx_queue.put(self.outgoing)

    def transmit(self, out: list[CanFrame], limit: int) -> None:
        """Append the frames that may go out now, until ``out`` holds ``limit``."""
        while len(out) < limit:
            if self.tx_state is _TRANSMIT_CF and self.separation.seconds == 0.0:
                self._stream(out, limit)
            message = self._process_tx().msg
            if message is None:
                return
            out.append(self._to_frame(message))

    def _stream(self, out: list[CanFrame], limit: int) -> None:
        """Append consecutive frames from the middle of a block, with no separation time.

        The last one of the block or of the payload is left to the engine, which decides what
        comes then; so is everything while a flow control waits to be sent or read.
        """
        if self.outgoing is None or self.pending_flow_control_tx or self.last_flow_control_frame:
            return
        source, step = self.outgoing.source, self.params.tx_data_length - 1 - self._start
        count = min((source.remaining_size() - 1) // step, limit - len(out) - 1)
        if self.remote_blocksize:
            count = min(count, self.remote_blocksize - self.tx_block_counter - 1)
        if count > 0:
            self._append_slices(out, source.consume(count * step), step)
            self.tx_seqnum = self.tx_seqnum + count & 0xF
            self.tx_block_counter += count

    def _append_slices(self, out: list[CanFrame], data: bytes | bytearray, step: int) -> None:
        """Append one consecutive frame for every ``step`` bytes."""
        identifier, wide, heads = self._ends.tx.id, self._ends.extended, self._tx_heads
        fd, brs, number = self._settings.can_fd, self._settings.bitrate_switch, self.tx_seqnum
        for position in range(0, len(data), step):
            content = heads[number] + data[position : position + step]
            out.append(CanFrame(identifier, content, wide, fd, brs))
            number = number + 1 & 0xF

    def _to_frame(self, message: isotp.CanMessage) -> CanFrame:
        return CanFrame(
            message.arbitration_id,
            bytes(message.data),
            message.is_extended_id,
            message.is_fd,
            message.bitrate_switch,
        )


def _heads(prefix: int | None) -> tuple[bytes, ...]:
    """Return what consecutive frame 0 to 15 begin with."""
    start = b"" if prefix is None else bytes([prefix])
    return tuple(start + bytes([0x20 | number]) for number in range(16))


def _is_impossible(pdu: PDU, start: int) -> bool:
    """Tell whether a single or first frame has a length that the standard forbids."""
    length = pdu.length or 0
    if pdu.type == PDU.Type.SINGLE_FRAME:
        # 9.6.2: the escape form exists above 8 bytes only, and there it is the only form.
        return pdu.escape_sequence != (pdu.can_dl > 8) or length == 0
    if pdu.type == PDU.Type.FIRST_FRAME:
        # 9.6.3: full frames only, and no length that fits a single frame or needs no escape.
        fits_single = pdu.can_dl - start - (1 if pdu.can_dl == 8 else 2)
        least = LONGEST_WITHOUT_ESCAPE if pdu.escape_sequence else fits_single
        return pdu.can_dl not in FD_LENGTHS[8:] or length <= least
    return False


def _to_message(frame: CanFrame, data: bytes) -> isotp.CanMessage:
    return isotp.CanMessage(frame.id, len(data), data, frame.extended, frame.fd, frame.brs)


def _no_frame(timeout: float) -> isotp.CanMessage | None:
    """Stand in for a bus to read from: frames are handed over by call."""
    del timeout
    return None


def _no_bus(message: isotp.CanMessage) -> None:
    """Stand in for a bus to write to: frames are handed out by call."""
    raise AssertionError(f"{message} would leave by a way that does not exist")
