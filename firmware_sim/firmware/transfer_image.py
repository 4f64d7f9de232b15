"""An image on its way to this device: on disk, every piece checked before anything uses it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from protocols.link.jobs import PIECE_SIZE

#: Wrong pieces after which the image as such counts as wrong.
MAX_BAD_PIECES = 3


class BadImageError(Exception):
    """What came is not the image that was ordered; the text says how that was found out."""


class Image:
    """One image; the bytes up to :attr:`verified` are there, and are the right ones.

    Args:
        path: its file; what is in it already is checked again and kept as far as it is right.
        sha256: of all of it.
        size: of all of it.
        pieces: SHA-256 of each piece.

    Attributes:
        verified: bytes from its beginning that may be used.
        length: bytes that are there, the beginning of an unchecked piece included.
    """

    def __init__(self, path: Path, sha256: bytes, size: int, pieces: tuple[bytes, ...]) -> None:
        self.sha256 = sha256
        self.size = size
        self.verified = self.length = 0
        self._pieces = pieces
        self._bad = 0
        self._whole = hashlib.sha256()
        self._piece = bytearray()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("r+b" if path.exists() else "w+b")
        self._keep_what_is_right()

    @property
    def complete(self) -> bool:
        """All of it is there and right."""
        return self.verified == self.size

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes below :attr:`verified`."""
        return os.pread(self._file.fileno(), length, offset)

    def append(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            BadImageError: a piece was wrong too often, or the whole has another hash.
        """
        os.pwrite(self._file.fileno(), data, self.length)
        self.length += len(data)
        self._piece += data
        while len(self._piece) >= self._piece_size():
            size = self._piece_size()
            piece = bytes(self._piece[:size])
            del self._piece[:size]
            if not self._take_piece(piece):
                return
            if self.complete:
                return

    def close(self) -> None:
        """Close the file; what is in it stays."""
        self._file.close()

    def _piece_size(self) -> int:
        return min(PIECE_SIZE, self.size - self.verified)

    def _take_piece(self, piece: bytes) -> bool:
        """Check a piece; tell whether it was right."""
        if hashlib.sha256(piece).digest() != self._pieces[self.verified // PIECE_SIZE]:
            self._drop_unchecked()
            self._bad += 1
            if self._bad >= MAX_BAD_PIECES:
                raise BadImageError(
                    f"the piece at {self.verified} came with another hash {self._bad} times"
                )
            return False
        self._whole.update(piece)
        self.verified += len(piece)
        if self.complete and self._whole.digest() != self.sha256:
            self.verified = 0
            raise BadImageError(
                f"the image has the hash {self._whole.hexdigest()}, ordered was "
                f"{self.sha256.hex()}"
            )
        return True

    def _drop_unchecked(self) -> None:
        self._piece.clear()
        self.length = self.verified
        self._file.truncate(self.verified)

    def _keep_what_is_right(self) -> None:
        """Go through what an earlier attempt has left."""
        while self.verified < self.size:
            piece = os.pread(self._file.fileno(), self._piece_size(), self.verified)
            if len(piece) < self._piece_size() or not self._take_piece(piece):
                break
        self._drop_unchecked()
        self._bad = 0
