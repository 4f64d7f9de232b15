"""Seeds and keys of the simulated ECUs' security access (service 27)."""

from __future__ import annotations

import random

from firmware_sim.vehicle.function_spec import SecuritySpec

#: Bytes of every seed and key here.
KEY_LENGTH = 4


def make_seed(rng: random.Random) -> bytes:
    """Return a new seed; never all zeros, which would mean "already unlocked" (ISO 14229-1)."""
    return rng.randrange(1, 1 << 8 * KEY_LENGTH).to_bytes(KEY_LENGTH)


def key_for(spec: SecuritySpec, seed: bytes) -> bytes:
    """Return the key that opens this level: exclusive or, rotate left, add, modulo 2**32."""
    word = int.from_bytes(seed) ^ spec.mask
    word = (word << spec.rotate | word >> (32 - spec.rotate)) & 0xFFFF_FFFF
    return ((word + spec.add) & 0xFFFF_FFFF).to_bytes(KEY_LENGTH)
