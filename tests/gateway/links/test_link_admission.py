from __future__ import annotations

import itertools

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from gateway.links.admission import (
    BRISK,
    LONGEST_PAUSE,
    Admission,
    AdmissionLimits,
    Verdict,
    Visit,
    neighbourhood,
)


def _admission(
    handshakes: int = 8, rate: float = 10.0, jitter: float = 0.5, brisk: int = 128
) -> Admission:
    limits = AdmissionLimits(handshakes, rate, brisk=brisk)
    return Admission(limits, lambda: jitter, 100.0)


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


def test_one_address_cannot_hold_every_place() -> None:
    limits = AdmissionLimits(8, 100.0, per_address=3)
    admission = Admission(limits, lambda: 0.5, 100.0)
    flood = [admission.arrive(100.0, "192.0.2.1") for _ in range(4)]
    assert [visit.verdict for visit in flood] == [*[Verdict.COME_IN] * 3, Verdict.CLOSED]
    assert admission.arrive(100.0, "192.0.2.2").verdict is Verdict.COME_IN
    flood[3].over()
    assert admission.arrive(100.0, "192.0.2.1").verdict is Verdict.CLOSED, "it held no place"
    flood[0].over()
    assert admission.arrive(100.0, "192.0.2.1").verdict is Verdict.COME_IN


@pytest.mark.parametrize(
    ("address", "one_subscriber"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
    ],
)
def test_what_one_subscriber_can_change_of_an_address_does_not_count(
    address: str, one_subscriber: str
) -> None:
    assert neighbourhood(address) == one_subscriber


# --- whose turn it is -----------------------------------------------------------------------


def _accept(admission: Admission, now: float) -> Visit:
    admission.accepted(now)
    return admission.arrive(now)


def test_accepts_have_a_rate_and_a_second_of_it_may_come_at_once() -> None:
    admission = _admission(handshakes=1000, rate=10.0)
    for _ in range(10):
        assert admission.next_turn(100.0) == 100.0
        _accept(admission, 100.0).over()
    assert admission.next_turn(100.0) == pytest.approx(100.1)
    assert admission.next_turn(100.05) == pytest.approx(100.1)
    _accept(admission, 100.11).over()
    assert admission.next_turn(100.11) == pytest.approx(100.2)
    assert admission.next_turn(1000.0) == 1000.0
    for _ in range(10):
        _accept(admission, 1000.0).over()
    assert admission.next_turn(1000.0) == pytest.approx(1000.1), "saved up for a second, no more"


def test_who_was_accepted_counts_before_its_task_begins() -> None:
    admission = _admission(rate=1000.0, brisk=2)
    admission.accepted(100.0)
    assert admission.next_turn(100.0) == 100.0
    admission.accepted(100.0)
    assert admission.next_turn(100.0) == pytest.approx(100.0 + BRISK)
    visits = [admission.arrive(100.0) for _ in range(2)]
    assert admission.next_turn(100.0) == pytest.approx(100.0 + BRISK), "nobody counts twice"
    visits[0].over()
    assert admission.next_turn(100.0) == 100.0


def test_as_many_are_under_way_as_can_be_served_at_once() -> None:
    admission = _admission(handshakes=1000, rate=1000.0, brisk=3)
    visits = [admission.arrive(100.0 + number / 10) for number in range(3)]
    assert admission.next_turn(100.2) == pytest.approx(100.0 + BRISK)
    visits[1].over()
    assert admission.next_turn(100.2) == 100.2
    admission.arrive(100.2)
    visits[0].over()
    visits[0].over()
    assert admission.next_turn(100.2) == 100.2


def test_who_takes_long_keeps_nobody_out() -> None:
    admission = _admission(handshakes=1000, rate=1000.0, brisk=3)
    slow = [admission.arrive(100.0) for _ in range(3)]
    assert admission.next_turn(100.4) == pytest.approx(100.0 + BRISK)
    assert admission.next_turn(100.0 + BRISK) == 100.0 + BRISK
    assert admission.handshakes == 3, "they still count towards the hard bound"
    for visit in slow:
        visit.over()
    again = [admission.arrive(101.0) for _ in range(3)]
    assert admission.next_turn(101.0) == pytest.approx(101.0 + BRISK), "nobody is counted twice"
    assert len(again) == 3


async def test_a_turn_comes_as_soon_as_somebody_leaves(autojump_clock: MockClock) -> None:
    limits = AdmissionLimits(8, 1000.0, brisk=1)
    admission = Admission(limits, lambda: 0.5, trio.current_time())
    visit, began = admission.arrive(trio.current_time()), trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(admission.wait_turn)
        await trio.sleep(0.1)
        visit.over()
    assert trio.current_time() - began == pytest.approx(0.1)
    admission.arrive(trio.current_time())
    await admission.wait_turn()
    assert trio.current_time() - began == pytest.approx(0.1 + BRISK)


# --- those who are turned away ----------------------------------------------------------------


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
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 2), st.booleans()), max_size=200),
    st.integers(1, 20),
    st.integers(1, 50),
    st.integers(1, 8),
)
def test_no_bound_is_ever_exceeded_by_who_waits_for_a_turn(
    steps: list[tuple[float, int, bool]], handshakes: int, rate: int, brisk: int
) -> None:
    limits = AdmissionLimits(handshakes, rate, per_address=4, brisk=brisk)
    admission = Admission(limits, lambda: 0.5, 0.0)
    now, accepted = 0.0, 0
    inside: list[Visit] = []
    for pause, address, leave in steps:
        now += pause
        if leave and inside:
            inside.pop(len(inside) // 2).over()
        if admission.next_turn(now) > now:
            continue
        admission.accepted(now)
        visit = admission.arrive(now, f"192.0.2.{address}")
        accepted += 1
        if visit.verdict is Verdict.CLOSED:
            visit.over()
        else:
            inside.append(visit)
        assert accepted <= rate + now * rate + 1e-6
        assert sum(one.began > now - BRISK for one in inside) <= brisk
        came_in = [one for one in inside if one.verdict is Verdict.COME_IN]
        assert admission.handshakes == len(came_in) <= handshakes
        assert all(
            sum(one.address == f"192.0.2.{number}" for one in inside) <= 4 for number in range(3)
        )
