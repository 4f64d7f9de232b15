from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest
import trio

from gateway.domain.errors import Conflict, Forbidden, GatewayError, Invalid, NotFound
from gateway.domain.ticket import TicketState
from gateway.storage.database import Connection
from gateway.storage.queries import connectors, events, tickets, vouchers
from gateway.storage.queries.ticket_records import Ticket
from gateway.storage.tables.identity import connector, service_provider, tenant
from gateway.tickets.life import Report
from tests.gateway.workshops import (
    DISABLED,
    FOREIGN,
    GOLF,
    MINE,
    SECOND,
    OnlineSet,
    Workshop,
    find_variant,
)
from tests.settable_clock import SettableClock


@pytest.fixture
def online(workshop: Workshop) -> OnlineSet:
    for number in (MINE, SECOND, FOREIGN):
        workshop.presence.plug_in(number)
    return workshop.presence


async def order(workshop: Workshop, **changes: object) -> Ticket:
    return await workshop.service.create(workshop.customer, workshop.order(**changes))


async def test_an_order_becomes_a_pending_ticket(workshop: Workshop, online: OnlineSet) -> None:
    ticket = await order(workshop, reference="  plate 12-AB", client_metadata={"platform": "web"})
    assert ticket.state is TicketState.PENDING
    assert ticket.id > 0
    assert ticket.vin == GOLF
    assert ticket.connector_id == MINE
    assert ticket.vehicle == workshop.golf.names
    assert [line.item_number for line in ticket.lines] == ["100203"]
    # Ten percent off the whole group: 89.00 - 8.90.
    assert (ticket.gross, ticket.net, ticket.total) == (
        Decimal("89.00"),
        Decimal("80.10"),
        Decimal("80.10"),
    )
    assert await workshop.service.find(workshop.customer, ticket.id) == ticket
    device = await workshop.database.read(connectors.by_number, MINE)
    assert device is not None
    assert device.vehicle_path == workshop.golf.path
    assert device.product_description == "Guided fault finding"


async def test_a_ticket_is_served_and_closed_with_its_events(
    workshop: Workshop, online: OnlineSet, clock: SettableClock
) -> None:
    ticket = await order(workshop, basket=workshop.basket("100301"), answers=keys(workshop))
    clock.advance(60)
    started = await workshop.service.begin(workshop.operator, ticket.id)
    assert (started.state, started.operator_id) == (TicketState.IN_PROGRESS, "op-1")
    assert started.started_at == clock()
    clock.advance(600)
    report = Report("Key taught.", 123_456)
    closed = await workshop.service.close(workshop.operator, ticket.id, report)
    assert (closed.state, closed.odometer_reading) == (TicketState.CLOSED, 123_456)
    written = await workshop.database.read(events.after, 0, 10)
    assert [event.type for event in written] == [
        "tickets.ticket.created",
        "tickets.ticket.started",
        "tickets.ticket.closed",
    ]
    assert {event.subject for event in written} == {f"ticket:{ticket.id}"}
    payload = written[-1].payload
    assert payload["note"] == "Key taught."
    assert payload["total"] == "138.00"
    assert payload["vehicle"]["make"] == "Volkswagen"
    assert [(line["item_number"], line["net"]) for line in payload["lines"]] == [
        ("100301", "119.00"),
        ("SERVICE-FEE", "19.00"),
    ]
    page = await workshop.database.read(tickets.notes, ticket.id, offset=0, limit=10)
    assert [(note.value, note.author) for note in page.items] == [("Key taught.", "operator:op-1")]
    steps = await workshop.database.read(tickets.steps, ticket.id)
    assert [step.type for step in steps] == ["created", "started", "closed"]


def keys(workshop: Workshop) -> dict[int, str]:
    return {**workshop.answers("Power supply", "true"), **workshop.answers("Keys present", "2")}


async def test_lines_of_a_closed_ticket_add_up_whatever_was_taken_off(
    workshop: Workshop, online: OnlineSet
) -> None:
    basket = workshop.basket("100301", "100701", "100203", voucher="welcome")
    answers = {**keys(workshop), **workshop.answers("Complaint", "none")}
    ticket = await order(
        workshop, basket=basket, answers=answers, confirmed_unattended_service=True
    )
    assert ticket.voucher_code == "WELCOME"
    await workshop.service.begin(workshop.operator, ticket.id)
    await workshop.service.close(workshop.operator, ticket.id)
    written = await workshop.database.read(events.after, 0, 10)
    payload = written[-1].payload
    summed = sum(Decimal(line["net"]) for line in payload["lines"])
    assert summed == Decimal(payload["total"]) == ticket.total
    assert payload["odometer_reading"] is None


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"vin": "WVWZZZAUZHP34156"}, "vehicle.vin_malformed", "vin"),
        ({"connector_id": FOREIGN}, "connector.unknown", "connector_id"),
        ({"connector_id": DISABLED}, "connector.unknown", "connector_id"),
        ({"connector_id": 2**62}, "connector.unknown", "connector_id"),
        ({"answers": {}}, "prerequisite.unanswered", "product_prerequisites"),
        ({"prepared_ticket_id": uuid4()}, "ticket.prepared_unknown", "prepared_ticket_id"),
    ],
)
async def test_a_wrong_order_changes_nothing(
    workshop: Workshop, online: OnlineSet, changes: dict[str, object], code: str, field: str
) -> None:
    with pytest.raises((Invalid, NotFound)) as caught:
        await order(workshop, **changes)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert await workshop.database.read(events.last_position) == 0
    assert await workshop.service.active(workshop.customer, MINE) is None


@pytest.mark.parametrize(
    ("item_numbers", "voucher", "code"),
    [
        (("100507",), None, "product.does_not_fit"),
        (("100203", "100203"), None, "product.repeated"),
        ((), None, "product.missing"),
        (("100701",), None, "ticket.unattended_not_confirmed"),
        (("100203",), "NOPE", "voucher.unknown"),
        (("100203",), "SPRING24", "voucher.expired"),
        (("100203",), "ADAS25", "voucher.not_for_these"),
    ],
)
async def test_a_wrong_basket_is_refused(
    workshop: Workshop,
    online: OnlineSet,
    item_numbers: tuple[str, ...],
    voucher: str | None,
    code: str,
) -> None:
    basket = workshop.basket(*item_numbers, voucher=voucher)
    with pytest.raises(Invalid) as caught:
        await order(workshop, basket=basket)
    assert caught.value.code == code


async def test_variant_and_model_have_to_belong_together(
    workshop: Workshop, online: OnlineSet
) -> None:
    basket = workshop.basket("100203")
    other = await workshop.database.read(find_variant, "BMW", "3 Series (G20", "320d")
    for wrong, code in (
        ({"variant_id": other.id}, "vehicle.variant_of_other_model"),
        ({"variant_id": 10**9}, "vehicle.variant_unknown"),
    ):
        changed = type(basket)(basket.model_id, wrong["variant_id"], basket.product_ids)
        with pytest.raises(Invalid) as caught:
            await order(workshop, basket=changed)
        assert caught.value.code == code


async def test_an_order_needs_its_connector_online(workshop: Workshop) -> None:
    with pytest.raises(Conflict) as caught:
        await order(workshop)
    assert caught.value.code == "connector.offline"
    workshop.presence.plug_in(MINE)
    assert (await order(workshop)).is_open


async def test_a_connector_serves_one_open_ticket(workshop: Workshop, online: OnlineSet) -> None:
    first = await order(workshop)
    with pytest.raises(Conflict) as caught:
        await order(workshop)
    assert caught.value.code == "ticket.connector_busy"
    assert (await order(workshop, connector_id=SECOND)).is_open
    await workshop.service.begin(workshop.operator, first.id)
    await workshop.service.close(workshop.operator, first.id)
    assert (await order(workshop)).is_open


async def test_orders_side_by_side_leave_one_ticket(workshop: Workshop, online: OnlineSet) -> None:
    outcomes: list[str] = []

    async def try_order() -> None:
        try:
            await order(workshop)
        except GatewayError as error:
            outcomes.append(error.code)
        else:
            outcomes.append("ordered")

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(try_order)
    assert sorted(outcomes) == ["ordered"] + ["ticket.connector_busy"] * 4


async def test_a_voucher_is_used_once_and_given_back(
    workshop: Workshop, online: OnlineSet
) -> None:
    basket = workshop.basket("100203", voucher="once50")
    ticket = await order(workshop, basket=basket)
    assert ticket.net == Decimal("40.05")
    with pytest.raises(Invalid) as caught:
        await order(workshop, basket=basket, connector_id=SECOND)
    assert caught.value.code == "voucher.used_up"
    cancelled = await workshop.service.cancel(workshop.operator, ticket.id, 3)
    assert (cancelled.state, cancelled.cancelled_reason) == (TicketState.CANCELLED, 3)
    voucher = await workshop.database.read(vouchers.find, "ONCE50")
    assert voucher is not None
    assert voucher.uses_left == 1


async def test_a_closed_service_centre_takes_only_what_needs_no_operator(
    workshop: Workshop, online: OnlineSet
) -> None:
    def shut(connection: Connection) -> None:
        connection.execute(service_provider.update().values(is_open=False))

    await workshop.database.write(shut)
    with pytest.raises(Conflict) as caught:
        await order(workshop)
    assert caught.value.code == "service_center.closed"
    reset = workshop.basket("100701")
    ticket = await order(workshop, basket=reset, answers={}, confirmed_unattended_service=True)
    assert ticket.confirmed_unattended_service


async def test_some_garages_may_order_without_a_product(
    workshop: Workshop, online: OnlineSet
) -> None:
    def allow(connection: Connection) -> None:
        connection.execute(tenant.update().values(allow_tickets_without_product=True))

    await workshop.database.write(allow)
    ticket = await order(workshop, basket=workshop.basket(), answers={})
    assert (ticket.lines, ticket.total) == ((), Decimal(0))


async def test_only_the_provider_sees_and_only_the_operator_ends(
    workshop: Workshop, online: OnlineSet
) -> None:
    ticket = await order(workshop)
    with pytest.raises(NotFound):
        await workshop.service.begin(workshop.outsider, ticket.id)
    await workshop.service.begin(workshop.operator, ticket.id)
    again = await workshop.service.begin(workshop.operator, ticket.id)
    assert again.state is TicketState.IN_PROGRESS
    for attempt in (
        workshop.service.begin(workshop.colleague, ticket.id),
        workshop.service.close(workshop.colleague, ticket.id),
        workshop.service.cancel(workshop.colleague, ticket.id, 1),
    ):
        with pytest.raises(Conflict) as caught:
            await attempt
        assert caught.value.code == "ticket.served_by_another"
    page = await workshop.service.in_states(workshop.operator, {TicketState.IN_PROGRESS})
    assert [one.id for one in page.items] == [ticket.id]
    nothing = await workshop.service.in_states(workshop.outsider, set(TicketState))
    assert nothing.total == 0


async def test_finished_tickets_stay_finished(workshop: Workshop, online: OnlineSet) -> None:
    ticket = await order(workshop)
    with pytest.raises(Conflict) as caught:
        await workshop.service.close(workshop.operator, ticket.id)
    assert caught.value.code == "ticket.wrong_state"
    await workshop.service.cancel(workshop.operator, ticket.id, 1)
    for attempt in (
        workshop.service.begin(workshop.operator, ticket.id),
        workshop.service.cancel(workshop.operator, ticket.id, 1),
    ):
        with pytest.raises(Conflict):
            await attempt


@pytest.mark.parametrize("report", [Report("x" * 10_001), Report("", -1), Report("", 10_000_000)])
async def test_an_impossible_report_closes_nothing(
    workshop: Workshop, online: OnlineSet, report: Report
) -> None:
    ticket = await order(workshop)
    await workshop.service.begin(workshop.operator, ticket.id)
    with pytest.raises(Invalid):
        await workshop.service.close(workshop.operator, ticket.id, report)
    stored = await workshop.service.require(workshop.operator, ticket.id)
    assert stored.state is TicketState.IN_PROGRESS


async def test_garages_see_their_own_tickets_only(workshop: Workshop, online: OnlineSet) -> None:
    ticket = await order(workshop)
    for other in (workshop.neighbour, workshop.stranger):
        with pytest.raises(NotFound):
            await workshop.service.find(other, ticket.id)
        with pytest.raises(NotFound):
            await workshop.service.active(other, MINE)
        with pytest.raises(NotFound):
            await workshop.service.rate(other, ticket.id, 1, None)
    assert await workshop.service.active(workshop.customer, MINE) == ticket
    assert await workshop.service.active(workshop.customer, SECOND) is None


async def test_a_connector_that_moved_does_not_show_the_former_garages_ticket(
    workshop: Workshop, online: OnlineSet
) -> None:
    ticket = await order(workshop)

    def hand_over(connection: Connection) -> None:
        connection.execute(connector.update().where(connector.c.id == MINE).values(tenant_id=2))

    await workshop.database.write(hand_over)
    assert await workshop.service.active(workshop.neighbour, MINE) is None
    assert (await workshop.service.find(workshop.customer, ticket.id)).connector_id == MINE


async def test_a_prepared_ticket_is_ordered_as_the_same_ticket(
    workshop: Workshop, online: OnlineSet
) -> None:
    service = workshop.service
    prepared = await service.prepare(workshop.operator, 1, GOLF, workshop.basket("100301"))
    assert (prepared.state, prepared.connector_id) == (TicketState.PREPARED, None)
    with pytest.raises(NotFound):
        await service.prepare(workshop.outsider, 1, GOLF, workshop.basket("100301"))
    ticket = await order(workshop, prepared_ticket_id=prepared.uuid)
    assert (ticket.id, ticket.uuid) == (prepared.id, prepared.uuid)
    assert [line.item_number for line in ticket.lines] == ["100203"]
    assert ticket.connector_id == MINE
    with pytest.raises(Invalid):
        await order(workshop, prepared_ticket_id=prepared.uuid, connector_id=SECOND)
    steps = await workshop.database.read(tickets.steps, ticket.id)
    assert [step.type for step in steps] == ["prepared", "created"]


async def test_scores(workshop: Workshop, online: OnlineSet) -> None:
    ticket = await order(workshop)
    await workshop.service.rate(workshop.customer, ticket.id, 0.5, "fine")
    await workshop.service.rate(workshop.customer, ticket.id, -1, None)
    for score in (-1.1, 1.5, float("nan")):
        with pytest.raises(Invalid):
            await workshop.service.rate(workshop.customer, ticket.id, score, None)

    def switch_off(connection: Connection) -> None:
        connection.execute(service_provider.update().values(csat_enabled=False))

    await workshop.database.write(switch_off)
    with pytest.raises(Forbidden):
        await workshop.service.rate(workshop.customer, ticket.id, 1, None)


async def test_prices_without_ordering(workshop: Workshop) -> None:
    priced = await workshop.service.price(workshop.customer, workshop.basket("100101", "100701"))
    assert priced.needs_confirmation
    assert priced.quote.service_fee == Decimal("19.00")
    assert priced.quote.total.net == Decimal("173.00")
