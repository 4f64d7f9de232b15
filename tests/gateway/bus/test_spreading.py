from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from gateway.bus import outbox
from gateway.bus.memory import MemoryBus
from gateway.bus.notices import Notices
from gateway.bus.outbox import OutboxRelay
from gateway.bus.spreading import Spreading
from gateway.domain.events import Event
from gateway.storage.database import Connection, open_database
from gateway.storage.queries import events
from tests.support.line_room import Room

pytestmark = pytest.mark.both_engines

AT = datetime(2026, 3, 2, tzinfo=UTC)

#: Seconds in which a slow machine hears, well under the interval of looking unasked.
SOON = 10.0


def event(subject: int, number: int = 0) -> Event:
    return Event("tickets.ticket.closed", f"ticket:{subject}", 7, {"n": number}, AT)


def append_many(connection: Connection, subject: int, count: int) -> None:
    for number in range(count):
        events.append(connection, event(subject, number))


class Node:
    """One node's bus, on a database of its own pool."""

    def __init__(self, name: str, url: str, room: Room, log: FilteringBoundLogger) -> None:
        self.name, self.url, self.log = name, url, log
        self.bus = MemoryBus()
        self.notices = Notices(room.line(), name, log)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Node]:
        async with open_database(self.url) as self.database, trio.open_nursery() as nursery:
            self.spreading = Spreading(self.bus, self.database, self.notices)
            relay = OutboxRelay(self.database, self.bus, self.log)
            for run in (relay.run, self.spreading.run, self.notices.run):
                await nursery.start(run)
            yield self
            nursery.cancel_scope.cancel()


@pytest.fixture
async def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(outbox, "LOOK_INTERVAL", 600.0)
    return Room()


async def test_stored_events_reach_every_node_once_and_in_order(
    database_url: str, room: Room, log: FilteringBoundLogger
) -> None:
    async with (
        Node("a", database_url, room, log).running() as a,
        Node("b", database_url, room, log).running() as b,
        a.bus.subscribe(["*"]) as at_a,
        b.bus.subscribe(["*"]) as at_b,
    ):
        with trio.fail_after(SOON):
            await a.database.write(append_many, 1, 3)
            await b.database.write(append_many, 2, 3)
            for listener in (at_a, at_b):
                heard = [await listener.receive() for _ in range(6)]
                assert [it.position for it in heard] == sorted({it.position for it in heard})
                for subject in ("ticket:1", "ticket:2"):
                    numbers = [it.payload["n"] for it in heard if it.subject == subject]
                    assert numbers == [0, 1, 2]


async def test_events_of_the_moment_reach_the_other_node_and_the_own_one(
    database_url: str, room: Room, log: FilteringBoundLogger
) -> None:
    async with (
        Node("a", database_url, room, log).running() as a,
        Node("b", database_url, room, log).running() as b,
        a.bus.subscribe(["*"]) as at_a,
        b.bus.subscribe(["*"]) as at_b,
    ):
        happened = event(5)
        await a.spreading.publish(happened)
        with trio.fail_after(SOON):
            assert await at_a.receive() == happened
            assert await at_b.receive() == happened
        assert a.bus.statistics().published == b.bus.statistics().published == 1


async def test_what_was_stored_while_the_line_was_down_is_seen_when_it_is_back(
    database_url: str, room: Room, log: FilteringBoundLogger
) -> None:
    async with (
        Node("a", database_url, room, log).running() as a,
        Node("b", database_url, room, log).running() as b,
        b.bus.subscribe(["*"]) as at_b,
    ):
        room.cut()
        await a.database.write(append_many, 1, 2)
        await a.spreading.publish(event(9))  # of the moment: out of date when the line is back
        room.mend()
        with trio.fail_after(SOON):
            assert [(await at_b.receive()).payload["n"] for _ in range(2)] == [0, 1]
        assert b.bus.statistics().published == 2
