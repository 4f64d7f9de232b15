"""Records as bytes: append-only, and whole up to wherever a crash has cut them.

    file     magic "DGREC" | version u8 = 1 | two zero bytes | records
    record   length u32 | checksum u32 | content

All numbers are big-endian. ``length`` counts the content, which is MessagePack (a tagged array,
see :mod:`protocols.recording.records`). ``checksum`` is the CRC-32 (ISO 3309) of length and
content together, so that neither a torn write nor a hole of zeros passes for a record: a
length of zero never occurs.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.recording.records import Record

MAGIC = b"DGREC\x01\x00\x00"

#: Content of one record, bytes: the longest answer of the link, twice over.
MAX_CONTENT = 32 * 1024 * 1024

_LENGTH = struct.Struct(">I")

#: Checksums of the lengths that nearly every record has.
_OF_LENGTHS = tuple(zlib.crc32(_LENGTH.pack(length)) for length in range(1024))

_HEAD = struct.Struct(">II")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """Return one record as it stands in the file.

    Raises:
        LocalProtocolError: it is longer than ``MAX_CONTENT``.
    """
    content = _ENCODER.encode(record)
    if len(content) > MAX_CONTENT:
        raise LocalProtocolError(f"a record of {len(content)} bytes; {MAX_CONTENT} is the most")
    return _HEAD.pack(len(content), _checksum(content)) + content


def _checksum(content: bytes) -> int:
    length = len(content)
    begun = _OF_LENGTHS[length] if length < 1024 else zlib.crc32(_LENGTH.pack(length))
    return zlib.crc32(content, begun)


@dataclass(frozen=True, slots=True)
class Cut:
    """A file does not end where a record ends.

    Attributes:
        whole: bytes up to the end of the last whole record.
        reason: what is wrong behind that.
    """

    whole: int
    reason: str


class Reader:
    """Takes a file piece by piece and gives its whole records.

    The first damaged record ends the reading: behind it nothing says where a record begins.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._whole = 0
        self._damage: str | None = None

    def feed(self, data: bytes) -> Iterator[Record]:
        """Take the next bytes and yield what is complete with them; read it to the end.

        Raises:
            RemoteProtocolError: this is no recording of a version known here.
        """
        self._buffer += data
        if self._whole == 0:
            self._take_magic()
        while self._whole and self._damage is None and (record := self._next()) is not None:
            yield record

    def _take_magic(self) -> None:
        start = bytes(self._buffer[: len(MAGIC)])
        if not MAGIC.startswith(start):
            raise RemoteProtocolError("this is no recording, or one of another version")
        if len(start) == len(MAGIC):
            self._consume(len(MAGIC))

    def _next(self) -> Record | None:
        if len(self._buffer) < _HEAD.size:
            return None
        length, checksum = _HEAD.unpack_from(self._buffer)
        if not 0 < length <= MAX_CONTENT:
            self._damage = f"a record's length is {length}"
            return None
        end = _HEAD.size + length
        if len(self._buffer) < end:
            return None
        return self._take(bytes(self._buffer[_HEAD.size : end]), checksum)

    def _take(self, content: bytes, checksum: int) -> Record | None:
        if _checksum(content) != checksum:
            self._damage = "a record's checksum is wrong"
            return None
        try:
            record = _DECODER.decode(content)
        except msgspec.MsgspecError as problem:
            self._damage = f"a record's content is unknown: {problem}"
            return None
        self._consume(_HEAD.size + len(content))
        return record

    def _consume(self, count: int) -> None:
        del self._buffer[:count]
        self._whole += count

    def finish(self) -> Cut | None:
        """Return where the file is cut, or ``None`` where it ends with a whole record."""
        if self._damage is not None:
            return Cut(self._whole, self._damage)
        if self._buffer or self._whole == 0:
            return Cut(self._whole, "the file ends within a record")
        return None
