"""How a server makes itself known: a small XML document, broadcast by UDP every few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

#: Seconds from one beacon to the next; the protocol allows three at most.
INTERVAL = 2.5

#: What clients read of one datagram, bytes (python-can).
LONGEST = 1024


def beacon(name: str, url: str, buses: Sequence[str], description: str = "") -> bytes:
    """Return one beacon.

    Buses that no client would read any more, because so many come before, are left out.

    Args:
        name: of the device that has the buses.
        url: ``can://HOST:PORT``.
        buses: their names, as clients open them.
        description: for people.
    """
    about = f" description={quoteattr(description)}" if description else ""
    head = f'<CANBeacon name={quoteattr(name)} type="adapter"{about}><URL>{escape(url)}</URL>'
    tail = "</CANBeacon>"
    size = len(head.encode()) + len(tail)
    for bus in buses:
        entry = f"<Bus name={quoteattr(bus)}/>"
        size += len(entry.encode())
        if size > LONGEST:
            break
        head += entry
    return (head + tail).encode()
