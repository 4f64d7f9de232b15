from __future__ import annotations

from datetime import UTC, datetime

import pytest
import trio
import trio.testing

from gateway.bus.memory import MemoryBus
from gateway.domain.errors import Invalid
from gateway.domain.events import Event
from gateway.runtime.feeds import Policy, SlowReader

AT = datetime(2026, 3, 2, tzinfo=UTC)


def event(number: int, type_: str = "tickets.ticket.closed") -> Event:
    return Event(type_, f"ticket:{number}", None, {"n": number}, AT)


async def test_listeners_hear_what_they_asked_for_in_order() -> None:
    bus = MemoryBus()
    async with (
        bus.subscribe(["tickets.*"]) as family,
        bus.subscribe(["ticket:2"]) as subject,
        bus.subscribe(["connectors.status"]) as other,
    ):
        for number in (1, 2, 3):
            await bus.publish(event(number))
        assert [(await family.receive()).payload["n"] for _ in range(3)] == [1, 2, 3]
        assert (await subject.receive()).payload["n"] == 2
        assert subject.statistics().queued == other.statistics().queued == 0


async def test_two_matching_topics_deliver_once() -> None:
    bus = MemoryBus()
    async with bus.subscribe(["*", "tickets.*", "ticket:1"]) as listener:
        await bus.publish(event(1))
        assert listener.statistics().queued == 1


async def test_topics_change_while_open() -> None:
    bus = MemoryBus()
    async with bus.subscribe() as listener:
        await bus.publish(event(1))
        listener.add("ticket:2")
        await bus.publish(event(2))
        listener.remove("ticket:2")
        listener.remove("ticket:404")
        await bus.publish(event(2))
        assert (await listener.receive()).payload["n"] == 2
        assert listener.statistics().queued == 0
        assert listener.topics == frozenset()


async def test_a_slow_listener_loses_the_oldest_and_nobody_waits() -> None:
    bus = MemoryBus()
    async with bus.subscribe(["*"], Policy.DROP_OLDEST, capacity=2) as listener:
        for number in range(5):
            await bus.publish(event(number))
        assert [(await listener.receive()).payload["n"] for _ in range(2)] == [3, 4]
        assert listener.statistics().dropped == 3


async def test_a_listener_that_must_not_miss_is_closed_instead() -> None:
    bus = MemoryBus()
    async with bus.subscribe(["*"], Policy.CLOSE_SLOW, capacity=1) as listener:
        await bus.publish(event(1))
        await bus.publish(event(2))
        with pytest.raises(SlowReader):
            await listener.receive()


async def test_a_blocking_listener_holds_the_publisher_until_it_reads_or_goes() -> None:
    bus = MemoryBus()
    done = trio.Event()

    async def publish_two() -> None:
        await bus.publish(event(1))
        await bus.publish(event(2))
        done.set()

    async with trio.open_nursery() as nursery:
        async with bus.subscribe(["*"], Policy.BLOCK, capacity=1) as listener:
            nursery.start_soon(publish_two)
            await trio.testing.wait_all_tasks_blocked()
            assert not done.is_set()
            assert listener.statistics().waiting_writers == 1
        await done.wait()


async def test_a_closed_subscription_leaves_nothing_behind() -> None:
    bus = MemoryBus()
    async with bus.subscribe(["*", "ticket:1"]) as listener:
        await bus.publish(event(1))
        assert bus.statistics().subscriptions == 1
    await bus.publish(event(2))
    assert [received.payload["n"] async for received in listener] == [1]
    statistics = bus.statistics()
    assert (statistics.subscriptions, statistics.topics) == (0, 0)
    assert (statistics.published, statistics.delivered) == (2, 1)


async def test_a_bad_topic_opens_nothing() -> None:
    bus = MemoryBus()
    subscribing = bus.subscribe(["ticket:1", "no topic"])
    with pytest.raises(Invalid):
        await subscribing.__aenter__()
    assert bus.statistics().topics == bus.statistics().subscriptions == 0
