"""Tickets that a provider writes down for a garage to order, and takes back."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from quart import Blueprint, Response, request

from gateway.rest.partner.door import (
    PartnerDoor,
    caller,
    created,
    existing,
    guarded,
    uuid_in_path,
)
from gateway.rest.partner.tickets import Text, ticket_shape
from gateway.storage.queries import partner_tickets
from gateway.storage.queries.partner_tickets import PartnerTicket
from gateway.tickets.basket import Basket
from gateway.web.bodies import RowId, read_json

#: Why a prepared ticket ends that its provider takes back.
TAKEN_BACK = 1


class PreparedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /prepared-tickets``: of use to a garage only with something to order."""

    customer_id: RowId
    vin: Annotated[str, msgspec.Meta(max_length=32)]
    vehicle_model_id: RowId
    vehicle_model_variant_id: RowId
    product_ids: Annotated[list[RowId], msgspec.Meta(min_length=1, max_length=200)]
    voucher_code: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    preparer_external_reference: Text | None = None


def blueprint(door: PartnerDoor) -> Blueprint:
    """Return the routes that make and take back prepared tickets; reading is ``tickets``."""
    routes = guarded(door, "partner_prepared")

    async def find(uuid: UUID) -> PartnerTicket:
        provider_id = caller().provider_id
        found = await door.database.read(partner_tickets.find, provider_id, uuid, ("prepared",))
        return existing(found, "ticket")

    @routes.post("/tickets/prepared-tickets")
    async def prepare() -> Response:
        body, operator = await read_json(request, PreparedBody), caller()
        basket = Basket(
            body.vehicle_model_id,
            body.vehicle_model_variant_id,
            tuple(body.product_ids),
            body.voucher_code,
        )
        made = await door.tickets.prepare(operator, body.customer_id, body.vin, basket)
        reference = body.preparer_external_reference
        if reference is not None:
            changes = {"preparer_external_reference": reference}
            await door.database.write(
                partner_tickets.remark, operator.provider_id, made.id, changes
            )
        return created(ticket_shape(await find(made.uuid)))

    @routes.delete("/tickets/prepared-tickets/<ticket_id>")
    async def take_back(ticket_id: str) -> tuple[str, int]:
        ticket = await find(uuid_in_path(ticket_id, "ticket"))
        await door.tickets.cancel(caller(), ticket.number, TAKEN_BACK)
        return "", 204

    return routes
