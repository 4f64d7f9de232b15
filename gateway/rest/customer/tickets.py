"""Tickets: ordering, history, what is prepared, notes, satisfaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

import msgspec
from quart import Blueprint, Response, request

from gateway.domain.errors import Invalid, NotFound
from gateway.domain.money import ReductionKind
from gateway.domain.principal import CustomerPrincipal
from gateway.rest.customer.cart import ProductIds, flat
from gateway.rest.customer.door import CustomerDoor, number_in_path
from gateway.rest.customer.shapes import (
    Json,
    discount,
    moment,
    money_or_null,
    page,
    prices,
    prices_or_null,
    reply,
)
from gateway.storage.database import Connection
from gateway.storage.queries import tickets
from gateway.storage.queries.page import Page
from gateway.storage.queries.ticket_records import (
    FINISHED_STATES,
    LineDiscount,
    Note,
    Ticket,
    TicketLine,
)
from gateway.tickets.basket import Basket
from gateway.tickets.life import require_own_ticket
from gateway.tickets.orders import Order
from gateway.tickets.prices import Sum
from gateway.web import parameters
from gateway.web.auth import require_customer
from gateway.web.bodies import LooseText, RowId, read_json
from gateway.web.paging import page_from

_ShortText = Annotated[str, msgspec.Meta(max_length=255)]


#: Characters of one member of the metadata.
_LONGEST_METADATA = 255


class AnswerBody(msgspec.Struct, frozen=True):
    """An answer to a question; always text, also where it means a truth value."""

    definition_id: RowId
    value: Annotated[str, msgspec.Meta(max_length=2_000)]


class ClientMetadata(msgspec.Struct, frozen=True):
    """What the portal tells of itself; members the contract does not name are dropped."""

    app_name: LooseText | None = None
    app_version: LooseText | None = None
    platform: LooseText | None = None
    platform_version: LooseText | None = None
    device_manufacturer: LooseText | None = None
    device_model: LooseText | None = None
    battery_state: LooseText | None = None
    locale: LooseText | None = None
    latitude: LooseText | None = None
    longitude: LooseText | None = None
    vin_is_found_by_reader: bool | None = None


class TicketBody(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/tickets``; numbers may come as text."""

    vin: _ShortText
    vehicle_model_id: RowId
    vehicle_model_variant_id: RowId
    connector_id: RowId
    product_ids: ProductIds
    metadata: ClientMetadata
    voucher: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    product_prerequisites: Annotated[list[AnswerBody], msgspec.Meta(max_length=200)] = []
    prepared_ticket_id: UUID | None = None
    reference: _ShortText | None = None
    confirmed_unattended_service: bool = False


class CsatBody(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/tickets/{id}/csat``."""

    score: float
    comment: str | None = None


def blueprint(door: CustomerDoor) -> Blueprint:
    """Return the tickets' routes."""
    routes = Blueprint("customer_tickets", __name__)
    _add_history(routes, door)

    async def caller() -> CustomerPrincipal:
        return await require_customer(door.identity)

    @routes.post("/v1/tickets")
    async def create_ticket() -> Response:
        customer = await caller()
        body = await read_json(request, TicketBody, lax=True)
        ticket = await door.tickets.create(customer, _order(body))
        return reply(ticket_shape(ticket, door.state_number(ticket.state)), 201)

    @routes.get("/v1/tickets/<ticket_id>/notes")
    async def list_notes(ticket_id: str) -> Response:
        customer = await caller()
        number = number_in_path(ticket_id, "ticketId")
        wanted = page_from(request.args, door.whole_lists)

        def notes(connection: Connection) -> Page[Note]:
            own = require_own_ticket(connection, customer.tenant_id, number)
            return tickets.notes(connection, own.id, offset=wanted.offset, limit=wanted.limit)

        return page(await door.database.read(notes), wanted, note_shape)

    @routes.post("/v1/tickets/<ticket_id>/csat")
    async def rate_ticket(ticket_id: str) -> Response:
        customer = await caller()
        number = number_in_path(ticket_id, "ticketId")
        body = await read_json(request, CsatBody, lax=True)
        await door.tickets.rate(customer, number, body.score, body.comment)
        return reply(None)

    @routes.get("/v1/prepared-tickets")
    async def list_prepared() -> Response:
        customer = await caller()
        wanted = page_from(request.args, door.pages)
        vin = parameters.required(_vin(), "vin")
        found = await door.database.read(
            tickets.prepared,
            customer.tenant_id,
            vin,
            offset=wanted.offset,
            limit=wanted.limit,
        )
        return page(found, wanted, prepared_shape)

    return routes


def _add_history(routes: Blueprint, door: CustomerDoor) -> None:
    def shape(ticket: Ticket) -> Json:
        return historical_shape(ticket, door.state_number(ticket.state))

    @routes.get("/v1/historical-tickets")
    async def list_history() -> Response:
        customer = await require_customer(door.identity)
        wanted = page_from(request.args, door.whole_lists)
        found = await door.database.read(
            tickets.history,
            customer.tenant_id,
            vin=_vin(),
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


def ticket_shape(ticket: Ticket, state: int) -> Json:
    """Return a ticket as ordered; its number leaves as text."""
    return {
        "id": str(ticket.id),
        "uuid": str(ticket.uuid),
        "vin": ticket.vin,
        "vinNumber": ticket.vin,
        "vehicle_model_id": ticket.model_id,
        "vehicle_model_variant_id": ticket.variant_id,
        "product_ids": [line.product_id for line in ticket.lines],
        "chat_id": f"{ticket.id}_{ticket.uuid}",
        "connector_id": ticket.connector_id,
        "state": state,
    }


def historical_shape(ticket: Ticket, state: int) -> Json:
    """Return a finished ticket; its lines add up to its totals."""
    fee = ticket.service_fee
    kind = _kind(discount for line in ticket.lines for discount in line.discounts)
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
        "sub_total": prices(ticket.currency, Sum(ticket.gross, ticket.net), kind),
        "total": prices(ticket.currency, Sum(ticket.gross + fee, ticket.total), kind),
        "original_equipment_service_fee": prices_or_null(ticket.currency, fee),
        "product_lines": [_line(line, ticket.currency) for line in ticket.lines],
        "created_at": moment(ticket.created_at),
        "finished_at": moment(ticket.finished_at),
    }


def prepared_shape(ticket: Ticket) -> Json:
    """Return a prepared ticket."""
    return {
        "id": str(ticket.uuid),
        "vin": ticket.vin,
        "vehicle_model_id": ticket.model_id,
        "vehicle_model_variant_id": ticket.variant_id,
        "product_lines": [
            {"product_id": line.product_id, "name": line.name} for line in ticket.lines
        ],
    }


def note_shape(note: Note) -> Json:
    """Return a note; what is attached to it is not kept yet, so its list is empty."""
    return {
        "id": str(note.id),
        "ticket_id": note.ticket_id,
        "value": note.value,
        "created_at": moment(note.created_at),
        "updated_at": moment(note.updated_at),
        "attachments": [],
    }


def _line(line: TicketLine, currency: str) -> Json:
    return {
        "product_id": line.product_id,
        "description": line.name,
        "quantity": line.quantity,
        **prices(currency, Sum(line.gross, line.net), _kind(line.discounts)),
        "original_equipment_service_fee": money_or_null(currency, line.service_fee),
        "discounts": [
            {
                "product_id": line.product_id,
                "description": one.description,
                "discount": discount(currency, one.kind, one.percentage, one.amount),
            }
            for one in line.discounts
        ],
    }


def _kind(discounts: Iterable[LineDiscount]) -> ReductionKind:
    absolute = any(one.kind is ReductionKind.ABSOLUTE for one in discounts)
    return ReductionKind.ABSOLUTE if absolute else ReductionKind.PERCENTUAL


def _order(body: TicketBody) -> Order:
    return Order(
        vin=body.vin,
        basket=Basket(
            body.vehicle_model_id,
            body.vehicle_model_variant_id,
            flat(body.product_ids),
            body.voucher,
        ),
        connector_id=body.connector_id,
        answers={answer.definition_id: answer.value for answer in body.product_prerequisites},
        reference=body.reference or "",
        client_metadata=_metadata(body.metadata),
        prepared_ticket_id=body.prepared_ticket_id,
        confirmed_unattended_service=body.confirmed_unattended_service,
    )


def _metadata(metadata: ClientMetadata) -> dict[str, str | bool]:
    told: dict[str, str | bool] = {}
    for name in metadata.__struct_fields__:
        value = getattr(metadata, name)
        if isinstance(value, str) and len(value) > _LONGEST_METADATA:
            detail = f"metadata.{name} must be at most {_LONGEST_METADATA} characters long."
            raise Invalid("body.field", detail, field=f"metadata.{name}")
        if value is not None:
            told[name] = value if isinstance(value, bool) else str(value)
    return told


def _vin() -> str | None:
    vin = parameters.text(request.args, "vin")
    return None if vin is None else vin.upper()
