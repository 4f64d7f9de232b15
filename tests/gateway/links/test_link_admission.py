from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.links.admission import LONGEST_PAUSE, Admission, AdmissionLimits, Verdict, Visit


def _admission(handshakes: int = 8, rate: float = 10.0, jitter: float = 0.5) -> Admission:
    return Admission(AdmissionLimits(handshakes, rate), lambda: jitter, 100.0)


def _verdicts(admission: Admission, count: int, now: float) -> list[Verdict]:
    return [admission.arrive(now).verdict for _ in range(count)]


def test_handshakes_in_progress_are_bounded_and_so_are_those_who_are_told() -> None:
    admission = _admission(handshakes=8, rate=100.0)
    visits = [admission.arrive(100.0) for _ in range(17)]
    assert [visit.verdict for visit in visits] == [
        *[Verdict.COME_IN] * 8,
        *[Verdict.COME_BACK] * 8,
        Verdict.CLOSED,
    ]
    assert admission.handshakes == 8
    visits[0].over()
    visits[0].over()  # once more makes no more room
    assert _verdicts(admission, 2, 100.0) == [Verdict.COME_IN, Verdict.CLOSED]
    visits[9].over()
    assert _verdicts(admission, 2, 100.0) == [Verdict.COME_BACK, Verdict.CLOSED]


def test_accepts_have_a_rate_and_a_second_of_it_may_come_at_once() -> None:
    admission = _admission(handshakes=1000, rate=10.0)
    assert _verdicts(admission, 11, 100.0) == [Verdict.COME_IN] * 10 + [Verdict.COME_BACK]
    assert _verdicts(admission, 3, 100.21) == [Verdict.COME_IN] * 2 + [Verdict.COME_BACK]
    assert _verdicts(admission, 11, 1000.0) == [Verdict.COME_IN] * 10 + [Verdict.COME_BACK]


def test_a_crowd_is_asked_back_one_by_one_at_the_accepted_rate() -> None:
    admission = _admission(rate=10.0, jitter=0.0)
    pauses = [admission.pause(100.0) for _ in range(100)]
    assert pauses == pytest.approx([0.1 * number for number in range(1, 101)])
    assert admission.pause(105.0) == pytest.approx(5.1), "what was booked stays booked"
    assert admission.pause(500.0) == pytest.approx(0.1), "and passes"


def test_no_crowd_is_asked_to_stay_away_for_longer_than_a_minute() -> None:
    draws = itertools.cycle((0.0, 0.5, 1.0))
    admission = Admission(AdmissionLimits(8, 10.0), lambda: next(draws), 0.0)
    pauses = [admission.pause(0.0) for _ in range(10_000)]
    assert max(pauses) <= LONGEST_PAUSE + 1
    assert {30.0, 45.0, 60.0} <= set(pauses[1000:]), "the rest is spread over the second half"


@given(st.floats(0, 1), st.floats(0.1, 1000))
def test_a_spread_pause_is_half_to_one_and_a_half(jitter: float, pause: float) -> None:
    spread = _admission(jitter=jitter).spread(pause)
    assert 0.5 * pause <= spread <= 1.5 * pause * (1 + 1e-9)


@given(
    st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=200),
    st.integers(1, 20),
    st.integers(1, 50),
)
def test_neither_bound_is_ever_exceeded(
    steps: list[tuple[float, bool]], handshakes: int, rate: int
) -> None:
    admission = Admission(AdmissionLimits(handshakes, rate), lambda: 0.5, 0.0)
    now, came_in = 0.0, 0
    inside: list[Visit] = []
    for pause, leave in steps:
        now += pause
        if leave and inside:
            inside.pop().over()
        visit = admission.arrive(now)
        if visit.verdict is Verdict.COME_IN:
            inside.append(visit)
            came_in += 1
        assert admission.handshakes == len(inside) <= handshakes
        assert came_in <= rate + now * rate + 1e-6
