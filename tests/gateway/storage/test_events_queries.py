from __future__ import annotations

from datetime import UTC, datetime

import pytest
import trio
from sqlalchemy import Connection

from gateway.domain.events import Event
from gateway.storage.database import Database
from gateway.storage.queries import events

pytestmark = pytest.mark.both_engines

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def event_of(number: int) -> Event:
    return Event(
        type="tickets.ticket.closed",
        subject=f"ticket:{number}",
        tenant_id=7,
        payload={"ticket_id": number, "total": "12.50"},
        occurred_at=AT,
    )


def append_many(connection: Connection, count: int) -> list[int]:
    return [events.append(connection, event_of(number)) for number in range(count)]


async def test_appended_events_come_back_in_order_with_their_positions(database: Database) -> None:
    positions = await database.write(append_many, 3)
    stored = await database.read(events.after, 0)
    assert [event.position for event in stored] == positions == sorted(positions)
    assert stored[1].payload == {"ticket_id": 1, "total": "12.50"}
    assert stored[1].occurred_at == AT
    assert await database.read(events.last_position) == positions[-1]


async def test_after_starts_behind_the_position_and_honours_the_limit(database: Database) -> None:
    positions = await database.write(append_many, 5)
    stored = await database.read(events.after, positions[1], limit=2)
    assert [event.position for event in stored] == positions[2:4]


async def test_events_of_a_failed_transaction_never_existed(database: Database) -> None:
    def append_and_fail(connection: Connection) -> None:
        events.append(connection, event_of(1))
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await database.write(append_and_fail)
    assert await database.read(events.after, 0) == ()
    assert await database.read(events.last_position) == 0


async def test_a_commit_with_events_wakes_those_who_wait(database: Database) -> None:
    woken = database.events_appended
    await database.write(events.ensure_consumer, "quiet")
    assert not woken.is_set()
    await database.write(events.append, event_of(1))
    assert woken.is_set()
    assert not database.events_appended.is_set()


async def test_a_rolled_back_event_wakes_nobody_later(database: Database) -> None:
    def append_and_fail(connection: Connection) -> None:
        events.append(connection, event_of(1))
        raise RuntimeError("no")

    waiting = database.events_appended
    with pytest.raises(RuntimeError):
        await database.write(append_and_fail)
    for _ in range(10):  # every pooled connection gets its turn
        await database.write(events.ensure_consumer, "quiet")
    assert not waiting.is_set()


async def test_a_consumer_begins_at_the_first_event_and_only_goes_forward(
    database: Database,
) -> None:
    assert await database.write(events.ensure_consumer, "backoffice") == 0
    await database.write(events.advance, "backoffice", 5)
    assert await database.read(events.consumer_position, "backoffice") == 5
    assert await database.write(events.ensure_consumer, "backoffice") == 5
    with pytest.raises(LookupError):
        await database.write(events.advance, "backoffice", 4)
    with pytest.raises(LookupError):
        await database.write(events.advance, "nobody", 4)
    assert await database.read(events.consumer_position, "nobody") == 0


async def test_pruning_keeps_what_the_slowest_consumer_has_not_seen(database: Database) -> None:
    positions = await database.write(append_many, 10)
    for name, reached in (("fast", positions[8]), ("slow", positions[2])):
        await database.write(events.ensure_consumer, name)
        await database.write(events.advance, name, reached)
    assert await database.write(events.prune, keep=1) == 3
    left = await database.read(events.after, 0)
    assert [event.position for event in left] == positions[3:]


async def test_pruned_positions_are_never_given_again(database: Database) -> None:
    positions = await database.write(append_many, 3)
    assert await database.write(events.prune, keep=0) == 3
    assert await database.write(events.append, event_of(9)) > positions[-1]


async def test_writers_side_by_side_leave_no_hole_and_no_double(database: Database) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(database.write, events.append, event_of(number))
    stored = await database.read(events.after, 0)
    assert [event.position for event in stored] == list(range(1, 13))
    assert {event.payload["ticket_id"] for event in stored} == set(range(12))
