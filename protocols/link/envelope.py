"""The nine bytes in front of each body: ``channel u8, number u32, acknowledged u32``.

Big endian. Number 0 marks an unnumbered message. ``acknowledged`` is the last number received in
order, so that traffic in one direction acknowledges the other for free.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from protocols.errors import RemoteProtocolError
from protocols.link.messages import MAX_ENVELOPE, Channel, CloseCode

_HEADER = struct.Struct(">BII")
HEADER_SIZE = _HEADER.size
_CHANNELS = tuple(Channel)

#: Numbers run 1 .. 2^32-1 and then 1 again; 0 is never one.
MAX_NUMBER = (1 << 32) - 1


class Envelope(NamedTuple):
    """One websocket message, taken apart."""

    channel: Channel
    number: int
    acknowledged: int
    body: bytes


def following(number: int) -> int:
    """Return the number after ``number``."""
    return number % MAX_NUMBER + 1


def distance(later: int, earlier: int) -> int:
    """Return how many steps lead from ``earlier`` to ``later``, negative where it is behind.

    Meaningful while the two are less than 2^31 apart, which the bound on unacknowledged messages
    guarantees by far. 0 stands before the first number.
    """
    steps = (later - earlier) % MAX_NUMBER
    return steps if steps <= MAX_NUMBER // 2 else steps - MAX_NUMBER


def pack(channel: Channel, number: int, acknowledged: int, body: bytes) -> bytes:
    """Return the websocket message for a body."""
    return _HEADER.pack(channel, number, acknowledged) + body


def unpack(data: bytes) -> Envelope:
    """Take a websocket message apart.

    Raises:
        RemoteProtocolError: too short, too long, or of an unknown channel.
    """
    if len(data) < HEADER_SIZE:
        raise RemoteProtocolError(
            f"{len(data)} bytes are no envelope: the header alone has {HEADER_SIZE}",
            code=CloseCode.PROTOCOL,
        )
    if len(data) > MAX_ENVELOPE:
        raise RemoteProtocolError(
            f"{len(data)} bytes exceed the limit of {MAX_ENVELOPE}", code=CloseCode.TOO_LARGE
        )
    channel, number, acknowledged = _HEADER.unpack_from(data)
    if channel > Channel.FRAME:
        raise RemoteProtocolError(f"unknown channel {channel}", code=CloseCode.PROTOCOL)
    return Envelope(_CHANNELS[channel], number, acknowledged, data[HEADER_SIZE:])
