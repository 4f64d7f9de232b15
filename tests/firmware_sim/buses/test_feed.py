from __future__ import annotations

import pytest
import trio
import trio.testing

from firmware_sim.buses.feed import FeedStatistics, FrameFeed
from protocols.can.frame import CanFrame


def frames(count: int) -> list[CanFrame]:
    return [CanFrame(number) for number in range(count)]


async def test_a_full_feed_drops_the_oldest_and_counts() -> None:
    feed = FrameFeed(3)
    for frame in frames(5):
        feed.put(frame)
    assert feed.statistics() == FeedStatistics(waiting=3, capacity=3, dropped=2)
    assert [frame.id for frame in feed.take_nowait()] == [2, 3, 4]
    assert feed.take_nowait() == []


async def test_take_with_a_limit_leaves_the_rest_in_order() -> None:
    feed = FrameFeed(10)
    for frame in frames(4):
        feed.put(frame)
    assert [frame.id for frame in feed.take_nowait(3)] == [0, 1, 2]
    assert (await feed.receive()).id == 3


async def test_a_waiting_reader_wakes_for_a_frame() -> None:
    feed = FrameFeed(1)
    seen: list[int] = []

    async def read() -> None:
        async for frame in feed:
            seen.append(frame.id)  # noqa: PERF401 - the loop never ends

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        for frame in frames(3):
            feed.put(frame)
            await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert seen == [0, 1, 2]


async def test_waiting_is_a_checkpoint_even_when_a_frame_is_there() -> None:
    feed = FrameFeed(1)
    feed.put(CanFrame(1))
    with trio.testing.assert_checkpoints():
        await feed.wait()


def test_a_feed_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        FrameFeed(0)


async def test_waiting_for_many_wakes_when_they_are_there_or_the_feed_is_full() -> None:
    for capacity, at_least, needed in [(10, 3, 3), (2, 5, 2)]:
        feed = FrameFeed(capacity)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(feed.wait, at_least)
            for number in range(needed):
                await trio.testing.wait_all_tasks_blocked()
                assert len(nursery.child_tasks) == 1
                feed.put(CanFrame(number))
        assert feed.statistics().waiting == needed
