from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.runtime.feeds import Feed, Policy, SlowReader


async def test_items_come_out_in_the_order_they_went_in() -> None:
    feed = Feed[int](3, Policy.BLOCK)
    for item in (1, 2, 3):
        assert await feed.put(item)
    feed.close()
    assert [item async for item in feed] == [1, 2, 3]


async def test_block_makes_the_writer_wait_for_room(autojump_clock: MockClock) -> None:
    feed = Feed[int](1, Policy.BLOCK)
    received: list[tuple[float, int]] = []

    async def write() -> None:
        for item in range(3):
            await feed.put(item)
        feed.close()

    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        await wait_all_tasks_blocked()
        assert feed.statistics().waiting_writers == 1
        async for item in feed:
            received.append((trio.current_time() - start, item))
            await trio.sleep(1)
    assert received == [(0, 0), (1, 1), (2, 2)]
    assert feed.statistics().dropped == 0


async def test_block_refuses_to_put_at_once_when_full() -> None:
    feed = Feed[int](1, Policy.BLOCK)
    feed.put_nowait(1)
    with pytest.raises(trio.WouldBlock):
        feed.put_nowait(2)
    assert await feed.receive() == 1


async def test_drop_oldest_keeps_the_latest_and_counts_the_rest() -> None:
    feed = Feed[int](2, Policy.DROP_OLDEST)
    for item in range(5):
        assert feed.put_nowait(item)
    feed.close()
    assert [item async for item in feed] == [3, 4]
    statistics = feed.statistics()
    assert (statistics.accepted, statistics.dropped) == (5, 3)


async def test_close_slow_ends_the_feed_and_tells_the_reader() -> None:
    feed = Feed[int](2, Policy.CLOSE_SLOW)
    assert [feed.put_nowait(item) for item in range(4)] == [True, True, False, False]
    with pytest.raises(SlowReader, match="2 items behind"):
        await feed.receive()
    statistics = feed.statistics()
    assert statistics.closed
    assert statistics.dropped == 3


async def test_closing_wakes_a_waiting_reader_and_a_waiting_writer() -> None:
    empty, full = Feed[int](1, Policy.BLOCK), Feed[int](1, Policy.BLOCK)
    full.put_nowait(0)
    outcome: list[object] = []

    async def read() -> None:
        with pytest.raises(trio.EndOfChannel):
            await empty.receive()
        outcome.append("end")

    async def write() -> None:
        outcome.append(await full.put(1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        nursery.start_soon(write)
        await wait_all_tasks_blocked()
        empty.close()
        full.close()
    assert sorted(map(str, outcome)) == ["False", "end"]
    assert await full.receive() == 0


async def test_a_cancelled_reader_takes_nothing_with_it() -> None:
    feed = Feed[int](1, Policy.BLOCK)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed.receive)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await feed.put(7)
    assert await feed.receive() == 7


def test_a_feed_without_room_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Feed[int](0, Policy.BLOCK)


@given(
    capacity=st.integers(1, 5),
    policy=st.sampled_from([Policy.DROP_OLDEST, Policy.CLOSE_SLOW]),
    moves=st.lists(st.booleans(), max_size=40),
)
def test_nothing_is_lost_without_being_counted(
    capacity: int, policy: Policy, moves: list[bool]
) -> None:
    async def run() -> None:
        feed = Feed[int](capacity, policy)
        put = received = 0
        for is_put in moves:
            if is_put:
                feed.put_nowait(put)
                put += 1
            elif feed.statistics().queued:
                await feed.receive()
                received += 1
            statistics = feed.statistics()
            assert statistics.queued <= capacity
            if policy is Policy.DROP_OLDEST:
                assert put == received + statistics.queued + statistics.dropped

    trio.run(run)


async def test_everything_queued_can_be_taken_at_once_and_makes_room() -> None:
    feed: Feed[int] = Feed(2, Policy.BLOCK)
    feed.put_nowait(1)
    feed.put_nowait(2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed.put, 3)
        await trio.testing.wait_all_tasks_blocked()
        assert feed.take_all() == [1, 2]
    assert feed.take_all() == [3]
    assert feed.take_all() == []
