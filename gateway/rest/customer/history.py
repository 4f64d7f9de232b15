"""Tickets that are finished, and the vehicles they were for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from quart import Blueprint, Response, request

from gateway.domain.errors import NotFound
from gateway.domain.money import ReductionKind
from gateway.rest.customer.door import CustomerDoor, number_in_path, vin_wanted
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.shapes import (
    Currencies,
    Json,
    discount,
    fee_or_null,
    moment,
    money,
    money_or_null,
    page,
    prices,
    reply,
)
from gateway.storage.queries import tickets
from gateway.storage.queries.ticket_records import (
    FINISHED_STATES,
    LineDiscount,
    ServicedVehicle,
    Ticket,
    TicketLine,
)
from gateway.tickets.conversion import LocalLine, local_lines, local_totals
from gateway.tickets.prices import Sum
from gateway.web import parameters
from gateway.web.auth import require_customer
from gateway.web.paging import page_from


def blueprint(door: CustomerDoor) -> Blueprint:
    """Return the routes of what is over."""
    routes = Blueprint("customer_history", __name__)

    def shape(ticket: Ticket) -> Json:
        return historical_shape(ticket, door.state_number(ticket.state))

    @routes.get("/v1/historical-tickets")
    async def list_history() -> Response:
        customer = await require_customer(door.identity)
        wanted = page_from(request.args, door.whole_lists)
        found = await door.database.read(
            tickets.history,
            customer.tenant_id,
            vin=vin_wanted(),
            connector_id=parameters.integer(request.args, "connector_id"),
            offset=wanted.offset,
            limit=wanted.limit,
        )
        return page(found, wanted, shape)

    @routes.get("/v1/historical-tickets/<ticket_id>")
    async def get_historical(ticket_id: str) -> Response:
        customer = await require_customer(door.identity)
        ticket = await door.tickets.find(customer, number_in_path(ticket_id, "historicalTicketId"))
        if ticket.state not in FINISHED_STATES:
            detail = f"Ticket {ticket.id} is not finished. Read the active ticket instead."
            raise NotFound("ticket.not_finished", detail)
        return reply(shape(ticket))

    @routes.get(PATHS["listServicedVehicles"])
    async def list_serviced() -> Response:
        customer = await require_customer(door.identity)
        wanted = page_from(request.args, door.pages)
        found = await door.database.read(
            tickets.serviced_vehicles,
            customer.tenant_id,
            offset=wanted.offset,
            limit=wanted.limit,
        )
        return page(found, wanted, serviced_shape)

    return routes


def historical_shape(ticket: Ticket, state: int) -> Json:
    """Return a finished ticket; its lines add up to its totals, in either currency."""
    fee = ticket.service_fee
    kind = _kind(discount for line in ticket.lines for discount in line.discounts)
    currencies = Currencies(ticket.currency, ticket.local_currency)
    own = local_lines(ticket)
    local = None if own is None else local_totals(own)
    sub_total, total = Sum(ticket.gross, ticket.net), Sum(ticket.gross + fee, ticket.total)
    return {
        "id": ticket.id,
        "connector_id": ticket.connector_id,
        "state": state,
        "vin": ticket.vin,
        "odometer_reading": ticket.odometer_reading,
        "reference": ticket.reference,
        "voucher": ticket.voucher_code,
        "vehicle_model_id": ticket.model_id,
        "vehicle_model_variant_id": ticket.variant_id,
        "sub_total": prices(currencies, sub_total, local and local.sub_total, kind),
        "total": prices(currencies, total, local and local.total, kind),
        "original_equipment_service_fee": fee_or_null(
            currencies, fee, local and local.service_fee
        ),
        "product_lines": _lines(currencies, ticket, own),
        "created_at": moment(ticket.created_at),
        "finished_at": moment(ticket.finished_at),
    }


def _lines(
    currencies: Currencies, ticket: Ticket, local: Sequence[LocalLine] | None
) -> list[Json]:
    own: Sequence[LocalLine | None] = [None] * len(ticket.lines) if local is None else local
    pairs = zip(ticket.lines, own, strict=True)
    return [_line(currencies, line, converted) for line, converted in pairs]


def _line(currencies: Currencies, line: TicketLine, local: LocalLine | None) -> Json:
    price = Sum(line.gross, line.net)
    return {
        "product_id": line.product_id,
        "description": line.name,
        "quantity": line.quantity,
        **prices(currencies, price, local and local.price, _kind(line.discounts)),
        "original_equipment_service_fee": money_or_null(
            currencies, line.service_fee, local and local.service_fee
        ),
        "discounts": [
            {
                "product_id": line.product_id,
                "description": one.description,
                "discount": discount(
                    one.kind,
                    one.percentage,
                    money(currencies, one.amount, local and local.discounts[place]),
                ),
            }
            for place, one in enumerate(line.discounts)
        ],
    }


def serviced_shape(vehicle: ServicedVehicle) -> Json:
    """Return a vehicle that was served before."""
    return {
        "make_id": vehicle.make_id,
        "make_name": vehicle.make_name,
        "model_group_id": vehicle.model_group_id,
        "model_group_name": vehicle.model_group_name,
        "model_id": vehicle.model_id,
        "model_name": vehicle.model_name,
        "model_variant_id": vehicle.variant_id,
        "model_variant_name": vehicle.variant_name,
        "vin": vehicle.vin,
        "last_serviced_at": moment(vehicle.last_serviced_at),
    }


def _kind(discounts: Iterable[LineDiscount]) -> ReductionKind:
    absolute = any(one.kind is ReductionKind.ABSOLUTE for one in discounts)
    return ReductionKind.ABSOLUTE if absolute else ReductionKind.PERCENTUAL
