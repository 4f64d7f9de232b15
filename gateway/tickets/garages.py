"""Who orders: a garage, its service provider, and its connectors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.domain.errors import NotFound
from gateway.domain.money import Rate
from gateway.storage.database import Connection
from gateway.storage.queries import connectors, identity, rates
from gateway.storage.queries.connectors import ConnectorRecord
from gateway.storage.queries.identity import Provider, Tenant
from gateway.storage.queries.products import Buyer


@dataclass(frozen=True, slots=True)
class Garage:
    """Who orders, and whose service centre serves."""

    tenant: Tenant
    provider: Provider

    def buyer(self, now: datetime) -> Buyer:
        """Return for whom prices are asked: those of this day, UTC."""
        return Buyer(self.tenant.id, self.tenant.currency, now.date())

    def local_rate(self, connection: Connection, now: datetime) -> Rate | None:
        """Return the rate of this day (UTC) to the currency the garage thinks in.

        ``None`` where that is the one it pays in, and where no rate is known yet.
        """
        paid, own = self.tenant.currency, self.tenant.local_currency
        if own is None or own == paid:
            return None
        return rates.rate_on(connection, paid, own, now.date())


def garage_of(connection: Connection, tenant_id: int) -> Garage:
    """Return the garage of a principal.

    Raises:
        NotFound: it was removed since they signed in.
    """
    tenant = identity.find_tenant(connection, tenant_id)
    if tenant is not None:
        provider = identity.find_provider(connection, tenant.provider_id)
        if provider is not None:
            return Garage(tenant, provider)
    raise NotFound("tenant.unknown", "Your garage is not known any more. Sign in again.")


def require_connector(connection: Connection, tenant_id: int, number: int) -> ConnectorRecord:
    """Return a connector of this garage that is in use.

    Raises:
        NotFound: there is none with this number; foreign ones look the same.
    """
    return _in_use(connectors.by_number(connection, number, tenant_id), str(number))


def require_connector_by_uuid(
    connection: Connection, tenant_id: int, uuid: UUID
) -> ConnectorRecord:
    """Return a connector of this garage that is in use, by its UUID.

    Raises:
        NotFound: as :func:`require_connector`.
    """
    return _in_use(connectors.by_uuid(connection, uuid, tenant_id), str(uuid))


def _in_use(connector: ConnectorRecord | None, name: str) -> ConnectorRecord:
    if connector is None or connector.disabled_at is not None:
        detail = f"You have no connector {name}. List your connectors."
        raise NotFound("connector.unknown", detail, field="connector_id")
    return connector
