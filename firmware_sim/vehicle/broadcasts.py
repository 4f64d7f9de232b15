"""A vehicle's normal traffic: the frames its ECUs send by themselves, again and again."""

from __future__ import annotations

import random
from collections.abc import Callable

import trio

from firmware_sim.buses.can_bus import BusError, CanBus
from firmware_sim.vehicle.signals import Signal
from firmware_sim.vehicle.vehicle_spec import BroadcastSpec
from protocols.can.frame import CanFrame

#: Data bytes of every broadcast; what the signals leave is 00.
LENGTH = 8


class Broadcast:
    """One periodic frame of one ECU."""

    def __init__(self, spec: BroadcastSpec, seed: str) -> None:
        self._spec = spec
        # Somewhere in its period: real ECUs do not start together, and frames at the same instant
        # would leave their order to the scheduler.
        self._phase = random.Random(f"{seed}/{spec.id:X}").random()
        self._signals = [
            Signal(signal, f"{seed}/{spec.id:X}/{number}")
            for number, signal in enumerate(spec.signals)
        ]

    def frame(self, now: float) -> CanFrame:
        """Return the frame with the values of ``now``."""
        data = b"".join(signal.encode(now) for signal in self._signals)
        return CanFrame(self._spec.id, data.ljust(LENGTH, b"\0"), extended=self._spec.extended)

    async def run(self, bus: CanBus, may_send: Callable[[], bool]) -> None:
        """Send it every period until cancelled, unless the ECU was silenced (service 28).

        A frame that the bus does not take is left out: the next one is newer anyway.
        """
        due = trio.current_time() + self._phase * self._spec.period
        while True:
            await trio.sleep_until(due)
            if may_send():
                self._send(bus)
            due = max(due + self._spec.period, trio.current_time())

    def _send(self, bus: CanBus) -> None:
        try:
            bus.send_nowait(self.frame(trio.current_time()))
        except BusError:
            return
