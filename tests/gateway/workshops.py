"""Garages that order, with a whole catalogue behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from uuid import UUID, uuid5

from sqlalchemy import Connection, insert, select

from gateway.domain.connector import OFFLINE, ConnectorStatus
from gateway.domain.principal import CustomerPrincipal, OperatorPrincipal
from gateway.storage.database import Database
from gateway.storage.queries import catalogue, connectors, identity, vehicles
from gateway.storage.queries.connectors import NewConnector
from gateway.storage.queries.identity import OperatorRecord, Provider, Tenant
from gateway.storage.queries.vehicles import Variant
from gateway.storage.tables.catalogue import product
from gateway.storage.tables.identity import portal_user
from gateway.tickets.basket import Basket
from gateway.tickets.catalogue.importer import read_catalogue
from gateway.tickets.orders import Order
from gateway.tickets.service import TicketService

CATALOGUE = files("gateway.demo").joinpath("catalogue")
GOLF = "WVWZZZAUZHP341562"
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)

#: Connector numbers: two of the first garage, a disabled one, and the neighbour's.
MINE, SECOND, DISABLED, FOREIGN = 100_000_001, 100_000_002, 100_000_009, 200_000_001


def uuid_of(number: int) -> UUID:
    return uuid5(UUID(int=0), str(number))


class OnlineSet:
    """A presence that tests switch; the registry's place in a gateway."""

    def __init__(self) -> None:
        self.online: dict[UUID, ConnectorStatus] = {}

    def status(self, uuid: UUID) -> ConnectorStatus:
        return self.online.get(uuid, OFFLINE)

    def plug_in(self, number: int, **known: object) -> None:
        self.online[uuid_of(number)] = ConnectorStatus(online=True, **known)  # type: ignore[arg-type]

    def unplug(self, number: int) -> None:
        del self.online[uuid_of(number)]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What tests of ordering need; everything is in one database file of their own."""

    database: Database
    presence: OnlineSet
    service: TicketService
    customer: CustomerPrincipal
    neighbour: CustomerPrincipal
    stranger: CustomerPrincipal
    golf: Variant
    products: dict[str, int]
    operator: OperatorPrincipal = field(default=OperatorPrincipal("op-1", 1))
    colleague: OperatorPrincipal = field(default=OperatorPrincipal("op-2", 1))
    outsider: OperatorPrincipal = field(default=OperatorPrincipal("op-x", 2))

    def basket(self, *item_numbers: str, voucher: str | None = None) -> Basket:
        ids = tuple(self.products[number] for number in item_numbers)
        return Basket(self.golf.model.id, self.golf.id, ids, voucher)

    def order(self, *item_numbers: str, **changes: object) -> Order:
        basket = self.basket(*(item_numbers or ("100203",)))
        values: dict[str, object] = {
            "vin": GOLF,
            "basket": basket,
            "connector_id": MINE,
            "answers": {
                **self.answers("Power supply", "true"),
                **self.answers("Complaint", "rattles"),
            },
        }
        return Order(**(values | changes))  # type: ignore[arg-type]

    def answers(self, name: str, value: str) -> dict[int, str]:
        return {QUESTIONS[name]: value}


#: Question ids follow the order of the catalogue's file.
QUESTIONS = {
    row.name: number for number, row in enumerate(read_catalogue(CATALOGUE).prerequisites, 1)
}


def furnish(connection: Connection) -> None:
    """Write two providers, three garages, connectors, operators and the demo's catalogue."""
    catalogue.replace(connection, read_catalogue(CATALOGUE))
    for name in ("Remote Service", "Another Service"):
        identity.add_provider(connection, Provider(name, "EUR"))
    for provider_id, name in ((1, "Garage Noord"), (1, "Garage Zuid"), (2, "Garage West")):
        identity.add_tenant(connection, Tenant(provider_id, name, "EUR"), LONG_AGO)
    for tenant_id, number in ((1, MINE), (1, SECOND), (1, DISABLED), (2, FOREIGN)):
        device = NewConnector(
            number, uuid_of(number), tenant_id, bytes(32), "-", "classic", LONG_AGO
        )
        connectors.add(connection, device)
    connectors.disable(connection, uuid_of(DISABLED), LONG_AGO)
    for client_id, provider_id in (("op-1", 1), ("op-2", 1), ("op-x", 2)):
        record = OperatorRecord(client_id, provider_id, client_id, LONG_AGO, None)
        identity.add_operator(connection, record, bytes(32))
    connection.execute(
        insert(portal_user).values(uuid=uuid_of(0), tenant_id=1, created_at=LONG_AGO)
    )


def find_variant(connection: Connection, make: str, model: str, variant: str) -> Variant:
    """Return a variant by the names that lead to it."""
    makes = vehicles.makes(connection, offset=0, limit=200).items
    make_id = next(one.id for one in makes if one.name == make)
    for group in vehicles.model_groups(connection, make_id, offset=0, limit=200).items:
        for found in vehicles.models(connection, group.id, offset=0, limit=200).items:
            for one in vehicles.variants(connection, found.id, offset=0, limit=200).items:
                if found.name.startswith(model) and one.name.startswith(variant):
                    return one
    raise LookupError(f"{make} {model} {variant}")


def product_ids(connection: Connection) -> dict[str, int]:
    """Return every product's id by its item number."""
    rows = connection.execute(select(product.c.item_number, product.c.id))
    return {row.item_number: row.id for row in rows}


def principal(tenant_id: int, provider_id: int = 1) -> CustomerPrincipal:
    """Return somebody at a garage's portal."""
    return CustomerPrincipal(tenant_id, uuid_of(0), None, provider_id)
