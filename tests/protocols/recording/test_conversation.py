"""Packets of a conversation, taken apart by hand: numbers, flags and checksums."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from protocols.recording.conversation import SEGMENT, Conversation, Flag, Side

TESTER = Side(IPv4Address("192.0.2.1"), 49152)
VEHICLE = Side(IPv4Address("192.0.2.2"), 13400)


@dataclass(frozen=True)
class Seen:
    from_port: int
    number: int
    heard: int
    flags: Flag
    data: bytes


def ones_sum(data: bytes) -> int:
    """RFC 1071 as its own text has it: add, then fold the carries."""
    padded = data + bytes(len(data) % 2)
    total = sum(int(word) for (word,) in struct.iter_unpack(">H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def take_apart(packet: bytes) -> Seen:
    header, segment = packet[:20], packet[20:]
    assert header[0] == 0x45
    assert struct.unpack_from(">H", header, 2) == (len(packet),)
    # A sum over data and its checksum is all ones.
    assert ones_sum(header) == 0xFFFF
    pseudo = header[12:20] + struct.pack(">HH", header[9], len(segment))
    assert ones_sum(pseudo + segment) == 0xFFFF
    from_port, _, number, heard, bits = struct.unpack_from(">HHIIH", segment)
    return Seen(from_port, number, heard, Flag(bits & 0x1F), segment[20:])


def test_it_begins_with_a_handshake_and_ends_with_both_sides_gone() -> None:
    talk = Conversation(TESTER, VEHICLE)
    begun = [take_apart(packet) for packet in talk.open()]
    assert [(s.flags, s.number, s.heard) for s in begun] == [
        (Flag.SYN, 0, 0),
        (Flag.SYN | Flag.ACK, 0, 1),
        (Flag.ACK, 1, 1),
    ]
    ended = [take_apart(packet) for packet in talk.close()]
    assert [(s.from_port, s.flags) for s in ended] == [
        (49152, Flag.FIN | Flag.ACK),
        (13400, Flag.FIN | Flag.ACK),
        (49152, Flag.ACK),
    ]


@given(st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=4000)), max_size=6))
def test_each_side_s_bytes_come_in_order_and_are_acknowledged(
    said: list[tuple[bool, bytes]],
) -> None:
    talk = Conversation(TESTER, VEHICLE)
    list(talk.open())
    heard: dict[int, bytes] = {TESTER.port: b"", VEHICLE.port: b""}
    for server, data in said:
        told = [take_apart(packet) for packet in talk.say(data, server=server)]
        for seen in told:
            other = TESTER.port if seen.from_port == VEHICLE.port else VEHICLE.port
            assert seen.number == 1 + len(heard[seen.from_port])
            assert seen.heard == 1 + len(heard[other])
            assert len(seen.data) <= SEGMENT
            heard[seen.from_port] += seen.data
        assert [Flag.PSH in seen.flags for seen in told] == [False] * (len(told) - 1) + [True]
    assert heard[TESTER.port] == b"".join(data for server, data in said if not server)
    assert heard[VEHICLE.port] == b"".join(data for server, data in said if server)
