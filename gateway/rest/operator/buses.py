"""The vehicle's buses in a session: how they are, and how they are to be run."""

from __future__ import annotations

from quart import Blueprint, Response, jsonify, request

from gateway.rest.operator.door import OperatorDoor
from gateway.sessions.buses import BusOrder, configure, describe
from gateway.web.auth import require_operator
from gateway.web.bodies import read_json


def blueprint(door: OperatorDoor) -> Blueprint:
    """Return the routes below ``/operator/v1/sessions/{id}/buses``."""
    routes = Blueprint("operator_buses", __name__)

    @routes.get("/sessions/<session_id>/buses")
    async def list_buses(session_id: str) -> Response:
        session = door.sessions.find(await require_operator(door.identity), session_id)
        live = door.sessions.connector(session)
        buses = describe(live.capabilities.buses, live.status.buses)
        return jsonify({"result": buses, "total": len(buses)})

    @routes.put("/sessions/<session_id>/buses/<bus>")
    async def configure_bus(session_id: str, bus: str) -> Response:
        session = door.sessions.find(await require_operator(door.identity), session_id)
        order = await read_json(request, BusOrder)
        live = door.sessions.writing(session)
        return jsonify(await configure(live, session.id, bus, order))

    return routes
