"""Who is asking. A door turns a proof (token, key) into one of these records, once."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CustomerPrincipal:
    """Somebody at a customer portal.

    Attributes:
        tenant_id: the garage; every row they see carries it.
        user_id: the employee, or the tenant's portal user when signed in by a connector.
        connector_id: the connector number they signed in with, if they did.
        provider_id: the service provider that serves this garage.
    """

    tenant_id: int
    user_id: UUID
    connector_id: int | None
    provider_id: int


@dataclass(frozen=True, slots=True)
class OperatorPrincipal:
    """A remote operator, or a script of theirs, signed in by client credentials.

    Attributes:
        client_id: public half of the credentials; owns sessions and leases.
        provider_id: tickets and connectors of this provider's garages are theirs to serve.
    """

    client_id: str
    provider_id: int


@dataclass(frozen=True, slots=True)
class ShopPrincipal:
    """Somebody at a garage's desk, or a program holding an API token of theirs.

    Attributes:
        tenant_id: the garage.
        user_id: row id of the shop user the token belongs to.
        role: ``owner``, ``manager``, ``employee`` or ``api``.
        abilities: what the token may do; ``*`` is everything its user may.
    """

    tenant_id: int
    user_id: int
    role: str
    abilities: frozenset[str]
