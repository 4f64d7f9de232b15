"""Declaration of how an ECU speaks ISO 15765-2 on its CAN bus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from typing_extensions import override

from firmware_sim.vehicle.record import Byte, Record

#: What simulated ECUs fill their frames with; testers usually fill with CC or 55.
ECU_PADDING = 0xAA


class TransportSpec(Record, frozen=True, kw_only=True):
    """Addressing, and what the ECU asks of whoever sends to it.

    Attributes:
        mode: ``normal`` takes identifiers alone; ``extended`` and ``mixed`` have a first byte.
        target_address: first byte of requests to the ECU (N_TA), for extended addressing.
        source_address: first byte of its answers, the tester's address (N_SA), likewise.
        functional_address: first byte of requests to all ECUs, likewise; left out, none reach it.
        address_extension: first byte both ways (N_AE), for mixed addressing.
        stmin: separation time as the byte of the flow control: 0-127 ms, F1-F9 100-900 us.
        block_size: consecutive frames it takes before the next flow control; 0 takes all.
        padding: byte that fills its frames; ``null`` leaves them short.
    """

    mode: Literal["normal", "extended", "mixed"] = "normal"
    target_address: Byte | None = None
    source_address: Byte | None = None
    functional_address: Byte | None = None
    address_extension: Byte | None = None
    stmin: Byte = 0
    block_size: Byte = 0
    padding: Byte | None = ECU_PADDING

    @override
    def complaints(self) -> Iterator[str]:
        both = (self.target_address, self.source_address)
        if (self.mode == "extended") != all(byte is not None for byte in both):
            yield "extended addressing, and no other, needs target_address and source_address"
        if (self.mode == "mixed") != (self.address_extension is not None):
            yield "mixed addressing, and no other, needs address_extension"
        if self.mode != "extended" and self.functional_address is not None:
            yield "functional_address is for extended addressing"
        if 0x7F < self.stmin < 0xF1 or self.stmin > 0xF9:
            yield f"stmin {self.stmin:02X} is reserved (use 00 to 7F or F1 to F9)"

    @property
    def first_byte(self) -> int | None:
        """What tells requests to this ECU apart from others with the same identifier."""
        return self.target_address if self.mode == "extended" else self.address_extension
