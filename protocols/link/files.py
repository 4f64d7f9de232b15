"""Fetching a file by ranges, for whichever side needs one."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.link.jobs import CHUNK_SIZE, MAX_RANGE, FileChunk, FileRequest

#: Bytes that may be asked for and not have come: at 200 ms round trip this still carries 2.6 MB
#: a second, far more than any vehicle bus.
WINDOW = 1 << 19

#: Bytes asked for at once; several requests make up a window, so that it never runs dry.
RANGE = 1 << 17


class Fetch:
    """The state of one file that comes.

    Args:
        sha256: its name.
        size: its bytes.
        have: bytes that are here already.
    """

    def __init__(self, sha256: bytes, size: int, have: int = 0) -> None:
        self.sha256 = sha256
        self.size = size
        self.have = have
        self._asked_to = have

    @property
    def complete(self) -> bool:
        """All of it is here."""
        return self.have >= self.size

    def next_requests(self) -> Iterator[FileRequest]:
        """Yield what to ask for now, so that the window is full."""
        while self._asked_to < self.size and self._asked_to + RANGE - self.have <= WINDOW:
            length = min(RANGE, self.size - self._asked_to)
            yield FileRequest(self.sha256, self._asked_to, length)
            self._asked_to += length

    def takes(self, chunk: FileChunk) -> bool:
        """Count a chunk if it is the next; one of an earlier attempt is not."""
        if chunk.offset != self.have or not 0 < len(chunk.data) <= self.size - self.have:
            return False
        self.have += len(chunk.data)
        self._asked_to = max(self._asked_to, self.have)
        return True

    def begin_again(self, have: int) -> None:
        """Ask from here on: what had been asked for does not count any more."""
        self.have = self._asked_to = have


def chunks(request: FileRequest, size: int) -> Iterator[tuple[int, int]]:
    """Yield (offset, length) of the chunks that answer a request for a file of ``size`` bytes."""
    end = min(size, request.offset + min(request.length, MAX_RANGE))
    for offset in range(request.offset, end, CHUNK_SIZE):
        yield offset, min(CHUNK_SIZE, end - offset)


def has_range(request: FileRequest, size: int) -> bool:
    """Tell whether there is anything to send for a request."""
    return 0 <= request.offset < size and request.length > 0
