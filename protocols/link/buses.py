"""Buses at the connector: how they are, and how an operator's session has them run."""

from __future__ import annotations

import msgspec

from protocols.link.channels import Message
from protocols.link.vehicle import FrameFilter


class BusState(msgspec.Struct, frozen=True, array_like=True):
    """How one bus is at this moment.

    Attributes:
        name: as in the capabilities.
        up: it can be reached.
        fault: why not, for people; empty while it is up.
        bitrate: nominal bit rate it runs at, bit/s; 0 where nobody said, and for DoIP.
        data_bitrate: likewise of the CAN-FD data phase.
        listen_only: nothing is sent on it.
        filters: how many filters choose what is let in; 0 lets everything in.
    """

    name: str
    up: bool
    fault: str = ""
    bitrate: int = 0
    data_bitrate: int = 0
    listen_only: bool = False
    filters: int = 0


class BusConfigure(Message, frozen=True, tag=26):
    """Gateway: run a bus otherwise until the session ends.

    The session holds the lease. What it leaves out (``None``) is as the connector was set up;
    every order says everything anew.

    Attributes:
        id: comes back in the answer; unique within the link.
        session: on whose behalf.
        bus: its name.
        bitrate: bit/s.
        data_bitrate: bit/s of the CAN-FD data phase.
        listen_only: send nothing; frames are not even acknowledged where the interface can.
        filters: frames that are let in, for everybody; none lets everything in.
    """

    numbered = True
    id: int
    session: str
    bus: str
    bitrate: int | None = None
    data_bitrate: int | None = None
    listen_only: bool = False
    filters: tuple[FrameFilter, ...] = ()


class BusConfigured(Message, frozen=True, tag=27):
    """Connector: what came of an order.

    Attributes:
        id: of the order.
        state: how the bus runs now; ``None`` where there is no such bus.
        failure: empty, ``unknown_bus`` or ``refused``: it runs as before.
        detail: what happened, for people.
    """

    numbered = True
    id: int
    state: BusState | None = None
    failure: str = ""
    detail: str = ""
