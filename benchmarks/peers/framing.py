"""Bodies on a stream of bytes, and the numbers in front of them.

stream    length u32 | body
request   request number u32 | bytes for the vehicle
answer    0 u8 | request number u32 | bytes from the vehicle
frames    1 u8 | batch (:mod:`protocols.can.batch`)
"""

from __future__ import annotations

import struct

from benchmarks.client import Answer, Frames

_U32 = struct.Struct(">I")
_ANSWER, _FRAMES = 0, 1


def u32(number: int) -> bytes:
    """Return a number as four bytes."""
    return _U32.pack(number)


def framed(body: bytes) -> bytes:
    """Return a body with its length in front."""
    return _U32.pack(len(body)) + body


class Splitter:
    """Finds the bodies in a stream."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes | bytearray) -> list[bytes]:
        """Return the bodies that are complete now."""
        data = self._rest + data
        bodies, offset = [], 0
        while len(data) - offset >= 4:
            (size,) = _U32.unpack_from(data, offset)
            if len(data) - offset - 4 < size:
                break
            bodies.append(data[offset + 4 : offset + 4 + size])
            offset += 4 + size
        self._rest = data[offset:]
        return bodies


def numbered(body: bytes) -> tuple[int, bytes]:
    """Return the number in front of a body, and what follows."""
    return _U32.unpack_from(body)[0], body[4:]


def answer(request: bytes, data: bytes) -> bytes:
    """Return the body that answers a request with ``data``."""
    return bytes((_ANSWER,)) + request[:4] + data


def frames(batch: bytes) -> bytes:
    """Return the body that carries a batch."""
    return bytes((_FRAMES,)) + batch


def read(body: bytes) -> Answer | Frames:
    """Return what a connector's body says."""
    if body[0] == _FRAMES:
        return Frames(body[1:])
    return Answer(*numbered(body[1:]))
