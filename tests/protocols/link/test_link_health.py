from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.link.health import SILENT_INTERVALS, Health


def _answer(health: Health, sent: float, took: float, offset: float = 0.0) -> tuple[float, int]:
    """Ping at ``sent``, answer from a peer whose clock is ``offset`` seconds ahead."""
    number = health.ping(sent)
    trip = health.pong(number, round((sent + took / 2 + offset) * 1e6), sent + took)
    assert trip is not None
    return trip


def test_three_silent_intervals_are_the_end_counted_from_the_last_sign_of_life() -> None:
    health = Health(5.0, now=100.0)
    assert health.silent_at == 115.0
    health.heard(103.0)
    assert health.silent_at == 118.0
    assert health.patience == SILENT_INTERVALS * 5.0


def test_the_first_ping_is_due_at_once_and_the_next_an_interval_later() -> None:
    health = Health(5.0, now=100.0)
    assert health.next_ping == 100.0
    assert [health.ping(100.0), health.ping(105.5)] == [1, 2]
    assert health.next_ping == 110.5


def test_another_pace_makes_a_ping_due_and_counts_silence_by_the_new_interval() -> None:
    health = Health(20.0, now=0.0)
    health.ping(0.0)
    health.heard(0.1)
    health.pace(5.0, 17.0)
    assert (health.next_ping, health.silent_at) == (17.0, 32.0)
    health.heard(18.0)
    assert health.silent_at == 33.0
    health.pace(20.0, 19.0)
    assert (health.next_ping, health.silent_at) == (19.0, 78.0)


def test_the_same_pace_changes_nothing() -> None:
    health = Health(5.0, now=0.0)
    health.ping(0.0)
    health.pace(5.0, 3.0)
    assert (health.next_ping, health.silent_at) == (5.0, 15.0)


@given(
    st.lists(st.tuples(st.floats(0.0, 30.0), st.sampled_from((5.0, 20.0))), max_size=40),
)
def test_however_often_the_pace_changes_a_dead_link_is_found(
    changes: list[tuple[float, float]],
) -> None:
    health, now = Health(20.0, now=0.0), 0.0
    for pause, interval in changes:
        now += pause
        if now >= health.silent_at:
            break
        health.pace(interval, now)
        assert health.silent_at <= SILENT_INTERVALS * 20.0, "from the last sign of life"
        assert health.silent_at > now, "a change alone ends nothing"


def test_the_round_trip_is_smoothed_as_tcp_does_it() -> None:
    health = Health(5.0, now=0.0)
    assert _answer(health, 0.0, 0.080)[0] == pytest.approx(0.080)
    assert _answer(health, 5.0, 0.160)[0] == pytest.approx(0.080 + 0.080 / 8)
    assert _answer(health, 10.0, 0.090)[0] == pytest.approx(0.090)


def test_an_answer_to_no_ping_of_ours_says_nothing() -> None:
    health = Health(5.0, now=0.0)
    number = health.ping(0.0)
    assert health.pong(number + 1, 0, 0.1) is None
    assert health.pong(number, 0, 0.1) is not None
    assert health.pong(number, 0, 0.2) is None, "answered twice"


def test_unanswered_pings_do_not_pile_up() -> None:
    health = Health(1.0, now=0.0)
    for second in range(1000):
        health.ping(float(second))
    assert len(health._sent) <= SILENT_INTERVALS + 1


def test_the_clock_offset_comes_from_the_quickest_trip() -> None:
    health = Health(5.0, now=0.0)
    assert _answer(health, 0.0, 0.010, offset=3.0)[1] == pytest.approx(3_000_000, abs=1)
    # A slow and lopsided trip: all of its delay is on the way back, so it looks 0.2 s off.
    number = health.ping(5.0)
    trip = health.pong(number, round(8.0 * 1e6), 5.4)
    assert trip is not None
    assert trip.clock_offset_us == pytest.approx(3_000_000, abs=1)


def test_the_clock_offset_follows_a_drifting_clock() -> None:
    health = Health(5.0, now=0.0)
    offset = 0
    for count in range(200):
        drifted = 1.0 + count * 5 * 50e-6
        _, offset = _answer(health, count * 5.0, 0.020, offset=drifted)
    assert offset == pytest.approx(1_050_000, abs=1000)


def test_a_slower_path_becomes_the_reference_in_time() -> None:
    health = Health(5.0, now=0.0)
    _answer(health, 0.0, 0.010, offset=1.0)
    offset = 0
    for count in range(1, 60):
        _, offset = _answer(health, count * 5.0, 0.300, offset=2.0)
    assert offset == pytest.approx(2_000_000, abs=10)


@pytest.mark.slow
@given(st.lists(st.floats(0.0, 2.0), min_size=1, max_size=50), st.floats(-1e6, 1e6))
def test_the_smoothed_trip_stays_between_the_extremes(trips: list[float], offset: float) -> None:
    health = Health(5.0, now=0.0)
    smoothed, estimate = 0.0, 0
    for count, took in enumerate(trips):
        smoothed, estimate = _answer(health, count * 5.0, took, offset=offset)
        assert min(trips) - 1e-9 <= smoothed <= max(trips) + 1e-9
    # Symmetric trips: the estimate is exact but for rounding.
    assert estimate == pytest.approx(offset * 1e6, abs=2)
