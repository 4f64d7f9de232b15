from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.links import flapping
from gateway.links.flapping import Flapping, FlappingLimits

ONE, TWO = UUID(int=1), UUID(int=2)
LIMITS = FlappingLimits(links=3, window=60.0, first_pause=5.0, longest_pause=60.0)


def _flapped(now: float = 1000.0) -> Flapping:
    """Return a record with one connector at its limit."""
    damper = Flapping(LIMITS)
    assert [damper.begin(ONE, now) for _ in range(3)] == [0.0, 0.0, 0.0]
    return damper


def test_a_few_new_links_are_fine_and_more_get_a_pause() -> None:
    damper = _flapped()
    assert damper.pause(ONE, 1000.0) == 0.0
    assert damper.begin(ONE, 1001.0) == 5.0
    assert damper.pause(ONE, 1002.0) == 4.0
    assert damper.pause(ONE, 1006.0) == 0.0


def test_after_a_pause_there_is_one_attempt_and_the_next_pause_is_longer() -> None:
    damper, now, pauses = _flapped(), 1000.0, []
    for _ in range(7):
        pauses.append(damper.begin(ONE, now))
        now += pauses[-1]
        assert damper.begin(ONE, now) == 0.0
    assert pauses == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0]


def test_one_that_stays_is_cleared() -> None:
    damper = _flapped()
    pause = damper.begin(ONE, 1000.0)
    assert damper.begin(ONE, 1000.0 + pause) == 0.0
    later = 1000.0 + pause + LIMITS.window
    assert [damper.begin(ONE, later) for _ in range(4)] == [0.0, 0.0, 0.0, 5.0]


def test_new_links_far_apart_are_no_flapping() -> None:
    damper = Flapping(LIMITS)
    assert all(damper.begin(ONE, 21.0 * number) == 0.0 for number in range(100))


def test_others_do_not_notice() -> None:
    damper = _flapped()
    assert damper.begin(ONE, 1000.0) > 0
    assert damper.begin(TWO, 1000.0) == 0.0
    assert damper.pause(TWO, 1000.0) == 0.0


def test_records_that_no_longer_matter_are_dropped() -> None:
    damper = Flapping(LIMITS)
    for number in range(20_000):
        damper.begin(UUID(int=number), number * 0.1)
    assert len(damper._records) <= 2 * flapping._PRUNE_FROM


@given(st.lists(st.floats(0.0, 90.0), max_size=60))
def test_nobody_begins_more_often_than_allowed_however_it_tries(pauses: list[float]) -> None:
    damper, now, begun = Flapping(LIMITS), 0.0, []
    for pause in pauses:
        now += pause
        if damper.pause(ONE, now) == 0.0 and damper.begin(ONE, now) == 0.0:
            begun.append(now)
        # A deadline minus now: sums of floats are off by their last bit.
        assert damper.pause(ONE, now) <= LIMITS.longest_pause + 1e-6
        lately = [moment for moment in begun if moment > now - LIMITS.window]
        # Five after the limit: one behind each of the growing pauses.
        assert len(lately) <= LIMITS.links + 4
