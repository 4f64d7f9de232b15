"""``/v1/employees``: the garage's own people at its portal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import msgspec
from quart import Blueprint, Response, request

from gateway.domain.errors import NotFound
from gateway.domain.principal import CustomerPrincipal
from gateway.identity.employees import EmployeeDraft, Employees
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.shapes import Json, page, reply
from gateway.storage.queries.employees import Employee
from gateway.web import paging
from gateway.web.auth import CustomerIdentity, require_customer
from gateway.web.bodies import read_json
from gateway.web.paging import PageProfile, page_from

_Name = Annotated[str, msgspec.Meta(max_length=255)]
_Username = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class EmployeeBody(msgspec.Struct, frozen=True):
    """Body of both, adding and changing; ``username`` must be there, but may be ``null``."""

    given_name: _Name
    family_name: _Name
    username: _Username | None
    correspondence_locale: Annotated[str, msgspec.Meta(max_length=35)] | None = None
    enabled: bool | None = None

    def draft(self) -> EmployeeDraft:
        """Return what the garage says of somebody."""
        return EmployeeDraft(
            given_name=self.given_name,
            family_name=self.family_name,
            username=self.username,
            locale=self.correspondence_locale,
            enabled=self.enabled,
        )


@dataclass(frozen=True, slots=True)
class EmployeesDoor:
    """What the handlers need.

    Attributes:
        identity: knows customers by their tokens.
        employees: keeps a garage's people.
        pages: how lists are paged.
    """

    identity: CustomerIdentity
    employees: Employees
    pages: PageProfile = paging.CUSTOMER


def blueprint(door: EmployeesDoor) -> Blueprint:
    """Return the routes below ``/v1/employees``."""
    routes = Blueprint("customer_employees", __name__)

    @routes.get("/v1/employees")
    async def list_employees() -> Response:
        customer = await require_customer(door.identity)
        wanted = page_from(request.args, door.pages)
        found = await door.employees.list(customer, offset=wanted.offset, limit=wanted.limit)
        return page(found, wanted, employee_shape)

    @routes.post("/v1/employees")
    async def add_employee() -> Response:
        customer = await require_customer(door.identity)
        body = await read_json(request, EmployeeBody)
        return reply(employee_shape(await door.employees.add(customer, body.draft())), 201)

    @routes.get(PATHS["getEmployee"])
    async def get_employee(employee_id: str) -> Response:
        customer = await require_customer(door.identity)
        found = await door.employees.find(customer, _whom(customer, employee_id))
        return reply(employee_shape(found))

    @routes.put(PATHS["changeEmployee"])
    async def change_employee(employee_id: str) -> Response:
        customer = await require_customer(door.identity)
        whom = _whom(customer, employee_id)
        body = await read_json(request, EmployeeBody)
        return reply(employee_shape(await door.employees.change(customer, whom, body.draft())))

    return routes


def employee_shape(employee: Employee) -> Json:
    """Return somebody of a garage."""
    return {
        "id": str(employee.uuid),
        "given_name": employee.given_name,
        "family_name": employee.family_name,
        "username": employee.username,
        "enabled": employee.enabled,
        "correspondence_locale": employee.locale,
    }


def _whom(customer: CustomerPrincipal, employee_id: str) -> UUID:
    """Return whom the path means: ``me`` is the caller."""
    if employee_id == "me":
        return customer.user_id
    try:
        return UUID(employee_id)
    except ValueError:
        detail = "Employees are named by their UUID, the caller by `me`. List your employees."
        raise NotFound("employee.unknown", detail) from None
