"""Connectors that an operator can reach, and how they and their vehicles are."""

from __future__ import annotations

from uuid import UUID

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.domain.connector import OFFLINE
from gateway.domain.errors import NotFound
from gateway.links.elsewhere import Face
from gateway.rest.operator.door import OperatorDoor
from gateway.sessions.buses import describe
from gateway.storage.queries import connectors
from gateway.storage.queries.connectors import ConnectorRecord
from gateway.web.auth import require_operator
from gateway.web.paging import page_from
from protocols.link.vehicle import EcuInfo


def blueprint(door: OperatorDoor) -> Blueprint:
    """Return the routes below ``/operator/v1/connectors``."""
    routes = Blueprint("operator_vehicles", __name__)

    @routes.get("/connectors")
    async def list_connectors() -> Response:
        operator = await require_operator(door.identity)
        page = page_from(request.args, door.pages)
        known, total = await door.database.read(
            connectors.of_provider, operator.provider_id, offset=page.offset, limit=page.limit
        )
        return jsonify(
            {
                "result": [_face(door, record) for record in known],
                "total": total,
                "offset": page.offset,
                "limit": page.limit,
            }
        )

    @routes.get("/connectors/<uuid>")
    async def get_connector(uuid: str) -> Response:
        operator = await require_operator(door.identity)
        record = await door.require_connector(operator, _uuid(uuid))
        return jsonify(_face(door, record))

    @routes.post("/connectors/<uuid>/actions/call-for-attention")
    async def call_for_attention(uuid: str) -> tuple[str, int]:
        operator = await require_operator(door.identity)
        record = await door.require_connector(operator, _uuid(uuid))
        await door.tickets.call_for_attention(record)
        return "", 204

    return routes


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("connector.unknown", "Connectors are named by their UUID.") from None


def _face(door: OperatorDoor, record: ConnectorRecord) -> dict[str, object]:
    face = door.registry.face(record.uuid)
    status = OFFLINE if face is None else face.status
    return {
        "id": record.id,
        "uuid": str(record.uuid),
        "online": status.online,
        "since": None if status.since is None else status.since.isoformat(),
        "vin": status.vin or record.last_vin,
        "voltage": status.voltage,
        "ignition": status.ignition,
        "round_trip_ms": status.round_trip_ms,
        "hardware_type": record.hardware_type,
        **_equipment(face),
    }


def _equipment(face: Face | None) -> dict[str, object]:
    """Return buses and control units; known only while the connector is there."""
    if face is None:
        return {"buses": [], "ecus": []}
    return {
        "buses": describe(face.capabilities.buses, face.status.buses),
        "ecus": [_ecu(ecu) for ecu in face.capabilities.ecus],
    }


def _ecu(ecu: EcuInfo) -> dict[str, object]:
    isotp = None if ecu.isotp is None else msgspec.structs.asdict(ecu.isotp)
    return {**msgspec.structs.asdict(ecu), "isotp": isotp}
