"""Bytes of the link's messages, computed from the codec: what measured bytes are held against."""

from __future__ import annotations

from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.envelope import HEADER_SIZE
from protocols.link.messages import (
    ExchangeRequest,
    ExchangeResponse,
    ExchangeResult,
    Message,
    encode_body,
)
from protocols.link.vehicle import CanTarget

#: A session's id, as the gateway makes them: 16 random bytes in hexadecimal.
_SESSION = "0" * 32

#: What stands in messages of a link that has been up for a while. Trio's clock begins at days,
#: so that a time stamp takes nine bytes.
_ID, _MICROSECONDS = 100_000, 500_000_000_000


def websocket(size: int, *, masked: bool) -> int:
    """Return a binary message's bytes on the wire (RFC 6455 5.2); clients mask theirs."""
    length = 2 if size < 126 else 4 if size < 1 << 16 else 10
    return size + length + (4 if masked else 0)


def exchange(request: bytes, answer: bytes) -> tuple[int, int]:
    """Return the bytes that an exchange puts on the link: to the connector, and from it."""
    asked = ExchangeRequest(_ID, _SESSION, CanTarget(0x7E0, 0x7E8), request)
    response = ExchangeResponse(0x7E8, answer, 0, _MICROSECONDS, _MICROSECONDS)
    result = ExchangeResult(_ID, (response,))
    return _message(asked, masked=False), _message(result, masked=True)


def _message(message: Message, *, masked: bool) -> int:
    return websocket(HEADER_SIZE + len(encode_body(message)), masked=masked)


def frames(count: int) -> float:
    """Return the bytes of each classic frame with eight bytes of data, in batches of ``count``."""
    made = [CanFrame(0x100, bytes(8), timestamp_us=number) for number in range(count)]
    return websocket(HEADER_SIZE + len(encode_batch(0, made)), masked=True) / count
