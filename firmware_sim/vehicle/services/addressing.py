"""Memory ranges in requests: addressAndLengthFormatIdentifier, address, length (annex H.1)."""

from __future__ import annotations

from dataclasses import dataclass

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.dialogue import Refusal, Request

#: Bytes that an address or a length may have; ISO 14229-1 knows up to 15, these ECUs 32 bits.
MAX_WIDTH = 4


@dataclass(frozen=True, slots=True)
class MemoryRange:
    """A range of memory.

    Attributes:
        address: its first address.
        length: bytes.
        ends_at: offset of the first byte behind it in the request.
    """

    address: int
    length: int
    ends_at: int


def memory_range(request: Request, offset: int) -> MemoryRange:
    """Return the range whose format byte is at ``offset``.

    Raises:
        Refusal: 31 for a format that these ECUs do not have, 13 for a request that is too short.
    """
    request.expect_at_least(offset + 1)
    length_width, address_width = divmod(request.payload[offset], 16)
    if not (0 < length_width <= MAX_WIDTH and 0 < address_width <= MAX_WIDTH):
        raise Refusal(ResponseCode.RequestOutOfRange)
    middle = offset + 1 + address_width
    end = middle + length_width
    request.expect_at_least(end)
    return MemoryRange(
        int.from_bytes(request.payload[offset + 1 : middle]),
        int.from_bytes(request.payload[middle:end]),
        end,
    )
