"""How a provider's garages are reached: a number, an email, under a label."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from uuid import uuid4

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.domain.errors import Invalid
from gateway.identity.emails import checked_email
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
from gateway.storage.queries.contacts import ContactPoint
from gateway.storage.queries.page import Page
from gateway.web import parameters
from gateway.web.bodies import RowId, read_json
from gateway.web.paging import page_from

_PATH = "/customers/contact-points"


class ContactPointBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST`` and ``PUT``; a contact point stays with its customer."""

    customer_id: RowId
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    email_address: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    phone_number: Annotated[str, msgspec.Meta(max_length=32)] | None = None


def blueprint(door: PartnerDoor) -> Blueprint:
    """Return the routes below ``/partner/v2/customers/contact-points``."""
    routes = guarded(door, "partner_contact_points")
    _add_list(routes, door)
    _add_items(routes, door)
    return routes


def _add_list(routes: Blueprint, door: PartnerDoor) -> None:
    @routes.get(_PATH)
    async def list_contact_points() -> Response:
        page = page_from(request.args, door.pages)
        customer_id = parameters.integer(request.args, "customer_id")
        location_id = parameters.integer(request.args, "location_id")
        query: Json = {"customer_id": customer_id, "location_id": location_id}
        if None not in {customer_id, location_id} and customer_id != location_id:
            none: Page[ContactPoint] = Page((), 0)
            return listing(query, none, contact_shape, page)
        found = await door.database.read(
            contacts.contact_points,
            caller().provider_id,
            # A garage is in one place, which has its number.
            customer_id=location_id if customer_id is None else customer_id,
            offset=page.offset,
            limit=page.limit,
        )
        return listing(query, found, contact_shape, page)

    @routes.post(_PATH)
    async def add_contact_point() -> Response:
        new = _contact(await read_json(request, ContactPointBody))
        operator = caller()

        def write(connection: Connection) -> None:
            require_customer(connection, operator, new.tenant_id)
            contacts.add_contact_point(connection, new, door.clock())

        await door.database.write(write)
        return created(contact_shape(new))


def _add_items(routes: Blueprint, door: PartnerDoor) -> None:
    @routes.get(f"{_PATH}/<contact_point_id>")
    async def get_contact_point(contact_point_id: str) -> Response:
        return jsonify(contact_shape(await _find_contact(door, contact_point_id)))

    @routes.put(f"{_PATH}/<contact_point_id>")
    async def change_contact_point(contact_point_id: str) -> Response:
        known = await _find_contact(door, contact_point_id)
        changed = replace(_contact(await read_json(request, ContactPointBody)), id=known.id)
        if changed.tenant_id != known.tenant_id:
            detail = "A contact point stays with its customer. Add one to the other."
            raise Invalid("contact_point.moved", detail, field="customer_id")
        await door.database.write(contacts.change_contact_point, changed)
        return jsonify(contact_shape(changed))

    @routes.delete(f"{_PATH}/<contact_point_id>")
    async def remove_contact_point(contact_point_id: str) -> tuple[str, int]:
        known = await _find_contact(door, contact_point_id)
        await door.database.write(contacts.remove_contact_point, known.id)
        return "", 204


async def _find_contact(door: PartnerDoor, contact_point_id: str) -> ContactPoint:
    uuid = uuid_in_path(contact_point_id, "contact point")
    found = await door.database.read(contacts.find_contact_point, caller().provider_id, uuid)
    return existing(found, "contact point")


def _contact(body: ContactPointBody) -> ContactPoint:
    email = body.email_address
    return ContactPoint(
        id=uuid4(),
        tenant_id=body.customer_id,
        label=body.label,
        email_address=None if email is None else checked_email(email, field="email_address"),
        phone_number=body.phone_number,
    )


def contact_shape(contact: ContactPoint) -> Json:
    """Return a contact point as providers see it."""
    return {
        "id": str(contact.id),
        "customer_id": contact.tenant_id,
        "location_id": contact.tenant_id,
        "label": contact.label,
        "email_address": contact.email_address,
        "phone_number": contact.phone_number,
    }
