"""A recording as a capture file: CAN frames as they are, exchanges as DoIP over TCP.

One interface for each bus (link type 227), and one for messages, whose two ends are addresses of
the documentation block (RFC 5737): nobody's vehicle answered from there.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address

from protocols.recording import pcapng
from protocols.recording.conversation import Conversation, Side
from protocols.recording.records import Began
from protocols.recording.story import CanEvent, Event, UdsEvent

TESTER = Side(IPv4Address("192.0.2.1"), 49_152)
#: DoIP's port (ISO 13400-2, table 48), by which dissectors know it.
VEHICLE = Side(IPv4Address("192.0.2.2"), 13_400)

#: ISO 13400-2:2012 header: version, its inverse, payload type, length; a diagnostic message.
_HEADER = struct.Struct(">BBHI")
_ADDRESSES = struct.Struct(">HH")
_VERSION, _DIAGNOSTIC = 0x02, 0x8001


def capture(events: Iterable[Began | Event], application: str) -> Iterator[bytes]:
    """Yield the bytes of a pcapng file.

    Args:
        events: a recording's story.
        application: what writes it.
    """
    yield pcapng.section(application)
    talk: Conversation | None = None
    messages = can = 0
    last = 0
    for event in events:
        match event:
            case Began(buses=buses):
                for bus in buses:
                    yield pcapng.interface(pcapng.LinkType.CAN_SOCKETCAN, bus)
                can = messages = len(buses)
                yield pcapng.interface(pcapng.LinkType.RAW_IP, "diagnosis")
            case CanEvent() if event.bus < can:
                yield pcapng.packet(event.bus, event.at, pcapng.can_packet(event.frame))
            case UdsEvent():
                last = event.at
                if talk is None:
                    talk = Conversation(TESTER, VEHICLE)
                    yield from _packets(messages, last, talk.open())
                yield from _packets(messages, last, talk.say(_doip(event), server=event.answer))
            case _:
                continue
    if talk is not None:
        yield from _packets(messages, last, talk.close())


def _packets(interface: int, at: int, packets: Iterable[bytes]) -> Iterator[bytes]:
    for packet in packets:
        yield pcapng.packet(interface, at, packet)


def _doip(event: UdsEvent) -> bytes:
    length = _ADDRESSES.size + len(event.data)
    head = _HEADER.pack(_VERSION, _VERSION ^ 0xFF, _DIAGNOSTIC, length)
    return head + _ADDRESSES.pack(event.source, event.target) + event.data
