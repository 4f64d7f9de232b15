"""Blocks of a pcapng file (IETF draft-ietf-opsawg-pcapng), as Wireshark reads them.

Little-endian, time stamps in microseconds (the format's default resolution), every length padded
to four bytes. CAN frames are packets of link type 227, whose identifier is big-endian.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from protocols.can.batch import EFF_FLAG, ERR_FLAG, RTR_FLAG
from protocols.can.frame import CanFrame


class LinkType(IntEnum):
    """What the packets of an interface are (tcpdump.org/linktypes)."""

    RAW_IP = 101
    CAN_SOCKETCAN = 227
    #: Messages of a named dissector, without anything below them (Wireshark's exported PDUs).
    UPPER_PDU = 252


_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 0x00000001, 0x00000006
_BYTE_ORDER = 0x1A2B3C4D
_UNKNOWN_LENGTH = 0xFFFFFFFFFFFFFFFF
#: Option codes: name of an interface, comment on anything, end of options.
_IF_NAME, _COMMENT, _END = 2, 1, 0

#: struct canfd_frame's flags (linux/can.h): bit rate switch; the frame is CAN-FD.
_BRS, _FDF = 0x01, 0x04

_CAN = struct.Struct(">IBBxx")

#: Tags of an exported PDU (Wireshark, ``exported_pdu_tlvs.h``): a dissector's name; the last one.
_DISSECTOR, _LAST_TAG = 12, 0
_TAG = struct.Struct(">HH")
#: The dissector that shows a line of text in the list of packets too, and what it wants in front:
#: facility "log audit", severity "informational" (RFC 5424, 6.2.1).
_SYSLOG, _PRIORITY = b"syslog", b"<110>"


def section(application: str) -> bytes:
    """Return the block that a file begins with.

    Args:
        application: what wrote the file (``shb_userappl``).
    """
    body = struct.pack("<IHHQ", _BYTE_ORDER, 1, 0, _UNKNOWN_LENGTH)
    return _block(_SECTION, body + _option(4, application) + _option(_END, ""))


def interface(link_type: LinkType, name: str) -> bytes:
    """Return the block that describes the next interface; they count from 0."""
    body = struct.pack("<HHI", link_type, 0, 0)
    return _block(_INTERFACE, body + _option(_IF_NAME, name) + _option(_END, ""))


def packet(number: int, at_us: int, data: bytes, comment: str = "") -> bytes:
    """Return one packet of interface ``number``.

    Args:
        number: of the interface, in the order in which they were described.
        at_us: microseconds since 1970.
        data: as the interface's link type has it.
        comment: shown by Wireshark beside the packet.
    """
    time = max(at_us, 0)
    head = struct.pack("<IIIII", number, time >> 32, time & 0xFFFFFFFF, len(data), len(data))
    options = _option(_COMMENT, comment) + _option(_END, "") if comment else b""
    return _block(_PACKET, head + _padded(data) + options)


def can_packet(frame: CanFrame) -> bytes:
    """Return a frame as link type 227 has it."""
    flags = (
        (EFF_FLAG if frame.extended else 0)
        | (RTR_FLAG if frame.remote else 0)
        | (ERR_FLAG if frame.error else 0)
    )
    kind = (_FDF if frame.fd else 0) | (_BRS if frame.brs else 0)
    return _CAN.pack(frame.id | flags, len(frame.data), kind) + frame.data


def text_packet(text: str) -> bytes:
    """Return a line of text as link type 252 has it."""
    name = _padded(_SYSLOG)
    tags = _TAG.pack(_DISSECTOR, len(name)) + name + _TAG.pack(_LAST_TAG, 0)
    return tags + _PRIORITY + text.encode()


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def _option(code: int, text: str) -> bytes:
    # An option's length has 16 bits.
    value = text.encode()[:0xFFFF]
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
