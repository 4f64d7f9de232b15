"""The demo's people and things, made through the same doors an administrator uses."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from importlib.resources import files

from gateway.demo.world import (
    DemoConnector,
    DeskCredentials,
    OperatorCredentials,
)
from gateway.domain.principal import ShopPrincipal
from gateway.identity.identity import Identity
from gateway.storage.database import Database
from gateway.storage.queries.identity import Provider, Tenant
from gateway.tickets.catalogue.importer import import_catalogue

#: Who does it, in the audit trail.
ACTOR = "demo"

DESK_EMAIL = "desk@garage.example"


#: (name of the simulated vehicle, kind): one for each kind of bus, taking turns.
VEHICLES = (("golf", "can"), ("ram1500", "can-fd"), ("xc90", "doip"))


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was made: everything of the ready line but the addresses."""

    connectors: tuple[DemoConnector, ...]
    operator: OperatorCredentials
    backoffice: DeskCredentials


async def seed(identity: Identity, database: Database, connectors: int) -> Seeded:
    """Make a provider, a garage with its people and connectors, and bring the catalogue in.

    Args:
        identity: makes people and devices.
        database: takes the catalogue.
        connectors: how many; the vehicles take turns.
    """
    await import_catalogue(database, files("gateway.demo") / "catalogue")
    tenants = identity.tenants
    provider = await tenants.add_provider(
        Provider(
            name="Remote Diagnostics Demo",
            currency="EUR",
            company_name="Remote Diagnostics Demo",
            portal_host="portal.example",
        ),
        actor=ACTOR,
    )
    tenant = await tenants.add(
        Tenant(
            provider_id=provider,
            name="Garage Example",
            currency="EUR",
            street="Ringweg",
            number="12",
            postal_code="1011 AB",
            locality="Amsterdam",
            country="NL",
            email="office@garage.example",
        ),
        actor=ACTOR,
    )
    operator = await identity.operators.add(provider, "Demo operator", actor=ACTOR)
    return Seeded(
        connectors=tuple([await _connector(identity, tenant, n) for n in range(connectors)]),
        operator=OperatorCredentials(operator.client_id, operator.client_secret),
        backoffice=await _desk(identity, tenant),
    )


async def _connector(identity: Identity, tenant: int, number: int) -> DemoConnector:
    made = await identity.connectors.create(tenant, actor=ACTOR)
    vehicle, kind = VEHICLES[number % len(VEHICLES)]
    return DemoConnector(
        id=made.id,
        uuid=str(made.uuid),
        pincode=made.pincode,
        private_key=made.private_key or "",
        vin="",  # known when the connector has read it from its vehicle
        kind=kind,
        vehicle=vehicle,
        seed=number // len(VEHICLES),
    )


async def _desk(identity: Identity, tenant: int) -> DeskCredentials:
    password = secrets.token_urlsafe(12)
    user = await identity.shops.add_user(
        tenant, name="Front Desk", email=DESK_EMAIL, password=password, role="owner", actor=ACTOR
    )
    principal = ShopPrincipal(tenant, user.id, user.role, frozenset({"*"}))
    mint = identity.shop_tokens.mint
    return DeskCredentials(
        email=DESK_EMAIL,
        password=password,
        planner_token=await mint("planner", principal, name="demo planner"),
        field_sales_key=await mint("field_sales", principal, name="demo field sales"),
    )
