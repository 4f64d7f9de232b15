"""Providers, garages and people: who they are, and whether they may still come in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection, Select, insert, select, update

from gateway.domain.principal import CustomerPrincipal, OperatorPrincipal
from gateway.storage.tables.identity import (
    connector,
    operator,
    portal_user,
    service_provider,
    tenant,
)


@dataclass(frozen=True, slots=True)
class Provider:
    """A service provider as it is kept.

    Attributes:
        name: of the company.
        currency: ISO 4217.
        id: 0 while not stored.
    """

    name: str
    currency: str
    id: int = 0
    has_prepaid_wallet: bool = False
    payment_by_prepaid_balance: bool = False
    is_open: bool = True
    service_message: str | None = None
    service_message_active: bool = False
    scheduler_enabled: bool = False
    scheduler_message: str | None = None
    scheduler_active_until: datetime | None = None
    csat_enabled: bool = True
    company_name: str = ""
    header_background_color: str = ""
    header_logo_path: str = ""
    theme_color: str = ""
    portal_host: str = ""


@dataclass(frozen=True, slots=True)
class Tenant:
    """A garage as it is kept.

    Attributes:
        provider_id: who serves it.
        name: of the company.
        currency: ISO 4217; what its tickets are priced in.
        id: 0 while not stored.
        country: ISO 3166-1 alpha-2.
        local_currency: shown beside ``currency`` where the garage thinks in another.
    """

    provider_id: int
    name: str
    currency: str
    id: int = 0
    number: str = ""
    reference: str = ""
    street: str = ""
    postal_code: str = ""
    locality: str = ""
    country: str = ""
    phone: str = ""
    email: str = ""
    financial_email: str = ""
    allow_tickets_without_product: bool = False
    local_currency: str | None = None


@dataclass(frozen=True, slots=True)
class PortalUser:
    """Somebody at a customer portal; ``locale`` is a BCP 47 tag."""

    uuid: UUID
    tenant_id: int
    given_name: str
    middle_name: str | None
    family_name: str
    username: str | None
    locale: str


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """A portal user with their garage and its provider: what the portal shows around them."""

    user: PortalUser
    tenant: Tenant
    provider: Provider


@dataclass(frozen=True, slots=True)
class OperatorRecord:
    """Client credentials without their secret."""

    client_id: str
    provider_id: int
    name: str
    created_at: datetime
    disabled_at: datetime | None


def add_provider(connection: Connection, provider: Provider) -> int:
    """Store ``provider`` and return its id."""
    values = asdict(provider)
    del values["id"]
    stored = insert(service_provider).values(values).returning(service_provider.c.id)
    return int(connection.execute(stored).scalar_one())


def add_tenant(connection: Connection, new: Tenant, now: datetime) -> int:
    """Store a garage with the portal user of those who come by its connectors; return its id."""
    values = asdict(new)
    del values["id"]
    stored = insert(tenant).values(created_at=now, **values).returning(tenant.c.id)
    tenant_id = int(connection.execute(stored).scalar_one())
    connection.execute(
        insert(portal_user).values(
            uuid=uuid4(),
            tenant_id=tenant_id,
            given_name="",
            family_name=new.name,
            comes_by_connector=True,
            created_at=now,
        )
    )
    return tenant_id


def providers(connection: Connection) -> tuple[Provider, ...]:
    """Return all service providers, by id."""
    rows = connection.execute(select(service_provider).order_by(service_provider.c.id))
    return tuple(Provider(**row) for row in rows.mappings())


def tenants(connection: Connection) -> tuple[Tenant, ...]:
    """Return all garages, by id."""
    rows = connection.execute(_tenants().order_by(tenant.c.id))
    return tuple(Tenant(**row) for row in rows.mappings())


def find_tenant(connection: Connection, tenant_id: int) -> Tenant | None:
    """Return one garage."""
    row = connection.execute(_tenants().where(tenant.c.id == tenant_id)).mappings().one_or_none()
    return None if row is None else Tenant(**row)


def find_provider(connection: Connection, provider_id: int) -> Provider | None:
    """Return one service provider."""
    query = select(service_provider).where(service_provider.c.id == provider_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Provider(**row)


def current_user(connection: Connection, user_id: UUID) -> CurrentUser | None:
    """Return a portal user with their garage and its provider."""
    row = (
        connection.execute(
            select(
                portal_user.c.uuid,
                portal_user.c.tenant_id,
                portal_user.c.given_name,
                portal_user.c.middle_name,
                portal_user.c.family_name,
                portal_user.c.username,
                portal_user.c.locale,
            ).where(portal_user.c.uuid == user_id)
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    user = PortalUser(**row)
    garage = find_tenant(connection, user.tenant_id)
    provider = garage and find_provider(connection, garage.provider_id)
    return CurrentUser(user, garage, provider) if garage and provider else None


def customer(
    connection: Connection, user_id: UUID, connector_id: int | None
) -> CustomerPrincipal | None:
    """Return the customer if they may still come in.

    Args:
        connection: a reading connection.
        user_id: the portal user.
        connector_id: the connector they signed in with; they go when it is disabled or has
            moved to another garage.
    """
    row = connection.execute(
        select(portal_user.c.tenant_id, tenant.c.provider_id)
        .join(tenant, tenant.c.id == portal_user.c.tenant_id)
        .where(portal_user.c.uuid == user_id, portal_user.c.enabled)
    ).one_or_none()
    if row is None:
        return None
    if connector_id is not None:
        still_theirs = connection.execute(
            select(connector.c.id).where(
                connector.c.id == connector_id,
                connector.c.tenant_id == row.tenant_id,
                connector.c.disabled_at.is_(None),
            )
        ).scalar_one_or_none()
        if still_theirs is None:
            return None
    return CustomerPrincipal(row.tenant_id, user_id, connector_id, row.provider_id)


def add_operator(connection: Connection, record: OperatorRecord, secret_hash: bytes) -> None:
    """Store client credentials.

    Raises:
        sqlalchemy.exc.IntegrityError: there is no such provider.
    """
    connection.execute(insert(operator).values(secret_hash=secret_hash, **asdict(record)))


def operators(connection: Connection) -> tuple[OperatorRecord, ...]:
    """Return all operators, by name."""
    rows = connection.execute(
        select(
            operator.c.client_id,
            operator.c.provider_id,
            operator.c.name,
            operator.c.created_at,
            operator.c.disabled_at,
        ).order_by(operator.c.name, operator.c.client_id)
    )
    return tuple(OperatorRecord(**row) for row in rows.mappings())


def operator_name(connection: Connection, client_id: str) -> str:
    """Return what an operator is called, empty when nobody is."""
    query = select(operator.c.name).where(operator.c.client_id == client_id)
    return connection.execute(query).scalar_one_or_none() or ""


def operator_secret(
    connection: Connection, client_id: str
) -> tuple[OperatorPrincipal, bytes] | None:
    """Return who ``client_id`` is and the hash of their secret; ``None`` if they may not enter."""
    row = connection.execute(
        select(operator.c.provider_id, operator.c.secret_hash).where(
            operator.c.client_id == client_id, operator.c.disabled_at.is_(None)
        )
    ).one_or_none()
    return (
        None if row is None else (OperatorPrincipal(client_id, row.provider_id), row.secret_hash)
    )


def disable_operator(connection: Connection, client_id: str, now: datetime) -> bool:
    """Let ``client_id`` in no more; ``False`` when they were not let in anyway."""
    result = connection.execute(
        update(operator)
        .where(operator.c.client_id == client_id, operator.c.disabled_at.is_(None))
        .values(disabled_at=now)
    )
    return result.rowcount == 1


def _tenants() -> Select[tuple[object, ...]]:
    return select(*(column for column in tenant.c if column.name != "created_at"))
