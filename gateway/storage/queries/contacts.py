"""Garages as their service provider sees them, and how they and their people are reached."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from gateway.storage.queries.employees import Employee
from gateway.storage.queries.identity import Tenant
from gateway.storage.queries.page import Page, fetch_page
from gateway.storage.tables.identity import connector, portal_user, tenant
from gateway.storage.tables.partner import contact_point, employee_contact


@dataclass(frozen=True, slots=True)
class ContactPoint:
    """How a garage is reached.

    Attributes:
        id: its name.
        tenant_id: the garage.
        label: what people call it.
        email_address: may be absent.
        phone_number: up to 32 characters; may be absent.
    """

    id: UUID
    tenant_id: int
    label: str
    email_address: str | None
    phone_number: str | None


@dataclass(frozen=True, slots=True)
class ProviderConnector:
    """A connector in use at a garage of a provider; fields as in the table."""

    id: int
    uuid: UUID
    tenant_id: int
    hardware_type: str
    hardware_version: int
    software_version: int


@dataclass(frozen=True, slots=True)
class Reached:
    """Somebody of a garage, and the contact point they are reached by."""

    employee: Employee
    contact_point_id: UUID | None


_CONTACT = tuple(contact_point.c[name] for name in ContactPoint.__dataclass_fields__)
_EMPLOYEE = tuple(portal_user.c[name] for name in Employee.__dataclass_fields__)
_CONNECTOR = tuple(connector.c[name] for name in ProviderConnector.__dataclass_fields__)
_TENANT = tuple(tenant.c[name] for name in Tenant.__dataclass_fields__)


def garages(connection: Connection, provider_id: int, *, offset: int, limit: int) -> Page[Tenant]:
    """Return a provider's garages, by number."""
    query: Select[Any] = select(*_TENANT).where(tenant.c.provider_id == provider_id)
    return fetch_page(
        connection,
        query.order_by(tenant.c.id),
        _tenant,
        offset=offset,
        limit=limit,
    )


def connectors(
    connection: Connection,
    provider_id: int,
    *,
    customer_id: int | None,
    number: int | None,
    virtual: bool | None,
    offset: int,
    limit: int,
) -> Page[ProviderConnector]:
    """Return connectors in use at a provider's garages, by number; ``None`` does not narrow."""
    query: Select[Any] = (
        select(*_CONNECTOR)
        .join(tenant, tenant.c.id == connector.c.tenant_id)
        .where(tenant.c.provider_id == provider_id, connector.c.disabled_at.is_(None))
    )
    if customer_id is not None:
        query = query.where(connector.c.tenant_id == customer_id)
    if number is not None:
        query = query.where(connector.c.id == number)
    if virtual is not None:
        is_virtual = connector.c.hardware_type == "virtual"
        query = query.where(is_virtual if virtual else ~is_virtual)
    return fetch_page(
        connection,
        query.order_by(connector.c.id),
        _connector,
        offset=offset,
        limit=limit,
    )


def contact_points(
    connection: Connection, provider_id: int, *, customer_id: int | None, offset: int, limit: int
) -> Page[ContactPoint]:
    """Return how a provider's garages are reached, in the order it was written down."""
    query = _contact_points(provider_id)
    if customer_id is not None:
        query = query.where(contact_point.c.tenant_id == customer_id)
    query = query.order_by(contact_point.c.created_at, contact_point.c.id)
    return fetch_page(connection, query, _contact, offset=offset, limit=limit)


def find_contact_point(
    connection: Connection, provider_id: int, uuid: UUID
) -> ContactPoint | None:
    """Return a contact point of a garage of this provider."""
    query = _contact_points(provider_id).where(contact_point.c.id == uuid)
    row = connection.execute(query).one_or_none()
    return None if row is None else _contact(row)


def add_contact_point(connection: Connection, new: ContactPoint, now: datetime) -> None:
    """Store a new contact point."""
    values = {name: getattr(new, name) for name in ContactPoint.__dataclass_fields__}
    connection.execute(insert(contact_point).values(created_at=now, **values))


def change_contact_point(connection: Connection, changed: ContactPoint) -> None:
    """Store what has changed of a contact point."""
    connection.execute(
        update(contact_point)
        .where(contact_point.c.id == changed.id)
        .values(
            label=changed.label,
            email_address=changed.email_address,
            phone_number=changed.phone_number,
        )
    )


def remove_contact_point(connection: Connection, uuid: UUID) -> None:
    """Forget a contact point; whoever was reached by it has none then."""
    connection.execute(delete(employee_contact).where(employee_contact.c.contact_point_id == uuid))
    connection.execute(delete(contact_point).where(contact_point.c.id == uuid))


def employees(
    connection: Connection, provider_id: int, *, customer_id: int | None, offset: int, limit: int
) -> Page[Reached]:
    """Return people of a provider's garages by name; users of connectors are none of them."""
    query = _employees(provider_id)
    if customer_id is not None:
        query = query.where(portal_user.c.tenant_id == customer_id)
    query = query.order_by(portal_user.c.family_name, portal_user.c.given_name, portal_user.c.uuid)
    return fetch_page(connection, query, _reached, offset=offset, limit=limit)


def find_employee(connection: Connection, provider_id: int, uuid: UUID) -> Reached | None:
    """Return somebody of a garage of this provider."""
    query = _employees(provider_id).where(portal_user.c.uuid == uuid)
    row = connection.execute(query).one_or_none()
    return None if row is None else _reached(row)


def reach_by(connection: Connection, employee: UUID, contact: UUID | None) -> None:
    """Set or take away the contact point somebody is reached by."""
    connection.execute(
        delete(employee_contact).where(employee_contact.c.employee_uuid == employee)
    )
    if contact is not None:
        connection.execute(
            insert(employee_contact).values(employee_uuid=employee, contact_point_id=contact)
        )


# Any, here and below: a row's type is that of the columns selected.
def _contact_points(provider_id: int) -> Select[Any]:
    return (
        select(*_CONTACT)
        .join(tenant, tenant.c.id == contact_point.c.tenant_id)
        .where(tenant.c.provider_id == provider_id)
    )


def _employees(provider_id: int) -> Select[Any]:
    return (
        select(*_EMPLOYEE, employee_contact.c.contact_point_id)
        .join(tenant, tenant.c.id == portal_user.c.tenant_id)
        .outerjoin(employee_contact, employee_contact.c.employee_uuid == portal_user.c.uuid)
        .where(tenant.c.provider_id == provider_id, portal_user.c.comes_by_connector.is_(False))
    )


def _contact(row: Row[Any]) -> ContactPoint:
    return ContactPoint(**{name: getattr(row, name) for name in ContactPoint.__dataclass_fields__})


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(**{name: getattr(row, name) for name in Tenant.__dataclass_fields__})


def _connector(row: Row[Any]) -> ProviderConnector:
    values = {name: getattr(row, name) for name in ProviderConnector.__dataclass_fields__}
    return ProviderConnector(**values)


def _reached(row: Row[Any]) -> Reached:
    employee = Employee(**{name: getattr(row, name) for name in Employee.__dataclass_fields__})
    return Reached(employee, row.contact_point_id)
