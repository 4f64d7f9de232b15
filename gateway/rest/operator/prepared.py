"""Tickets that a provider writes down for a garage, which the garage then orders."""

from __future__ import annotations

from typing import Annotated

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.rest.operator.door import OperatorDoor
from gateway.rest.operator.tickets import describe
from gateway.tickets.basket import Basket
from gateway.web.auth import require_operator
from gateway.web.bodies import RowId, read_json


class PreparedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /prepared-tickets``; ``customer_id`` is the garage's number."""

    customer_id: RowId
    vin: Annotated[str, msgspec.Meta(max_length=32)]
    vehicle_model_id: RowId
    vehicle_model_variant_id: RowId
    # Of use to the garage only with something to order.
    product_ids: Annotated[list[RowId], msgspec.Meta(min_length=1, max_length=200)]
    voucher_code: Annotated[str, msgspec.Meta(max_length=32)] | None = None


def blueprint(door: OperatorDoor) -> Blueprint:
    """Return the route of prepared tickets."""
    routes = Blueprint("operator_prepared", __name__)

    @routes.post("/prepared-tickets")
    async def prepare() -> tuple[Response, int]:
        operator = await require_operator(door.identity)
        body = await read_json(request, PreparedBody)
        basket = Basket(
            body.vehicle_model_id,
            body.vehicle_model_variant_id,
            tuple(body.product_ids),
            body.voucher_code,
        )
        ticket = await door.tickets.prepare(operator, body.customer_id, body.vin, basket)
        return jsonify(describe(ticket, door.state_names)), 201

    return routes
