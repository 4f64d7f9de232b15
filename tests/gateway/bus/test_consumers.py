from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import trio
from sqlalchemy import insert, select
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger

from gateway.bus import consumers
from gateway.bus.consumers import DurableConsumer
from gateway.domain.events import Event
from gateway.storage.database import Connection, Database
from gateway.storage.queries import events
from gateway.storage.tables.identity import audit

pytestmark = pytest.mark.both_engines

AT = datetime(2026, 3, 2, tzinfo=UTC)


def event(number: int, type_: str = "tickets.ticket.closed") -> Event:
    return Event(type_, f"ticket:{number}", 7, {"n": number}, AT)


def append_many(connection: Connection, numbers: range, type_: str = "tickets.x") -> None:
    for number in numbers:
        events.append(connection, event(number, type_))


def keep(connection: Connection, happened: Event) -> None:
    """A handler whose effect is a row."""
    connection.execute(
        insert(audit).values(
            at=AT, action="handled", actor="test", subject=str(happened.payload["n"]), detail={}
        )
    )


def kept(connection: Connection) -> list[str]:
    return list(connection.execute(select(audit.c.subject).order_by(audit.c.id)).scalars())


async def until(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110  # the handler runs in a thread and sets no event
        await trio.sleep(0.002)


async def run_until(
    database: Database,
    log: FilteringBoundLogger,
    consumer: DurableConsumer,
    done: Callable[[], bool],
) -> None:
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(consumer.run, database, log)
            await until(done)
            nursery.cancel_scope.cancel()


async def test_every_event_is_handled_once_over_restarts(
    database: Database, log: FilteringBoundLogger
) -> None:
    await database.write(append_many, range(3))
    first = DurableConsumer("books", keep)
    await run_until(database, log, first, lambda: first.statistics().handled == 3)
    await database.write(append_many, range(3, 5))
    second = DurableConsumer("books", keep)
    await run_until(database, log, second, lambda: second.statistics().handled == 2)
    assert await database.read(kept) == ["0", "1", "2", "3", "4"]
    assert second.statistics().position == 5


async def test_new_events_are_handled_at_once(
    database: Database, log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "LOOK_INTERVAL", 60.0)
    consumer = DurableConsumer("books", keep)
    async with trio.open_nursery() as nursery:
        await nursery.start(consumer.run, database, log)
        with trio.fail_after(20):
            await database.write(append_many, range(1))
            await until(lambda: consumer.statistics().handled == 1)
        nursery.cancel_scope.cancel()


async def test_other_topics_are_passed_over(
    database: Database, log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "BATCH", 3)
    await database.write(append_many, range(7), "connectors.status")
    await database.write(append_many, range(7, 9), "tickets.x")
    await database.write(append_many, range(9, 10), "connectors.status")
    consumer = DurableConsumer("books", keep, ["tickets.*"])
    await run_until(database, log, consumer, lambda: consumer.statistics().position == 10)
    assert await database.read(kept) == ["7", "8"]
    assert consumer.statistics().handled == 2


async def test_a_failing_handler_is_tried_again_and_its_writes_are_undone(
    database: Database, log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "FIRST_PAUSE", 0.001)
    attempts: list[int] = []

    def fail_twice_on_the_second(connection: Connection, happened: Event) -> None:
        keep(connection, happened)
        attempts.append(happened.payload["n"])
        if happened.payload["n"] == 1 and attempts.count(1) < 3:
            raise RuntimeError("the books are closed")

    await database.write(append_many, range(3))
    consumer = DurableConsumer("books", fail_twice_on_the_second)
    await run_until(database, log, consumer, lambda: consumer.statistics().handled == 3)
    assert attempts == [0, 1, 1, 1, 2]
    assert await database.read(kept) == ["0", "1", "2"]
    assert consumer.statistics().failures == 2
    assert consumer.statistics().last_error is None


async def test_a_handler_that_never_succeeds_holds_later_events_and_says_why(
    database: Database,
    log: FilteringBoundLogger,
    logged: CapturingLogger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(consumers, "LONGEST_PAUSE", 0.002)

    def refuse(connection: Connection, happened: Event) -> None:
        raise ValueError("no such customer")

    await database.write(append_many, range(2))
    consumer = DurableConsumer("books", refuse)
    await run_until(database, log, consumer, lambda: consumer.statistics().failures >= 3)
    statistics = consumer.statistics()
    assert (statistics.handled, statistics.position) == (0, 0)
    assert statistics.last_error == "ValueError: no such customer"
    assert await database.read(events.consumer_position, "books") == 0
    line = logged.calls[0]
    assert (line.method_name, line.kwargs["event"]) == ("warning", "consumer_failed")
    assert (line.kwargs["consumer"], line.kwargs["after"]) == ("books", 0)


async def test_one_failing_consumer_does_not_stop_another(
    database: Database, log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "FIRST_PAUSE", 0.001)

    def refuse(connection: Connection, happened: Event) -> None:
        raise ValueError("no")

    await database.write(append_many, range(3))
    bad, good = DurableConsumer("bad", refuse), DurableConsumer("good", keep)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(bad.run, database, log)
            await nursery.start(good.run, database, log)
            await until(lambda: good.statistics().handled == 3)
            nursery.cancel_scope.cancel()
    assert await database.read(kept) == ["0", "1", "2"]


async def test_two_nodes_with_one_name_share_the_events(
    database: Database, log: FilteringBoundLogger
) -> None:
    await database.write(append_many, range(6))
    one, two = DurableConsumer("books", keep), DurableConsumer("books", keep)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(one.run, database, log)
            await nursery.start(two.run, database, log)
            await until(lambda: one.statistics().handled + two.statistics().handled == 6)
            nursery.cancel_scope.cancel()
    assert await database.read(kept) == [str(number) for number in range(6)]
