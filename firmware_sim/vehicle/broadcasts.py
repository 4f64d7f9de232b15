"""A vehicle's normal traffic: the frames its ECUs send by themselves, again and again."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

import trio

from firmware_sim.buses.can_bus import BusError, CanBus
from firmware_sim.vehicle.signals import Signal
from firmware_sim.vehicle.traffic_spec import BroadcastSpec
from protocols.can.frame import CanFrame

#: Data bytes of every broadcast; what the signals leave is 00.
LENGTH = 8


class PeriodicMessage(Protocol):
    """A message that is sent again and again: `Broadcast`, or one of a database."""

    @property
    def period(self) -> float:
        """Seconds between two."""

    @property
    def key(self) -> str:
        """What tells it apart from the vehicle's other messages."""

    def frame(self, now: float) -> CanFrame:
        """Return the frame to send now."""


class Broadcast:
    """One periodic frame of one ECU, declared signal by signal."""

    def __init__(self, spec: BroadcastSpec, seed: str) -> None:
        self.period = spec.period
        self.key = f"{spec.id:X}"
        self._spec = spec
        self._signals = [
            Signal(signal, f"{seed}/{spec.id:X}/{number}")
            for number, signal in enumerate(spec.signals)
        ]

    def frame(self, now: float) -> CanFrame:
        """Return the frame with the values of ``now``."""
        data = b"".join(signal.encode(now) for signal in self._signals)
        return CanFrame(self._spec.id, data.ljust(LENGTH, b"\0"), extended=self._spec.extended)


async def send_periodically(
    message: PeriodicMessage, seed: str, bus: CanBus, may_send: Callable[[float], bool]
) -> None:
    """Send a message every period until cancelled, unless its ECU is silent.

    A frame that the bus does not take is left out: the next one is newer anyway.
    """
    # Somewhere in its period: real ECUs do not start together, and frames at the same instant
    # would leave their order to the scheduler.
    phase = random.Random(f"{seed}/{message.key}").random()
    due = trio.current_time() + phase * message.period
    while True:
        await trio.sleep_until(due)
        now = trio.current_time()
        if may_send(now):
            _send(bus, message.frame(now))
        due = max(due + message.period, now)


def _send(bus: CanBus, frame: CanFrame) -> None:
    try:
        bus.send_nowait(frame)
    except BusError:
        return
