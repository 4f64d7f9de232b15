"""Tickets as operators see them: what waits, and what has been done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.domain.errors import Invalid
from gateway.domain.ticket import OPEN_STATES, TicketState
from gateway.rest.operator.door import OperatorDoor
from gateway.storage.queries.ticket_records import Ticket
from gateway.tickets.life import Report
from gateway.web import parameters
from gateway.web.auth import require_operator
from gateway.web.bodies import read_json
from gateway.web.paging import page_from
from gateway.web.parameters import LARGEST

#: A number that a row can have; the rest is an address where nothing is.
TICKET_ID = f"<int(max={LARGEST}):ticket_id>"

#: How operators spell states, as the partner API does.
STATES = {state.name.lower(): state for state in TicketState}


class CloseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /tickets/{id}/close``: what was done, and the odometer in kilometres."""

    note: str = ""
    odometer_reading: int | None = None


class CancelBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST /tickets/{id}/cancel``: number of a reason."""

    reason: Annotated[int, msgspec.Meta(ge=1, le=32_767)] = 1


def blueprint(door: OperatorDoor) -> Blueprint:
    """Return the routes below ``/operator/v1/tickets``."""
    routes = Blueprint("operator_tickets", __name__)

    @routes.get("/tickets")
    async def list_tickets() -> Response:
        operator = await require_operator(door.identity)
        page = page_from(request.args, door.pages)
        found = await door.tickets.in_states(
            operator,
            _states(request.args.get("state")),
            held=parameters.flag(request.args, "held"),
            offset=page.offset,
            limit=page.limit,
        )
        return jsonify(
            {
                "result": [describe(ticket, door.state_names) for ticket in found.items],
                "total": found.total,
                "offset": page.offset,
                "limit": page.limit,
            }
        )

    @routes.get(f"/tickets/{TICKET_ID}")
    async def get_ticket(ticket_id: int) -> Response:
        operator = await require_operator(door.identity)
        return jsonify(describe(await door.tickets.require(operator, ticket_id), door.state_names))

    @routes.post(f"/tickets/{TICKET_ID}/close")
    async def close_ticket(ticket_id: int) -> Response:
        operator = await require_operator(door.identity)
        body = await read_json(request, CloseBody)
        report = Report(body.note, body.odometer_reading)
        ticket = await door.tickets.close(operator, ticket_id, report)
        await door.sessions.end_ticket(ticket_id)
        return jsonify(describe(ticket, door.state_names))

    @routes.post(f"/tickets/{TICKET_ID}/cancel")
    async def cancel_ticket(ticket_id: int) -> Response:
        operator = await require_operator(door.identity)
        body = await read_json(request, CancelBody)
        ticket = await door.tickets.cancel(operator, ticket_id, body.reason)
        await door.sessions.end_ticket(ticket_id)
        return jsonify(describe(ticket, door.state_names))

    return routes


def _states(text: str | None) -> frozenset[TicketState]:
    """Return the states in a comma separated list; none means those that are open."""
    if not text:
        return OPEN_STATES
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in STATES]
    if unknown:
        raise Invalid(
            "ticket.state",
            f"There is no ticket state {unknown[0]!r}; the states are {', '.join(STATES)}.",
            field="state",
        )
    return frozenset(STATES[name] for name in names)


def describe(ticket: Ticket, state_names: Mapping[str, str]) -> dict[str, object]:
    """Return a ticket as the operator API shows it; money as text."""
    return {
        "id": ticket.id,
        "uuid": str(ticket.uuid),
        "state": ticket.state.name.lower(),
        "state_name": state_names[ticket.state.name.lower()],
        "connector_id": ticket.connector_id,
        "connector_uuid": None if ticket.connector_uuid is None else str(ticket.connector_uuid),
        "vin": ticket.vin,
        "vehicle": list(ticket.vehicle),
        "reference": ticket.reference,
        "operator_id": ticket.operator_id,
        "held_until": None if ticket.held_until is None else ticket.held_until.isoformat(),
        "products": [
            {"item_number": line.item_number, "name": line.name, "quantity": line.quantity}
            for line in ticket.lines
        ],
        "currency": ticket.currency,
        "total": str(ticket.total),
        "created_at": ticket.created_at.isoformat(),
        "finished_at": None if ticket.finished_at is None else ticket.finished_at.isoformat(),
    }
