"""A message as the ISO-TP frames that carry it (ISO 15765-2, 9.6), made up for other tools.

Connectors with ISO-TP on board pass whole messages on; their frames are seen by nobody unless the
bus is watched. What is made up here has the right content and the right ends in time; lengths,
separation times and the one flow control are as plain as they can be.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocols.can.frame import FD_LENGTHS

#: Fills frames, as testers do.
FILL = 0xCC

#: Clear to send, all at once, without separation time.
FLOW_CONTROL = bytes([0x30, 0, 0])

#: Longest message that a first frame announces without the escape form.
_SHORT = 0xFFF


def segments(payload: bytes, prefix: bytes = b"", longest: int = 8) -> Iterator[bytes]:
    """Yield the data of each frame of a message.

    Args:
        payload: the message.
        prefix: first data byte of extended and mixed addressing, or nothing.
        longest: bytes of the longest frame, 8 to 64.
    """
    room = 7 - len(prefix)
    if len(payload) <= room:
        yield pad(prefix + bytes([len(payload)]) + payload)
        return
    if longest > 8 and len(payload) <= longest - 2 - len(prefix):
        yield pad(prefix + bytes([0, len(payload)]) + payload)
        return
    head = prefix + _announcement(len(payload))
    taken = longest - len(head)
    yield head + payload[:taken]
    step = longest - 1 - len(prefix)
    for number, start in enumerate(range(taken, len(payload), step), 1):
        yield pad(prefix + bytes([0x20 | number & 0x0F]) + payload[start : start + step])


def _announcement(length: int) -> bytes:
    if length <= _SHORT:
        return bytes([0x10 | length >> 8, length & 0xFF])
    return bytes([0x10, 0]) + length.to_bytes(4, "big")


def pad(data: bytes) -> bytes:
    """Return data filled up to 8 bytes, or to the next length that CAN-FD has."""
    size = max(8, next(it for it in FD_LENGTHS if it >= len(data)))
    return data.ljust(size, bytes([FILL]))
