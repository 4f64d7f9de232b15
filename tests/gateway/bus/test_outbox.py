from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Concatenate, ParamSpec, TypeVar

import pytest
import trio
from structlog.typing import FilteringBoundLogger
from typing_extensions import override

from gateway.bus import outbox
from gateway.bus.memory import MemoryBus
from gateway.bus.outbox import OutboxRelay
from gateway.domain.errors import Unavailable
from gateway.domain.events import Event
from gateway.storage.database import Connection, Database
from gateway.storage.queries import events

pytestmark = pytest.mark.both_engines

AT = datetime(2026, 3, 2, tzinfo=UTC)
P = ParamSpec("P")
R = TypeVar("R")


def event(number: int) -> Event:
    return Event("tickets.ticket.closed", f"ticket:{number}", 7, {"n": number}, AT)


def append_many(connection: Connection, count: int) -> list[int]:
    return [events.append(connection, event(number)) for number in range(count)]


async def test_committed_events_reach_listeners_at_once_and_in_order(
    database: Database, log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "LOOK_INTERVAL", 60.0)
    bus = MemoryBus()
    relay = OutboxRelay(database, bus, log)
    async with bus.subscribe(["*"]) as listener, trio.open_nursery() as nursery:
        await nursery.start(relay.run)
        with trio.fail_after(5):  # well under the look interval
            await database.write(append_many, 3)
            heard = [await listener.receive() for _ in range(3)]
        assert [received.payload["n"] for received in heard] == [0, 1, 2]
        assert relay.position == heard[-1].position == 3
        nursery.cancel_scope.cancel()


async def test_what_happened_before_the_start_is_not_published_again(
    database: Database, log: FilteringBoundLogger
) -> None:
    await database.write(append_many, 2)
    bus = MemoryBus()
    async with bus.subscribe(["*"]) as listener, trio.open_nursery() as nursery:
        await nursery.start(OutboxRelay(database, bus, log).run)
        await database.write(events.append, event(9))
        assert (await listener.receive()).payload["n"] == 9
        nursery.cancel_scope.cancel()


async def test_more_than_one_batch_goes_out_without_a_pause(
    database: Database, log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "BATCH", 2)
    monkeypatch.setattr(outbox, "LOOK_INTERVAL", 60.0)
    bus = MemoryBus()
    async with bus.subscribe(["*"]) as listener, trio.open_nursery() as nursery:
        await nursery.start(OutboxRelay(database, bus, log).run)
        with trio.fail_after(5):
            await database.write(append_many, 7)
            heard = [(await listener.receive()).position for _ in range(7)]
        assert heard == list(range(1, 8))
        nursery.cancel_scope.cancel()


class Flaky(Database):
    """A database that is away for its second and third read."""

    reads = 0

    @override
    async def read(
        self, query: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        self.reads += 1
        if self.reads in {2, 3}:
            raise Unavailable("storage.unavailable", "gone")
        return await super().read(query, *args, **kwargs)


async def test_an_outage_of_the_database_loses_nothing(
    database: Database, log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "LOOK_INTERVAL", 0.01)
    flaky = Flaky(database.engine)
    bus = MemoryBus()
    async with bus.subscribe(["*"]) as listener, trio.open_nursery() as nursery:
        await nursery.start(OutboxRelay(flaky, bus, log).run)
        await flaky.write(append_many, 2)
        assert [(await listener.receive()).payload["n"] for _ in range(2)] == [0, 1]
        assert flaky.reads >= 4
        nursery.cancel_scope.cancel()


async def test_old_events_are_pruned_now_and_then(
    database: Database, log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PRUNE_INTERVAL", 0.0)
    monkeypatch.setattr(outbox, "KEPT_EVENTS", 1)
    monkeypatch.setattr(outbox, "LOOK_INTERVAL", 0.01)
    async with trio.open_nursery() as nursery:
        await nursery.start(OutboxRelay(database, MemoryBus(), log).run)
        await database.write(append_many, 4)
        while len(await database.read(events.after, 0)) > 1:  # noqa: ASYNC110  # no event
            await trio.sleep(0.005)
        nursery.cancel_scope.cancel()
    assert [kept.position for kept in await database.read(events.after, 0)] == [4]
