from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
import trio
import trio.testing
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger

from gateway.domain.errors import Conflict, Invalid
from gateway.domain.ticket import TicketState
from gateway.storage.queries import events, service_centers, tickets
from gateway.storage.queries.ticket_records import Ticket
from gateway.tickets.held import INTERVAL, HeldTickets
from gateway.tickets.service_center import CenterState, ServiceCenter
from tests.gateway.workshops import MINE, SECOND, Workshop
from tests.settable_clock import SettableClock

OPENED, CLOSED = ServiceCenter(CenterState.OPENED), ServiceCenter(CenterState.CLOSED)
PENDING = frozenset({TicketState.PENDING})


def scheduled(until: datetime | None, why: str | None = "Stocktaking") -> ServiceCenter:
    return ServiceCenter(CenterState.SCHEDULED, until, why)


@pytest.fixture
async def until(workshop: Workshop, clock: SettableClock) -> datetime:
    """When the schedule ends that the service centre has for an hour."""
    for number in (MINE, SECOND):
        workshop.presence.plug_in(number)
    moment = clock() + timedelta(hours=1)
    await workshop.service.change_service_center(workshop.operator, scheduled(moment))
    return moment


async def order(workshop: Workshop, **changes: object) -> Ticket:
    return await workshop.service.create(workshop.customer, workshop.order(**changes))


async def unattended(workshop: Workshop) -> Ticket:
    basket = workshop.basket("100701")
    return await order(
        workshop, basket=basket, answers={}, confirmed_unattended_service=True, connector_id=SECOND
    )


async def listed(workshop: Workshop, *, held: bool | None) -> list[int]:
    found = await workshop.service.in_states(workshop.operator, PENDING, held=held)
    return [ticket.id for ticket in found.items]


async def told(workshop: Workshop) -> list[str]:
    return [one.type for one in await workshop.database.read(events.after, 0, 100)]


async def test_it_is_open_closed_or_scheduled(workshop: Workshop, clock: SettableClock) -> None:
    service, until = workshop.service, clock() + timedelta(minutes=5)
    assert (await service.service_center(1)).state is CenterState.OPENED
    for wanted in (CLOSED, scheduled(until), OPENED):
        assert await service.change_service_center(workshop.operator, wanted) == wanted
        assert await service.service_center(1) == wanted
    # Another provider's is its own.
    await service.change_service_center(workshop.operator, CLOSED)
    assert (await service.service_center(2)).state is CenterState.OPENED
    assert await told(workshop) == ["tickets.service_center.changed"] * 4


async def test_a_schedule_that_has_run_out_is_open(
    workshop: Workshop, until: datetime, clock: SettableClock
) -> None:
    assert await workshop.service.service_center(1) == scheduled(until)
    clock.advance(3_600)
    assert await workshop.service.service_center(1) == OPENED


@pytest.mark.parametrize(
    ("seconds", "why", "field"),
    [
        (None, "x", "schedule_ends_at"),
        (0, "x", "schedule_ends_at"),
        (-5, "x", "schedule_ends_at"),
        (400 * 86_400, "x", "schedule_ends_at"),
        (60, "  ", "schedule_reason"),
        (60, None, "schedule_reason"),
        (60, "x" * 256, "schedule_reason"),
    ],
)
async def test_a_schedule_has_an_end_and_a_reason(
    workshop: Workshop, clock: SettableClock, seconds: int | None, why: str | None, field: str
) -> None:
    end = None if seconds is None else clock() + timedelta(seconds=seconds)
    with pytest.raises(Invalid) as refused:
        await workshop.service.change_service_center(workshop.operator, scheduled(end, why))
    assert refused.value.field == field
    assert await workshop.service.service_center(1) == OPENED


async def test_only_a_schedule_has_an_end(workshop: Workshop, clock: SettableClock) -> None:
    for wrong in (
        ServiceCenter(CenterState.CLOSED, clock() + timedelta(hours=1)),
        ServiceCenter(CenterState.OPENED, None, "why"),
    ):
        with pytest.raises(Invalid):
            await workshop.service.change_service_center(workshop.operator, wrong)


async def test_orders_are_held_until_the_schedule_ends(
    workshop: Workshop, until: datetime, clock: SettableClock
) -> None:
    ticket = await order(workshop)
    assert (ticket.state, ticket.held_until) == (TicketState.PENDING, until)
    assert await listed(workshop, held=False) == []
    assert await listed(workshop, held=True) == await listed(workshop, held=None) == [ticket.id]
    with pytest.raises(Conflict) as refused:
        await workshop.service.begin(workshop.operator, ticket.id)
    assert refused.value.code == "ticket.held"
    assert "2026-03-02 10:30 UTC" in refused.value.detail
    clock.advance(3_600)
    assert await listed(workshop, held=False) == [ticket.id]
    begun = await workshop.service.begin(workshop.operator, ticket.id)
    assert (begun.state, begun.held_until) == (TicketState.IN_PROGRESS, None)


async def test_what_needs_no_operator_is_not_held(workshop: Workshop, until: datetime) -> None:
    assert (await unattended(workshop)).held_until is None


async def test_a_held_ticket_can_be_cancelled(workshop: Workshop, until: datetime) -> None:
    ticket = await order(workshop)
    await workshop.service.cancel(workshop.operator, ticket.id, 2)
    assert await listed(workshop, held=None) == []
    await order(workshop)


@pytest.mark.parametrize("wanted", [OPENED, CLOSED])
async def test_opening_and_closing_lets_held_tickets_go(
    workshop: Workshop, until: datetime, wanted: ServiceCenter
) -> None:
    held = [(await order(workshop)).id, (await order(workshop, connector_id=SECOND)).id]
    await workshop.service.change_service_center(workshop.operator, wanted)
    assert await listed(workshop, held=False) == held
    assert (await told(workshop))[-3:] == [
        "tickets.ticket.released",
        "tickets.ticket.released",
        "tickets.service_center.changed",
    ]
    steps = await workshop.database.read(tickets.steps, held[0])
    assert [(step.type, step.actor) for step in steps][1] == ("released", "operator:op-1")


async def test_a_longer_schedule_holds_them_longer(
    workshop: Workshop, until: datetime, clock: SettableClock
) -> None:
    ticket = await order(workshop)
    later = until + timedelta(hours=5)
    await workshop.service.change_service_center(workshop.operator, scheduled(later))
    assert (await workshop.service.find(workshop.customer, ticket.id)).held_until == later
    clock.advance(3_600)
    assert await listed(workshop, held=True) == [ticket.id]


async def test_closed_means_that_only_unattended_services_start(
    workshop: Workshop, until: datetime
) -> None:
    await workshop.service.change_service_center(workshop.operator, CLOSED)
    with pytest.raises(Conflict) as refused:
        await order(workshop)
    assert refused.value.code == "service_center.closed"
    assert (await unattended(workshop)).state is TicketState.PENDING


@pytest.mark.slow
async def test_the_time_lets_held_tickets_go_and_tells(
    workshop: Workshop,
    until: datetime,
    clock: SettableClock,
    log: FilteringBoundLogger,
    logged: CapturingLogger,
    autojump_clock: trio.testing.MockClock,
) -> None:
    ticket = await order(workshop)
    service = HeldTickets(workshop.database, clock, log)
    async with trio.open_nursery() as nursery:
        await nursery.start(service.run)
        await trio.sleep(3 * INTERVAL)
        assert "tickets.ticket.released" not in await told(workshop)
        clock.advance(3_600)
        # Threads take real time, of which virtual time knows nothing: look until it is there.
        while not logged.calls:
            await told(workshop)
            await trio.sleep(INTERVAL)
        nursery.cancel_scope.cancel()
    assert (await told(workshop)).count("tickets.ticket.released") == 1
    assert (await workshop.service.find(workshop.customer, ticket.id)).held_until is None
    assert [call.kwargs["tickets"] for call in logged.calls] == [1]


async def test_a_database_that_is_away_does_not_end_it(
    workshop: Workshop,
    clock: SettableClock,
    log: FilteringBoundLogger,
    logged: CapturingLogger,
    autojump_clock: trio.testing.MockClock,
) -> None:
    def away(*_arguments: object, **_options: object) -> None:
        raise OperationalError("SELECT", {}, OSError("gone"))

    service = HeldTickets(workshop.database, clock, log)
    workshop.database.engine.dispose()
    event.listen(workshop.database.engine, "before_cursor_execute", away)
    async with trio.open_nursery() as nursery:
        await nursery.start(service.run)
        while len(logged.calls) < 3:
            await trio.to_thread.run_sync(threading.Event().wait, 0.001)
        event.remove(workshop.database.engine, "before_cursor_execute", away)
        nursery.cancel_scope.cancel()
    assert {call.method_name for call in logged.calls} == {"warning"}


async def test_held_tickets_are_let_go_a_few_at_a_time(
    workshop: Workshop, until: datetime
) -> None:
    held = [(await order(workshop)).id, (await order(workshop, connector_id=SECOND)).id]
    due = service_centers.due_tickets
    early = until - timedelta(seconds=1)
    assert await workshop.database.read(due, early, 5) == ()
    assert await workshop.database.read(due, until, 1) == (held[0],)
    assert await workshop.database.read(due, until, 5) == tuple(held)
