from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateway.domain.clock import utc_now
from gateway.domain.errors import Conflict
from gateway.domain.principal import OperatorPrincipal
from gateway.domain.ticket import TicketState
from gateway.storage.database import Database
from gateway.storage.queries import (
    contacts,
    outsources,
    partner_events,
    partner_tickets,
    ticket_changes,
    ticket_removal,
    tickets,
)
from gateway.storage.queries.contacts import ContactPoint
from gateway.storage.queries.outsources import Outsource
from gateway.storage.queries.partner_events import Behind, PartnerEvent
from gateway.storage.queries.partner_tickets import STATES, Wanted
from gateway.storage.queries.ticket_records import Step, Ticket
from gateway.storage.tables.partner import ticket_outsource
from gateway.tickets.basket import Basket
from gateway.tickets.orders import prepare
from tests.gateway.workshops import (
    GOLF,
    LONG_AGO,
    MINE,
    find_variant,
    furnish,
    product_ids,
    uuid_of,
)

pytestmark = [pytest.mark.slow, pytest.mark.both_engines]

HOME, AWAY = 1, 2


async def _prepared(database: Database) -> Ticket:
    await database.write(furnish)
    golf = await database.read(find_variant, "Volkswagen", "Golf VII", "2.0 TDI")
    products = await database.read(product_ids)
    basket = Basket(golf.model.id, golf.id, (products["100203"],), None)
    operator = OperatorPrincipal("op-1", HOME)
    return await database.write(prepare, operator, 1, GOLF, basket, utc_now())


async def _pending(database: Database) -> Ticket:
    ticket = await _prepared(database)
    step = Step("created", TicketState.PENDING, "user:x", utc_now())

    return await database.write(
        lambda connection: ticket_changes.move(connection, ticket, step, connector_id=MINE)
    )


def _request(ticket: Ticket) -> Outsource:
    return Outsource(
        uuid4(), ticket.id, HOME, AWAY, outsources.PENDING, None, 0, utc_now(), None, None
    )


async def test_a_ticket_is_with_one_provider_at_a_time(database: Database) -> None:
    ticket = await _pending(database)
    first = _request(ticket)
    assert await database.read(tickets.find, ticket.id, provider_id=AWAY) is None
    await database.write(outsources.add, first)
    with pytest.raises(Conflict) as refused:
        await database.write(outsources.add, _request(ticket))
    assert refused.value.code == "ticket.outsourced_already"
    assert await database.read(tickets.find, ticket.id, provider_id=AWAY)
    assert await database.read(outsources.held, ticket.id) == first
    await database.write(outsources.move, first, outsources.CANCELLED, finished_at=utc_now())
    with pytest.raises(Conflict):
        await database.write(outsources.move, first, outsources.CLOSED)
    await database.write(outsources.add, _request(ticket))
    found = await database.read(
        outsources.of_provider, HOME, state=outsources.CANCELLED, offset=0, limit=5
    )
    assert (found.total, found.items[0].id) == (1, first.id)
    assert await database.read(outsources.find, AWAY, first.id)
    assert await database.read(outsources.find, 3, first.id) is None


async def test_each_provider_has_its_view(database: Database) -> None:
    ticket = await _pending(database)
    await database.write(outsources.add, _request(ticket))
    await database.write(partner_tickets.remark, AWAY, ticket.id, {"externally_processed": True})
    await database.write(partner_tickets.remark, AWAY, ticket.id, {"operator_reference": "x"})
    views = {}
    for provider in (HOME, AWAY):
        for processed in (None, True, False):
            wanted = Wanted(tuple(STATES), customer_id=1, externally_processed=processed)
            found = await database.read(
                partner_tickets.listed, provider, wanted, offset=0, limit=5
            )
            views[provider, processed] = found.total
    assert views == {
        (HOME, None): 1,
        (HOME, True): 0,
        (HOME, False): 1,
        (AWAY, None): 1,
        (AWAY, True): 1,
        (AWAY, False): 0,
    }
    other = await database.read(partner_tickets.find, AWAY, ticket.uuid)
    assert other is not None
    assert (other.state, other.source_provider_id) == ("pending", HOME)
    assert (other.remark.operator_reference, other.remark.externally_processed) == ("x", True)


async def test_events_are_counted_read_and_pruned(database: Database) -> None:
    await _prepared(database)
    assert await database.read(partner_events.last_position) == 0
    assert await database.read(partner_events.first_position) == 0
    for provider in (HOME, AWAY, HOME):
        event = PartnerEvent(provider, "tickets.ticket.created", LONG_AGO, {"n": provider})
        await database.write(partner_events.add, event)
    newest, providers = await database.read(partner_events.concerned, 1)
    assert providers == {HOME, AWAY}
    assert await database.read(partner_events.concerned, newest) == (newest, frozenset())
    wanted = Behind(occurred_after=LONG_AGO)
    assert await database.read(partner_events.count, HOME, wanted) == 0
    wanted = Behind(type="tickets.ticket.created")
    found = await database.read(partner_events.of_provider, HOME, wanted, 5)
    assert [event.payload for event in found] == [{"n": HOME}, {"n": HOME}]
    assert await database.write(partner_events.prune, 1) == 2
    assert await database.read(partner_events.first_position) == newest


async def test_contacts_of_garages(database: Database) -> None:
    await database.write(furnish)
    desk = ContactPoint(uuid4(), 1, "Desk", None, "+31")
    await database.write(contacts.add_contact_point, desk, LONG_AGO)
    await database.write(contacts.reach_by, uuid_of(0), desk.id)
    await database.write(contacts.reach_by, uuid_of(0), desk.id)
    reached = await database.read(contacts.find_employee, HOME, uuid_of(0))
    assert reached is not None
    assert reached.contact_point_id == desk.id
    listed = await database.read(contacts.employees, HOME, customer_id=1, offset=0, limit=5)
    assert listed.items == (reached,)
    await database.write(contacts.remove_contact_point, desk.id)
    reached = await database.read(contacts.find_employee, HOME, uuid_of(0))
    assert reached is not None
    assert reached.contact_point_id is None
    assert await database.read(contacts.find_employee, AWAY, uuid_of(0)) is None
    found = await database.read(
        contacts.connectors, HOME, customer_id=1, number=None, virtual=False, offset=0, limit=1
    )
    assert (found.total, found.items[0].id) == (2, MINE)
    assert (await database.read(contacts.garages, AWAY, offset=0, limit=5)).total == 1


async def test_prepared_tickets_are_removed(database: Database) -> None:
    ticket = await _prepared(database)
    await database.write(partner_tickets.remark, HOME, ticket.id, {"external_reference": "1"})
    assert not await database.read(ticket_removal.has_files, ticket.id)
    assert await database.write(ticket_removal.remove_prepared, ticket.id)
    assert not await database.write(ticket_removal.remove_prepared, ticket.id)
    assert await database.read(tickets.find, ticket.id) is None
    assert await database.read(partner_tickets.find, HOME, UUID(int=1)) is None


async def test_nobody_outsources_to_themselves(database: Database) -> None:
    ticket = await _pending(database)
    own = replace(_request(ticket), provider_id=HOME)
    with pytest.raises(IntegrityError):
        await database.write(outsources.add, own)
    rows = await database.read(
        lambda connection: connection.execute(select(ticket_outsource.c.id)).all()
    )
    assert rows == []
