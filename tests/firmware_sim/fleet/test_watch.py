from __future__ import annotations

from typing import cast

import trio
from trio.testing import MockClock

from firmware_sim.firmware.link import LinkClient
from firmware_sim.fleet.tally import Tally
from firmware_sim.fleet.watch import Watches
from protocols.can.batch import decode_batch
from protocols.link.messages import MonitorStart
from protocols.link.vehicle import FrameFilter


class _Line:
    """The part of a link that takes frames."""

    def __init__(self) -> None:
        self.up = True
        self.batches: list[bytes] = []
        self.goodbyes: list[str] = []

    async def send_frames(self, batch: bytes) -> bool:
        await trio.lowlevel.checkpoint()
        if self.up:
            self.batches.append(batch)
        return self.up

    def goodbye(self, reason: str) -> None:
        self.goodbyes.append(reason)


def watching(line: _Line, rate: float, nursery: trio.Nursery) -> tuple[Watches, Tally]:
    tally = Tally(1)
    return Watches(cast("LinkClient", line), rate, tally, nursery), tally


async def test_frames_that_no_link_takes_are_counted_and_told_later(
    autojump_clock: MockClock,
) -> None:
    line = _Line()
    async with trio.open_nursery() as nursery:
        watches, tally = watching(line, 1000.0, nursery)
        line.up = False
        watches.start(MonitorStart("can0", 0, flush_ms=10))
        await trio.sleep(0.105)
        assert tally.frames_lost > 50
        line.up = True
        await trio.sleep(0.1)
        watches.stop_all()
    batches = [decode_batch(batch) for batch in line.batches]
    assert batches[0].dropped == tally.frames_lost
    assert sum(batch.dropped for batch in batches[1:]) == 0
    assert tally.frames_sent == sum(len(batch.frames) for batch in batches)


async def test_a_new_order_takes_the_place_of_the_old_one(autojump_clock: MockClock) -> None:
    line = _Line()
    async with trio.open_nursery() as nursery:
        watches, _ = watching(line, 1000.0, nursery)
        watches.start(MonitorStart("can0", 0))
        watches.start(MonitorStart("can0", 0, (FrameFilter(0x105, 0x7FF),)))
        await trio.sleep(1)
        watches.stop("can0")
        watches.stop("can1")
    assert {frame.id for batch in line.batches for frame in decode_batch(batch).frames} == {0x105}


async def test_a_silent_bus_is_watched_without_a_task_and_a_bad_filter_ends_the_link() -> None:
    line = _Line()
    async with trio.open_nursery() as nursery:
        watches, _ = watching(line, 0.0, nursery)
        watches.start(MonitorStart("can0", 0))
        assert not nursery.child_tasks
        watches, _ = watching(line, 10.0, nursery)
        watches.start(MonitorStart("can0", 0, (FrameFilter(1 << 40, 0),)))
        assert not nursery.child_tasks
    [reason] = line.goodbyes
    assert reason.startswith("monitor: filter")


async def test_no_flush_time_at_all_is_no_busy_loop(autojump_clock: MockClock) -> None:
    line = _Line()
    async with trio.open_nursery() as nursery:
        watches, _ = watching(line, 5000.0, nursery)
        watches.start(MonitorStart("can0", 0, flush_ms=0))
        await trio.sleep(0.1)
        watches.stop_all()
    assert 50 <= len(line.batches) <= 101
