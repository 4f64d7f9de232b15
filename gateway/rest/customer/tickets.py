"""Tickets: ordering, what is prepared, satisfaction."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from quart import Blueprint, Response, request

from gateway.domain.errors import Invalid
from gateway.domain.principal import CustomerPrincipal
from gateway.rest.customer.cart import ProductIds, flat
from gateway.rest.customer.door import CustomerDoor, number_in_path, vin_wanted
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.shapes import (
    Json,
    page,
    reply,
)
from gateway.storage.queries import tickets
from gateway.storage.queries.ticket_records import (
    Ticket,
)
from gateway.tickets.basket import Basket
from gateway.tickets.orders import Order
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

    async def caller() -> CustomerPrincipal:
        return await require_customer(door.identity)

    @routes.post(PATHS["createTicket"])
    async def create_ticket() -> Response:
        customer = await caller()
        body = await read_json(request, TicketBody, lax=True)
        ticket = await door.tickets.create(customer, _order(body))
        return reply(ticket_shape(ticket, door.state_number(ticket.state)), 201)

    @routes.post(PATHS["putTicketCsat"])
    async def rate_ticket(ticket_id: str) -> Response:
        customer = await caller()
        number = number_in_path(ticket_id, "ticketId")
        body = await read_json(request, CsatBody, lax=True)
        await door.tickets.rate(customer, number, body.score, body.comment)
        return reply(None)

    @routes.get(PATHS["listPreparedTickets"])
    async def list_prepared() -> Response:
        customer = await caller()
        wanted = page_from(request.args, door.pages)
        vin = parameters.required(vin_wanted(), "vin")
        found = await door.database.read(
            tickets.prepared,
            customer.tenant_id,
            vin,
            offset=wanted.offset,
            limit=wanted.limit,
        )
        return page(found, wanted, prepared_shape)

    return routes


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
