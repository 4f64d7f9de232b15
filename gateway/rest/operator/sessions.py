"""Sessions over HTTP: open, look, exchange, end."""

from __future__ import annotations

from uuid import UUID

import msgspec
import trio
from quart import Blueprint, Response, jsonify, request

from gateway.domain.errors import Conflict, Invalid
from gateway.domain.principal import OperatorPrincipal
from gateway.rest.operator.door import OperatorDoor
from gateway.sessions.explaining import explained, unexplained
from gateway.sessions.session import EndReason, Session
from gateway.sessions.targets import EcuAddress, to_request, to_target
from gateway.web.auth import require_operator
from gateway.web.bodies import RowId, read_json


class OpenSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /sessions``: on a ticket, or on a connector for development."""

    connector_uuid: UUID | None = None
    ticket_id: RowId | None = None


class ExchangeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /sessions/{id}/exchanges``: hexadecimal request for one control unit."""

    ecu: EcuAddress
    request: str


def blueprint(door: OperatorDoor) -> Blueprint:
    """Return the routes below ``/operator/v1/sessions``."""
    routes = Blueprint("operator_sessions", __name__)

    async def caller() -> OperatorPrincipal:
        return await require_operator(door.identity)

    @routes.post("/sessions")
    async def open_session() -> tuple[Response, int]:
        operator = await caller()
        body = await read_json(request, OpenSession)
        session = await _open(door, operator, body)
        return jsonify(describe(session, _socket_url(door))), 201

    @routes.get("/sessions")
    async def list_sessions() -> Response:
        operator = await caller()
        mine = [describe(s, _socket_url(door)) for s in door.sessions.of(operator)]
        return jsonify({"result": mine, "total": len(mine)})

    @routes.get("/sessions/<session_id>")
    async def get_session(session_id: str) -> Response:
        session = door.sessions.find(await caller(), session_id)
        return jsonify(describe(session, _socket_url(door)))

    @routes.post("/sessions/<session_id>/exchanges")
    async def exchange(session_id: str) -> Response:
        session = door.sessions.find(await caller(), session_id)
        body = await read_json(request, ExchangeBody)
        target = to_target(body.ecu)
        payload = to_request(body.request, target, limit=door.sessions.limits.max_request_bytes)
        replies = await door.sessions.exchange(session, target, payload)
        if door.descriptions is None:
            return jsonify(unexplained(replies))
        vehicle = (session.provider_id, door.registry.status(session.connector).vin)
        return jsonify(await explained(door.descriptions, vehicle, target, payload, replies))

    @routes.delete("/sessions/<session_id>")
    async def end_session(session_id: str) -> tuple[str, int]:
        session = door.sessions.find(await caller(), session_id)
        await door.sessions.end(session, EndReason.OPERATOR)
        return "", 204

    return routes


async def _open(door: OperatorDoor, operator: OperatorPrincipal, body: OpenSession) -> Session:
    if (body.connector_uuid is None) is (body.ticket_id is None):
        raise Invalid(
            "session.subject",
            "Name either the ticket you work on (ticket_id) or a connector (connector_uuid).",
            field="ticket_id",
        )
    if body.ticket_id is not None:
        return await _open_on_ticket(door, operator, body.ticket_id)
    connector = await door.require_connector(operator, body.connector_uuid or UUID(int=0))
    return door.sessions.open(operator, connector.uuid, ticket_id=None)


async def _open_on_ticket(
    door: OperatorDoor, operator: OperatorPrincipal, ticket_id: int
) -> Session:
    """Open first, then take the ticket: an offline connector must not leave it in service."""
    ticket = await door.tickets.require(operator, ticket_id)
    if ticket.connector_uuid is None:
        raise Conflict(
            "ticket.no_connector",
            f"Ticket {ticket_id} has no connector yet; its customer has to order it first.",
        )
    session = door.sessions.open(operator, ticket.connector_uuid, ticket_id=ticket_id)
    began = False
    try:
        await door.tickets.begin(operator, ticket_id)
        began = True
    finally:
        if not began:
            # Bounded by the wait for the vehicle's safe state.
            with trio.CancelScope(shield=True):
                await door.sessions.end(session, EndReason.TICKET)
    return session


def _socket_url(door: OperatorDoor) -> str:
    """Return where clients follow sessions live, as this client can reach it."""
    base = door.public_url or request.url_root
    return f"{base.rstrip('/').replace('http', 'ws', 1)}/ws/operator"


def describe(session: Session, websocket_url: str) -> dict[str, object]:
    """Return a session as the operator API shows it."""
    return {
        "id": session.id,
        "state": session.state,
        "lease": "writer" if session.writer else "reader",
        "connector_uuid": str(session.connector),
        "connector_id": session.connector_id,
        "ticket_id": session.ticket_id,
        "opened_at": session.opened_at.isoformat(),
        "expires_at": session.expires_at.isoformat(),
        "exchanges": session.exchanges,
        "ws": websocket_url,
    }
