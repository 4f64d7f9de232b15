from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from gateway.domain.errors import Conflict
from gateway.domain.ticket import TicketState
from gateway.storage.database import Connection
from gateway.storage.queries import ticket_changes, tickets
from gateway.storage.queries.ticket_records import Step, Ticket
from gateway.tickets.drafts import unordered
from gateway.tickets.garages import garage_of
from tests.gateway.workshops import GOLF, LONG_AGO, MINE, Workshop, uuid_of

pytestmark = pytest.mark.both_engines

CREATED = Step("created", TicketState.PENDING, "user:test", LONG_AGO)


async def pending(workshop: Workshop) -> Ticket:
    """Return an order that is not stored yet."""
    priced = await workshop.service.price(workshop.customer, workshop.basket("100301"))
    garage = await workshop.database.read(garage_of, 1)
    return replace(
        unordered(garage.tenant, priced, GOLF, LONG_AGO),
        state=TicketState.PENDING,
        connector_id=MINE,
        connector_uuid=uuid_of(MINE),
    )


async def test_what_was_stored_is_what_is_found(workshop: Workshop) -> None:
    new = await pending(workshop)
    stored = await workshop.database.write(ticket_changes.add, new, (), CREATED)
    assert stored == replace(new, id=stored.id)
    found = await workshop.database.read(tickets.find, stored.id, tenant_id=1, provider_id=1)
    assert found == stored
    assert await workshop.database.read(tickets.find, stored.id, tenant_id=2) is None
    assert await workshop.database.read(tickets.find, stored.id, provider_id=2) is None
    name = stored.connection_uuid
    assert await workshop.database.read(tickets.find_by_connection, 1, name) == stored
    assert await workshop.database.read(tickets.find_by_connection, 2, name) is None


async def test_the_database_itself_refuses_a_second_open_ticket(workshop: Workshop) -> None:
    new = await pending(workshop)
    await workshop.database.write(ticket_changes.add, new, (), CREATED)
    second = replace(new, uuid=uuid4(), connection_uuid=uuid4())
    with pytest.raises(Conflict) as caught:
        await workshop.database.write(ticket_changes.add, second, (), CREATED)
    assert caught.value.code == "ticket.connector_busy"


async def test_of_two_moves_from_one_state_the_second_is_refused(workshop: Workshop) -> None:
    stored = await workshop.database.write(
        ticket_changes.add, await pending(workshop), (), CREATED
    )
    started = Step("started", TicketState.IN_PROGRESS, "operator:a", LONG_AGO)
    await workshop.database.write(ticket_changes.move, stored, started, operator_id="op-1")
    with pytest.raises(Conflict) as caught:
        await workshop.database.write(ticket_changes.move, stored, started, operator_id="op-2")
    assert caught.value.code == "ticket.changed"
    found = await workshop.database.read(tickets.find, stored.id)
    assert found is not None
    assert found.operator_id == "op-1"


async def test_a_page_of_nothing_still_counts(workshop: Workshop) -> None:
    await workshop.database.write(ticket_changes.add, await pending(workshop), (), CREATED)

    def count(connection: Connection) -> int:
        states = {TicketState.PENDING}
        page = tickets.in_states(connection, 1, states, offset=0, limit=0)
        assert page.items == ()
        return page.total

    assert await workshop.database.read(count) == 1
