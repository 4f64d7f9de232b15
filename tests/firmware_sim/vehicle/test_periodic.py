from __future__ import annotations

import pytest

from firmware_sim.vehicle.periodic import MAX_PERIODIC, Periodic


def test_each_is_due_once_a_period() -> None:
    periodic = Periodic()
    assert periodic.next_deadline() is None
    assert periodic.start((1,), 0x01, 10.0)
    assert periodic.start((2,), 0x02, 10.0)
    assert periodic.next_deadline() == pytest.approx(10.2)
    assert periodic.take_due(10.1) == []
    assert periodic.take_due(10.2) == [2]
    assert periodic.take_due(10.2) == []
    assert sorted(periodic.take_due(11.0)) == [1, 2]  # those missed are left out
    assert periodic.next_deadline() == 11.0
    periodic.stop((2,))
    assert periodic.next_deadline() == 12.0
    periodic.stop()
    assert periodic.next_deadline() is None


def test_there_is_a_bound() -> None:
    periodic = Periodic()
    assert not periodic.start(tuple(range(MAX_PERIODIC + 1)), 1, 0.0)
    assert periodic.start(tuple(range(MAX_PERIODIC)), 1, 0.0)
    assert periodic.start((0,), 3, 0.0)  # another rate for one of them
    assert not periodic.start((99,), 1, 0.0)
