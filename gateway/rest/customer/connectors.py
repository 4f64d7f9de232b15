"""``/v1/connectors``, ``/v2/connectors``: the garage's devices and their open tickets."""

from __future__ import annotations

from quart import Blueprint, Response, request

from gateway.domain.errors import NotFound
from gateway.domain.principal import CustomerPrincipal
from gateway.rest.customer.door import CustomerDoor, number_in_path
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.shapes import Json, nothing, page, reply
from gateway.rest.customer.tickets import ticket_shape
from gateway.storage.database import Connection
from gateway.storage.queries import connectors
from gateway.storage.queries.connectors import ConnectorRecord
from gateway.storage.queries.page import Page
from gateway.tickets.connector_view import connector_view
from gateway.tickets.garages import require_connector, require_connector_by_uuid
from gateway.web import parameters
from gateway.web.auth import require_customer
from gateway.web.paging import page_from


def blueprint(door: CustomerDoor) -> Blueprint:
    """Return the connectors' routes."""
    routes = Blueprint("customer_connectors", __name__)
    _add_by_uuid(routes, door)

    async def caller() -> CustomerPrincipal:
        return await require_customer(door.identity)

    def shape(connector: ConnectorRecord) -> Json:
        return connector_view(connector, door.presence.status(connector.uuid))

    @routes.get(PATHS["listConnectors"])
    async def list_connectors() -> Response:
        customer = await caller()
        wanted = page_from(request.args, door.pages)
        items, total = await door.database.read(
            connectors.of_tenant, customer.tenant_id, offset=wanted.offset, limit=wanted.limit
        )
        return page(Page(items, total), wanted, shape)

    @routes.get(PATHS["getConnector"])
    async def get_connector(connector_id: str) -> Response:
        customer = await caller()
        number = number_in_path(connector_id, "connectorId")
        found = await door.database.read(require_connector, customer.tenant_id, number)
        return reply(shape(found))

    @routes.get(PATHS["getActiveTicket"])
    async def active_ticket(connector_id: str) -> Response:
        customer = await caller()
        number = number_in_path(connector_id, "connectorId")
        ticket = await door.tickets.active(customer, number)
        if ticket is None:
            raise NotFound(
                "ticket.none_active", f"Connector {number} has no open ticket. Create one."
            )
        return reply(ticket_shape(ticket, door.state_number(ticket.state)))

    return routes


def _add_by_uuid(routes: Blueprint, door: CustomerDoor) -> None:
    @routes.get(PATHS["getConnectorByUuid"])
    async def get_connector_by_uuid(connector_uuid: str) -> Response:
        customer = await require_customer(door.identity)
        found = await door.database.read(_by_uuid, customer.tenant_id, connector_uuid)
        return reply(connector_view(found, door.presence.status(found.uuid)))

    @routes.post(PATHS["dismissConnectorAttention"])
    async def dismiss_attention(connector_uuid: str) -> Response:
        customer = await require_customer(door.identity)
        found = await door.database.read(_by_uuid, customer.tenant_id, connector_uuid)
        await door.tickets.call_for_attention(found, wanted=False)
        return nothing()


def _by_uuid(connection: Connection, tenant_id: int, uuid: str) -> ConnectorRecord:
    name = "connectorUUID"
    wanted = parameters.required(parameters.uuid({name: uuid}, name), name)
    return require_connector_by_uuid(connection, tenant_id, wanted)
