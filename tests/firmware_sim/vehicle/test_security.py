from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.vehicle.function_spec import SecuritySpec
from firmware_sim.vehicle.security import KEY_LENGTH, key_for, make_seed


def test_golden_key() -> None:
    spec = SecuritySpec(level=3, mask=0x0F0F0F0F, rotate=8, add=1)
    assert key_for(spec, bytes.fromhex("F0000000")) == bytes.fromhex("0F0F1000")


@given(st.binary(min_size=4, max_size=4), st.integers(0, 31), st.integers(0, 0xFFFF_FFFF))
def test_every_seed_has_a_key_and_no_two_share_one(seed: bytes, rotate: int, word: int) -> None:
    spec = SecuritySpec(level=1, mask=word, rotate=rotate, add=word)
    other = bytes([seed[0] ^ 1]) + seed[1:]
    assert len(key_for(spec, seed)) == KEY_LENGTH
    assert key_for(spec, seed) != key_for(spec, other)


def test_seeds_follow_from_the_generator_and_are_never_zero() -> None:
    seeds = [make_seed(random.Random(number)) for number in range(100)]
    assert seeds == [make_seed(random.Random(number)) for number in range(100)]
    assert bytes(KEY_LENGTH) not in seeds
