"""Providers and garages: added by those who run the gateway."""

from __future__ import annotations

from gateway.domain.clock import Clock
from gateway.domain.errors import NotFound
from gateway.storage.database import Connection, Database
from gateway.storage.queries import audit
from gateway.storage.queries import identity as people
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.identity import Provider, Tenant


class Tenants:
    """Adds and lists providers and the garages that they serve."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add_provider(self, provider: Provider, *, actor: str) -> int:
        """Store ``provider`` and return its id."""
        return await self._database.write(self._add_provider, provider, actor)

    async def add(self, tenant: Tenant, *, actor: str) -> int:
        """Store a garage, with the portal user of those who come by its connectors.

        Returns:
            Its id.

        Raises:
            NotFound: there is no such provider.
        """
        return await self._database.write(self._add, tenant, actor)

    async def providers(self) -> tuple[Provider, ...]:
        """Return all service providers, by id."""
        return await self._database.read(people.providers)

    async def list(self) -> tuple[Tenant, ...]:
        """Return all garages, by id."""
        return await self._database.read(people.tenants)

    def _add_provider(self, connection: Connection, provider: Provider, actor: str) -> int:
        provider_id = people.add_provider(connection, provider)
        subject = f"provider:{provider_id}"
        entry = AuditEntry(self._clock(), "provider.added", actor, subject)
        audit.record(connection, entry)
        return provider_id

    def _add(self, connection: Connection, tenant: Tenant, actor: str) -> int:
        if people.find_provider(connection, tenant.provider_id) is None:
            raise NotFound(
                "identity.no_such_provider",
                f"There is no service provider {tenant.provider_id}. Add it first.",
                field="provider_id",
            )
        now = self._clock()
        tenant_id = people.add_tenant(connection, tenant, now)
        audit.record(
            connection, AuditEntry(now, "tenant.added", actor, f"tenant:{tenant_id}", tenant_id)
        )
        return tenant_id
