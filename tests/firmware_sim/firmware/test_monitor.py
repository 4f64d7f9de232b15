from __future__ import annotations

import pytest
import trio

from firmware_sim.buses.can_bus import CanBus, open_bus
from firmware_sim.firmware import monitor
from firmware_sim.firmware.monitor import BATCH, watch
from protocols.can.batch import FrameBatch, decode_batch
from protocols.can.filters import CanFilter
from protocols.can.frame import CanFrame


def send_many(bus: CanBus, count: int) -> None:
    for number in range(count):
        bus.send_nowait(CanFrame(0x100 + number % 16, number.to_bytes(4)))


def ids(batch: FrameBatch) -> list[int]:
    return [frame.id for frame in batch.frames]


async def test_a_batch_waits_for_more_until_the_flush_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with (
        open_bus("virtual:monitor-flush") as bus,
        open_bus("virtual:monitor-flush") as other,
    ):
        with watch(bus, 3, (), 0.05) as source:
            async with trio.open_nursery() as nursery:

                async def later() -> None:
                    await trio.sleep(1.0)
                    other.send_nowait(CanFrame(1))
                    await trio.sleep(0.04)
                    bus.send_nowait(CanFrame(2))  # our own frames belong to the picture

                nursery.start_soon(later)
                started = trio.current_time()
                batch = decode_batch(await source.next_batch())
                assert trio.current_time() - started == pytest.approx(1.05)
    assert batch.bus == 3
    assert ids(batch) == [1, 2]
    stamps = [frame.timestamp_us for frame in batch.frames]
    assert stamps[1] - stamps[0] == pytest.approx(40_000, abs=1)


async def test_a_full_batch_goes_at_once_and_the_rest_follows(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_bus("virtual:monitor-full") as bus:
        with watch(bus, 0, (), 60.0) as source:
            send_many(bus, BATCH + 1)
            started = trio.current_time()
            assert len(decode_batch(await source.next_batch()).frames) == BATCH
            assert trio.current_time() == started
            assert len(decode_batch(await source.next_batch()).frames) == 1
            assert trio.current_time() == pytest.approx(started + 60.0)


async def test_what_was_dropped_is_said_once(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "BACKLOG", 4)
    async with open_bus("virtual:monitor-drop") as bus:
        with watch(bus, 0, (), 0.0) as source:
            send_many(bus, 10)
            first = decode_batch(await source.next_batch())
            assert first.dropped == 6
            assert [frame.data for frame in first.frames] == [n.to_bytes(4) for n in range(6, 10)]
            send_many(bus, 1)
            assert decode_batch(await source.next_batch()).dropped == 0


async def test_a_batch_that_was_not_taken_is_told_with_the_next(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "BACKLOG", 4)
    async with open_bus("virtual:monitor-lost") as bus:
        with watch(bus, 0, (), 0.0) as source:
            send_many(bus, 10)
            source.not_taken(await source.next_batch())  # four frames that told of six
            send_many(bus, 2)
            source.not_taken(await source.next_batch())
            send_many(bus, 1)
            assert decode_batch(await source.next_batch()).dropped == 12
            send_many(bus, 1)
            assert decode_batch(await source.next_batch()).dropped == 0


async def test_in_a_hurry_a_batch_goes_at_once_but_not_for_each_frame(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_bus("virtual:monitor-hurry") as bus:
        with watch(bus, 0, (), 10.0) as source:
            began = trio.current_time()
            at: list[float] = []

            async def gather() -> None:
                while True:
                    await source.next_batch()
                    at.append(trio.current_time() - began)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(gather)
                source.hurry()  # nothing waits: nothing goes
                await trio.sleep(1.0)
                assert at == []
                for _ in range(3):
                    send_many(bus, 1)
                    await trio.testing.wait_all_tasks_blocked()
                    source.hurry()
                    await trio.testing.wait_all_tasks_blocked()
                    await trio.sleep(0.0002)
                await trio.sleep(0.01)
                assert at == pytest.approx([1.0, 1.001], abs=1e-6)
                nursery.cancel_scope.cancel()


async def test_only_what_a_filter_wants(autojump_clock: trio.testing.MockClock) -> None:
    async with open_bus("virtual:monitor-filter") as bus:
        with watch(bus, 0, [CanFilter(0x7E0, 0x7F0)], 0.0) as source:
            for can_id in (0x100, 0x7E8, 0x7DF, 0x7E0):
                bus.send_nowait(CanFrame(can_id))
            assert ids(decode_batch(await source.next_batch())) == [0x7E8, 0x7E0]
