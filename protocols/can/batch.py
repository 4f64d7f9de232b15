"""Many frames of one bus as one binary message.

A gateway relays a batch as it came: :func:`peek_batch` reads the header alone. All numbers are
big-endian.

    header   version u8 = 1 | flags u8 | bus u16 | count u32 | dropped u32 | base u64
    frame    delta u32 | word u32 | kind u8 | length u8 | data

``base`` is the lowest time stamp of the batch, microseconds of the connector's clock; ``delta`` is
what a frame adds to it. ``word`` is the identifier with SocketCAN's flag bits (EFF, RTR, ERR).
``kind`` is 0 for a classic frame, 1 for CAN-FD, 3 for CAN-FD with bit rate switch.

Frames more than 71 minutes apart do not fit into 32 bits of delta: such a batch has flag bit 0
set and carries its deltas in 64 bits. Nothing is clamped; which form is used follows from the
frames alone, so equal batches have equal bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from protocols.can.frame import (
    FD_LENGTHS,
    MAX_EXTENDED_ID,
    MAX_STANDARD_ID,
    MAX_TIMESTAMP_US,
    CanFrame,
    check_local,
    check_remote,
)
from protocols.errors import LocalProtocolError, RemoteProtocolError

VERSION = 1
#: SocketCAN's flag bits in the identifier word (linux/can.h).
EFF_FLAG = 0x80000000
RTR_FLAG = 0x40000000
ERR_FLAG = 0x20000000

_WIDE_DELTAS = 0x01
_KIND_FD = 0x01
_KIND_BRS = 0x02
_U16 = 0xFFFF
_U32 = 0xFFFFFFFF

_HEADER = struct.Struct(">BBHIIQ")
_NARROW = struct.Struct(">IIH")
_WIDE = struct.Struct(">QIH")

#: (kind, length) of every frame that can exist, as one number: what to read and build.
_SHAPES = {length: (length, False, False) for length in range(9)}
_SHAPES |= {_KIND_FD << 8 | length: (length, True, False) for length in FD_LENGTHS}
_SHAPES |= {(_KIND_FD | _KIND_BRS) << 8 | length: (length, True, True) for length in FD_LENGTHS}


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """What a relay needs to know of a batch.

    Attributes:
        bus: index of the bus among those that the connector announced.
        count: frames in the batch.
        dropped: frames lost before this batch because the feed was full.
        first_timestamp_us: lowest time stamp of the batch; 0 where it is empty.
    """

    bus: int
    count: int
    dropped: int
    first_timestamp_us: int


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """A decoded batch: the frames of one bus in the order they were seen."""

    bus: int
    frames: tuple[CanFrame, ...]
    dropped: int = 0


def encode_batch(bus: int, frames: Sequence[CanFrame], dropped: int = 0) -> bytes:
    """Return the frames of one bus as one message.

    Args:
        bus: index of the bus, 0 to 65535.
        frames: in the order they were seen; their time stamps need not be sorted.
        dropped: how many frames were lost before these; counts beyond 32 bits stay at the top.

    Raises:
        LocalProtocolError: a frame that cannot exist, or a bus or time stamp out of range.
    """
    stamps = [frame.timestamp_us for frame in frames]
    base, last = min(stamps, default=0), max(stamps, default=0)
    if base < 0 or last > MAX_TIMESTAMP_US or not 0 <= bus <= _U16:
        raise LocalProtocolError(f"batch: bus {bus} or a time stamp in {base}..{last} is no such")
    flags = _WIDE_DELTAS if last - base > _U32 else 0
    lost = min(max(dropped, 0), _U32)
    parts = [_HEADER.pack(VERSION, flags, bus, len(frames), lost, base)]
    _append_frames(parts, frames, base, _layout(flags))
    return b"".join(parts)


def _append_frames(
    parts: list[bytes], frames: Sequence[CanFrame], base: int, layout: struct.Struct
) -> None:
    """Add every frame's bytes to ``parts``; the loop that decides how fast a bus can be."""
    pack, append, shapes = layout.pack, parts.append, _SHAPES
    for frame in frames:
        data = frame.data
        word = frame.id
        shape = len(data)
        if frame.extended:
            limit = MAX_EXTENDED_ID
            flags = EFF_FLAG
        else:
            limit = MAX_STANDARD_ID
            flags = 0
        if frame.fd:
            shape |= 0x300 if frame.brs else 0x100
        if frame.remote or frame.error or frame.brs > frame.fd:
            limit, flags = _unusual(frame, limit, flags)
        if shape not in shapes or not 0 <= word <= limit:
            check_local(frame)
        append(pack(frame.timestamp_us - base, word | flags, shape))
        append(data)


def _unusual(frame: CanFrame, limit: int, flags: int) -> tuple[int, int]:
    """Return identifier limit and flag bits of a remote or error frame."""
    check_local(frame)
    if frame.remote:
        flags |= RTR_FLAG
    if frame.error:
        return MAX_EXTENDED_ID, flags | ERR_FLAG
    return limit, flags


def peek_batch(data: bytes) -> BatchHeader:
    """Return what the header says, without looking at the frames.

    Raises:
        RemoteProtocolError: too short for a header, another version, or too short for its count.
    """
    if len(data) < _HEADER.size:
        raise RemoteProtocolError(f"batch: {len(data)} bytes are no header")
    version, flags, bus, count, dropped, base = _HEADER.unpack_from(data)
    if version != VERSION or flags & ~_WIDE_DELTAS or base > MAX_TIMESTAMP_US:
        raise RemoteProtocolError(f"batch: version {version} with flags {flags:#x} is unknown")
    if len(data) - _HEADER.size < count * _layout(flags).size:
        raise RemoteProtocolError(f"batch: {len(data)} bytes cannot hold {count} frames")
    return BatchHeader(bus, count, dropped, base)


def decode_batch(data: bytes) -> FrameBatch:
    """Return the batch that :func:`encode_batch` made.

    Raises:
        RemoteProtocolError: cut off, too long, or with a frame that cannot exist.
    """
    header = peek_batch(data)
    layout = _layout(data[1])
    try:
        frames = tuple(_frames(data, header, layout))
    except (KeyError, struct.error) as error:
        raise RemoteProtocolError("batch: a frame is cut off or of an impossible kind") from error
    if layout is _WIDE and any(frame.timestamp_us > MAX_TIMESTAMP_US for frame in frames):
        raise RemoteProtocolError("batch: a time stamp is out of range")
    return FrameBatch(header.bus, frames, header.dropped)


def add_losses(data: bytes, count: int) -> bytes:
    """Return the batch saying that ``count`` frames more were lost before it.

    Raises:
        RemoteProtocolError: it is no batch.
    """
    header = peek_batch(data)
    lost = min(header.dropped + max(count, 0), _U32)
    told = _HEADER.pack(
        VERSION, data[1], header.bus, header.count, lost, header.first_timestamp_us
    )
    return told + data[_HEADER.size :]


def select_batch(data: bytes, wanted: Callable[[CanFrame], bool]) -> bytes:
    """Return a batch with those frames alone that ``wanted`` agrees to; losses stay told.

    Where it agrees to all of them the batch is returned as it came.

    Raises:
        RemoteProtocolError: it is no batch.
    """
    batch = decode_batch(data)
    chosen = [frame for frame in batch.frames if wanted(frame)]
    if len(chosen) == len(batch.frames):
        return data
    return encode_batch(batch.bus, chosen, batch.dropped)


def _layout(flags: int) -> struct.Struct:
    return _WIDE if flags & _WIDE_DELTAS else _NARROW


def _frames(data: bytes, header: BatchHeader, layout: struct.Struct) -> Iterator[CanFrame]:
    """Yield every frame; the loop that decides how fast a recording or a replay can be."""
    unpack_from, size, shapes = layout.unpack_from, layout.size, _SHAPES
    base = header.first_timestamp_us
    offset = _HEADER.size
    for _ in range(header.count):
        delta, word, shape = unpack_from(data, offset)
        length, fd, brs = shapes[shape]
        offset += size
        end = offset + length
        payload = data[offset:end]
        offset = end
        if word <= MAX_STANDARD_ID:
            yield CanFrame(word, payload, False, fd, brs, False, False, base + delta)
        elif word & 0xE0000000 == EFF_FLAG:
            yield CanFrame(word & 0x1FFFFFFF, payload, True, fd, brs, False, False, base + delta)
        else:
            yield _unusual_frame(word, payload, fd, brs, base + delta)
    if offset != len(data):
        raise RemoteProtocolError(f"batch: {len(data)} bytes where {offset} were announced")


def _unusual_frame(word: int, data: bytes, fd: bool, brs: bool, stamp: int) -> CanFrame:
    """Return a remote or error frame; nothing else may have these identifier words."""
    extended, remote, error = bool(word & EFF_FLAG), bool(word & RTR_FLAG), bool(word & ERR_FLAG)
    return check_remote(
        CanFrame(word & MAX_EXTENDED_ID, data, extended, fd, brs, remote, error, stamp)
    )
