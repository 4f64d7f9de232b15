"""The doors of ordering and of what was ordered: all of a customer's but chat, and notes."""

from __future__ import annotations

from collections.abc import Iterator

from quart import Blueprint

from gateway.config import Settings
from gateway.identity.identity import Identity
from gateway.rest.customer import (
    authentication,
    cart,
    connectors,
    customers,
    employees,
    history,
    notes,
    products,
    service_center,
    tickets,
    users,
    vehicles,
)
from gateway.rest.customer.authentication import AuthenticationDoor
from gateway.rest.customer.door import CustomerDoor
from gateway.rest.customer.employees import EmployeesDoor
from gateway.rest.customer.notes import NotesDoor
from gateway.rest.customer.users import UsersDoor
from gateway.rest.operator import notes as operator_notes
from gateway.rest.operator.notes import OperatorNotesDoor
from gateway.storage.files.links import FileLinks

#: Parts that need no more than every customer's door.
PLAIN = (
    connectors,
    vehicles,
    products,
    cart,
    tickets,
    history,
    customers,
    service_center,
)


def blueprints(
    door: CustomerDoor, identity: Identity, links: FileLinks, settings: Settings
) -> Iterator[Blueprint]:
    """Yield the routes of sign-in, ordering and history, and of operators' notes."""
    http = settings.http
    yield authentication.blueprint(AuthenticationDoor(identity, http.trusted_proxies))
    yield users.blueprint(UsersDoor(identity, door.database, door.clock))
    yield employees.blueprint(EmployeesDoor(identity, identity.employees, door.pages))
    for part in PLAIN:
        yield part.blueprint(door)
    lifetime = settings.files.link_lifetime
    yield notes.blueprint(NotesDoor(door, links, lifetime, http.public_url))
    yield operator_notes.blueprint(
        OperatorNotesDoor(identity, door.tickets, links, http.public_url)
    )
