from __future__ import annotations

import random
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.vehicle.data_spec import SignalSpec
from firmware_sim.vehicle.signals import Signal

SPEED = SignalSpec(base=800, swing=40, period=8, factor=0.25, length=2)


def test_a_wave_stays_around_its_base_and_comes_back() -> None:
    signal = Signal(SPEED, "seed")
    values = [signal.value(step / 10) for step in range(80)]
    assert max(values) == pytest.approx(840, abs=1)
    assert min(values) == pytest.approx(760, abs=1)
    assert signal.value(8.0) == pytest.approx(values[0])


def test_raw_values_follow_factor_and_offset() -> None:
    assert Signal(SignalSpec(base=90, offset=-40), "x").encode(0) == bytes([130])
    assert Signal(SignalSpec(base=800, factor=0.25, length=2), "x").encode(5) == b"\x0c\x80"


@given(st.floats(-1e12, 1e12), st.integers(1, 8))
def test_any_value_is_clipped_to_its_bytes(base: float, length: int) -> None:
    assert len(Signal(SignalSpec(base=base, length=length), "x").encode(1.0)) == length


def test_the_same_seed_gives_the_same_wave() -> None:
    assert Signal(SPEED, "a").encode(3.3) == Signal(SPEED, "a").encode(3.3)
    assert Signal(SPEED, "a").value(3.3) != Signal(SPEED, "b").value(3.3)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("sine", [10, 12, 10, 8]),
        ("triangle", [8, 10, 12, 10]),
        ("saw", [8, 9, 10, 11]),
        ("square", [12, 12, 8, 8]),
    ],
)
def test_waves_have_shapes(
    shape: Literal["sine", "triangle", "saw", "square"], expected: list[float]
) -> None:
    signal = Signal(SignalSpec(base=10, swing=2, period=4, shape=shape), "seed")
    begin = 4 * (1 - random.Random("seed").random())  # where its phase is over
    values = [signal.value(begin + quarter + 1e-9) for quarter in range(4)]
    assert values == pytest.approx(expected, abs=1e-6)
