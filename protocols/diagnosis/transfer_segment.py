"""One segment on its way: RequestDownload or RequestUpload, blocks with their counter, exit.

ISO 14229-1, clause 15. The block counter begins at 1 and runs over from FF to 00. A block whose
answer was lost is sent again with the same counter: a control unit that has taken it already
answers positively and does not write it twice (15.4).
"""

from __future__ import annotations

from collections.abc import Callable

from protocols.errors import RemoteProtocolError
from protocols.link.jobs import Direction, Segment

REQUEST_DOWNLOAD, REQUEST_UPLOAD, TRANSFER_DATA, TRANSFER_EXIT = 0x34, 0x35, 0x36, 0x37
_POSITIVE = 0x40

#: Service identifier and counter, which maxNumberOfBlockLength counts too.
_BLOCK_HEADER = 2

#: Most bytes of data in a block, whatever the control unit says: a block is held in memory.
MAX_BLOCK = (1 << 16) - 1

#: Return bytes of the image.
Read = Callable[[int, int], bytes]

#: Take bytes of the result of an upload.
Write = Callable[[int, bytes], None]


class SegmentTransfer:
    """The state of one segment; made anew whenever the segment begins.

    Args:
        segment: which memory.
        direction: which way.
        block_limit: most bytes of data in a block; 0 for no limit.
    """

    def __init__(self, segment: Segment, direction: str, block_limit: int) -> None:
        self.segment = segment
        self.position = 0
        self.block_size = 0
        self._download = direction == Direction.DOWNLOAD
        self._limit = min(block_limit or MAX_BLOCK, MAX_BLOCK)
        self._blocks_done = 0

    # --- the request ---------------------------------------------------------------------------

    def request(self) -> bytes:
        """Return RequestDownload or RequestUpload for this memory (15.2, 15.3)."""
        segment = self.segment
        service = REQUEST_DOWNLOAD if self._download else REQUEST_UPLOAD
        sizes = segment.length_size << 4 | segment.address_size
        return (
            bytes((service, segment.data_format, sizes))
            + segment.address.to_bytes(segment.address_size, "big")
            + segment.length.to_bytes(segment.length_size, "big")
        )

    def opened(self, answer: bytes) -> None:
        """Take the positive answer, which states how long a block may be.

        Raises:
            RemoteProtocolError: it states no usable length.
        """
        size = answer[1] >> 4 if len(answer) > 1 else 0
        stated = int.from_bytes(answer[2 : 2 + size], "big")
        if not size or len(answer) < 2 + size or stated <= _BLOCK_HEADER:
            raise RemoteProtocolError(
                f"the control unit states no usable block length: {answer.hex(' ').upper()}"
            )
        self.block_size = min(stated - _BLOCK_HEADER, self._limit)

    # --- blocks --------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Every byte has been taken or given."""
        return self.position >= self.segment.length

    @property
    def block(self) -> int:
        """Which block is on its way, from 1."""
        return min(self._blocks_done + 1, self.blocks)

    @property
    def blocks(self) -> int:
        """How many blocks there are; 0 while their length is not known."""
        return -(-self.segment.length // self.block_size) if self.block_size else 0

    @property
    def counter(self) -> int:
        """The block counter of the block on its way."""
        return (self._blocks_done + 1) & 0xFF

    def needs(self) -> int:
        """Return how many bytes from the image's beginning the next block needs."""
        return self.segment.offset + self.position + self._next_length()

    def next_block(self, read: Read) -> bytes:
        """Return the request for the block on its way; asked again, it returns the same."""
        head = bytes((TRANSFER_DATA, self.counter))
        if not self._download:
            return head
        return head + read(self.segment.offset + self.position, self._next_length())

    def accepted(self, answer: bytes, write: Write) -> bool:
        """Take a positive answer to a block; tell whether it is one to this block.

        Raises:
            RemoteProtocolError: an upload gives no data, or more than the memory has.
        """
        if answer[1:2] != bytes((self.counter,)):
            return False
        length = self._next_length()
        if not self._download:
            data = answer[2:]
            length = len(data)
            if not 0 < length <= self.segment.length - self.position:
                raise RemoteProtocolError(
                    f"a block of {length} bytes where {self.segment.length - self.position} are "
                    "left to read"
                )
            write(self.segment.offset + self.position, data)
        self.position += length
        self._blocks_done += 1
        return True

    def _next_length(self) -> int:
        return min(self.block_size, self.segment.length - self.position)

    # --- the exit ------------------------------------------------------------------------------

    def exit(self) -> bytes:
        """Return RequestTransferExit (15.5)."""
        return bytes((TRANSFER_EXIT,))


def is_positive(request: bytes, answer: bytes) -> bool:
    """Tell whether an answer is the positive one to this request's service."""
    return answer[:1] == bytes(((request[0] + _POSITIVE) & 0xFF,))
