"""A timer on the time of the call in progress."""

import pytest

from protocols.isotp.timers import Instant, InstantTimer


def test_a_timer_is_due_at_its_deadline_and_not_before() -> None:
    instant = Instant(10.0)
    timer = InstantTimer(instant, 1.5)
    assert (timer.is_timed_out(), timer.is_stopped(), timer.deadline) == (False, True, None)
    timer.start()
    instant.now = 11.499999
    assert not timer.is_timed_out()
    assert timer.elapsed() == pytest.approx(1.499999)
    instant.now = 11.5
    assert timer.is_timed_out()
    assert (timer.deadline, timer.remaining()) == (11.5, 0.0)
    timer.start(2.0)
    assert timer.deadline == 13.5
    timer.stop()
    assert (timer.is_timed_out(), timer.elapsed_ns()) == (False, 0)
