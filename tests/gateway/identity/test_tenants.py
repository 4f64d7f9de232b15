from __future__ import annotations

import pytest
from sqlalchemy import select

from gateway.domain.errors import NotFound
from gateway.identity.identity import Identity
from gateway.storage.database import Database
from gateway.storage.queries import audit
from gateway.storage.queries.identity import Tenant
from gateway.storage.tables.identity import portal_user
from tests.gateway.identity.garages import Garage


async def test_providers_and_garages_are_listed_as_they_were_added(
    identity: Identity, garage: Garage
) -> None:
    (provider,) = await identity.tenants.providers()
    (tenant,) = await identity.tenants.list()
    assert (provider.id, provider.name, provider.currency) == (garage.provider_id, "Remote", "EUR")
    assert (tenant.id, tenant.name) == (garage.tenant_id, "Garage Noord")
    assert tenant.provider_id == garage.provider_id


async def test_a_garage_comes_with_the_user_of_its_connectors(
    identity: Identity, garage: Garage, database: Database
) -> None:
    users = await database.read(
        lambda connection: connection.execute(select(portal_user)).mappings().all()
    )
    (user,) = users
    assert user["comes_by_connector"]
    assert (user["tenant_id"], user["family_name"]) == (garage.tenant_id, "Garage Noord")


async def test_a_garage_needs_its_provider(identity: Identity) -> None:
    with pytest.raises(NotFound) as caught:
        await identity.tenants.add(Tenant(99, "Nowhere", "EUR"), actor="test")
    assert caught.value.field == "provider_id"
    assert await identity.tenants.list() == ()


async def test_both_are_audited(identity: Identity, garage: Garage, database: Database) -> None:
    (tenant,) = await database.read(audit.newest, f"tenant:{garage.tenant_id}")
    (provider,) = await database.read(audit.newest, f"provider:{garage.provider_id}")
    assert (tenant.action, tenant.tenant_id) == ("tenant.added", garage.tenant_id)
    assert provider.action == "provider.added"
