"""The few MQTT 3.1.1 packets that a relay through a broker needs (OASIS standard, section 3)."""

from __future__ import annotations

import struct
from typing import NamedTuple

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13

PINGREQ = b"\xc0\x00"

_U16 = struct.Struct(">H")


class Packet(NamedTuple):
    """One packet: kind, the four flag bits, and what follows the length."""

    kind: int
    flags: int
    body: bytes


class Publish(NamedTuple):
    """A message of a topic; ``packet_id`` is 0 where no acknowledgement is wanted."""

    topic: str
    payload: bytes
    packet_id: int


def connect(client_id: str, keep_alive: int) -> bytes:
    """Return CONNECT with a clean session; ``keep_alive`` in seconds."""
    body = _text("MQTT") + bytes((4, 0x02)) + _U16.pack(keep_alive) + _text(client_id)
    return _packet(0x10, body)


def subscribe(packet_id: int, topic: str, qos: int) -> bytes:
    """Return SUBSCRIBE for one topic."""
    return _packet(0x82, _U16.pack(packet_id) + _text(topic) + bytes((qos,)))


def publish(topic: str, payload: bytes, packet_id: int = 0) -> bytes:
    """Return PUBLISH: at least once with a packet id, else at most once."""
    identifier = _U16.pack(packet_id) if packet_id else b""
    return _packet(0x32 if packet_id else 0x30, _text(topic) + identifier + payload)


def puback(packet_id: int) -> bytes:
    """Return PUBACK."""
    return b"\x40\x02" + _U16.pack(packet_id)


def read_publish(packet: Packet) -> Publish:
    """Return the message in a PUBLISH packet."""
    (size,) = _U16.unpack_from(packet.body)
    topic, rest = packet.body[2 : 2 + size].decode(), packet.body[2 + size :]
    if not packet.flags & 0x06:
        return Publish(topic, rest, 0)
    return Publish(topic, rest[2:], _U16.unpack_from(rest)[0])


class Reader:
    """Finds the packets in a stream."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets that are complete now."""
        data = self._rest + data
        packets, offset = [], 0
        while (head := _head(data, offset)) is not None:
            begin, size = head
            if len(data) < begin + size:
                break
            first = data[offset]
            packets.append(Packet(first >> 4, first & 0x0F, data[begin : begin + size]))
            offset = begin + size
        self._rest = data[offset:]
        return packets


def _head(data: bytes, offset: int) -> tuple[int, int] | None:
    """Return where a packet's body begins and how long it is; ``None`` if that is not there."""
    size = 0
    for place in range(4):
        at = offset + 1 + place
        if at >= len(data):
            return None
        size |= (data[at] & 0x7F) << 7 * place
        if not data[at] & 0x80:
            return at + 1, size
    raise ValueError("a length of more than four bytes")


def _packet(first: int, body: bytes) -> bytes:
    length, rest = b"", len(body)
    while rest > 0x7F:
        length += bytes((rest & 0x7F | 0x80,))
        rest >>= 7
    return bytes((first,)) + length + bytes((rest,)) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return _U16.pack(len(data)) + data
