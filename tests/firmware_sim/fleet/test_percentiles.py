from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.fleet.percentiles import Percentiles, Times


@pytest.mark.slow
@given(st.lists(st.floats(1e-4, 1e4), min_size=1, max_size=200))
def test_times_are_known_to_five_percent(seconds: list[float]) -> None:
    collected = Percentiles()
    for value in seconds:
        collected.add(value)
    ordered = sorted(seconds)
    times = collected.times()
    assert times.count == len(seconds)
    assert times.max == pytest.approx(ordered[-1] * 1000, abs=0.001)
    for share, told in ((50, times.p50), (90, times.p90), (99, times.p99)):
        exact = ordered[-(-len(ordered) * share // 100) - 1] * 1000
        assert told == pytest.approx(exact, rel=0.05)


def test_nothing_measured_is_all_zero() -> None:
    assert Percentiles().times() == Times()


def test_a_million_values_take_no_more_room_than_their_spread() -> None:
    collected = Percentiles()
    for value in range(20_000):
        collected.add(0.05 + value % 100 / 1000)
    collected.add(0.0)
    assert len(collected._buckets) < 40
