"""One running download or upload of an ECU: blocks, their counter, and their repetition.

ISO 14229-1, 15.4: the counter begins at 1 and goes from FF to 00. A block whose counter is that of
the block before is a repetition after a lost answer: it is answered again, and nothing is written
twice. Any other counter is refused with 73; more data than was requested with 71.
"""

from __future__ import annotations

import zlib
from enum import Enum

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.dialogue import Refusal
from firmware_sim.vehicle.memory import Region


class Direction(Enum):
    """Which way the data goes, seen from the tester as the standard does."""

    DOWNLOAD = "download"
    UPLOAD = "upload"


class Transfer:
    """One transfer between its request and its exit.

    Args:
        direction: which way.
        region: memory it writes to, or reads from.
        address: first address.
        length: bytes in all.
        max_block: longest TransferData request or answer, service and counter included.

    Attributes:
        done: bytes transferred so far.
        checksum: CRC-32 of them.
    """

    def __init__(
        self, direction: Direction, region: Region, address: int, length: int, max_block: int
    ) -> None:
        self.direction = direction
        self.region = region
        self.address = address
        self.length = length
        self.done = 0
        self.checksum = 0
        self._max_data = max_block - 2
        self._last: int | None = None
        self._last_answer = b""

    @property
    def begun(self) -> bool:
        """Whether a block was transferred."""
        return self._last is not None

    @property
    def complete(self) -> bool:
        """Whether all of it was transferred."""
        return self.done == self.length

    def block(self, counter: int, data: bytes) -> bytes:
        """Take one block; return what the answer carries behind the counter.

        Raises:
            Refusal: 13, 24, 71 or 73; nothing was written.
        """
        if len(data) > self._max_data:
            raise Refusal(ResponseCode.IncorrectMessageLengthOrInvalidFormat)
        if counter == self._last:
            return self._last_answer
        if self.complete:
            raise Refusal(ResponseCode.RequestSequenceError)
        if counter != self._next_counter():
            raise Refusal(ResponseCode.WrongBlockSequenceCounter)
        self._last_answer = self._move(data)
        self._last = counter
        return self._last_answer

    def is_repetition(self, counter: int) -> bool:
        """Tell whether a block with this counter would only be answered again."""
        return counter == self._last

    def _next_counter(self) -> int:
        return 1 if self._last is None else (self._last + 1) & 0xFF

    def _move(self, data: bytes) -> bytes:
        at = self.address + self.done
        if self.direction is Direction.DOWNLOAD:
            if not data:
                raise Refusal(ResponseCode.IncorrectMessageLengthOrInvalidFormat)
            if len(data) > self.length - self.done:
                raise Refusal(ResponseCode.TransferDataSuspended)
            self.region.write(at, data)
            moved, answer = data, b""
        else:
            if data:
                raise Refusal(ResponseCode.IncorrectMessageLengthOrInvalidFormat)
            moved = answer = self.region.read(at, min(self._max_data, self.length - self.done))
        self.done += len(moved)
        self.checksum = zlib.crc32(moved, self.checksum)
        return answer
