from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import trio
from trio.testing import MockClock

from gateway.links.timers import Timers
from protocols.link.connection import LinkConnection
from tests.support.link_world import settle


@dataclass
class _Link:
    """A link with nothing but a deadline."""

    due: float | None

    def next_deadline(self) -> float | None:
        return self.due


@dataclass(eq=False)
class _Timed:
    """Something with deadlines; notes each that fires, and has the next ``every`` so often."""

    timers: Timers
    due: float | None
    every: float | None = None
    scheduled: float = float("inf")
    fired: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = _Link(self.due)
        # Timers ask a link for its next deadline and for nothing else.
        self.link = cast("LinkConnection", self.clock)

    def move(self, due: float | None) -> None:
        self.clock.due = due
        self.timers.keep(self)

    def fire(self, now: float) -> None:
        self.fired.append(now)
        self.move(None if self.every is None else now + self.every)


async def test_a_deadline_fires_once_at_its_time(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    timers = Timers()
    nursery.start_soon(timers.run)
    timed = _Timed(timers, 3.0)
    timers.keep(timed)
    await trio.sleep(100)
    assert timed.fired == [3.0]


async def test_many_fire_in_order_and_at_their_own_times(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    timers = Timers()
    nursery.start_soon(timers.run)
    links = [_Timed(timers, 10.0 - number, every=10.0) for number in range(10)]
    for timed in links:
        timers.keep(timed)
        await settle(3)
    await trio.sleep(25.5)
    for number, timed in enumerate(links):
        turns = (10.0 - number, 20.0 - number, 30.0 - number)
        assert timed.fired == [turn for turn in turns if turn < 25.5]


async def test_a_deadline_that_moves_earlier_is_kept(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    timers = Timers()
    nursery.start_soon(timers.run)
    timed = _Timed(timers, 50.0)
    timers.keep(timed)
    await trio.sleep(1)
    timed.move(2.0)
    await trio.sleep(10)
    assert timed.fired == [2.0]


async def test_a_deadline_that_moves_later_fires_later_and_costs_nothing(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    timers = Timers()
    nursery.start_soon(timers.run)
    timed = _Timed(timers, 5.0)
    for later in range(5, 500):
        timed.move(float(later))
    assert len(timers._heap) == 1
    await trio.sleep(498)
    assert timed.fired == []
    await trio.sleep(2)
    assert timed.fired == [499.0]


async def test_what_is_forgotten_never_fires(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    timers = Timers()
    nursery.start_soon(timers.run)
    timed = _Timed(timers, 1.0)
    timers.keep(timed)
    timers.forget(timed)
    timed.move(0.5)
    await trio.sleep(10)
    assert timed.fired == []
    assert timers._heap == []


async def test_the_heap_stays_small_under_acknowledgements(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """A busy link has a short deadline ten times a second and a long one behind it."""
    timers = Timers()
    nursery.start_soon(timers.run)
    timed = _Timed(timers, 5.0)
    timers.keep(timed)
    for _ in range(600):
        now = trio.current_time()
        timed.move(now + 0.1)
        await trio.sleep(0.1)
        timed.move(now - now % 5 + 5)
    assert len(timers._heap) < 100
