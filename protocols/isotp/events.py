"""What a connection tells its driver."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class FaultReason(Enum):
    """Why a transfer ended early; the values are the result names of ISO 15765-2, 8.3.7."""

    FLOW_CONTROL_TIMEOUT = "N_TIMEOUT_Bs"
    CONSECUTIVE_FRAME_TIMEOUT = "N_TIMEOUT_Cr"
    WRONG_SEQUENCE_NUMBER = "N_WRONG_SN"
    INVALID_FLOW_STATUS = "N_INVALID_FS"
    INTERRUPTED = "N_UNEXP_PDU"
    TOO_MANY_WAITS = "N_WFT_OVRN"
    PEER_OVERFLOW = "N_BUFFER_OVFLW"
    TOO_LONG = "N_ERROR: first frame announces more than we take"

    @property
    def sending(self) -> bool:
        """Tell whether it ended what we sent, rather than what we were receiving."""
        return self in _SENDING


_SENDING = frozenset(
    {
        FaultReason.FLOW_CONTROL_TIMEOUT,
        FaultReason.INVALID_FLOW_STATUS,
        FaultReason.TOO_MANY_WAITS,
        FaultReason.PEER_OVERFLOW,
    }
)


@dataclass(frozen=True, slots=True)
class ReceptionStarted:
    """A first frame was accepted: ``length`` bytes are on their way; UDS stops its P2 timer."""

    length: int


@dataclass(frozen=True, slots=True)
class PayloadReceived:
    """A whole payload; ``functional`` where it was addressed to all."""

    payload: bytes
    functional: bool = False


@dataclass(frozen=True, slots=True)
class PayloadSent:
    """The last frame of the payload is among those that ``frames_to_send`` returns."""


@dataclass(frozen=True, slots=True)
class TransportFault:
    """A transfer ended early; the connection itself is ready for the next one."""

    reason: FaultReason
    detail: str


IsoTpEvent = ReceptionStarted | PayloadReceived | PayloadSent | TransportFault
