"""People of a provider's garages, looked after by the provider."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.domain.errors import Invalid
from gateway.domain.principal import OperatorPrincipal
from gateway.identity.employees import EmployeeDraft, Garage
from gateway.rest.partner.customers import require_customer
from gateway.rest.partner.door import (
    Json,
    PartnerDoor,
    caller,
    created,
    existing,
    guarded,
    listing,
    uuid_in_path,
)
from gateway.storage.database import Connection
from gateway.storage.queries import contacts
from gateway.storage.queries.contacts import Reached
from gateway.web import parameters
from gateway.web.bodies import RowId, read_json
from gateway.web.paging import page_from

_Name = Annotated[str, msgspec.Meta(max_length=255)]


class EmployeeBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST`` and ``PUT``; who has a ``username`` (an email) can sign in with it."""

    customer_id: RowId
    given_name: _Name
    family_name: _Name
    username: _Name | None = None
    correspondence_locale: Annotated[str, msgspec.Meta(max_length=35)] | None = None
    enabled: bool | None = None
    contact_point_id: UUID | None = None

    def draft(self) -> EmployeeDraft:
        """Return what is said of somebody."""
        return EmployeeDraft(
            self.given_name,
            self.family_name,
            self.username,
            self.correspondence_locale,
            self.enabled,
        )


def blueprint(door: PartnerDoor) -> Blueprint:
    """Return the routes below ``/partner/v2/customers/employees``."""
    routes = guarded(door, "partner_employees")
    path = "/customers/employees"

    @routes.get(path)
    async def list_employees() -> Response:
        page = page_from(request.args, door.pages)
        customer_id = parameters.integer(request.args, "customer_id")
        found = await door.database.read(
            contacts.employees,
            caller().provider_id,
            customer_id=customer_id,
            offset=page.offset,
            limit=page.limit,
        )
        return listing({"customer_id": customer_id}, found, _employee, page)

    @routes.get(f"{path}/<employee_id>")
    async def get_employee(employee_id: str) -> Response:
        return jsonify(_employee(await _find(door, employee_id)))

    @routes.post(path)
    async def add_employee() -> Response:
        body, operator = await read_json(request, EmployeeBody), caller()
        await door.database.read(_check, operator, body)
        added = await door.employees.add(_garage(operator, body), body.draft())
        await door.database.write(contacts.reach_by, added.uuid, body.contact_point_id)
        return created(_employee(Reached(added, body.contact_point_id)))

    @routes.put(f"{path}/<employee_id>")
    async def change_employee(employee_id: str) -> Response:
        known = await _find(door, employee_id)
        body, operator = await read_json(request, EmployeeBody), caller()
        if body.customer_id != known.employee.tenant_id:
            detail = "Somebody stays with their customer. Add them to the other."
            raise Invalid("employee.moved", detail, field="customer_id")
        await door.database.read(_check, operator, body)
        uuid = known.employee.uuid
        changed = await door.employees.change(_garage(operator, body), uuid, body.draft())
        await door.database.write(contacts.reach_by, uuid, body.contact_point_id)
        return jsonify(_employee(Reached(changed, body.contact_point_id)))

    return routes


def _garage(operator: OperatorPrincipal, body: EmployeeBody) -> Garage:
    return Garage(body.customer_id, f"operator:{operator.client_id}")


def _check(connection: Connection, operator: OperatorPrincipal, body: EmployeeBody) -> None:
    """Refuse a garage or a contact point that is not there for this provider."""
    require_customer(connection, operator, body.customer_id)
    if body.contact_point_id is None:
        return
    found = contacts.find_contact_point(connection, operator.provider_id, body.contact_point_id)
    if found is None or found.tenant_id != body.customer_id:
        detail = "This customer has no such contact point. List them."
        raise Invalid("contact_point.unknown", detail, field="contact_point_id")


async def _find(door: PartnerDoor, employee_id: str) -> Reached:
    uuid = uuid_in_path(employee_id, "employee")
    found = await door.database.read(contacts.find_employee, caller().provider_id, uuid)
    return existing(found, "employee")


def _employee(reached: Reached) -> Json:
    employee = reached.employee
    contact = reached.contact_point_id
    return {
        "id": str(employee.uuid),
        "customer_id": employee.tenant_id,
        "contact_point_id": None if contact is None else str(contact),
        "given_name": employee.given_name,
        "family_name": employee.family_name,
        "username": employee.username,
        "correspondence_locale": employee.locale,
        "enabled": employee.enabled,
    }
