"""The demo's people and things, made through the same doors an administrator uses.

What is shown once only (keys, pincodes, secrets) is written to a file in the demo's folder, for
its owner alone: another run in the same folder is then the same garage with the same devices.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
from importlib.resources import files
from pathlib import Path

import msgspec
import trio

from gateway.demo.world import (
    DemoConnector,
    DeskCredentials,
    OperatorCredentials,
)
from gateway.domain.errors import Invalid
from gateway.domain.principal import ShopPrincipal
from gateway.identity.identity import Identity
from gateway.storage.database import Database
from gateway.storage.queries.identity import Provider, Tenant
from gateway.tickets.catalogue.importer import import_catalogue

#: Who does it, in the audit trail.
ACTOR = "demo"

DESK_EMAIL = "desk@garage.example"

PROVIDER = Provider(
    name="Remote Diagnostics Demo",
    currency="EUR",
    company_name="Remote Diagnostics Demo",
    portal_host="portal.example",
)

GARAGE = Tenant(
    provider_id=0,  # as the database numbers it
    name="Garage Example",
    currency="EUR",
    street="Ringweg",
    number="12",
    postal_code="1011 AB",
    locality="Amsterdam",
    country="NL",
    email="office@garage.example",
)

#: (name of the simulated vehicle, kind): one for each kind of bus, taking turns.
VEHICLES = (("golf", "can"), ("ram1500", "can-fd"), ("xc90", "doip"))


#: Where a run leaves what the next one needs.
KEPT = "demo.json"


class Seeded(msgspec.Struct, frozen=True):
    """What was made: everything of the ready line but the addresses.

    Attributes:
        tenant: number of the garage.
        connectors: of the garage, with their secrets.
        operator: of the garage's provider.
        backoffice: the garage's desk.
    """

    tenant: int
    connectors: tuple[DemoConnector, ...]
    operator: OperatorCredentials
    backoffice: DeskCredentials


async def seed(identity: Identity, database: Database, connectors: int, folder: Path) -> Seeded:
    """Return the demo's world: that of the last run in this folder, else a new one.

    Args:
        identity: makes people and devices.
        database: takes the catalogue.
        connectors: how many; the vehicles take turns. Those that are missing are added.
        folder: keeps the secrets for the next run.

    Raises:
        Conflict: the database has a demo's garage, whose secrets are not in the folder.
        Invalid: what is in the folder is not what a demo has left there.
    """
    file = trio.Path(folder) / KEPT
    seeded = _kept(await file.read_bytes()) if await file.exists() else None
    if seeded is None:
        seeded = await _new_world(identity, database)
    missing = range(len(seeded.connectors), connectors)
    added = [await _connector(identity, seeded.tenant, number) for number in missing]
    seeded = msgspec.structs.replace(seeded, connectors=(*seeded.connectors, *added))
    await trio.to_thread.run_sync(_keep, Path(file), seeded)
    return msgspec.structs.replace(seeded, connectors=seeded.connectors[:connectors])


def _kept(data: bytes) -> Seeded:
    try:
        return msgspec.json.decode(data, type=Seeded)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid("demo.kept", f"{KEPT} is not what a demo leaves there: {error}.") from error


def _keep(path: Path, seeded: Seeded) -> None:
    """Write the secrets, for the owner of the folder alone."""
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(seeded))
    new.replace(path)


async def _new_world(identity: Identity, database: Database) -> Seeded:
    """Make a provider, a garage and its people, and bring the catalogue in."""
    await import_catalogue(database, files("gateway.demo") / "catalogue")
    provider = await identity.tenants.add_provider(PROVIDER, actor=ACTOR)
    garage = dataclasses.replace(GARAGE, provider_id=provider)
    tenant = await identity.tenants.add(garage, actor=ACTOR)
    operator = await identity.operators.add(provider, "Demo operator", actor=ACTOR)
    return Seeded(
        tenant=tenant,
        connectors=(),
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
