"""A provider's garages (customers), where they are, and their connectors."""

from __future__ import annotations

from quart import Blueprint, Response, jsonify, request

from gateway.domain.errors import Invalid
from gateway.domain.principal import OperatorPrincipal
from gateway.rest.partner.door import (
    Json,
    PartnerDoor,
    caller,
    guarded,
    listing,
    missing,
)
from gateway.storage.database import Connection
from gateway.storage.queries import contacts, identity
from gateway.storage.queries.contacts import ProviderConnector
from gateway.storage.queries.identity import Tenant
from gateway.storage.queries.page import Page
from gateway.web import parameters
from gateway.web.paging import page_from
from gateway.web.parameters import LARGEST

#: Kinds of connectors: a device, or one of a machine that runs the gateway.
_TYPES = ("physical", "virtual")

_NUMBER = f"<int(max={LARGEST}):customer_id>"


def blueprint(door: PartnerDoor) -> Blueprint:
    """Return the routes of customers below ``/partner/v2/customers``."""
    routes = guarded(door, "partner_customers")
    _add_customers(routes, door)
    _add_connectors(routes, door)
    return routes


def _add_customers(routes: Blueprint, door: PartnerDoor) -> None:
    @routes.get("/customers")
    async def list_customers() -> Response:
        page = page_from(request.args, door.pages)
        found = await door.database.read(
            contacts.garages, caller().provider_id, offset=page.offset, limit=page.limit
        )
        return listing({}, found, _customer, page)

    @routes.get(f"/customers/{_NUMBER}")
    async def get_customer(customer_id: int) -> Response:
        found = await door.database.read(require_customer, caller(), customer_id)
        return jsonify(_customer(found))

    @routes.get(f"/customers/locations/{_NUMBER}")
    async def get_location(customer_id: int) -> Response:
        found = await door.database.read(require_customer, caller(), customer_id)
        return jsonify(_location(found))


def _add_connectors(routes: Blueprint, door: PartnerDoor) -> None:
    @routes.get("/customers/connectors")
    async def list_connectors() -> Response:
        page = page_from(request.args, door.pages)
        assigned = parameters.flag(request.args, "assigned")
        customer_id = parameters.integer(request.args, "customer_id")
        number = parameters.integer(request.args, "name")
        types = _types()
        query: Json = {
            "assigned": assigned,
            "customer_id": customer_id,
            "name": number,
            "type": types or None,
        }
        if assigned is False:  # a connector is made for a garage: there are no others
            none: Page[ProviderConnector] = Page((), 0)
            return listing(query, none, _connector, page)
        found = await door.database.read(
            contacts.connectors,
            caller().provider_id,
            customer_id=customer_id,
            number=number,
            virtual=None if len(types) != 1 else types == ["virtual"],
            offset=page.offset,
            limit=page.limit,
        )
        return listing(query, found, _connector, page)


def require_customer(
    connection: Connection, operator: OperatorPrincipal, customer_id: int
) -> Tenant:
    """Return a garage of the operator's provider.

    Raises:
        NotFound: there is none; another provider's looks the same.
    """
    found = identity.find_tenant(connection, customer_id)
    if found is None or found.provider_id != operator.provider_id:
        raise missing("customer")
    return found


def _types() -> list[str]:
    named = [
        word.strip()
        for name in ("type", "type[]")
        for value in request.args.getlist(name)
        for word in value.split(",")
    ]
    for word in named:
        if word not in _TYPES:
            detail = f"'type' must be one of {', '.join(_TYPES)}."
            raise Invalid("parameter.invalid", detail, field="type")
    return sorted(set(named))


def _customer(garage: Tenant) -> Json:
    return {
        "id": garage.id,
        "company_name": garage.name,
        "number": garage.number,
        "reference": garage.reference,
        "location_id": garage.id,
        "address": _address(garage),
    }


def _location(garage: Tenant) -> Json:
    return {"id": garage.id, "customer_id": garage.id, "address": _address(garage)}


def _address(garage: Tenant) -> Json:
    return {
        "street": garage.street,
        "postal_code": garage.postal_code,
        "locality": garage.locality,
        "country": garage.country,
    }


def _connector(connector: ProviderConnector) -> Json:
    return {
        "id": str(connector.uuid),
        "customer_id": connector.tenant_id,
        "name": connector.id,
        # Only its hash is kept, and nobody can read it here.
        "pin": None,
        "type": "virtual" if connector.hardware_type == "virtual" else "physical",
        "hardware_version": connector.hardware_version,
        "software_version": connector.software_version,
    }
