"""Many customers at once: what is there once is given away once, and nothing is left half done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest
import trio
from sqlalchemy import select, update

from gateway.domain.errors import GatewayError, Invalid
from gateway.storage.database import Connection
from gateway.storage.queries import connectors, events, vouchers
from gateway.storage.queries.connectors import NewConnector
from gateway.storage.queries.ticket_records import Ticket
from gateway.storage.tables.catalogue import voucher
from gateway.storage.tables.tickets import ticket
from tests.gateway.workshops import LONG_AGO, Workshop, uuid_of

pytestmark = [pytest.mark.slow, pytest.mark.both_engines]

#: Connectors of the first garage for these tests.
FLEET = range(300_000_001, 300_000_041)


@pytest.fixture
async def fleet(workshop: Workshop) -> Workshop:
    """A workshop whose first garage has many connectors, all online."""

    def add(connection: Connection) -> None:
        for number in FLEET:
            device = NewConnector(number, uuid_of(number), 1, bytes(32), "-", "classic", LONG_AGO)
            connectors.add(connection, device)

    await workshop.database.write(add)
    for number in FLEET:
        workshop.presence.plug_in(number)
    return workshop


async def gather(calls: list[Callable[[], Coroutine[object, object, Ticket]]]) -> Counter[str]:
    """Make all calls at once; return how often what came of them."""
    outcomes: Counter[str] = Counter()

    async def one(call: Callable[[], Coroutine[object, object, Ticket]]) -> None:
        try:
            await call()
        except GatewayError as error:
            outcomes[error.code] += 1
        else:
            outcomes["done"] += 1

    async with trio.open_nursery() as nursery:
        for call in calls:
            nursery.start_soon(one, call)
    return outcomes


async def stored(workshop: Workshop) -> int:
    """Return how many tickets there are; each must have its event."""
    rows = await workshop.database.read(lambda c: c.execute(select(ticket.c.id)).all())
    written = await workshop.database.read(events.after, 0, 1_000)
    assert len(rows) == [one.type for one in written].count("tickets.ticket.created")
    return len(rows)


async def test_a_voucher_is_used_as_often_as_it_may_be(fleet: Workshop) -> None:
    limit = 7
    await fleet.database.write(
        lambda c: c.execute(
            update(voucher).where(voucher.c.code == "WELCOME").values(use_limit=limit, used=0)
        )
    )
    orders = [
        fleet.order(basket=fleet.basket("100203", voucher="WELCOME"), connector_id=number)
        for number in FLEET
    ]
    create = fleet.service.create
    outcomes = await gather([partial(create, fleet.customer, order) for order in orders])
    assert outcomes == {"done": limit, "voucher.used_up": len(FLEET) - limit}
    assert await stored(fleet) == limit
    left = await fleet.database.read(vouchers.find, "WELCOME")
    assert left is not None
    assert left.uses_left == 0


async def test_a_connector_has_one_open_ticket_however_many_ask(fleet: Workshop) -> None:
    orders = [fleet.order(connector_id=number) for number in FLEET[:4] for _ in range(10)]
    create = fleet.service.create
    outcomes = await gather([partial(create, fleet.customer, order) for order in orders])
    assert outcomes == {"done": 4, "ticket.connector_busy": 36}
    assert await stored(fleet) == 4


async def test_one_operator_begins_a_ticket(fleet: Workshop) -> None:
    made = await fleet.service.create(fleet.customer, fleet.order(connector_id=FLEET[0]))
    begin = fleet.service.begin
    operators = (fleet.operator, fleet.colleague) * 10
    outcomes = await gather([partial(begin, operator, made.id) for operator in operators])
    assert outcomes == {"done": 10, "ticket.served_by_another": 10}


async def test_a_prepared_ticket_is_ordered_once(fleet: Workshop) -> None:
    basket = fleet.basket("100203", voucher="WELCOME")
    prepared = await fleet.service.prepare(fleet.operator, 1, fleet.order().vin, basket)
    plain = fleet.basket("100203")
    orders = [
        fleet.order(connector_id=number, prepared_ticket_id=prepared.uuid, basket=plain)
        for number in FLEET[:20]
    ]
    create = fleet.service.create
    outcomes = await gather([partial(create, fleet.customer, order) for order in orders])
    assert outcomes["done"] == 1
    ordered = await fleet.service.find(fleet.customer, prepared.id)
    # The voucher it was prepared with counts, though the order named none.
    assert ordered.voucher_code == "WELCOME"
    assert ordered.net < Decimal("80.10")


async def test_a_prepared_voucher_that_holds_no_more_is_not_in_the_way(fleet: Workshop) -> None:
    basket = fleet.basket("100203", voucher="WELCOME")
    prepared = await fleet.service.prepare(fleet.operator, 1, fleet.order().vin, basket)
    await fleet.database.write(lambda c: c.execute(update(voucher).values(use_limit=1, used=1)))
    order = fleet.order(connector_id=FLEET[0], prepared_ticket_id=prepared.uuid)
    with pytest.raises(Invalid, match="empty voucher"):
        await fleet.service.create(fleet.customer, order)
    without = replace(order, basket=fleet.basket("100203", voucher=""))
    ordered = await fleet.service.create(fleet.customer, without)
    assert (ordered.id, ordered.voucher_code) == (prepared.id, None)
