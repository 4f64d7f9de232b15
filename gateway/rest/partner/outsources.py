"""What a provider asked of others, and was asked; and whom it could ask."""

from __future__ import annotations

from uuid import UUID

from quart import Blueprint, Response, jsonify, request

from gateway.rest.partner.door import (
    Json,
    PartnerDoor,
    caller,
    choice_in_query,
    guarded,
    listing,
    moment,
    uuid_in_path,
)
from gateway.storage.database import Connection
from gateway.storage.queries import identity, outsources, tickets
from gateway.storage.queries.identity import Provider
from gateway.storage.queries.outsources import CANCELLED, CLOSED, IN_PROGRESS, PENDING, Outsource
from gateway.storage.queries.page import Page
from gateway.tickets.outsourcing import require_outsource
from gateway.web.paging import page_from

_STATES = (PENDING, IN_PROGRESS, CLOSED, CANCELLED)

#: A request with the UUID of its ticket.
_Named = tuple[Outsource, UUID]


def blueprint(door: PartnerDoor) -> Blueprint:
    """Return the routes of outsources below ``/partner/v2/tickets``."""
    routes = guarded(door, "partner_outsources")

    @routes.get("/tickets/outsources")
    async def list_outsources() -> Response:
        provider_id, page = caller().provider_id, page_from(request.args, door.pages)
        state = choice_in_query("state", _STATES)

        def read(connection: Connection) -> Page[_Named]:
            found = outsources.of_provider(
                connection, provider_id, state=state, offset=page.offset, limit=page.limit
            )
            return Page(tuple(_named(connection, one) for one in found.items), found.total)

        found = await door.database.read(read)
        return listing(
            {"state": state}, found, lambda one: outsource_shape(*one, provider_id), page
        )

    @routes.get("/tickets/outsources/<outsource_id>")
    async def get_outsource(outsource_id: str) -> Response:
        operator, uuid = caller(), uuid_in_path(outsource_id, "outsource")

        def read(connection: Connection) -> _Named:
            return _named(connection, require_outsource(connection, operator, uuid))

        found = await door.database.read(read)
        return jsonify(outsource_shape(*found, operator.provider_id))

    @routes.get("/tickets/outsource-providers")
    async def list_providers() -> Response:
        every = await door.database.read(identity.providers)
        others = tuple(one for one in every if one.id != caller().provider_id)
        return listing({}, Page(others, len(others)), _provider_shape)

    return routes


def _named(connection: Connection, one: Outsource) -> _Named:
    ticket = tickets.find(connection, one.ticket_id)
    if ticket is None:
        raise LookupError(f"ticket {one.ticket_id} of outsource {one.id} is gone")
    return one, ticket.uuid


def outsource_shape(one: Outsource, ticket: UUID, provider_id: int) -> Json:
    """Return a request to serve a ticket, as one of the two providers sees it."""
    is_theirs = one.provider_id == provider_id
    return {
        "id": str(one.id),
        "ticket_id": str(ticket),
        "ticket_number": one.ticket_id,
        "provider_id": one.provider_id,
        "source_provider_id": one.source_provider_id,
        "state": one.state,
        "operator_id": one.operator_id if is_theirs else None,
        "operator_channel_id": None,
        "cancel_reason_id": one.cancelled_reason or None,
        "created_at": moment(one.created_at),
        "assigned_at": moment(one.assigned_at),
        "finished_at": moment(one.finished_at),
    }


def _provider_shape(provider: Provider) -> Json:
    return {"id": provider.id, "name": provider.name}
