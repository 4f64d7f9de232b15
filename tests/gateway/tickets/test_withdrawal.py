from __future__ import annotations

import pytest

from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.ticket import TicketState
from gateway.storage.database import Connection
from gateway.storage.queries import events, ticket_removal
from gateway.storage.queries.ticket_records import Ticket
from gateway.tickets.withdrawal import withdraw
from tests.gateway.workshops import GOLF, LONG_AGO, MINE, Workshop

pytestmark = pytest.mark.slow


async def _prepared(workshop: Workshop) -> Ticket:
    basket = workshop.basket("100203")
    return await workshop.service.prepare(workshop.operator, 1, GOLF, basket)


async def test_a_prepared_ticket_goes_without_a_trace(workshop: Workshop) -> None:
    service, operator = workshop.service, workshop.operator
    ticket = await _prepared(workshop)
    await service.add_note(operator, ticket.id, "Ask for the mileage.")
    with pytest.raises(Invalid):
        await service.cancel(operator, ticket.id, 0)
    gone = await service.cancel(operator, ticket.id, 5)
    assert (gone.state, gone.cancelled_reason) == (TicketState.CANCELLED, 5)
    with pytest.raises(NotFound):
        await service.require(operator, ticket.id)

    def told(connection: Connection) -> list[str]:
        return [event.type for event in events.after(connection, 0)]

    types = await workshop.database.read(told)
    assert types[0] == "tickets.ticket.prepared"
    assert types[-1] == "tickets.ticket.cancelled"


async def test_a_ticket_with_files_is_kept(workshop: Workshop) -> None:
    ticket = await _prepared(workshop)
    await workshop.service.add_note(workshop.operator, ticket.id, "See this.", ("plan.pdf",))
    with pytest.raises(Conflict) as refused:
        await workshop.service.cancel(workshop.operator, ticket.id, 1)
    assert refused.value.code == "ticket.has_files"
    assert (await workshop.service.require(workshop.operator, ticket.id)).id == ticket.id


async def test_what_was_ordered_meanwhile_stays(workshop: Workshop) -> None:
    ticket = await _prepared(workshop)
    workshop.presence.plug_in(MINE)
    order = workshop.order("100203", prepared_ticket_id=ticket.uuid)
    await workshop.service.create(workshop.customer, order)
    with pytest.raises(Conflict) as refused:
        await workshop.database.write(withdraw, workshop.operator, ticket, 1, LONG_AGO)
    assert refused.value.code == "ticket.changed"
    assert not await workshop.database.write(ticket_removal.remove_prepared, ticket.id)
    assert (await workshop.service.require(workshop.operator, ticket.id)).lines
