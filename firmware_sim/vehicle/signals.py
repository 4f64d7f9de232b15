"""Values that live: engine speed, temperatures, voltages, as functions of time.

A value is a function of time and seed alone, so two runs with the same seed and clock agree to the
last byte.
"""

from __future__ import annotations

import math
import random

from firmware_sim.vehicle.ecu_spec import SignalSpec


class Signal:
    """One live value: a slow wave around its base, its phase taken from the seed."""

    def __init__(self, spec: SignalSpec, seed: str) -> None:
        self._spec = spec
        self._phase = random.Random(seed).random()

    def value(self, now: float) -> float:
        """Return the physical value at ``now`` seconds."""
        spec = self._spec
        turns = now / spec.period + self._phase
        return spec.base + spec.swing * math.sin(2 * math.pi * turns)

    def encode(self, now: float) -> bytes:
        """Return the value as big-endian bytes, clipped to what they can hold."""
        spec = self._spec
        raw = round((self.value(now) - spec.offset) / spec.factor)
        highest = (1 << 8 * spec.length) - 1
        return min(max(raw, 0), highest).to_bytes(spec.length)
