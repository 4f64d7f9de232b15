"""The CAN frame as it travels through this product: one small frozen record.

A ``msgspec.Struct`` because a gateway sees hundreds of thousands of these per second: building
one costs an eighth of what a frozen dataclass costs.
"""

from __future__ import annotations

import msgspec

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
