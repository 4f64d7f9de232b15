"""Values that live: engine speed, temperatures, voltages, as functions of time.

A value is a function of time and seed alone, so two runs with the same seed and clock agree to the
last byte.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from firmware_sim.vehicle.data_spec import SignalSpec, WaveSpec

#: Waves between -1 and 1, over one turn.
_SHAPES: dict[str, Callable[[float], float]] = {
    "sine": lambda turn: math.sin(2 * math.pi * turn),
    "triangle": lambda turn: 1 - 4 * abs(turn - 0.5),
    "saw": lambda turn: 2 * turn - 1,
    "square": lambda turn: 1.0 if turn < 0.5 else -1.0,
}


class Wave:
    """One live value: a slow wave around its base, its phase taken from the seed."""

    def __init__(self, spec: WaveSpec, seed: str) -> None:
        self._spec = spec
        self._phase = random.Random(seed).random()

    def value(self, now: float) -> float:
        """Return the physical value at ``now`` seconds."""
        spec = self._spec
        turns = now / spec.period + self._phase
        return spec.base + spec.swing * _SHAPES[spec.shape](turns % 1.0)


class Signal(Wave):
    """A live value that ECUs tell as bytes."""

    def __init__(self, spec: SignalSpec, seed: str) -> None:
        super().__init__(spec, seed)
        self._scale = spec

    def encode(self, now: float) -> bytes:
        """Return the value as big-endian bytes, clipped to what they can hold."""
        scale = self._scale
        raw = round((self.value(now) - scale.offset) / scale.factor)
        highest = (1 << 8 * scale.length) - 1
        return min(max(raw, 0), highest).to_bytes(scale.length)
