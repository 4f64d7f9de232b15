"""Batches of several sessions as one binary message, for whoever watches many buses.

    bundle   one or more of: session 16 bytes | size u32, big-endian | batch of that size

``session`` is the id of the session that a batch belongs to; the batch itself
(:mod:`protocols.can.batch`) says which bus of its vehicle it is from.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from protocols.errors import RemoteProtocolError

_HEADER = struct.Struct(">16sI")
HEADER_SIZE = _HEADER.size


def entry_header(session: bytes, size: int) -> bytes:
    """Return what stands before a batch of ``size`` bytes; ``session`` is 16 bytes."""
    return _HEADER.pack(session, size)


def split_bundle(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield session and batch of each entry.

    Raises:
        RemoteProtocolError: an entry is cut off; those before it have been yielded.
    """
    place = 0
    while place < len(data):
        start = place + HEADER_SIZE
        if start > len(data):
            raise RemoteProtocolError(f"bundle: {len(data) - place} bytes are no entry")
        session, size = _HEADER.unpack_from(data, place)
        place = start + size
        if place > len(data):
            raise RemoteProtocolError(f"bundle: a batch of {size} bytes is cut off")
        yield session, data[start:place]
