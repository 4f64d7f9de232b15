"""From a request to a ticket: every rule, in the order in which a customer can mend things.

What the request itself gets wrong is ``Invalid``; what only the moment forbids (connector
offline, busy, service centre closed) is ``Conflict`` and can be repeated later unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.principal import CustomerPrincipal, OperatorPrincipal
from gateway.domain.ticket import TicketState
from gateway.storage.database import Connection
from gateway.storage.queries import (
    connectors,
    events,
    prerequisites,
    ticket_changes,
    tickets,
    vouchers,
)
from gateway.storage.queries.connectors import ConnectorRecord
from gateway.storage.queries.ticket_records import (
    Answer,
    Step,
    Ticket,
)
from gateway.tickets.answers import check_answers
from gateway.tickets.basket import Basket, PricedBasket, price, voucher_used_up
from gateway.tickets.catalogue import vin
from gateway.tickets.conversion import convert
from gateway.tickets.drafts import unordered
from gateway.tickets.events import ticket_event
from gateway.tickets.garages import Garage, garage_of, require_connector
from gateway.tickets.service_center import CenterState, service_center
from gateway.tickets.wallets import charge


@dataclass(frozen=True, slots=True)
class Order:
    """What a customer asks for.

    Attributes:
        vin: of the vehicle.
        basket: vehicle, products and voucher.
        connector_id: the connector that is plugged into it.
        answers: question id -> answer.
        reference: the customer's own words, at most 255 characters.
        client_metadata: what the portal tells of itself.
        prepared_ticket_id: the prepared ticket this order carries out.
        confirmed_unattended_service: the customer agrees to work without an operator.
    """

    vin: str
    basket: Basket
    connector_id: int
    answers: Mapping[int, str] = field(default_factory=dict)
    reference: str = ""
    # Any: JSON by nature, kept as it came.
    client_metadata: Mapping[str, Any] = field(default_factory=dict)
    prepared_ticket_id: UUID | None = None
    confirmed_unattended_service: bool = False


def create(
    connection: Connection,
    customer: CustomerPrincipal,
    order: Order,
    *,
    online: bool,
    now: datetime,
) -> Ticket:
    """Make a ticket of an order, with its history and event.

    Args:
        connection: a transaction.
        customer: who orders.
        order: what.
        online: the connector is online.
        now: UTC.

    Raises:
        Invalid: the order breaks a rule; ``field`` names the member.
        NotFound: the connector is unknown.
        Conflict: the connector is offline or has an open ticket, the service centre is closed, or
            the prepaid balance does not suffice.
    """
    garage = garage_of(connection, customer.tenant_id)
    connector = require_connector(connection, customer.tenant_id, order.connector_id)
    number = vin.check(order.vin)
    prepared = _prepared(connection, customer, order, number)
    priced = price(connection, garage.buyer(now), _with_voucher(order.basket, prepared))
    _check_products(garage, order, priced)
    asked = prerequisites.prerequisites_of(connection, order.basket.product_ids)
    answers = check_answers(asked, order.answers)
    _check_moment(connection, connector, online=online)
    step = Step("created", TicketState.PENDING, f"user:{customer.user_id}", now)
    new = replace(
        unordered(garage.tenant, priced, number, now, garage.local_rate(connection, now)),
        state=TicketState.PENDING,
        connector_id=connector.id,
        connector_uuid=connector.uuid,
        created_by=customer.user_id,
        reference=order.reference,
        client_metadata=dict(order.client_metadata),
        confirmed_unattended_service=order.confirmed_unattended_service,
        held_until=_held_until(garage, priced, now),
    )
    stored = _store(connection, prepared, new, answers, step)
    _redeem(connection, priced)
    charge(connection, garage, stored, step.actor, now)
    described = {
        "vehicle_path": priced.vehicle.path,
        "product_description": ", ".join(line.name for line in stored.lines),
    }
    connectors.describe(connection, connector.id, described)
    events.append(connection, ticket_event(stored, step))
    return stored


def _check_products(garage: Garage, order: Order, priced: PricedBasket) -> None:
    if not order.basket.product_ids and not garage.tenant.allow_tickets_without_product:
        detail = "A ticket needs at least one product. List the products for the vehicle."
        raise Invalid("product.missing", detail, field="product_ids")
    if priced.needs_confirmation and not order.confirmed_unattended_service:
        raise Invalid(
            "ticket.unattended_not_confirmed",
            "One of these products is carried out without an operator. Ask the customer to "
            "agree, then send confirmed_unattended_service true.",
            field="confirmed_unattended_service",
        )


def price_prepared(
    connection: Connection, garage: Garage, basket: Basket, prepared_id: UUID | None, now: datetime
) -> PricedBasket:
    """Return what a basket costs, also in the garage's own currency.

    Args:
        connection: for reading.
        garage: who asks.
        basket: what they think of ordering.
        prepared_id: the prepared ticket they would carry out; its voucher counts unless the
            basket names one.
        now: UTC.

    Raises:
        Invalid: as :func:`~gateway.tickets.basket.price`, or nothing like that is prepared.
    """
    prepared = None
    if prepared_id is not None:
        prepared = tickets.find_prepared(connection, garage.tenant.id, prepared_id)
        if prepared is None:
            raise _not_prepared()
    priced = price(connection, garage.buyer(now), _with_voucher(basket, prepared))
    rate = garage.local_rate(connection, now)
    return priced if rate is None else replace(priced, local=convert(priced.quote, rate))


def _prepared(
    connection: Connection, customer: CustomerPrincipal, order: Order, number: str
) -> Ticket | None:
    if order.prepared_ticket_id is None:
        return None
    prepared = tickets.find_prepared(connection, customer.tenant_id, order.prepared_ticket_id)
    if prepared is None or prepared.vin != number:
        raise _not_prepared()
    return prepared


def _not_prepared() -> Invalid:
    return Invalid(
        "ticket.prepared_unknown",
        "No ticket with this id is prepared for this vehicle. List the prepared tickets.",
        field="prepared_ticket_id",
    )


def _with_voucher(basket: Basket, prepared: Ticket | None) -> Basket:
    """Return the basket with the voucher of a prepared ticket, unless it says something itself.

    An empty one says none: a prepared voucher that holds no more must not be in the way.
    """
    if prepared is None or basket.voucher is not None:
        return basket
    return replace(basket, voucher=prepared.voucher_code)


def _check_moment(connection: Connection, connector: ConnectorRecord, *, online: bool) -> None:
    if tickets.open_on(connection, connector.id) is not None:
        raise ticket_changes.connector_busy()
    if not online:
        raise Conflict(
            "connector.offline",
            f"Connector {connector.id} is offline. Plug it into the vehicle, switch the ignition "
            "on, and order again when it shows as online.",
            field="connector_id",
        )


def _held_until(garage: Garage, priced: PricedBasket, now: datetime) -> datetime | None:
    """Return when an operator may begin, ``None`` for at once; refuse what nobody would do."""
    if priced.offers and all(offer.product.is_unattended for offer in priced.offers):
        return None
    center = service_center(garage.provider, now)
    if center.state is CenterState.CLOSED:
        raise Conflict(
            "service_center.closed",
            "The service centre is closed: only services that need no operator can be ordered "
            "now. Order again when it is open.",
            field="product_ids",
        )
    return center.ends_at


def _store(
    connection: Connection,
    prepared: Ticket | None,
    new: Ticket,
    answers: tuple[Answer, ...],
    step: Step,
) -> Ticket:
    if prepared is None:
        return ticket_changes.add(connection, new, answers, step)
    return ticket_changes.order_prepared(connection, prepared, new, answers, step)


def _redeem(connection: Connection, priced: PricedBasket) -> None:
    voucher = priced.voucher
    if voucher is not None and not vouchers.use(connection, voucher.id):
        raise voucher_used_up(voucher)


def prepare(
    connection: Connection,
    operator: OperatorPrincipal,
    tenant_id: int,
    number: str,
    basket: Basket,
    now: datetime,
) -> Ticket:
    """Write down an order for a garage of this provider, which the garage can then place.

    Raises:
        Invalid: the VIN or the basket breaks a rule.
        NotFound: the provider serves no such garage.
    """
    garage = garage_of(connection, tenant_id)
    if garage.provider.id != operator.provider_id:
        raise NotFound("tenant.unknown", f"You serve no garage {tenant_id}.", field="customer_id")
    priced = price(connection, garage.buyer(now), basket)
    step = Step("prepared", TicketState.PREPARED, f"operator:{operator.client_id}", now)
    rate = garage.local_rate(connection, now)
    new = unordered(garage.tenant, priced, vin.check(number), now, rate)
    stored = ticket_changes.add(connection, new, (), step)
    events.append(connection, ticket_event(stored, step))
    return stored
