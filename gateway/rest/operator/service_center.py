"""The service centre of the operator's provider: read, open, close, schedule."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.rest.operator.door import OperatorDoor
from gateway.tickets.service_center import CenterState, ServiceCenter
from gateway.web.auth import require_operator
from gateway.web.bodies import read_json


class ServiceCenterBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``PUT /service-center``; the last two with state ``scheduled`` only."""

    state: CenterState
    # With an offset: hours of nowhere would be held as hours of somewhere else.
    schedule_ends_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    schedule_reason: str | None = None


def blueprint(door: OperatorDoor) -> Blueprint:
    """Return the route of the service centre."""
    routes = Blueprint("operator_service_center", __name__)

    @routes.get("/service-center")
    async def get_center() -> Response:
        operator = await require_operator(door.identity)
        return jsonify(describe(await door.tickets.service_center(operator.provider_id)))

    @routes.put("/service-center")
    async def change_center() -> Response:
        operator = await require_operator(door.identity)
        body = await read_json(request, ServiceCenterBody)
        wanted = ServiceCenter(body.state, body.schedule_ends_at, body.schedule_reason)
        return jsonify(describe(await door.tickets.change_service_center(operator, wanted)))

    return routes


def describe(center: ServiceCenter) -> dict[str, object]:
    """Return a service centre as the operator API shows it."""
    is_scheduled = center.state is CenterState.SCHEDULED
    return {
        "state": center.state.value,
        "schedule_ends_at": center.ends_at.isoformat() if center.ends_at else None,
        "schedule_reason": center.message if is_scheduled else None,
    }
