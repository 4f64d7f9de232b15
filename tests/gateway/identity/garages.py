"""A provider with a garage and its connector, as most tests of this room need them."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.identity.connectors import ConnectorSecrets
from gateway.identity.identity import Identity
from gateway.storage.queries.identity import Provider, Tenant


@dataclass(frozen=True, slots=True)
class Garage:
    provider_id: int
    tenant_id: int
    connector: ConnectorSecrets


async def garage_of(identity: Identity) -> Garage:
    """Add a provider, a garage and a connector with the pincode 04711."""
    provider_id = await identity.tenants.add_provider(Provider("Remote", "EUR"), actor="test")
    tenant = Tenant(provider_id, "Garage Noord", "EUR")
    tenant_id = await identity.tenants.add(tenant, actor="test")
    connector = await identity.connectors.create(tenant_id, actor="test", pincode="04711")
    return Garage(provider_id, tenant_id, connector)
