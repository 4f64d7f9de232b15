"""A recording as a capture file: CAN frames as they are, exchanges as DoIP over TCP.

One interface for each bus (link type 227), and one for messages, whose two ends are addresses of
the documentation block (RFC 5737): nobody's vehicle answered from there. Remarks are messages of a
system log on an interface of their own, and comments of these packets.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address

from protocols.recording import pcapng
from protocols.recording.conversation import Conversation, Side
from protocols.recording.records import Began
from protocols.recording.story import CanEvent, Event, Remark, UdsEvent

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
    talk: _Talk | None = None
    for event in events:
        if isinstance(event, Began):
            for bus in event.buses:
                yield pcapng.interface(pcapng.LinkType.CAN_SOCKETCAN, bus)
            yield pcapng.interface(pcapng.LinkType.RAW_IP, "diagnosis")
            yield pcapng.interface(pcapng.LinkType.UPPER_PDU, "events")
            talk = _Talk(len(event.buses))
        elif talk is not None:
            yield from talk.tell(event)
    if talk is not None:
        yield from talk.end()


class _Talk:
    """Packets of a file whose interfaces are there: buses first, then messages, then remarks."""

    def __init__(self, buses: int) -> None:
        self._buses = self._messages = buses
        self._remarks = buses + 1
        self._conversation: Conversation | None = None
        self._last = 0

    def tell(self, event: Event) -> Iterator[bytes]:
        """Yield the packets of an event."""
        match event:
            case CanEvent(at, bus, frame) if bus < self._buses:
                yield pcapng.packet(bus, at, pcapng.can_packet(frame))
            case Remark(at, text):
                yield pcapng.packet(self._remarks, at, pcapng.text_packet(text), comment=text)
            case UdsEvent():
                yield from self._say(event)
            case _:
                return

    def _say(self, event: UdsEvent) -> Iterator[bytes]:
        self._last = event.at
        if self._conversation is None:
            self._conversation = Conversation(TESTER, VEHICLE)
            yield from _packets(self._messages, event.at, self._conversation.open())
        said = self._conversation.say(_doip(event), server=event.answer)
        yield from _packets(self._messages, event.at, said)

    def end(self) -> Iterator[bytes]:
        """Yield what ends the conversation."""
        if self._conversation is not None:
            yield from _packets(self._messages, self._last, self._conversation.close())


def _packets(interface: int, at: int, packets: Iterable[bytes]) -> Iterator[bytes]:
    for packet in packets:
        yield pcapng.packet(interface, at, packet)


def _doip(event: UdsEvent) -> bytes:
    length = _ADDRESSES.size + len(event.data)
    head = _HEADER.pack(_VERSION, _VERSION ^ 0xFF, _DIAGNOSTIC, length)
    return head + _ADDRESSES.pack(event.source, event.target) + event.data
