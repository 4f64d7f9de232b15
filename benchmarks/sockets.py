"""Bytes on the wire, as the kernel counts them: sock_diag(7) for every TCP socket of a port.

Counted are TCP's payload bytes, with whatever websocket, MQTT or TLS put around a message, and
the segments they travelled in. IP and TCP headers come on top: 52 bytes a segment with time
stamps, which this module does not guess at.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

_NETLINK_SOCK_DIAG = 4  # linux/netlink.h
_SOCK_DIAG_BY_FAMILY = 20  # linux/sock_diag.h
_NLM_F_REQUEST_DUMP = 0x301
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_INET_DIAG_INFO = 2  # linux/inet_diag.h: the attribute with struct tcp_info
_ESTABLISHED = 1 << 1

_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI48x")
_ATTRIBUTE = struct.Struct("=HH")
_MESSAGE_SIZE = 72  # struct inet_diag_msg
#: linux/tcp.h: tcpi_bytes_acked, tcpi_bytes_received, tcpi_segs_out, tcpi_segs_in
_COUNTERS = struct.Struct("=QQII")
_COUNTERS_AT = 120


class Traffic(NamedTuple):
    """What the sockets of a port have carried.

    Attributes:
        connections: open now.
        sent: payload bytes from the port's owner that arrived.
        received: payload bytes to the port's owner.
        segments: TCP segments both ways, empty acknowledgements included.
    """

    connections: int
    sent: int
    received: int
    segments: int

    def since(self, before: Traffic) -> Traffic:
        """Return what was added; meaningful while the same connections are open."""
        return Traffic(*(now - then for now, then in zip(self, before, strict=True)))


def traffic(port: int) -> Traffic:
    """Return what the open connections of a local port have carried so far."""
    found = [counters for local, counters in _established() if local == port]
    sent, received, out, into = (sum(each[place] for each in found) for place in range(4))
    return Traffic(len(found), sent, received, out + into)


def _established() -> Iterator[tuple[int, tuple[int, int, int, int]]]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as netlink:
        request = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 1 << 1, 0, _ESTABLISHED)
        size = _HEADER.size + len(request)
        netlink.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST_DUMP, 1, 0) + request)
        while True:
            for kind, body in split(netlink.recv(1 << 20)):
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR:
                    raise OSError("this kernel does not list its TCP sockets")
                yield read_socket(body)


def split(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and body of each netlink message in a datagram."""
    offset = 0
    while offset < len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        yield kind, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def read_socket(body: bytes) -> tuple[int, tuple[int, int, int, int]]:
    """Return local port and counters of one socket."""
    (port,) = struct.unpack_from(">H", body, 4)
    offset = _MESSAGE_SIZE
    while offset < len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        if kind == _INET_DIAG_INFO:
            sent, received, out, into = _COUNTERS.unpack_from(body, offset + 4 + _COUNTERS_AT)
            return port, (sent, received, out, into)
        offset += (length + 3) & ~3
    return port, (0, 0, 0, 0)
