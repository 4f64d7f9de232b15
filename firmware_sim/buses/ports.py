"""Ports to python-can interfaces outside this process: readable sockets, and everything else.

A port is made by :func:`open_port`, pumps frames until its bus breaks, and is closed once.
It raises python-can's own errors; :mod:`firmware_sim.buses.can_bus` gives them their meaning.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import can
import msgspec
import trio
from typing_extensions import override

from firmware_sim.buses.messages import to_frame, to_message
from firmware_sim.buses.virtual import Doorway, VirtualPort
from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError

log = logging.getLogger(__name__)

Deliver = Callable[[CanFrame], None]
ClockUs = Callable[[], int]

#: Messages read in one go before other tasks get their turn.
READ_BURST = 64

#: A frame that claims to be older than this was stamped by another clock, microseconds.
OLDEST_STAMP_US = 5_000_000

#: How long the reader thread waits for a message before it looks whether it should end, seconds.
THREAD_POLL = 0.1


class Port(Protocol):
    """One way onto a bus."""

    def send(self, frame: CanFrame) -> CanFrame:
        """Send without waiting; return the frame with its stamp. Raises `can.CanError`."""
        ...

    async def pump(self) -> None:
        """Deliver frames until cancelled. Raises `can.CanError` or `OSError` when it breaks."""
        ...

    def close(self) -> None: ...


class _InterfacePort:
    """What every python-can interface has in common; the subclasses differ in how they wait."""

    def __init__(self, bus: can.BusABC, deliver: Deliver, clock_us: ClockUs) -> None:
        self._bus = bus
        self._deliver = deliver
        self._clock_us = clock_us
        self._offset_us = time.time_ns() // 1000 - clock_us()

    def send(self, frame: CanFrame) -> CanFrame:
        stamped = msgspec.structs.replace(frame, timestamp_us=self._clock_us())
        self._bus.send(to_message(stamped), timeout=0)
        return stamped

    def close(self) -> None:
        self._bus.shutdown()

    def _receive(self, message: can.Message) -> None:
        try:
            frame = to_frame(message, self._stamp(message))
        except RemoteProtocolError as error:
            log.warning("a frame that the interface reports is left out: %s", error)
            return
        self._deliver(frame)

    def _stamp(self, message: can.Message) -> int:
        """Return when the frame was seen, on our clock.

        Most interfaces stamp frames with the system clock, more precisely than we could. Some
        count from when they were plugged in, or do not stamp at all: then it is seen now.
        """
        now = self._clock_us()
        stamp = round(message.timestamp * 1e6) - self._offset_us
        return stamp if now - OLDEST_STAMP_US < stamp <= now else now


class SocketPort(_InterfacePort):
    """An interface with a file descriptor (SocketCAN, UDP multicast): Trio waits for it."""

    async def pump(self) -> None:
        descriptor = self._bus.fileno()
        while True:
            await trio.lowlevel.wait_readable(descriptor)
            for _ in range(READ_BURST):
                message = self._bus.recv(0)
                if message is None:
                    break
                self._receive(message)


class ThreadPort(_InterfacePort):
    """An interface that can only block: one reader thread for the life of the port."""

    @override
    def __init__(self, bus: can.BusABC, deliver: Deliver, clock_us: ClockUs) -> None:
        super().__init__(bus, deliver, clock_us)
        self._doorway = Doorway(self._receive)

    async def pump(self) -> None:
        await trio.to_thread.run_sync(self._read)

    def _read(self) -> None:
        while True:
            trio.from_thread.check_cancelled()
            message = self._bus.recv(THREAD_POLL)
            if message is not None:
                self._doorway.put(message)


async def open_port(
    interface: str,
    channel: str,
    deliver: Deliver,
    clock_us: ClockUs,
    options: dict[str, Any],  # Any: python-can takes keyword arguments by interface
) -> Port:
    """Open the python-can ``interface`` on ``channel``.

    Raises:
        can.CanError: it cannot be opened.
        OSError, ValueError: so some interfaces say the same.
    """
    if interface == "virtual":
        return VirtualPort(channel, deliver, clock_us, fd=bool(options.get("fd")))
    # In a thread: opening a serial adapter or resolving a host may block for seconds.
    bus = await trio.to_thread.run_sync(
        partial(can.Bus, channel=channel, interface=interface, **options)
    )
    kind = SocketPort if _has_descriptor(bus) else ThreadPort
    return kind(bus, deliver, clock_us)


def _has_descriptor(bus: can.BusABC) -> bool:
    try:
        return bus.fileno() >= 0
    except NotImplementedError:
        return False
