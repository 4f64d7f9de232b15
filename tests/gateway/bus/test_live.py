from __future__ import annotations

import pytest
import trio
import trio.testing

from gateway.bus import live
from gateway.bus.live import LiveEvents
from gateway.bus.memory import MemoryBus
from gateway.domain.events import Event
from tests.settable_clock import SettableClock


def event(number: int) -> Event:
    return Event("sessions.session.opened", f"session:{number}", None, {}, SettableClock().now)


class Held:
    """A bus that publishes when it is let."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.free = trio.Event()

    async def publish(self, one: Event) -> None:
        await self.free.wait()
        self.published.append(one.subject)


@pytest.fixture
def bus() -> MemoryBus:
    return MemoryBus()


async def test_events_reach_the_bus_in_order(bus: MemoryBus, nursery: trio.Nursery) -> None:
    events = LiveEvents(bus)
    events.publish(event(0))  # before the service runs: kept
    await nursery.start(events.run)
    async with bus.subscribe(("sessions.*",)) as heard:
        for number in range(1, 50):
            events.publish(event(number))
        subjects: list[str] = []
        with trio.fail_after(20):
            while len(subjects) < 49 or subjects[-1] != "session:49":
                subjects.append((await heard.receive()).subject)
    assert subjects[-49:] == [f"session:{number}" for number in range(1, 50)]
    assert events.statistics().dropped == 0


async def test_publishing_never_waits_and_drops_the_oldest(
    monkeypatch: pytest.MonkeyPatch, nursery: trio.Nursery
) -> None:
    monkeypatch.setattr(live, "CAPACITY", 4)
    held = Held()
    events = LiveEvents(held)
    await nursery.start(events.run)
    for number in range(10):
        events.publish(event(number))
    assert (events.statistics().queued, events.statistics().dropped) == (4, 6)
    held.free.set()
    await trio.testing.wait_all_tasks_blocked()
    assert held.published == ["session:6", "session:7", "session:8", "session:9"]
