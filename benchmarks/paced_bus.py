"""A simulated classic CAN bus at 500 kbit/s: each frame takes its time, in either direction.

The device and the vehicle sit on a virtual channel each, and frames pass from one to the other
one after the other. What is due is handed on in one go, so that a timer that fires late delays
frames by as much and leaves the rate of the bus as it is.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from firmware_sim.buses.virtual import Deliver, VirtualPort
from protocols.can.frame import CanFrame

#: A frame of eight bytes on classic CAN at 500 kbit/s, with some stuff bits and the gap, seconds.
FRAME_TIME = 0.000_240


@dataclass(frozen=True, slots=True)
class Ends:
    """Where the two sides of a bus are, as addresses of buses."""

    device: str
    vehicle: str


class _Wire:
    """The bus itself."""

    def __init__(self) -> None:
        name = uuid.uuid4()
        self.ends = Ends(f"virtual:device-{name}", f"virtual:vehicle-{name}")
        self._waiting: deque[tuple[float, VirtualPort, CanFrame]] = deque()
        self._free_at = 0.0
        self._stirred = trio.Event()
        self._device = self._port(self.ends.device, self._from_device)
        self._vehicle = self._port(self.ends.vehicle, self._from_vehicle)

    def _port(self, address: str, deliver: Deliver) -> VirtualPort:
        channel = address.partition(":")[2]
        return VirtualPort(channel, deliver, lambda: round(trio.current_time() * 1e6), fd=False)

    def _from_device(self, frame: CanFrame) -> None:
        self._take(self._vehicle, frame)

    def _from_vehicle(self, frame: CanFrame) -> None:
        self._take(self._device, frame)

    def _take(self, to: VirtualPort, frame: CanFrame) -> None:
        self._free_at = max(self._free_at, trio.current_time()) + FRAME_TIME
        self._waiting.append((self._free_at, to, frame))
        self._stirred.set()

    async def run(self) -> None:
        while True:
            if not self._waiting:
                self._stirred = trio.Event()
                await self._stirred.wait()
            await trio.sleep_until(self._waiting[0][0])
            now = trio.current_time()
            while self._waiting and self._waiting[0][0] <= now:
                _, to, frame = self._waiting.popleft()
                to.send(frame)

    def close(self) -> None:
        self._device.close()
        self._vehicle.close()


@asynccontextmanager
async def open_paced_bus() -> AsyncIterator[Ends]:
    """Let a bus run while the block does."""
    wire = _Wire()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(wire.run)
        try:
            yield wire.ends
        finally:
            wire.close()
            nursery.cancel_scope.cancel()
