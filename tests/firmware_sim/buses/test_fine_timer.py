from __future__ import annotations

import math
import statistics
import sys

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.buses import fine_timer
from firmware_sim.buses.fine_timer import HORIZON, FineTimer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="timerfd is Linux's")


async def lateness(timer: FineTimer, pause: float, *, armed: bool) -> float:
    due = trio.current_time() + pause
    with trio.move_on_at(due) as scope:
        if armed:
            timer.arm(due, lambda: setattr(scope, "deadline", -math.inf))
        await trio.sleep_forever()
    return trio.current_time() - due


@pytest.mark.slow
async def test_it_wakes_at_a_fraction_of_a_millisecond(nursery: trio.Nursery) -> None:
    timer = FineTimer()
    nursery.start_soon(timer.run)
    for pause in (0.0003, 0.0012):
        late = [await lateness(timer, pause, armed=True) for _ in range(40)]
        assert statistics.median(late) < 0.000_5
        assert min(late) > -0.000_05  # a nanosecond timer and a float clock
    coarse = [await lateness(timer, 0.0003, armed=False) for _ in range(20)]
    assert statistics.median(coarse) > 0.000_5, "Trio has become finer: the timer can go"
    nursery.cancel_scope.cancel()


def is_open_after(timer: FineTimer, pause: float) -> bool:
    """Arm it, and tell whether it was worth a descriptor."""
    timer.arm(trio.current_time() + pause, lambda: None)
    return timer._descriptor is not None


async def test_what_is_far_or_over_is_not_armed(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    timer = FineTimer()
    nursery.start_soon(timer.run)
    assert [is_open_after(timer, pause) for pause in (-1.0, 0.0, HORIZON * 2)] == [False] * 3
    assert is_open_after(timer, 0.0001)
    nursery.cancel_scope.cancel()


async def test_without_kernel_timers_trio_alone_keeps_the_time(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fine_timer, "_LIBC", None)
    timer = FineTimer()
    assert await lateness(timer, 0.0003, armed=True) == pytest.approx(0.0)
    assert timer._descriptor is None


async def test_its_end_closes_the_descriptor(nursery: trio.Nursery) -> None:
    timer = FineTimer()
    async with trio.open_nursery() as inner:
        inner.start_soon(timer.run)
        rung = trio.Event()
        timer.arm(trio.current_time() + 0.0005, rung.set)
        with trio.fail_after(20):
            await rung.wait()
        inner.cancel_scope.cancel()
    assert timer._descriptor is None
