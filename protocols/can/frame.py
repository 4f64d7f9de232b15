"""The CAN frame as it travels through this product: one small frozen record.

A ``msgspec.Struct`` because a gateway sees hundreds of thousands of these per second: building
one costs an eighth of what a frozen dataclass costs.
"""

from __future__ import annotations

import msgspec

from protocols.errors import LocalProtocolError, RemoteProtocolError

#: Payload sizes ISO 11898-1 knows. Above 8 bytes only CAN-FD frames, and only these lengths.
FD_LENGTHS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64)


class CanFrame(msgspec.Struct, frozen=True, gc=False):
    """One frame on a bus.

    Attributes:
        id: arbitration id, 11 bits, or 29 bits where ``extended``.
        data: up to 8 bytes, or up to 64 where ``fd``.
        extended: 29-bit identifier (CAN 2.0B).
        fd: CAN-FD format; ``brs`` says that the data phase ran at the higher bit rate.
        remote: remote request; carries no data.
        error: an error frame as reported by the controller.
        timestamp_us: microseconds of the connector's own clock when the frame was seen.
    """

    id: int
    data: bytes = b""
    extended: bool = False
    fd: bool = False
    brs: bool = False
    remote: bool = False
    error: bool = False
    timestamp_us: int = 0


#: Highest identifiers of the two formats (ISO 11898-1, 11 and 29 bits).
MAX_STANDARD_ID = 0x7FF
MAX_EXTENDED_ID = 0x1FFFFFFF
#: Highest time stamp: far beyond any clock, and any sum of two still fits into 63 bits.
MAX_TIMESTAMP_US = 2**62


def problem(frame: CanFrame) -> str | None:
    """Say which rule of ISO 11898-1 a frame breaks, or ``None`` where it is sound.

    An error frame has no identifier of its own: controllers report an error class of up to 29 bits
    in its place (SocketCAN's convention), so only the upper bound holds for it.
    """
    wide = frame.extended or frame.error
    if not 0 <= frame.id <= (MAX_EXTENDED_ID if wide else MAX_STANDARD_ID):
        return f"identifier {frame.id:#x} does not fit into {29 if wide else 11} bits"
    if frame.remote and (frame.data or frame.fd):
        return "a remote frame carries no data and does not exist in CAN-FD"
    if frame.brs and not frame.fd:
        return "only CAN-FD frames switch the bit rate"
    if len(frame.data) not in (FD_LENGTHS if frame.fd else FD_LENGTHS[:9]):
        return f"{len(frame.data)} bytes do not fit into a {'CAN-FD' if frame.fd else 'CAN'} frame"
    if not 0 <= frame.timestamp_us <= MAX_TIMESTAMP_US:
        return f"time stamp {frame.timestamp_us} is out of range"
    return None


def check_local(frame: CanFrame) -> CanFrame:
    """Return a frame that our side is about to send.

    Raises:
        LocalProtocolError: the frame cannot exist on a bus.
    """
    if (why := problem(frame)) is not None:
        raise LocalProtocolError(f"CAN frame: {why}")
    return frame


def check_remote(frame: CanFrame) -> CanFrame:
    """Return a frame that a peer asks us to send, or reports.

    Raises:
        RemoteProtocolError: the frame cannot exist on a bus.
    """
    if (why := problem(frame)) is not None:
        raise RemoteProtocolError(f"CAN frame: {why}")
    return frame
