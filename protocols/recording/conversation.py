"""A TCP conversation as packets, so that a dissector follows messages that had other transport.

An exchange that a door or the link carried was never a TCP packet here. For Wireshark's DoIP and
UDS dissectors it is told as one: IPv4 (RFC 791) and TCP (RFC 9293) with right checksums and
sequence numbers, begun by a handshake, ended by FIN.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag
from ipaddress import IPv4Address

#: Payload of one packet: what an Ethernet of 1,500 bytes leaves.
SEGMENT = 1_460

_TTL, _PROTOCOL_TCP, _DO_NOT_FRAGMENT = 64, 6, 0x4000
_HEADER_LENGTH = 20
_WINDOW = 0xFFFF


class Flag(IntFlag):
    """Control bits of a segment."""

    FIN = 0x01
    SYN = 0x02
    PSH = 0x08
    ACK = 0x10


@dataclass(frozen=True, slots=True)
class Side:
    """One end of a conversation."""

    address: IPv4Address
    port: int


class Conversation:
    """Numbers the segments of one connection.

    Args:
        client: who connects.
        server: who listens.
    """

    def __init__(self, client: Side, server: Side) -> None:
        self._client = client
        self._server = server
        # What each side sends next; the first of each is 0, which is as random as any other.
        self._next = {client: 0, server: 0}

    def open(self) -> Iterator[bytes]:
        """Yield the handshake's three packets."""
        yield self._segment(self._client, Flag.SYN)
        yield self._segment(self._server, Flag.SYN | Flag.ACK)
        yield self._segment(self._client, Flag.ACK)

    def say(self, data: bytes, *, server: bool = False) -> Iterator[bytes]:
        """Yield the packets that carry ``data``, one message, from the client or the server."""
        side = self._server if server else self._client
        for start in range(0, len(data), SEGMENT):
            piece = data[start : start + SEGMENT]
            last = start + SEGMENT >= len(data)
            yield self._segment(side, Flag.ACK | Flag.PSH if last else Flag.ACK, piece)

    def close(self) -> Iterator[bytes]:
        """Yield the packets of an orderly end."""
        yield self._segment(self._client, Flag.FIN | Flag.ACK)
        yield self._segment(self._server, Flag.FIN | Flag.ACK)
        yield self._segment(self._client, Flag.ACK)

    def _segment(self, side: Side, flags: Flag, data: bytes = b"") -> bytes:
        other = self._client if side == self._server else self._server
        number = self._next[side]
        heard = self._next[other] if Flag.ACK in flags else 0
        length = len(data) + bool(flags & (Flag.SYN | Flag.FIN))
        self._next[side] = (number + length) & 0xFFFFFFFF
        return _ipv4(side, other, _tcp(side, other, number, heard, flags, data))


def _tcp(side: Side, other: Side, number: int, heard: int, flags: Flag, data: bytes) -> bytes:
    offset_and_flags = (_HEADER_LENGTH // 4) << 12 | flags
    head = struct.pack(">HHIIHH", side.port, other.port, number, heard, offset_and_flags, _WINDOW)
    pseudo = side.address.packed + other.address.packed
    pseudo += struct.pack(">HH", _PROTOCOL_TCP, _HEADER_LENGTH + len(data))
    total = _checksum(pseudo + head + bytes(4) + data)
    return head + struct.pack(">HH", total, 0) + data


def _ipv4(side: Side, other: Side, segment: bytes) -> bytes:
    length = _HEADER_LENGTH + len(segment)
    head = struct.pack(">BBHHHBB", 0x45, 0, length, 0, _DO_NOT_FRAGMENT, _TTL, _PROTOCOL_TCP)
    ends = side.address.packed + other.address.packed
    return head + struct.pack(">H", _checksum(head + bytes(2) + ends)) + ends + segment


def _checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071): the complement of the ones' complement sum."""
    padded = data + bytes(len(data) % 2)
    # Modulo 0xFFFF is the ones' complement sum, whose zero is written 0xFFFF.
    total = int.from_bytes(padded, "big") % 0xFFFF
    return ~(total or 0xFFFF) & 0xFFFF
